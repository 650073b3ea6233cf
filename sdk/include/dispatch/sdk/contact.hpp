#pragma once

#include <dispatch/sdk/plugin.hpp>

namespace dispatch {

struct Contact {
  std::string fullname, email;
  std::string title, team, department, location, weblink, thumbnail;
};
inline Json toJson(const Contact& contact) {
  Json out{{"fullname", contact.fullname}, {"email", contact.email}};
  sdk::put(out, "title", contact.title);
  sdk::put(out, "team", contact.team);
  sdk::put(out, "department", contact.department);
  sdk::put(out, "location", contact.location);
  sdk::put(out, "weblink", contact.weblink);
  sdk::put(out, "thumbnail", contact.thumbnail);
  return out;
}

struct ContactGet {
  std::string email;
  static ContactGet fromJson(const Json& value) { return {Members(value).text("email")}; }
};

/// A source of what is known about a person: contracts/contact.json.
class ContactPlugin : public Plugin {
 public:
  using Plugin::Plugin;
  DISPATCH_SDK_METHOD(Get, get, "get", ContactGet, Contact, 1, Effect::read, true,
                      "Contact get(const Call&, const ContactGet&)");
  using Methods = sdk::MethodList<Get>;

 protected:
  ~ContactPlugin() = default;
};

}  // namespace dispatch
