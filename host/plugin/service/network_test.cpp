// What plugins may reach, and what comes back: against real servers on 127.0.0.1.
#include "plugin/service/http_exchange.hpp"
#include "plugin/testing/fixture.hpp"
#include "plugin/testing/servers.hpp"

#include <Poco/Net/SecureStreamSocket.h>
#include <gmock/gmock.h>

#include <chrono>
#include <future>
#include <thread>

namespace dispatch::plugin {
namespace {

using namespace std::chrono_literals;
using Poco::Net::StreamSocket;
using ::testing::AllOf;
using testing::answering;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::readUntil;
using testing::ScriptedServer;
using testing::sendText;

constexpr const char* token = "very-secret-token";

std::string response(const std::string& head, const std::string& body) {
  return "HTTP/1.1 " + head + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

class NetworkTest : public testing::ProbeTest {
 protected:
  NetworkTest() {
    probe.manifest["permissions"] = {{"http", {{{"config", "url"}}}},
                                     {"stream", {{{"config", "host"}, {"port_config", "port"}}}}};
  }
  void allow(const std::string& host = "127.0.0.1", bool untrusted = false, const std::string& caFile = "") {
    options.allowances.push_back({"probe", host, 0, untrusted, caFile});
  }
  JsonOutcome http(Json input, std::chrono::milliseconds timeout = 3000ms) {
    if (!instance) instance = started({{"url", input["url"]}, {"token", token}});
    CallOptions given;
    given.timeout = timeout;
    return instance->invoke("http", input, given);
  }
  JsonOutcome stream(Json input, std::chrono::milliseconds timeout = 3000ms) {
    if (!instance)
      instance = started(
          {{"host", input["host"]}, {"port", std::stoi(input["port"].get<std::string>())}, {"token", token}});
    CallOptions given;
    given.timeout = timeout;
    return instance->invoke("stream", input, given);
  }

  ScriptedServer* self = nullptr;
  std::shared_ptr<Instance> instance;
};

TEST_F(NetworkTest, RequestArrivesWithItsSecretAndTheAnswerComesBack) {
  ScriptedServer server(answering(response("201 Created\r\nX-Thing: a", "fine"), self));
  self = &server;
  allow();
  const auto outcome = http(
      {{"url", server.url("/a?b=c")}, {"method", "POST"}, {"body", "hello"}, {"header", "Authorization"}});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["status"], 201);
  EXPECT_EQ(outcome.value["body"], "fine");
  EXPECT_EQ(outcome.value["headers"]["x-thing"], "a");
  EXPECT_THAT(
      server.received(),
      AllOf(HasSubstr("POST /a?b=c HTTP/1.1\r\n"), HasSubstr("Authorization: Bearer very-secret-token\r\n"),
            HasSubstr("Content-Length: 5\r\n"), HasSubstr("\r\n\r\nhello"),
            HasSubstr("Host: 127.0.0.1:" + std::to_string(server.port()) + "\r\n")));
  const auto calls = instance->outbound();
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].path, "/a");
  EXPECT_EQ(calls[0].status, 201);
  EXPECT_EQ(calls[0].method, "POST");
}

TEST_F(NetworkTest, EncodersWriteWhatTheirRfcsSay) {
  ScriptedServer server(answering(response("200 OK", ""), self));
  self = &server;
  allow();
  http({{"url", server.url()}, {"header", "Authorization"}, {"encoder", "basic"}});
  http({{"url", server.url()}, {"header", "X-Raw"}, {"encoder", "raw"}});
  http({{"url", server.url()}, {"header", "X-Base64"}, {"encoder", "base64"}});
  EXPECT_THAT(server.received(), AllOf(HasSubstr("Authorization: Basic bWU6dmVyeS1zZWNyZXQtdG9rZW4=\r\n"),
                                       HasSubstr("X-Raw: very-secret-token\r\n"),
                                       HasSubstr("X-Base64: dmVyeS1zZWNyZXQtdG9rZW4=\r\n")));
  EXPECT_EQ(http({{"url", server.url()}, {"header", "X"}, {"encoder", "rot13"}}).status,
            DISPATCH_ERR_UNSUPPORTED);
}

