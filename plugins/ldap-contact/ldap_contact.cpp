// Contact details from an LDAP directory (RFC 4511): OpenLDAP, 389 Directory Server, Active Directory.
// Somebody it has never met gets a name made from the address, so that the first incident of a new colleague
// does not wait.
#include "../ldap-common/session.hpp"

#include <dispatch/sdk.hpp>

#include <algorithm>

namespace {

using dispatch::Call;
using dispatch::Contact;
using dispatch::Failure;
using dispatch::quoteLine;
using dispatch::TestReport;

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

/// The first address of a page among values that may be "address label" (labeledURI, RFC 2079).
std::string weblinkOf(const std::vector<std::string>& values) {
  for (const std::string& value : values) {
    const std::string_view trimmed = dispatch::trim(value);
    const std::string_view address = trimmed.substr(0, trimmed.find_first_of(" \t"));
    const std::string begin = dispatch::lower(address.substr(0, 8));
    if (begin.starts_with("https://") || begin.starts_with("http://")) return std::string(address);
  }
  return {};
}

struct Attributes {
  std::string fullname, title, team, department, location, weblink;

  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const std::string& one : {fullname, title, team, department, location, weblink})
      if (!one.empty() && std::find(out.begin(), out.end(), one) == out.end()) out.push_back(one);
    // "No attributes" (RFC 4511 section 4.5.1.8); an empty list would mean all of them.
    if (out.empty()) out.emplace_back("1.1");
    return out;
  }
};

class LdapContact : public dispatch::ContactPlugin {
 public:
  LdapContact(const dispatch::Host& host, const dispatch::Config& config)
      : ContactPlugin(host),
        _settings(ldap::Settings::read(config)),
        _base(dispatch::trim(config.text("base_dn"))),
        _scope(ldap::readScope(config, "scope")),
        _filter(ldap::readFilter(config, "filter", {"email"})) {
    if (!_filter.placeholders().contains("email"))
      throw Failure::invalid(
          "Setting \"filter\" should hold {email}, where the person's address goes, e.g. (mail={email}): "
          "without it, "
          "everybody would be the same person.");
    _attributes = {ldap::readAttribute(config, "attribute_fullname", "cn"),
                   ldap::readAttribute(config, "attribute_title", "title"),
                   ldap::readAttribute(config, "attribute_team", "ou"),
                   ldap::readAttribute(config, "attribute_department", "departmentNumber"),
                   ldap::readAttribute(config, "attribute_location", "l"),
                   ldap::readAttribute(config, "attribute_weblink", "labeledURI")};
  }

  Contact get(const Call& call, const dispatch::ContactGet& request) {
    const std::string email(dispatch::trim(request.email));
    if (email.empty())
      throw Failure::invalid("A contact is looked up by e-mail address, and this one is empty.");
    ldap::Session session(host(), call, _settings);
    (void)session.secure();
    (void)session.login();
    const auto found = look(session, email);
    session.unbind();
    if (found.entries.empty() && !found.references.empty())
      log().warning("Nobody in " + _settings.where() + " matches the filter, and it refers to " +
                        quoteLine(found.references.front(), 200) + " for more; referrals are not followed.",
                    &call);
    if (found.more || found.entries.size() > 1)
      log().warning(
          "Several entries of " + _settings.where() + " match the filter for one address, among them " +
              quoteLine(found.entries.front().dn, 200) + ", which is taken. Narrow setting \"filter\".",
          &call);
    return contactOf(found.entries.empty() ? ldap::Entry{} : found.entries.front(), email);
  }

  /// Connects and logs in as for a lookup, reads the base, and looks up who the operator named.
  TestReport test(const Call& call, const dispatch::Json& input) {
    TestReport report;
    const char* step = "Connection";
    try {
      ldap::Session session(host(), call, _settings);
      report.pass(step, "Connected to " + _settings.where() + ".");
      step = "Encryption";
      report.pass(step, session.secure());
      step = "Login";
      report.pass(step, session.login());
      step = "Base DN";
      const auto base =
          session.search({_base, "base_dn", ldap::Scope::base, ldap::Filter::anything(), {"1.1"}, 1});
      if (base.entries.empty()) throw Failure::notFound(hiddenBase());
      report.pass(step, quoteLine(base.entries.front().dn, 200) + " is there.");
      const std::string email(dispatch::trim(dispatch::Members(input).textOr("email")));
      step = "Search";
      const auto found = look(session, email.empty() ? "nobody@dispatch.invalid" : email);
      report.pass(step, searchDetail(found, email));
      session.unbind();
      report.summary = email.empty() ? "The directory can be searched. Name an address to see what is found."
                                     : report.checks.back().detail;
    } catch (const Failure& failure) {
      report.fail(step, failure.message());
      report.summary = failure.message();
    }
    return report;
  }

 private:
  ldap::Found look(ldap::Session& session, const std::string& email) const {
    ldap::Found found = session.search(
        {_base, "base_dn", _scope, _filter.fill({{"email", {email}}}), _attributes.names(), 2});
    // The same one each time.
    std::sort(found.entries.begin(), found.entries.end(),
              [](const ldap::Entry& a, const ldap::Entry& b) { return a.dn < b.dn; });
    return found;
  }

  Contact contactOf(const ldap::Entry& entry, const std::string& email) const {
    const auto known = [&](const std::string& attribute, const std::string& otherwise) {
      const std::string value = attribute.empty() ? std::string() : entry.value(attribute);
      return value.empty() ? otherwise : value;
    };
    Contact contact;
    contact.fullname = known(_attributes.fullname, nameFromAddress(email));
    contact.email = email;
    contact.title = known(_attributes.title, "");
    contact.team = known(_attributes.team, "Unknown");
    contact.department = known(_attributes.department, "Unknown");
    contact.location = known(_attributes.location, "Unknown");
    if (!_attributes.weblink.empty()) contact.weblink = weblinkOf(entry.values(_attributes.weblink));
    return contact;
  }

  std::string hiddenBase() const {
    return "The login may not read " + quoteLine(_base, 200) +
           ", which \"base_dn\" names: give it the right to, or enter another DN.";
  }

  std::string searchDetail(const ldap::Found& found, const std::string& email) const {
    std::string out = "The filter was understood.";
    if (!email.empty() && found.entries.empty()) {
      out = "Nobody is found by " + quoteLine(_filter.fill({{"email", {email}}}).text(), 300) +
            ": an incident would know no more than the address.";
    } else if (!email.empty()) {
      const Contact contact = contactOf(found.entries.front(), email);
      out = "Found " + quoteLine(found.entries.front().dn, 200) + ": " + quoteLine(contact.fullname, 100) +
            ", title " + (contact.title.empty() ? "unknown" : quoteLine(contact.title, 100)) + ", team " +
            quoteLine(contact.team, 100) + ", department " + quoteLine(contact.department, 100) +
            ", location " + quoteLine(contact.location, 100) + ".";
    }
    if (found.more || found.entries.size() > 1) out += " Others match as well: narrow \"filter\".";
    for (const std::string& one : found.references)
      out += " There may be more at " + quoteLine(one, 200) + ", which is not asked.";
    return out;
  }

  ldap::Settings _settings;
  std::string _base;
  ldap::Scope _scope;
  ldap::Filter _filter;
  Attributes _attributes;
};

}  // namespace

DISPATCH_PLUGIN(LdapContact)
