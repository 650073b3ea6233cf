/* A library, but no plugin: the query function has another name. */
#include <dispatch/abi.h>

__attribute__((visibility("default"))) const dispatch_plugin_v1* dispatch_plugin_query_v0(void);
const dispatch_plugin_v1* dispatch_plugin_query_v0(void) { return NULL; }
