// libFuzzer target: addresses that plugins want to reach, and those that servers redirect them to: what
// decides whether a destination is granted. Input: an address, and behind the first line end a Location.
// Whatever is accepted means the same when it is read again, so that what was judged is what is connected to.
//
// Sources: host/plugin/service/destination.cpp host/plugin/service/address_class.cpp
//
// Sources: host/plugin/service/service_support.cpp host/plugin/call/host_call.cpp host/plugin/call/arena.cpp
//
// Sources: host/config/secret_text.cpp host/base/problem.cpp host/base/json.cpp
//
// Libraries: -lPocoNet -lPocoFoundation -lsodium
#include "fuzzing.hpp"
#include "plugin/service/destination.hpp"
#include "plugin/service/service_support.hpp"

namespace {

using dispatch::plugin::Url;

void check(const Url& url) {
  const auto& to = url.destination;
  require(to.scheme == "http" || to.scheme == "https", "only http and https are taken");
  require(!to.host.empty() && to.port >= 1 && to.port <= 65535, "host and port are there");
  require(!url.target.empty() && url.target.front() == '/', "a target begins with /");
  for (const std::string* part : {&to.host, &url.target, &url.authority})
    for (const char c : *part)
      require(c > ' ' && c != 0x7f, "nothing can end a line or a field of a request");
  require(to.host.find_first_of("@/\\?#") == std::string::npos, "a host is a host");
  const Url again = Url::parse(to.scheme + "://" + url.authority + url.target);
  require(again.destination.host == to.host && again.destination.port == to.port &&
              again.destination.scheme == to.scheme && again.target == url.target,
          "an address read again leads to the same place");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = textOf(data, size);
  const auto end = std::min(input.find('\n'), input.size());
  try {
    const Url url = Url::parse(input.substr(0, end));
    check(url);
    if (end < input.size()) check(url.resolve(input.substr(end + 1)));
  } catch (const dispatch::plugin::ServiceRefusal& refusal) {
    require(std::string_view(refusal.what()).size() > 10, "a refusal says what is wrong");
  }
  return 0;
}