TEST_F(NetworkTest, DestinationThatIsNotGrantedIsDenied) {
  ScriptedServer server(answering(response("200 OK", ""), self));
  allow();
  instance = started({{"url", "https://api.example/"}});
  const auto outcome = http({{"url", server.url()}});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_DENIED);
  EXPECT_THAT(outcome.message,
              AllOf(HasSubstr("is not a destination of this plugin"), HasSubstr("https://api.example:443")));
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(NetworkTest, PrivateAddressWithoutAnAllowanceIsDeniedWithTheLineToAdd) {
  ScriptedServer server(answering(response("200 OK", ""), self));
  const auto outcome = http({{"url", server.url()}});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_DENIED);
  EXPECT_THAT(outcome.message,
              HasSubstr("- {plugin: probe, host: 127.0.0.1, port: " + std::to_string(server.port()) + "}"));
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(NetworkTest, EveryWayToWriteLoopbackIsLoopback) {
  ScriptedServer server(answering(response("200 OK", ""), self));
  const auto port = std::to_string(server.port());
  for (const auto* host : {"localhost", "2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]", "[::1]",
                           "0.0.0.0", "0", "[::]"}) {
    instance.reset();
    const auto outcome = http({{"url", "http://" + std::string(host) + ":" + port + "/"}});
    EXPECT_FALSE(outcome.ok()) << host;
    EXPECT_TRUE(outcome.status == DISPATCH_ERR_DENIED || outcome.status == DISPATCH_ERR_UNAVAILABLE)
        << host << outcome.message;
  }
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(NetworkTest, NameThatResolvesToLoopbackIsDeniedUntilAllowedByThatName) {
  ScriptedServer server(answering(response("200 OK", "fine"), self));
  const Json input{{"url", "http://localhost:" + std::to_string(server.port()) + "/"}};
  const auto denied = http(input);
  EXPECT_EQ(denied.status, DISPATCH_ERR_DENIED) << denied.message;
  EXPECT_THAT(denied.message, HasSubstr("on this machine"));
  allow("localhost");
  instance.reset();
  catalog();
  EXPECT_TRUE(http(input).ok());
}

TEST_F(NetworkTest, RedirectToAnotherPlaceIsCheckedAgain) {
  ScriptedServer* none = nullptr;
  ScriptedServer inner(answering(response("200 OK", "inside"), none));
  ScriptedServer outer(answering(response("302 Found\r\nLocation: " + inner.url("/secret"), ""), none));
  allow();
  const auto outcome = http({{"url", outer.url()}, {"redirects", "3"}, {"header", "Authorization"}});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_DENIED);
  EXPECT_EQ(inner.connections(), 0);
}

TEST_F(NetworkTest, RedirectWithinTheGrantIsFollowedAndLoopsEnd) {
  std::atomic<int> count{0};
  ScriptedServer server([&](StreamSocket& socket) {
    const auto request = readUntil(socket, "\r\n\r\n");
    ++count;
    sendText(socket, request.starts_with("GET /end ")    ? response("200 OK", "there")
                     : request.starts_with("GET /loop ") ? response("302 Found\r\nLocation: /loop", "")
                                                         : response("302 Found\r\nLocation: /end", ""));
  });
  allow();
  EXPECT_EQ(http({{"url", server.url("/start")}, {"redirects", "3"}}).value["body"], "there");
  EXPECT_EQ(http({{"url", server.url("/start")}}).value["status"], 302) << "not followed unless asked for";
  count = 0;
  EXPECT_EQ(http({{"url", server.url("/loop")}, {"redirects", "3"}}).status, DISPATCH_ERR_LIMIT);
  EXPECT_EQ(count, 4);
}

TEST_F(NetworkTest, SecretsThatTheServerEchoesAreBlottedOut) {
  ScriptedServer server(answering(response("200 OK\r\nX-Echo: Bearer very-secret-token",
                                           "raw very-secret-token base64 dmVyeS1zZWNyZXQtdG9rZW4= basic "
                                           "bWU6dmVyeS1zZWNyZXQtdG9rZW4= end"),
                                  self));
  allow();
  const auto outcome = http({{"url", server.url()}, {"header", "Authorization"}, {"encoder", "basic"}});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["headers"]["x-echo"], "Bearer [secret]");
  EXPECT_EQ(outcome.value["body"], "raw [secret] base64 [secret] basic [secret] end");
}

