#include "plugin/service/secret_box.hpp"

#include "plugin/service/service_support.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace dispatch::plugin {

namespace {

// Shorter ones stand in ordinary text by chance, and blotting those out would change answers at random.
constexpr std::size_t shortestBlotted = 8;
constexpr std::size_t mostRenderedForms = 64;
constexpr const char* blot_ = "[secret]";

std::size_t base64Size(std::size_t size) { return (size + 2) / 3 * 4; }

void appendBase64(WipedText& out, std::string_view bytes) {
  const auto at = out.size();
  const auto room =
      sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL);  // with the final NUL
  out.resize(at + room);
  sodium_bin2base64(out.data() + at, room, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  out.resize(at + base64Size(bytes.size()));
}

void appendUrl(WipedText& out, std::string_view bytes) {
  static constexpr char digits[] = "0123456789ABCDEF";
  for (const char c : bytes) {
    const bool unreserved = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                            c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved) {
      out.append({&c, 1});
    } else {
      const auto byte = static_cast<unsigned char>(c);
      const char code[3] = {'%', digits[byte >> 4], digits[byte & 15]};
      out.append({code, sizeof code});
    }
  }
}

void appendJson(WipedText& out, std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      const char code[2] = {'\\', c};
      out.append({code, sizeof code});
    } else if (byte < 0x20) {
      const char code[6] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
      out.append({code, sizeof code});
    } else {
      out.append({&c, 1});
    }
  }
}

/// Tag and length of an element of BER, in the definite form that LDAP wants (RFC 4511 section 5.1).
std::string berHeader(unsigned char tag, std::size_t length) {
  std::string octets;
  if (length >= 0x80)
    for (std::size_t rest = length; rest > 0; rest >>= 8)
      octets.insert(octets.begin(), static_cast<char>(rest & 0xff));
  const auto first = length < 0x80 ? length : 0x80 | octets.size();
  return std::string{static_cast<char>(tag), static_cast<char>(first)} + octets;
}

void appendLdapBind(WipedText& out, std::string_view argument, std::string_view password) {
  std::int32_t id = 0;
  const auto space = std::min(argument.find(' '), argument.size());
  const auto parsed = std::from_chars(argument.data(), argument.data() + space, id);
  if (parsed.ec != std::errc{} || parsed.ptr != argument.data() + space || id < 1 ||
      space + 1 >= argument.size())
    throw ServiceRefusal(
        DISPATCH_ERR_INVALID,
        "the argument of ldap-bind should be a message ID from 1 to 2147483647, a space and a DN");
  // A DN without a password would pass for a login without being one (RFC 4513 section 5.1.2).
  if (password.empty())
    throw ServiceRefusal(DISPATCH_ERR_INVALID,
                         "an empty password cannot be sent by an LDAP simple bind (RFC 4513)");
  const auto name = argument.substr(space + 1);
  std::string number;
  for (auto rest = id; number.empty() || rest > 0 || (number.front() & 0x80) != 0; rest >>= 8)
    number.insert(number.begin(), static_cast<char>(rest & 0xff));
  number.insert(0, berHeader(0x02, number.size()));
  const auto login =
      "\x02\x01\x03" + berHeader(0x04, name.size()) + std::string(name) + berHeader(0x80, password.size());
  const auto request = berHeader(0x60, login.size() + password.size());
  out.append(berHeader(0x30, number.size() + request.size() + login.size() + password.size()));
  out.append(number);
  out.append(request);
  out.append(login);
  out.append(password);
}

void refuseEncoder(std::string_view encoder) {
  throw ServiceRefusal(DISPATCH_ERR_UNSUPPORTED,
                       "this host has no secret encoder \"" + oneLine(encoder, 40) +
                           "\"; it has raw, bearer, basic, base64, sasl-plain, url, json and ldap-bind");
}

std::vector<config::SecretText> formsOf(std::string_view secret) {
  if (secret.size() < shortestBlotted) return {};
  std::vector<config::SecretText> forms{config::SecretText(secret)};
  const auto add = [&](const WipedText& form) {
    if (std::none_of(forms.begin(), forms.end(),
                     [&](const auto& known) { return known.reveal() == form.view(); }))
      forms.emplace_back(form.view());
  };
  WipedText base64, url, json;
  appendBase64(base64, secret);
  add(base64);
  std::size_t padding = 0;
  while (padding < base64.size() && base64.view()[base64.size() - 1 - padding] == '=') ++padding;
  if (padding > 0) add(WipedText(base64.view().substr(0, base64.size() - padding)));
  appendUrl(url, secret);
  add(url);
  appendJson(json, secret);
  add(json);
  return forms;
}

