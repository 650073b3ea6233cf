/* The query function answers NULL. */
#include <dispatch/abi.h>

__attribute__((visibility("default"))) const dispatch_plugin_v1* dispatch_plugin_query_v1(void);
const dispatch_plugin_v1* dispatch_plugin_query_v1(void) { return NULL; }