TEST_F(NetworkTest, SecretsInAServersErrorAreBlottedOut) {
  ScriptedServer server([](StreamSocket& socket) {
    readUntil(socket, "\r\n\r\n");
    sendText(socket, "HTTP/1.1 very-secret-token\r\n\r\n");
  });
  allow();
  const testing::LogCapture log;
  const auto outcome = http({{"url", server.url()}, {"header", "Authorization"}});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNCERTAIN);
  EXPECT_THAT(outcome.message, AllOf(HasSubstr("[secret]"), Not(HasSubstr(token))));
  EXPECT_THAT(instance->outbound()[0].error, Not(HasSubstr(token)));
  EXPECT_THAT(instance->statistics().lastError, Not(HasSubstr(token)));
  EXPECT_THAT(log.text(), Not(HasSubstr(token)));
}

TEST_F(NetworkTest, HeadersCannotBeSmuggledIn) {
  ScriptedServer server(answering(response("200 OK", ""), self));
  allow();
  instance = started({{"url", server.url()}, {"token", "a\r\nX-Injected: yes"}});
  EXPECT_EQ(http({{"url", server.url()}, {"header", "X"}, {"encoder", "raw"}}).status, DISPATCH_ERR_INVALID);
  EXPECT_EQ(http({{"url", server.url()}, {"header", "Content-Length"}}).status, DISPATCH_ERR_INVALID);
  EXPECT_EQ(http({{"url", server.url()}, {"header", "X Y"}}).status, DISPATCH_ERR_INVALID);
  EXPECT_EQ(http({{"url", server.url()}, {"method", "GET / HTTP/1.1"}}).status, DISPATCH_ERR_INVALID);
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(NetworkTest, NobodyListeningIsUnavailable) {
  int port = 0;
  { port = ScriptedServer(answering("", self)).port(); }
  allow();
  const auto outcome = http({{"url", "http://127.0.0.1:" + std::to_string(port) + "/"}, {"method", "POST"}});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_THAT(outcome.message, HasSubstr("connection refused"));
}

TEST_F(NetworkTest, AnswerThatNeverComesIsUncertainOrTimeout) {
  ScriptedServer cut([](StreamSocket& socket) { readUntil(socket, "\r\n\r\n"); });
  allow();
  EXPECT_EQ(http({{"url", cut.url()}, {"method", "POST"}}).status, DISPATCH_ERR_UNCERTAIN);
  instance.reset();
  ScriptedServer hangs([&hangs](StreamSocket& socket) {
    readUntil(socket, "\r\n\r\n");
    while (!hangs.ending()) std::this_thread::sleep_for(5ms);
  });
  const auto start = std::chrono::steady_clock::now();
  const auto outcome = http({{"url", hangs.url()}, {"method", "POST"}}, 200ms);
  EXPECT_EQ(outcome.status, DISPATCH_ERR_TIMEOUT) << outcome.message;
  EXPECT_TRUE(outcome.uncertain());
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1500ms);
}

TEST_F(NetworkTest, ServerThatDripsCannotStretchTheDeadline) {
  ScriptedServer server([&server](StreamSocket& socket) {
    readUntil(socket, "\r\n\r\n");
    sendText(socket, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    while (!server.ending()) {
      sendText(socket, "x");
      std::this_thread::sleep_for(20ms);
    }
  });
  allow();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(http({{"url", server.url()}}, 300ms).status, DISPATCH_ERR_TIMEOUT);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1500ms);
}

TEST_F(NetworkTest, CancellationEndsTheWaitForAnAnswer) {
  ScriptedServer server([&server](StreamSocket& socket) {
    readUntil(socket, "\r\n\r\n");
    while (!server.ending()) std::this_thread::sleep_for(5ms);
  });
  allow();
  instance = started({{"url", server.url()}});
  CallOptions given;
  given.cancellation = std::make_shared<Cancellation>();
  const auto start = std::chrono::steady_clock::now();
  auto call = std::async(std::launch::async, [&] {
    return instance->invoke("http", {{"url", server.url()}}, given);
  });
  std::this_thread::sleep_for(100ms);
  given.cancellation->cancel();
  EXPECT_EQ(call.get().status, DISPATCH_ERR_CANCELLED);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1500ms);
}

