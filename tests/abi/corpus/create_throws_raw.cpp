// An exception that crosses the boundary, which rule 6 forbids: a plugin in C++ without the SDK's barrier.
#include <dispatch/abi.h>

#include <stdexcept>

namespace {

dispatch_status create(const dispatch_host*, const dispatch_call*, dispatch_str, dispatch_instance**) {
  throw std::runtime_error("thrown across the boundary");
}
void destroy(dispatch_instance*) {}
const void* interfaceOf(dispatch_instance*, dispatch_str) { return nullptr; }

#if defined(__SANITIZE_ADDRESS__)
constexpr char build[] = "corpus asan";
#elif defined(__SANITIZE_THREAD__)
constexpr char build[] = "corpus tsan";
#else
constexpr char build[] = "corpus";
#endif

constexpr dispatch_plugin_v1 table{sizeof(dispatch_plugin_v1),
                                   DISPATCH_ABI_MINOR,
                                   {DISPATCH_PLUGIN_ID, sizeof(DISPATCH_PLUGIN_ID) - 1},
                                   {DISPATCH_PLUGIN_VERSION, sizeof(DISPATCH_PLUGIN_VERSION) - 1},
                                   {build, sizeof(build) - 1},
                                   create,
                                   nullptr,
                                   nullptr,
                                   nullptr,
                                   nullptr,
                                   destroy,
                                   interfaceOf};

}  // namespace

extern "C" __attribute__((visibility("default"))) const dispatch_plugin_v1* dispatch_plugin_query_v1();
extern "C" const dispatch_plugin_v1* dispatch_plugin_query_v1() { return &table; }
