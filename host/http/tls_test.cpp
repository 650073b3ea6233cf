#include "http/testing.hpp"

#include "base/base.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstdio>

namespace dispatch::http {
namespace {

using namespace testing;
using namespace std::chrono_literals;

/// A fresh self-signed certificate with its key, in two files that go with the object.
struct Certificate {
  Certificate() {
    static int count = 0;
    const std::string base =
        ::testing::TempDir() + "dispatch-tls-" + std::to_string(::getpid()) + "-" + std::to_string(count++);
    options.certificateFile = base + ".crt";
    options.privateKeyFile = base + ".key";
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"),
                               -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_sign(certificate, key, EVP_sha256());
    std::FILE* file = std::fopen(options.certificateFile.c_str(), "w");
    PEM_write_X509(file, certificate);
    std::fclose(file);
    file = std::fopen(options.privateKeyFile.c_str(), "w");
    PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  ~Certificate() {
    ::unlink(options.certificateFile.c_str());
    ::unlink(options.privateKeyFile.c_str());
  }
  TlsOptions options;
};

/// A blocking TLS client over a plain one's socket.
class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port, int mostVersion = 0)
      : _tcp(port), _context(SSL_CTX_new(TLS_client_method())) {
    if (mostVersion) SSL_CTX_set_max_proto_version(_context, mostVersion);
    SSL_CTX_set_min_proto_version(_context, TLS1_VERSION);
    _ssl = SSL_new(_context);
    SSL_set_fd(_ssl, _tcp.fd());
    const timeval limit{5, 0};
    ::setsockopt(_tcp.fd(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    connected = SSL_connect(_ssl) == 1;
  }
  ~TlsClient() {
    SSL_free(_ssl);
    SSL_CTX_free(_context);
  }
  bool send(const std::string& text) {
    return SSL_write(_ssl, text.data(), static_cast<int>(text.size())) > 0;
  }
  std::string readUntil(const std::string& end) {
    char buffer[16384];
    while (_in.find(end) == std::string::npos) {
      const int got = SSL_read(_ssl, buffer, sizeof buffer);
      if (got <= 0) break;
      _in.append(buffer, static_cast<std::size_t>(got));
    }
    const auto at = _in.find(end);
    const std::string text = _in.substr(0, at == std::string::npos ? at : at + end.size());
    _in.erase(0, text.size());
    return text;
  }
  bool closedProperly() { return readUntil("never to come"), SSL_get_shutdown(_ssl) & SSL_RECEIVED_SHUTDOWN; }
  Client& tcp() { return _tcp; }
  bool connected = false;

 private:
  Client _tcp;
  SSL_CTX* _context;
  SSL* _ssl = nullptr;
  std::string _in;
};

struct Tls : ::testing::Test {
  Options options() {
    Options options = testOptions();
    options.tls = certificate.options;
    return options;
  }
  Certificate certificate;
};

std::string request(const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n"; }

TEST_F(Tls, KeepsConnectionsAliveInBothVersions) {
  TestServer server(options(), [](Request& request, Response& response) {
    answer(response, std::string(request.secure() ? "secure " : "plain ") + request.getURI() + "!");
  });
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client(server.port(), version);
    ASSERT_TRUE(client.connected);
    for (int i = 0; i < 5; ++i) {
      client.send(request("/" + std::to_string(i)));
      EXPECT_TRUE(client.readUntil("!").ends_with("secure /" + std::to_string(i) + "!"));
    }
  }
}

TEST_F(Tls, AnswersAllRequestsOfOneRecord) {
  TestServer server(options(),
                    [](Request& request, Response& response) { answer(response, request.getURI() + "!"); });
  TlsClient client(server.port());
  std::string record;
  for (int i = 0; i < 50; ++i) record += request("/" + std::to_string(i));
  client.send(record);  // one record: epoll announces it once
  for (int i = 0; i < 50; ++i)
    ASSERT_TRUE(client.readUntil("!").ends_with("/" + std::to_string(i) + "!")) << i;
}

TEST_F(Tls, CarriesLargeBodiesBothWays) {
  TestServer server(options(), [](Request& request, Response& response) {
    const std::string body = bodyOf(request);
    response.send() << body << "END";
  });
  TlsClient client(server.port());
  std::thread sender([&] {
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n" +
                std::string(3'000'000, 'b'));
  });
  sender.join();
  EXPECT_GT(client.readUntil("END").size(), 3'000'000u);
}

TEST_F(Tls, HalfOpenHandshakesHoldNobodyBack) {
  Options given = options();
  given.workers = 1;
  given.handshakeLimit = 400ms;
  TestServer server(std::move(given));
  std::vector<Client> silent;
  for (int i = 0; i < 30; ++i) silent.emplace_back(server.port()).send(std::string("\x16\x03\x01\x02", 4));
  TlsClient client(server.port());
  client.send(request("/"));
  EXPECT_NE(client.readUntil("GET /|").find("200 OK"), std::string::npos);
  for (Client& half : silent) EXPECT_TRUE(half.closed(2000));
  EXPECT_EQ(server.server.metrics().handshakeFailures, 30u);
}

TEST_F(Tls, RefusesOldVersionsAndPlainText) {
  TestServer server(options());
  EXPECT_FALSE(TlsClient(server.port(), TLS1_1_VERSION).connected);
  Client plain(server.port());
  plain.get("/");
  EXPECT_TRUE(plain.closed(2000));
}

TEST_F(Tls, ClosesWithNotice) {
  TestServer server(options());
  TlsClient client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  client.readUntil("GET /|");
  EXPECT_TRUE(client.closedProperly());
}

TEST_F(Tls, CarriesEventStreams) {
  std::unique_ptr<TestServer> server;
  server = std::make_unique<TestServer>(options(), [&](Request& request, Response& response) {
    StreamClient client;
    client.topics = {"a"};
    server->server.streams().open(request, response, client);
  });
  TlsClient client(server->port());
  client.send(request("/"));
  client.readUntil("retry: 3000\n\n");
  for (int i = 0; i < 3; ++i) server->server.streams().publish("a", Event{std::string(50'000, 'd'), "", ""});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.readUntil("\n\n").size(), 50'008u);
  client.tcp().close();
  EXPECT_TRUE(eventually([&] { return server->server.streams().size() == 0; }));
}

TEST_F(Tls, SaysWhichFileCannotBeUsed) {
  const Certificate other;
  const auto problem = [&](const std::string& certificateFile, const std::string& keyFile) -> std::string {
    Options given = testOptions();
    given.tls = TlsOptions{certificateFile, keyFile, ""};
    try {
      Server server(given, new FunctionFactory(echo));
    } catch (const Problem& problem) {
      return problem.what();
    }
    return "";
  };
  const TlsOptions& good = certificate.options;
  EXPECT_NE(problem("/nowhere.crt", good.privateKeyFile).find("/nowhere.crt"), std::string::npos);
  EXPECT_NE(problem(good.certificateFile, "").find("private key"), std::string::npos);
  EXPECT_NE(problem(good.certificateFile, other.options.privateKeyFile).find(other.options.privateKeyFile),
            std::string::npos);
  EXPECT_NE(problem(good.privateKeyFile, good.privateKeyFile), "");
}

}  // namespace
}  // namespace dispatch::http