TEST_F(NetworkTest, TooLargeAnAnswerIsALimit) {
  ScriptedServer server(answering(response("200 OK", std::string(5000, 'x')), self));
  allow();
  EXPECT_EQ(http({{"url", server.url()}, {"max", "4999"}}).status, DISPATCH_ERR_LIMIT);
  EXPECT_TRUE(http({{"url", server.url()}, {"max", "5000"}}).ok());
}

TEST_F(NetworkTest, ChunksInterimAnswersAndEndByCloseAreUnderstood) {
  ScriptedServer server([](StreamSocket& socket) {
    const auto request = readUntil(socket, "\r\n\r\n");
    if (request.starts_with("GET /chunks"))
      sendText(socket,
               "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
               "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n");
    else if (request.starts_with("GET /close"))
      sendText(socket, "HTTP/1.0 200 OK\r\n\r\nuntil the end");
    else if (request.starts_with("HEAD"))
      sendText(socket, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    else
      sendText(socket, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort");
  });
  allow();
  EXPECT_EQ(http({{"url", server.url("/chunks")}}).value["body"], "abc0123456789");
  EXPECT_EQ(http({{"url", server.url("/close")}}).value["body"], "until the end");
  EXPECT_EQ(http({{"url", server.url()}, {"method", "HEAD"}}).value["status"], 200);
  EXPECT_EQ(http({{"url", server.url("/short")}}).status, DISPATCH_ERR_UNCERTAIN);
}

TEST_F(NetworkTest, BodyGoesInPiecesWithOrWithoutADeclaredSize) {
  ScriptedServer server([&](StreamSocket& socket) {
    const auto head = readUntil(socket, "\r\n\r\n");
    const bool chunked = head.find("Transfer-Encoding: chunked") != std::string::npos;
    server.record(head + readUntil(socket, chunked ? "\r\n0\r\n\r\n" : "piece;piece;"));
    sendText(socket, "HTTP/1.1 200 OK\r\nContent-Length: 33\r\n\r\nbefore very-secr");
    std::this_thread::sleep_for(50ms);
    sendText(socket, "et-token after..");
  });
  allow();
  instance = started({{"url", server.url()}, {"token", token}});
  const auto chunked = instance->invoke("http_pieces", {{"url", server.url()}, {"pieces", "2"}});
  EXPECT_EQ(chunked.status, DISPATCH_ERR_UNCERTAIN) << "one byte short of its length";
  EXPECT_THAT(server.received(), HasSubstr("\r\n\r\n6\r\npiece;\r\n6\r\npiece;\r\n0\r\n\r\n"));
  EXPECT_EQ(instance->invoke("http_pieces", {{"url", server.url()}, {"pieces", "1"}, {"size", "12"}}).status,
            DISPATCH_ERR_INVALID)
      << "a body shorter than declared";
}

TEST_F(NetworkTest, AnswerInPiecesIsWholeAndBlotted) {
  ScriptedServer server([](StreamSocket& socket) {
    readUntil(socket, "piece;piece;");
    sendText(socket, "HTTP/1.1 200 OK\r\nContent-Length: 32\r\n\r\nbefore very-secr");
    std::this_thread::sleep_for(50ms);
    sendText(socket, "et-token after..");
  });
  allow();
  instance = started({{"url", server.url()}, {"token", token}});
  const auto outcome =
      instance->invoke("http_pieces", {{"url", server.url()}, {"pieces", "2"}, {"size", "12"}});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["taken"], "before [secret] after..");
}

TEST_F(NetworkTest, AmbiguousFramingIsRefused) {
  ScriptedServer server([](StreamSocket& socket) {
    const auto request = readUntil(socket, "\r\n\r\n");
    sendText(socket,
             request.starts_with("GET /both")
                 ? "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
             : request.starts_with("GET /two")
                 ? "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"
             : request.starts_with("GET /chunk")
                 ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"
                 : "SSH-2.0-OpenSSH_9.2\r\n");
  });
  allow();
  for (const auto* path : {"/both", "/two", "/chunk", "/ssh"}) {
    const auto outcome = http({{"url", server.url(path)}});
    EXPECT_EQ(outcome.status, DISPATCH_ERR_UNCERTAIN) << path;
    EXPECT_THAT(outcome.message, HasSubstr("no HTTP/1.1")) << path;
  }
}

TEST_F(NetworkTest, RetryAfterArrivesInMilliseconds) {
  ScriptedServer server(answering(response("429 Too Many Requests\r\nRetry-After: 7", ""), self));
  allow();
  EXPECT_EQ(http({{"url", server.url()}}).value["retry"], 7000);
}

TEST(RetryAfter, SecondsDatesAndRubbish) {
  EXPECT_EQ(retryAfterMs("120", 0), 120000u);
  EXPECT_EQ(retryAfterMs("Sun, 06 Nov 1994 08:49:37 GMT", 784111777 - 30), 30000u);
  EXPECT_EQ(retryAfterMs("Sun, 06 Nov 1994 08:49:37 GMT", 784111777 + 30), 0u);
  EXPECT_EQ(retryAfterMs("-5", 0), 0u);
  EXPECT_EQ(retryAfterMs("soon", 0), 0u);
  EXPECT_EQ(retryAfterMs("99999999", 0), 86400000u) << "a day is the most";
}

TEST_F(NetworkTest, TlsVerifiesTheCertificate) {
  const testing::TestCertificate certificate(directory.path(), {"localhost", "127.0.0.1"});
  ScriptedServer server(answering(response("200 OK", "secure"), self), certificate.serverContext());
  const auto url = "https://localhost:" + std::to_string(server.port()) + "/";
  allow("localhost");
  const auto untrusted = http({{"url", url}});
  EXPECT_EQ(untrusted.status, DISPATCH_ERR_DENIED) << untrusted.message;
  EXPECT_THAT(untrusted.message, HasSubstr("ca_file"));

  options.allowances.clear();
  allow("localhost", false, certificate.certificateFile);
  instance.reset();
  catalog();
  const auto trusted = http({{"url", url}});
  ASSERT_TRUE(trusted.ok()) << trusted.message;
  EXPECT_EQ(trusted.value["body"], "secure");
}

TEST_F(NetworkTest, TlsRefusesACertificateForAnotherName) {
  const testing::TestCertificate certificate(directory.path(), {"mail.example"});
  ScriptedServer server(answering(response("200 OK", "secure"), self), certificate.serverContext());
  const Json input{{"url", "https://localhost:" + std::to_string(server.port()) + "/"}};
  allow("localhost", false, certificate.certificateFile);
  EXPECT_EQ(http(input).status, DISPATCH_ERR_DENIED);
  options.allowances.clear();
  allow("localhost", true);
  instance.reset();
  catalog();
  EXPECT_TRUE(http(input).ok()) << "the operator said that any will do";
}

TEST_F(NetworkTest, ServerThatDoesNotSpeakTlsIsUnavailable) {
  ScriptedServer server([](StreamSocket& socket) { sendText(socket, "220 mail.example ESMTP\r\n"); });
  allow("localhost");
  EXPECT_EQ(http({{"url", "https://localhost:" + std::to_string(server.port()) + "/"}}).status,
            DISPATCH_ERR_UNAVAILABLE);
}

ScriptedServer::Script startTls(const testing::TestCertificate& certificate, const std::string& injected,
                                ScriptedServer*& self) {
  return [&certificate, injected, &self](StreamSocket& socket) {
    readUntil(socket, "\r\n");
    sendText(socket, "220" + injected);
    if (!injected.empty()) {
      char c = 0;
      socket.receiveBytes(&c, 1);
      return;
    }
    auto secure = Poco::Net::SecureStreamSocket::attach(socket, certificate.serverContext());
    char buffer[256];
    const int count = secure.receiveBytes(buffer, sizeof buffer);
    if (self != nullptr) self->record(std::string(buffer, static_cast<std::size_t>(std::max(count, 0))));
    sendText(secure, "235 welcome");
  };
}

TEST_F(NetworkTest, StreamTurnsIntoTlsAndCarriesTheSecret) {
  const testing::TestCertificate certificate(directory.path(), {"localhost"});
  ScriptedServer server(startTls(certificate, "", self));
  self = &server;
  allow("localhost", false, certificate.certificateFile);
  const auto outcome = stream({{"host", "localhost"},
                               {"port", std::to_string(server.port())},
                               {"before", "STARTTLS"},
                               {"after", "AUTH PLAIN "}});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["read"], "235 welcome");
  // NUL me NUL very-secret-token, RFC 4616
  EXPECT_EQ(server.received(), "AUTH PLAIN AG1lAHZlcnktc2VjcmV0LXRva2Vu");
}

