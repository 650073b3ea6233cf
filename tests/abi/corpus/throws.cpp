// Methods that throw, behind the SDK's barrier. What is thrown, the incident's title says.
#include <dispatch/sdk.hpp>

#include <stdexcept>

namespace {

class Throws : public dispatch::TicketPlugin {
 public:
  Throws(const dispatch::Host& host, const dispatch::Config&) : TicketPlugin(host) {}
  dispatch::Ticket create(const dispatch::Call&, const dispatch::TicketCreate& request) {
    const std::string& what = request.incident.title;
    if (what == "runtime_error") throw std::runtime_error("something broke");
    if (what == "int") throw 42;
    if (what == "failure")
      throw dispatch::Failure::unavailable("The tracker is being upgraded.", std::chrono::milliseconds(1500));
    return {request.incident.name, "https://c.example/1", ""};
  }
  void update(const dispatch::Call&, const dispatch::TicketUpdate&) {}
};

}  // namespace

DISPATCH_PLUGIN(Throws)
