#include "http/tls.hpp"

#include "base/base.hpp"

#include <Poco/Exception.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace dispatch::http {
namespace {

void checkReadable(const std::string& what, const std::string& path) {
  if (path.empty()) throw Problem(Problem::Kind::invalid, "TLS: no " + what + " is set; name a PEM file");
  if (::access(path.c_str(), R_OK) != 0)
    throw Problem(Problem::Kind::invalid,
                  "TLS: the " + what + " " + path + " cannot be read: " + std::strerror(errno));
}

}  // namespace

Poco::Net::Context::Ptr makeTlsContext(const TlsOptions& options) {
  checkReadable("certificate file", options.certificateFile);
  checkReadable("private key file", options.privateKeyFile);
  Poco::Net::Context::Params params;
  params.certificateFile = options.certificateFile;
  params.privateKeyFile = options.privateKeyFile;
  params.verificationMode = Poco::Net::Context::VERIFY_NONE;
  params.cipherList = options.ciphers.empty() ? "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!eNULL" : options.ciphers;
  Poco::Net::Context::Ptr context;
  try {
    context = new Poco::Net::Context(Poco::Net::Context::TLS_SERVER_USE, params);
  } catch (const Poco::Exception& error) {
    throw Problem(Problem::Kind::invalid,
                  "TLS: " + options.certificateFile + " and " + options.privateKeyFile +
                      " cannot be used together as certificate and key: " + error.displayText());
  }
  SSL_CTX* ssl = context->sslContext();
  if (SSL_CTX_check_private_key(ssl) != 1)
    throw Problem(Problem::Kind::invalid, "TLS: the key " + options.privateKeyFile + " does not belong to " +
                                              options.certificateFile +
                                              "; give the pair that was made together");
  SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
  SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Partial writes and moving buffers: an answer that does not fit is kept and continued from another place.
  // Released buffers: an idle connection must not hold 34 KB.
  SSL_CTX_set_mode(
      ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_clear_mode(ssl, SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_read_ahead(ssl, 1);
  SSL_CTX_set_session_id_context(ssl, reinterpret_cast<const unsigned char*>("dispatch"), 8);
  return context;
}

}  // namespace dispatch::http