TEST_F(NetworkTest, BytesBeforeStartTlsAreAnInjection) {
  const testing::TestCertificate certificate(directory.path(), {"localhost"});
  ScriptedServer server(startTls(certificate, " ready\r\n250 AUTH PLAIN\r\n", self));
  allow("localhost", false, certificate.certificateFile);
  const auto outcome = stream({{"host", "localhost"},
                               {"port", std::to_string(server.port())},
                               {"before", "STARTTLS"},
                               {"after", "AUTH PLAIN "}});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID);
  EXPECT_THAT(outcome.message, HasSubstr("RFC 3207"));
}

TEST_F(NetworkTest, AnyCertificateNeedsTheOperatorToo) {
  const testing::TestCertificate certificate(directory.path(), {"mail.example"});
  ScriptedServer server([](StreamSocket& socket) { sendText(socket, "hello"); }, certificate.serverContext());
  const Json input{
      {"host", "localhost"}, {"port", std::to_string(server.port())}, {"tls", "1"}, {"untrusted", "1"}};
  allow("localhost");
  const auto denied = stream(input);
  EXPECT_EQ(denied.status, DISPATCH_ERR_DENIED);
  EXPECT_THAT(denied.message, HasSubstr("untrusted_tls: true"));
  options.allowances.clear();
  allow("localhost", true);
  instance.reset();
  catalog();
  EXPECT_EQ(stream(input).value["read"], "hello");
  instance.reset();
  EXPECT_EQ(stream({{"host", "localhost"}, {"port", std::to_string(server.port())}, {"tls", "1"}}).status,
            DISPATCH_ERR_DENIED)
      << "allowed is not asked for";
}

