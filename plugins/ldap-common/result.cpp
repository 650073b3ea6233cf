#include "result.hpp"

#include <dispatch/sdk/text.hpp>

#include <algorithm>
#include <array>

namespace ldap {

using dispatch::Failure;
using dispatch::quoteLine;

namespace {

constexpr std::chrono::seconds busyPause{15};

struct Known {
  int code;
  const char* name;
  dispatch_status status;
  const char* advice;  ///< {base}: the setting with the DN
};

constexpr std::array known{
    Known{1, "operationsError", DISPATCH_ERR_UNAVAILABLE, ""},
    Known{2, "protocolError", DISPATCH_ERR_INVALID, "The server does not know this request."},
    Known{3, "timeLimitExceeded", DISPATCH_ERR_UNAVAILABLE,
          "Raise \"time_limit\", or have the server's operators index the attributes of the filter."},
    Known{4, "sizeLimitExceeded", DISPATCH_ERR_INVALID,
          "The server gives this login no more entries: narrow the filter or \"{base}\", or have its limit "
          "raised."},
    Known{7, "authMethodNotSupported", DISPATCH_ERR_DENIED,
          "The server takes no login with a DN and a password here; it may do so with \"security\" starttls "
          "or tls."},
    Known{8, "strongerAuthRequired", DISPATCH_ERR_DENIED,
          "The server wants TLS or a login first: set \"security\" to starttls or tls, and enter \"bind_dn\" "
          "and "
          "\"password\"."},
    Known{10, "referral", DISPATCH_ERR_INVALID, ""},
    Known{11, "adminLimitExceeded", DISPATCH_ERR_INVALID,
          "Narrow the filter or \"{base}\", or have the server's limit raised."},
    Known{12, "unavailableCriticalExtension", DISPATCH_ERR_UNSUPPORTED, ""},
    Known{13, "confidentialityRequired", DISPATCH_ERR_DENIED,
          "The server wants TLS: set \"security\" to starttls, or to tls for port 636."},
    Known{14, "saslBindInProgress", DISPATCH_ERR_DENIED,
          "The server asked for more than a DN and a password."},
    Known{16, "noSuchAttribute", DISPATCH_ERR_INVALID, "Check the attribute names and the filter."},
    Known{17, "undefinedAttributeType", DISPATCH_ERR_INVALID, "Check the attribute names and the filter."},
    Known{18, "inappropriateMatching", DISPATCH_ERR_INVALID,
          "The filter compares an attribute in a way that it cannot be."},
    Known{21, "invalidAttributeSyntax", DISPATCH_ERR_INVALID,
          "The filter compares an attribute with what it cannot hold."},
    Known{32, "noSuchObject", DISPATCH_ERR_NOT_FOUND,
          "Change \"{base}\" to a DN that is there, or give this login the right to read it."},
    Known{33, "aliasProblem", DISPATCH_ERR_INVALID, ""},
    Known{34, "invalidDNSyntax", DISPATCH_ERR_INVALID,
          "\"{base}\" should be a DN such as ou=people,dc=example,dc=com."},
    Known{48, "inappropriateAuthentication", DISPATCH_ERR_DENIED,
          "The server wants another kind of login: check \"bind_dn\" and \"password\"."},
    Known{49, "invalidCredentials", DISPATCH_ERR_DENIED, "Check \"bind_dn\" and \"password\"."},
    Known{50, "insufficientAccessRights", DISPATCH_ERR_DENIED,
          "Give this login the right to search and read there, or enter another one in \"bind_dn\"."},
    Known{51, "busy", DISPATCH_ERR_UNAVAILABLE, ""},
    Known{52, "unavailable", DISPATCH_ERR_UNAVAILABLE, ""},
    Known{53, "unwillingToPerform", DISPATCH_ERR_DENIED, "The server's policy forbids it to this login."},
    Known{54, "loopDetect", DISPATCH_ERR_INVALID, ""},
    Known{80, "other", DISPATCH_ERR_UNAVAILABLE, ""},
};

const Known* find(int code) {
  const auto* found =
      std::find_if(known.begin(), known.end(), [&](const Known& one) { return one.code == code; });
  return found == known.end() ? nullptr : found;
}

std::string adviceOf(const Known& known, const std::string& baseSetting) {
  std::string out = known.advice;
  if (const auto at = out.find("{base}"); at != std::string::npos) out.replace(at, 6, baseSetting);
  return out;
}

}  // namespace

std::string nameOf(int resultCode) {
  const Known* one = find(resultCode);
  return one == nullptr ? "result code " + std::to_string(resultCode)
                        : std::string(one->name) + " (" + std::to_string(resultCode) + ")";
}

Failure refusal(const std::string& what, const Result& result, const std::string& baseSetting,
                bool anonymous) {
  std::string message = what + ": " + nameOf(result.code);
  const std::string said = quoteLine(result.diagnostic);
  if (!said.empty()) message += ", \"" + said + "\"";
  message += ".";
  if (!result.matchedDn.empty())
    message += " The nearest entry that is there is " + quoteLine(result.matchedDn, 200) + ".";
  if (!result.referrals.empty()) {
    message += " It refers to";
    for (const std::string& one : result.referrals) message += " " + quoteLine(one, 200);
    message += ", and referrals are not followed: name the server that has these entries in \"host\".";
  }
  const Known* one = find(result.code);
  // Servers of Microsoft answer so to who is not logged in.
  if (anonymous && (result.code == 1 || result.code == 50 || result.code == 53))
    return Failure::denied(message + " Nobody is logged in: enter \"bind_dn\" and \"password\".");
  if (one == nullptr) return Failure::unavailable(message);
  if (const std::string advice = adviceOf(*one, baseSetting); !advice.empty()) message += " " + advice;
  return {one->status, message,
          result.code == 51 ? std::chrono::milliseconds(busyPause) : std::chrono::milliseconds(0)};
}

}  // namespace ldap
