// What a plugin must not do, and C++ makes easy: let an exception out. Made without the SDK's barrier.
#include <dispatch/abi.h>

#include <stdexcept>

namespace {

dispatch_status create(const dispatch_host*, const dispatch_call*, dispatch_str, dispatch_instance**) {
  throw std::runtime_error("thrown in create");
}
void destroy(dispatch_instance*) {}
const void* getInterface(dispatch_instance*, dispatch_str) { return nullptr; }

const dispatch_plugin_v1 table = {sizeof(dispatch_plugin_v1),
                                  0,
                                  {"throws", 6},
                                  {"1.0.0", 5},
                                  {"", 0},
                                  create,
                                  nullptr,
                                  nullptr,
                                  nullptr,
                                  nullptr,
                                  destroy,
                                  getInterface};

}  // namespace

extern "C" __attribute__((visibility("default"))) const dispatch_plugin_v1* dispatch_plugin_query_v1() {
  return &table;
}
