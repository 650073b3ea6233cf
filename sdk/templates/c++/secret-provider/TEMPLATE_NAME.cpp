// Decrypts settings: sealed boxes that the host opens with a key this plugin never sees. Change it to your
// vault.
#include <dispatch/sdk.hpp>

namespace {

using dispatch::Call;
using dispatch::Failure;

class TEMPLATE_CLASS : public dispatch::SecretProvider {
 public:
  TEMPLATE_CLASS(const dispatch::Host& host, const dispatch::Config& config)
      : SecretProvider(host), _key(config.secret("key")) {}

  /// `stored` is what stands inside ENC[TEMPLATE_ID,…] for the setting `name`.
  void decrypt(const Call& call, std::string_view name, std::string_view stored,
               const dispatch::SecretSink& sink) {
    const auto box = dispatch::base64Decode(stored);
    if (!box)
      throw Failure::invalid("The value of " + std::string(name) + " is not base64: it was cut or altered.");
    const auto status = crypto().open(call, "sealed-box", _key, *box, bound(name), sink);
    dispatch::sdk::serviceCheck(call, status,
                                "The host could not open the value of " + std::string(name) + ".");
  }

  std::string encrypt(const Call& call, std::string_view name, std::string_view plaintext) {
    if (plaintext.empty()) throw Failure::invalid("There is nothing to encrypt.");
    return dispatch::base64Encode(
        crypto().seal(call, "sealed-box", _key, bound(name) + std::string(plaintext)));
  }

 private:
  /// Stands before the value in the box, so that a ciphertext moved to another setting does not open.
  static std::string bound(std::string_view name) { return std::string(name) + '\0'; }

  dispatch::Secret _key;
};

}  // namespace

DISPATCH_PLUGIN(TEMPLATE_CLASS)