TEST_F(NetworkTest, StreamLeftOpenIsClosedWithItsInstance) {
  std::atomic<bool> closed{false};
  ScriptedServer server([&](StreamSocket& socket) {
    sendText(socket, "hello");
    char c = 0;
    closed = socket.receiveBytes(&c, 1) == 0;
  });
  allow();
  EXPECT_TRUE(stream({{"host", "127.0.0.1"}, {"port", std::to_string(server.port())}, {"leave", "1"}}).ok());
  EXPECT_FALSE(closed);
  instance.reset();
  for (int i = 0; i < 100 && !closed; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_TRUE(closed);
}

TEST_F(NetworkTest, StreamToAnotherPortIsDenied) {
  ScriptedServer server([](StreamSocket& socket) { sendText(socket, "hello"); });
  allow();
  instance = started({{"host", "127.0.0.1"}, {"port", 25}});
  EXPECT_EQ(stream({{"host", "127.0.0.1"}, {"port", std::to_string(server.port())}}).status,
            DISPATCH_ERR_DENIED);
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(NetworkTest, PeerThatIsGoneIsNoSignalToTheHost) {
  const testing::TestCertificate certificate(directory.path(), {"localhost"});
  ScriptedServer server([](StreamSocket& socket) { socket.setLinger(true, 0); }, certificate.serverContext());
  allow("localhost", true);
  instance = started({{"url", "https://localhost:" + std::to_string(server.port()) + "/"}});
  for (int i = 0; i < 5; ++i)
    EXPECT_FALSE(http({{"url", "https://localhost:" + std::to_string(server.port()) + "/"},
                       {"method", "POST"},
                       {"body", "x"}})
                     .ok());
}

}  // namespace
}  // namespace dispatch::plugin
