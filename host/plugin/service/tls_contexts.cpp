#include "plugin/service/tls_contexts.hpp"

#include <Poco/Net/NetSSL.h>
#include <openssl/ssl.h>

#include <map>
#include <mutex>
#include <utility>

namespace dispatch::plugin {

Poco::Net::Context::Ptr tlsContext(const std::string& caFile, bool untrusted) {
  static std::mutex mutex;
  // Never destroyed: connections of threads that are still ending at exit hold on to them.
  static auto& contexts = *new std::map<std::pair<std::string, bool>, Poco::Net::Context::Ptr>;
  const std::lock_guard lock(mutex);
  const auto key = untrusted ? std::pair{std::string(), true} : std::pair{caFile, false};
  if (const auto found = contexts.find(key); found != contexts.end()) return found->second;
  static const bool initialized = (Poco::Net::initializeSSL(), true);
  static_cast<void>(initialized);
  Poco::Net::Context::Ptr context(new Poco::Net::Context(
      Poco::Net::Context::TLS_CLIENT_USE, "", "", key.first,
      untrusted ? Poco::Net::Context::VERIFY_NONE : Poco::Net::Context::VERIFY_STRICT, 9, true));
  context->requireMinimumProtocol(Poco::Net::Context::PROTO_TLSV1_2);
  context->enableExtendedCertificateVerification(!untrusted);
  // Without it a connection that an attacker cuts looks like an answer that has ended.
  SSL_CTX_clear_options(context->sslContext(), SSL_OP_IGNORE_UNEXPECTED_EOF);
  contexts.emplace(key, context);
  return context;
}

}  // namespace dispatch::plugin
