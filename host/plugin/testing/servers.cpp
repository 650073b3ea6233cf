#include "plugin/testing/servers.hpp"

#include <Poco/Exception.h>
#include <Poco/Net/NetSSL.h>
#include <Poco/Net/SecureServerSocket.h>
#include <Poco/Net/SocketAddress.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <stdexcept>

namespace dispatch::plugin::testing {

ScriptedServer::ScriptedServer(Script script)
    : _script(std::move(script)),
      _socket(Poco::Net::SocketAddress("127.0.0.1", 0)),
      _port(_socket.address().port()),
      _acceptor([this] { serve(); }) {}

ScriptedServer::ScriptedServer(Script script, Poco::Net::Context::Ptr context)
    : _script(std::move(script)),
      _socket(Poco::Net::SecureServerSocket(Poco::Net::SocketAddress("127.0.0.1", 0), 64, context)),
      _port(_socket.address().port()),
      _acceptor([this] { serve(); }) {}

ScriptedServer::~ScriptedServer() {
  _ending = true;
  _acceptor.join();
  for (auto& thread : _threads) thread.join();
}

void ScriptedServer::serve() {
  while (!_ending) {
    try {
      if (!_socket.poll(Poco::Timespan(20000), Poco::Net::Socket::SELECT_READ)) continue;
      // Its thread's alone: Poco counts the references to a socket where no race detector sees it.
      auto accepted = std::make_unique<Poco::Net::StreamSocket>(_socket.acceptConnection());
      ++_connections;
      _threads.emplace_back([this, owned = std::move(accepted)] {
        auto& socket = *owned;
        try {
          socket.setReceiveTimeout(Poco::Timespan(5, 0));
          _script(socket);
          socket.close();
        } catch (const Poco::Exception&) {
          // The client went away: many tests want just that.
        }
      });
    } catch (const Poco::Exception&) {
      // A handshake that failed.
    }
  }
}

std::string ScriptedServer::received() const {
  const std::lock_guard lock(_mutex);
  return _received;
}

void ScriptedServer::record(const std::string& text) {
  const std::lock_guard lock(_mutex);
  _received += text;
}

std::string readUntil(Poco::Net::StreamSocket& socket, const std::string& end) {
  std::string text;
  char c = 0;
  while (!text.ends_with(end) && socket.receiveBytes(&c, 1) == 1) text += c;
  return text;
}

void sendText(Poco::Net::StreamSocket& socket, const std::string& text) {
  for (std::size_t done = 0; done < text.size();)
    done +=
        static_cast<std::size_t>(socket.sendBytes(text.data() + done, static_cast<int>(text.size() - done)));
}

ScriptedServer::Script answering(const std::string& answer, ScriptedServer*& self) {
  return [answer, &self](Poco::Net::StreamSocket& socket) {
    auto request = readUntil(socket, "\r\n\r\n");
    if (const auto at = request.find("Content-Length: "); at != std::string::npos) {
      auto left = std::stoul(request.substr(at + 16));
      char c = 0;
      while (left-- > 0 && socket.receiveBytes(&c, 1) == 1) request += c;
    }
    if (self != nullptr) self->record(request);
    sendText(socket, answer);
  };
}

TestCertificate::TestCertificate(const std::string& directory, const std::vector<std::string>& names)
    : certificateFile(directory + "/certificate.pem"), keyFile(directory + "/key.pem") {
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, void (*)(X509*)> certificate(X509_new(), X509_free);
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86400);
  X509_set_pubkey(certificate.get(), key.get());
  auto* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("Dispatch test"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  std::string list;
  for (const auto& one : names)
    list += (list.empty() ? "" : ",") +
            std::string(one.find_first_not_of("0123456789.") == std::string::npos ? "IP:" : "DNS:") + one;
  const auto extend = [&](int kind, const std::string& value) {
    const std::unique_ptr<X509_EXTENSION, void (*)(X509_EXTENSION*)> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str()), X509_EXTENSION_free);
    if (!extension) throw std::runtime_error("no extension " + value);
    X509_add_ext(certificate.get(), extension.get(), -1);
  };
  extend(NID_subject_alt_name, list);
  extend(NID_basic_constraints, "critical,CA:TRUE");
  if (X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0)
    throw std::runtime_error("the certificate cannot be signed");
  const auto write = [](const std::string& path, auto function) {
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "w"), std::fclose);
    if (!file || function(file.get()) != 1) throw std::runtime_error("cannot write " + path);
  };
  write(certificateFile, [&](FILE* file) { return PEM_write_X509(file, certificate.get()); });
  write(keyFile, [&](FILE* file) {
    return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

Poco::Net::Context::Ptr TestCertificate::serverContext() const {
  Poco::Net::initializeSSL();
  return new Poco::Net::Context(Poco::Net::Context::TLS_SERVER_USE, keyFile, certificateFile, "",
                                Poco::Net::Context::VERIFY_NONE, 9, false);
}

}  // namespace dispatch::plugin::testing
