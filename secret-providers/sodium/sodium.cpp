// Settings encrypted for one installation: ENC[sodium,<base64>]. Inside is a sealed box over "<name>" NUL
// "<value>", so that a ciphertext moved to another setting does not open. Key and plaintext stay in the host.
#include <dispatch/sdk.hpp>

#include <algorithm>

namespace {

using dispatch::Call;
using dispatch::Failure;

constexpr std::string_view algorithm = "sealed-box";
/// crypto_box_SEALBYTES: an ephemeral public key and a MAC.
constexpr std::size_t overhead = 48;
constexpr std::size_t longestSecret = 64 * 1024;

/// Overwrites a plaintext when it goes out of scope, whatever ends the scope.
class Wiped {
 public:
  explicit Wiped(std::size_t capacity) { _text.reserve(capacity); }
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
  ~Wiped() {
    volatile char* bytes = _text.data();
    for (std::size_t i = 0; i < _text.size(); ++i) bytes[i] = 0;
  }
  Wiped& add(std::string_view text) {
    _text += text;
    return *this;
  }
  std::string_view text() const { return _text; }

 private:
  std::string _text;
};

/// What stands before the value in the box.
std::string binding(std::string_view name) {
  if (name.empty() || name.find('\0') != std::string_view::npos)
    throw Failure::invalid(
        "A secret is bound to the name of its setting, and this name is empty or holds a NUL character.");
  return std::string(name) + '\0';
}

class Sodium : public dispatch::SecretProvider {
 public:
  Sodium(const dispatch::Host& host, const dispatch::Config& config)
      : SecretProvider(host), _key(config.secret("key")) {}

  void decrypt(const Call& call, std::string_view name, std::string_view stored,
               const dispatch::SecretSink& sink) {
    const std::string bound = binding(name);
    std::string text(stored);
    std::erase_if(text, [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; });
    const auto ciphertext = dispatch::base64Decode(text);
    if (!ciphertext)
      throw Failure::invalid(
          "What stands in ENC[sodium,...] for " + std::string(name) +
          " is not base64: it was cut or altered. Encrypt the value again: dispatch secret encrypt.");
    if (ciphertext->size() <= overhead + bound.size())
      throw Failure::invalid("What stands in ENC[sodium,...] for " + std::string(name) +
                             " is too short to hold a secret: it was cut, or made for a shorter name.");
    const dispatch_status status = crypto().open(call, algorithm, _key, *ciphertext, bound, sink);
    if (status == DISPATCH_ERR_DENIED)
      throw Failure::denied("The value of " + std::string(name) +
                            " does not open: it was encrypted for another key or for another setting, or it "
                            "was altered. Check the "
                            "sodium key, or encrypt the value again: dispatch secret encrypt.");
    dispatch::sdk::serviceCheck(call, status,
                                "The host could not open the value of " + std::string(name) + ".");
  }

  std::string encrypt(const Call& call, std::string_view name, std::string_view plaintext) {
    const std::string bound = binding(name);
    if (plaintext.empty())
      throw Failure::invalid("There is nothing to encrypt: the value of " + std::string(name) + " is empty.");
    if (plaintext.size() > longestSecret) throw Failure::invalid("A secret may have 64 KiB at most.");
    Wiped box(bound.size() + plaintext.size());
    box.add(bound).add(plaintext);
    return dispatch::base64Encode(crypto().seal(call, algorithm, _key, box.text()));
  }

 private:
  dispatch::Secret _key;
};

}  // namespace

DISPATCH_PLUGIN(Sodium)
