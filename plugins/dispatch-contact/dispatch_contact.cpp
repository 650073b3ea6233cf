// Contact details from the individuals that Dispatch keeps. Somebody it has never met gets a name made from
// the address, so that the first incident of a new colleague does not wait for an address book.
#include <dispatch/sdk.hpp>

namespace {

using dispatch::Call;
using dispatch::Contact;
using dispatch::Json;

/// "grace.hopper+pager@example.com" -> "Grace Hopper"
std::string nameFromAddress(std::string_view address) {
  std::string_view local = address.substr(0, address.rfind('@'));
  if (const auto plus = local.find('+'); plus != std::string_view::npos && plus > 0)
    local = local.substr(0, plus);
  std::string name;
  bool wordBegins = true;
  for (const char c : local) {
    if (c == '.' || c == '_' || c == '-') {
      wordBegins = true;
      continue;
    }
    if (wordBegins && !name.empty()) name += ' ';
    name += wordBegins && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    wordBegins = false;
  }
  return name.empty() ? std::string(address) : name;
}

std::string known(const Json& individual, const char* member, const std::string& otherwise) {
  const std::string value = dispatch::Members(individual).textOr(member);
  return value.empty() ? otherwise : value;
}

class DispatchContact : public dispatch::ContactPlugin {
 public:
  DispatchContact(const dispatch::Host& host, const dispatch::Config&) : ContactPlugin(host) {}

  Contact get(const Call& call, const dispatch::ContactGet& request) {
    const std::string email(dispatch::trim(request.email));
    if (email.empty())
      throw dispatch::Failure::invalid("A contact is looked up by e-mail address, and this one is empty.");
    const Json found = directory().individuals(call, {{"email", email}, {"limit", 1}});
    const Json individual = found.empty() ? Json::object() : found.front();
    Contact contact;
    contact.fullname = known(individual, "name", nameFromAddress(email));
    contact.email = email;
    contact.title = known(individual, "title", "");
    contact.team = known(individual, "team", "Unknown");
    contact.department = known(individual, "department", "Unknown");
    contact.location = known(individual, "location", "Unknown");
    contact.weblink = known(individual, "weblink", "");
    return contact;
  }
};

}  // namespace

DISPATCH_PLUGIN(DispatchContact)
