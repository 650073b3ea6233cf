// A constructor that throws, behind the SDK's barrier: create fails with the exception's words.
#include <dispatch/sdk.hpp>

#include <stdexcept>

namespace {

class CreateThrows : public dispatch::TicketPlugin {
 public:
  CreateThrows(const dispatch::Host& host, const dispatch::Config&) : TicketPlugin(host) {
    throw std::runtime_error("the constructor threw");
  }
  dispatch::Ticket create(const dispatch::Call&, const dispatch::TicketCreate&) { return {}; }
  void update(const dispatch::Call&, const dispatch::TicketUpdate&) {}
};

}  // namespace

DISPATCH_PLUGIN(CreateThrows)
