/* A plugin for a major version of the ABI that this host does not speak. */
#include <dispatch/abi.h>

__attribute__((visibility("default"))) const void* dispatch_plugin_query_v2(void);
const void* dispatch_plugin_query_v2(void) { return NULL; }
