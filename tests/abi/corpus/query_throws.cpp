// The query function throws.
#include <dispatch/abi.h>

#include <stdexcept>

extern "C" __attribute__((visibility("default"))) const dispatch_plugin_v1* dispatch_plugin_query_v1();
extern "C" const dispatch_plugin_v1* dispatch_plugin_query_v1() {
  throw std::runtime_error("thrown in the query function");
}
