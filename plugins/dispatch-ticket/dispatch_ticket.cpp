// Tickets that live inside Dispatch. The incident itself is the ticket, so creating one twice gives the same
// one, and an update has nothing to copy anywhere.
#include <dispatch/sdk.hpp>

namespace {

using dispatch::Call;
using dispatch::Incident;
using dispatch::Ticket;

constexpr std::size_t longestKey = 120;

/// Lower-case ASCII letters and digits, everything else one hyphen.
std::string slug(std::string_view text) {
  std::string out;
  for (const char c : dispatch::lower(text)) {
    const bool kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (kept)
      out += c;
    else if (!out.empty() && out.back() != '-')
      out += '-';
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out;
}

class DispatchTicket : public dispatch::TicketPlugin {
 public:
  DispatchTicket(const dispatch::Host& host, const dispatch::Config& config)
      : TicketPlugin(host), _readableKeys(config.boolean("use_incident_name", false)) {}

  /// The same incident always gives the same ticket.
  dispatch::Effect effectOf(std::string_view method) const {
    return method == "find" ? dispatch::Effect::read : dispatch::Effect::idempotent;
  }

  Ticket create(const Call&, const dispatch::TicketCreate& request) { return ticketOf(request.incident); }
  std::optional<Ticket> find(const Call&, const dispatch::TicketCreate& request) {
    return ticketOf(request.incident);
  }
  void update(const Call&, const dispatch::TicketUpdate&) {}
  void updateMetadata(const Call&, const dispatch::TicketMetadata&) {}
  void remove(const Call&, const dispatch::TicketDelete&) {}

 private:
  Ticket ticketOf(const Incident& incident) const {
    return {_readableKeys ? readableKey(incident) : incident.name, incident.weblink,
            "dispatch-internal-ticket"};
  }

  static std::string readableKey(const Incident& incident) {
    const std::string number = std::to_string(incident.id);
    std::string key = slug(incident.project + "-" + incident.title);
    if (key.size() > longestKey - number.size() - 1)
      key = slug(key.substr(0, longestKey - number.size() - 1));
    return key.empty() ? "incident-" + number : key + "-" + number;
  }

  bool _readableKeys;
};

}  // namespace

DISPATCH_PLUGIN(DispatchTicket)
