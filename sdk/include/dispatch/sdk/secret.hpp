#pragma once

#include <dispatch/sdk/text.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace dispatch {

/// A secret setting as a plugin has it: a number. The host puts the value in where the plugin names it.
class Secret {
 public:
  Secret() = default;
  explicit Secret(dispatch_secret_handle handle) : _handle(handle) {}
  dispatch_secret_handle handle() const noexcept { return _handle; }
  explicit operator bool() const noexcept { return _handle != 0; }

 private:
  dispatch_secret_handle _handle = 0;
};

/// A piece of a request: plain text, then possibly a secret in the encoding that the protocol wants there.
class Part {
 public:
  Part(std::string text) : _text(std::move(text)) {}  // NOLINT: text is a part
  Part(const char* text) : _text(text) {}             // NOLINT
  Part(std::string_view text) : _text(text) {}        // NOLINT
  Part(std::string text, Secret secret, std::string encoder, std::string argument = {})
      : _text(std::move(text)),
        _secret(secret),
        _encoder(std::move(encoder)),
        _argument(std::move(argument)) {}

  static Part raw(Secret secret) { return {"", secret, "raw"}; }
  static Part bearer(Secret secret) { return {"", secret, "bearer"}; }  ///< RFC 6750
  static Part basic(std::string user, Secret secret) {
    return {"", secret, "basic", std::move(user)};
  }                                                                     ///< RFC 7617
  static Part base64(Secret secret) { return {"", secret, "base64"}; }  ///< SASL LOGIN
  /// RFC 4616, authorization identity empty.
  static Part saslPlain(std::string user, Secret secret) {
    return {"", secret, "sasl-plain", std::move(user)};
  }
  /// A whole BindRequest with a password (RFC 4511 section 4.2).
  static Part ldapBind(int messageId, const std::string& dn, Secret secret) {
    return {"", secret, "ldap-bind", std::to_string(messageId) + " " + dn};
  }
  static Part url(Secret secret) { return {"", secret, "url"}; }    ///< percent-encoded
  static Part json(Secret secret) { return {"", secret, "json"}; }  ///< the inside of a JSON string

  /// For the boundary; borrows this part.
  dispatch_secret_use use() const noexcept {
    return {sizeof(dispatch_secret_use), _secret.handle(), str(_encoder), str(_argument), str(_text)};
  }

 private:
  std::string _text;
  Secret _secret;
  std::string _encoder;
  std::string _argument;
};

}  // namespace dispatch
