#include "plugin/service/service_context.hpp"
#include "plugin/service/service_support.hpp"

namespace dispatch::plugin {

namespace {

// Long enough for any passphrase; what is longer only costs hashing time.
constexpr std::size_t maxPasswordBytes = 4096;
constexpr std::size_t maxAccountBytes = 320;

std::string accountOf(dispatch_str account) {
  const auto text = checkedText(account, "the account");
  if (text.empty() || text.size() > maxAccountBytes)
    throw ServiceRefusal(DISPATCH_ERR_INVALID, "an account is an e-mail address of up to 320 bytes");
  return std::string(text);
}

std::string_view passwordOf(dispatch_str password) {
  const auto text = checkedText(password, "the password");
  if (text.size() > maxPasswordBytes)
    throw ServiceRefusal(DISPATCH_ERR_INVALID, "a password may have 4,096 bytes");
  return text;
}

dispatch_status verify(const dispatch_host* host, const dispatch_call* call, dispatch_str account,
                       dispatch_str password) noexcept {
  return guarded(call, [&] {
    auto& context = ServiceContext::of(host);
    checkedCall(call);
    switch (context.outside().verifyCredential(accountOf(account), passwordOf(password))) {
      case Outside::Verdict::right:
        return DISPATCH_OK;
      case Outside::Verdict::wrong:
        return DISPATCH_ERR_DENIED;
      case Outside::Verdict::busy:
        throw ServiceRefusal(DISPATCH_ERR_LIMIT,
                             "too many passwords are being checked; try again in a moment", 1000);
    }
    return DISPATCH_ERR_DENIED;
  });
}

dispatch_status create(const dispatch_host* host, const dispatch_call* call, dispatch_str account,
                       dispatch_str password) noexcept {
  return guarded(call, [&] {
    auto& context = ServiceContext::of(host);
    checkedCall(call);
    context.outside().createCredential(accountOf(account), passwordOf(password));
    return DISPATCH_OK;
  });
}

dispatch_status replace(const dispatch_host* host, const dispatch_call* call, dispatch_str account,
                        dispatch_str password) noexcept {
  return guarded(call, [&] {
    auto& context = ServiceContext::of(host);
    checkedCall(call);
    context.outside().replaceCredential(accountOf(account), passwordOf(password));
    return DISPATCH_OK;
  });
}

}  // namespace

const void* credentialService() noexcept {
  static constexpr dispatch_credential_1 table{sizeof(dispatch_credential_1), 0, verify, create, replace};
  return &table;
}

}  // namespace dispatch::plugin