void longestFirst(std::vector<config::SecretText>& forms) {
  std::stable_sort(forms.begin(), forms.end(),
                   [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

}  // namespace

WipedText::~WipedText() { wipe(); }

WipedText& WipedText::operator=(WipedText&& other) noexcept {
  if (this != &other) {
    wipe();
    _text = std::move(other._text);
    other.wipe();
  }
  return *this;
}

void WipedText::wipe() noexcept {
  _text.resize(_text.capacity());
  sodium_memzero(_text.data(), _text.size());
  _text.clear();
}

void WipedText::append(std::string_view text) {
  const auto at = _text.size();
  resize(at + text.size());
  std::copy(text.begin(), text.end(), _text.begin() + static_cast<std::ptrdiff_t>(at));
}

void WipedText::resize(std::size_t size) {
  if (size > _text.capacity()) {
    std::string bigger;
    bigger.reserve(std::max<std::size_t>({size, _text.capacity() * 2, 256}));
    bigger.assign(_text);
    wipe();
    _text.swap(bigger);
  }
  _text.resize(size);
}

void SecretBox::take(std::map<std::uint32_t, config::SecretText> secrets) {
  std::vector<config::SecretText> forms;
  const std::lock_guard lock(_mutex);
  _previous = std::move(_current);
  _current = std::move(secrets);
  for (const auto* secretsOf : {&_current, &_previous})
    for (const auto& entry : *secretsOf)
      for (auto& form : formsOf(entry.second.reveal())) forms.push_back(std::move(form));
  longestFirst(forms);
  _forms = std::move(forms);
  _renderedForms.clear();
}

config::SecretText SecretBox::at(dispatch_secret_handle handle) const {
  const std::lock_guard lock(_mutex);
  for (const auto* secrets : {&_current, &_previous})
    if (const auto found = secrets->find(handle); found != secrets->end()) return found->second;
  throw ServiceRefusal(DISPATCH_ERR_INVALID,
                       "there is no secret " + std::to_string(handle) + " in this plugin's configuration");
}

WipedText SecretBox::render(const dispatch_secret_use& use) const {
  if (use.struct_size < sizeof use)
    throw ServiceRefusal(DISPATCH_ERR_INVALID,
                         "a dispatch_secret_use has struct_size " + std::to_string(use.struct_size));
  WipedText out(checkedText(use.text, "the text of a value"));
  if (use.secret == 0) return out;
  const auto secret = at(use.secret);
  const auto value = secret.reveal();
  const auto encoder = checkedText(use.encoder, "the encoder of a secret");
  const auto argument = checkedText(use.argument, "the argument of a secret's encoder");
  if (encoder == "raw") {
    out.append(value);
  } else if (encoder == "bearer") {
    out.append("Bearer ");
    out.append(value);
  } else if (encoder == "base64") {
    appendBase64(out, value);
  } else if (encoder == "url") {
    appendUrl(out, value);
  } else if (encoder == "json") {
    appendJson(out, value);
  } else if (encoder == "ldap-bind") {
    appendLdapBind(out, argument, value);
  } else if (encoder == "basic" || encoder == "sasl-plain") {
    const bool basic = encoder == "basic";
    if (basic && argument.find(':') != std::string_view::npos)
      throw ServiceRefusal(DISPATCH_ERR_INVALID,
                           "a user name with a colon cannot be sent by HTTP Basic (RFC 7617)");
    if (!basic && argument.find('\0') != std::string_view::npos)
      throw ServiceRefusal(DISPATCH_ERR_INVALID,
                           "a user name with a NUL cannot be sent by SASL PLAIN (RFC 4616)");
    WipedText plain, encoded;
    if (!basic) plain.append({"\0", 1});
    plain.append(argument);
    plain.append(basic ? std::string_view(":") : std::string_view("\0", 1));
    plain.append(value);
    appendBase64(encoded, plain.view());
    {
      const std::lock_guard lock(_mutex);
      if (value.size() >= shortestBlotted && _renderedForms.size() < mostRenderedForms &&
          std::none_of(_renderedForms.begin(), _renderedForms.end(),
                       [&](const auto& known) { return known.reveal() == encoded.view(); }))
        _renderedForms.emplace_back(encoded.view());
    }
    if (basic) out.append("Basic ");
    out.append(encoded.view());
  } else {
    refuseEncoder(encoder);
  }
  return out;
}

std::string SecretBox::shown(const dispatch_secret_use& use) {
  std::string out(checkedText(use.text, "the text of a value"));
  if (use.secret == 0) return out;
  const auto encoder = checkedText(use.encoder, "the encoder of a secret");
  if (encoder == "bearer") out += "Bearer ";
  if (encoder == "basic") out += "Basic ";
  return out + blot_;
}

std::vector<config::SecretText> SecretBox::forms() const {
  const std::lock_guard lock(_mutex);
  auto forms = _renderedForms;
  forms.insert(forms.end(), _forms.begin(), _forms.end());
  longestFirst(forms);
  return forms;
}

std::string SecretBox::blot(std::string_view text) const { return blotForms(std::string(text), forms()); }

std::string blotForms(std::string text, const std::vector<config::SecretText>& forms) {
  for (const auto& form : forms)
    for (auto at = text.find(form.reveal()); at != std::string::npos; at = text.find(form.reveal(), at))
      text.replace(at, form.size(), blot_), at += std::string_view(blot_).size();
  return text;
}

}  // namespace dispatch::plugin
