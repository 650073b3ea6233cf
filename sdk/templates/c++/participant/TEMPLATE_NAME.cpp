// Who takes part in an incident: those whom a setting names.
#include <dispatch/sdk.hpp>

namespace {

using dispatch::Call;

class TEMPLATE_CLASS : public dispatch::ParticipantPlugin {
 public:
  TEMPLATE_CLASS(const dispatch::Host& host, const dispatch::Config& config)
      : ParticipantPlugin(host), _always(dispatch::Members(config.json()).texts("always")) {}

  dispatch::Participants get(const Call&, const dispatch::ParticipantGet&) {
    dispatch::Participants participants;
    for (const auto& email : _always) participants.individuals.push_back({email, "", std::nullopt});
    return participants;
  }

 private:
  std::vector<std::string> _always;
};

}  // namespace

DISPATCH_PLUGIN(TEMPLATE_CLASS)
