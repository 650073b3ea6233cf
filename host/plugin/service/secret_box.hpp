#pragma once

#include "config/config.hpp"

#include <dispatch/abi.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::plugin {

/// Text that holds a secret for a moment; wiped when it goes.
class WipedText {
 public:
  WipedText() = default;
  explicit WipedText(std::string_view text) { append(text); }
  ~WipedText();
  WipedText(WipedText&& other) noexcept : _text(std::move(other._text)) { other.wipe(); }
  WipedText& operator=(WipedText&& other) noexcept;
  WipedText(const WipedText&) = delete;
  WipedText& operator=(const WipedText&) = delete;

  void append(std::string_view text);  ///< grows without leaving a copy behind
  void resize(std::size_t size);
  char* data() { return _text.data(); }
  std::string_view view() const { return _text; }
  std::size_t size() const { return _text.size(); }
  bool empty() const { return _text.empty(); }

 private:
  void wipe() noexcept;
  std::string _text;
};

/// The secrets of one instance's configuration: known to the plugin by handle only, put into requests here.
/// [any-thread]
class SecretBox {
 public:
  /// Takes a new configuration's secrets. Those of the one before stay, for calls that still use it.
  void take(std::map<std::uint32_t, config::SecretText> secrets);

  /// Throws ServiceRefusal(INVALID) for a handle that this instance has not got.
  config::SecretText at(dispatch_secret_handle handle) const;

  /// `use.text` and the encoded secret, one after the other (dispatch_secret_use). Throws ServiceRefusal:
  /// INVALID for an unknown handle or pointers that make no sense, UNSUPPORTED for an unknown encoder.
  WipedText render(const dispatch_secret_use& use) const;

  /// The same with "[secret]" for the secret: what others may see of it.
  static std::string shown(const dispatch_secret_use& use);

  /// `text` with every secret of 8 bytes or more, plain or in an encoding a peer may echo it in, as
  /// "[secret]".
  std::string blot(std::string_view text) const;
  /// The forms that blot() looks for, longest first. For bodies that come in pieces.
  std::vector<config::SecretText> forms() const;

 private:
  mutable std::mutex _mutex;
  std::map<std::uint32_t, config::SecretText> _current, _previous;
  std::vector<config::SecretText> _forms;
  mutable std::vector<config::SecretText>
      _renderedForms;  ///< with arguments that only a use knows, e.g. "user:secret" in base64
};

/// Replaces each of `forms` in `text`.
std::string blotForms(std::string text, const std::vector<config::SecretText>& forms);

}  // namespace dispatch::plugin
