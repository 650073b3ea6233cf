#include "http/testing.hpp"

#include "base/base.hpp"

#include <Poco/AutoPtr.h>
#include <Poco/Channel.h>
#include <Poco/Logger.h>
#include <Poco/Message.h>
#include <netinet/tcp.h>

#include <atomic>
#include <fstream>
#include <latch>
#include <mutex>
#include <semaphore>

namespace dispatch::http {
namespace {

using namespace testing;
using namespace std::chrono_literals;

TEST(Server, KeepsConnectionsAlive) {
  TestServer server;
  Client client(server.port());
  for (int i = 0; i < 50; ++i) {
    client.get("/" + std::to_string(i));
    const Answer answer = client.read();
    ASSERT_EQ(answer.status, 200);
    ASSERT_EQ(answer.body, "GET /" + std::to_string(i) + "|");
    ASSERT_TRUE(answer.fields.contains("date"));
  }
  EXPECT_EQ(server.server.metrics().accepted, 1u);
  EXPECT_EQ(server.server.metrics().requests, 50u);
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
  TestServer server;
  Client client(server.port());
  std::string all;
  for (int i = 0; i < 200; ++i)
    all += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
  client.send(all);
  for (int i = 0; i < 200; ++i) ASSERT_EQ(client.read().body, "POST /" + std::to_string(i) + "|abc");
}

TEST(Server, TakesRequestsByteByByte) {
  TestServer server;
  Client client(server.port());
  for (const char c : std::string(
           "POST /slow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))
    ASSERT_TRUE(client.send({&c, 1}));
  EXPECT_EQ(client.read().body, "POST /slow|abc");
}

TEST(Server, AnswersHeadWithoutBody) {
  TestServer server(testOptions(), [](Request&, Response& response) { answer(response, "twelve bytes"); });
  Client client(server.port());
  client.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.read(true).field("content-length"), "12");
  EXPECT_EQ(client.read().body, "twelve bytes");
}

TEST(Server, ClosesWhenAskedAndSpeaksHttp10) {
  TestServer server;
  Client asked(server.port());
  asked.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(asked.read().field("connection"), "close");
  EXPECT_TRUE(asked.closed());
  Client old(server.port());
  old.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(old.read().status, 200);
  EXPECT_TRUE(old.closed());
  Client kept(server.port());
  kept.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(kept.read().field("connection"), "keep-alive");
  kept.send("GET /2 HTTP/1.0\r\n\r\n");
  EXPECT_EQ(kept.read().body, "GET /2|");
}

TEST(Server, FramesWhatHandlersStream) {
  TestServer server(testOptions(), [](Request& request, Response& response) {
    if (request.getURI() == "/length") {
      response.send() << "abc" << 123;
    } else if (request.getURI() == "/flush") {
      response.send() << "abc" << std::flush << "def";
    } else if (request.getURI() == "/empty") {
      response.send();
    } else if (request.getURI() == "/none") {
      response.setStatus(Poco::Net::HTTPResponse::HTTP_NO_CONTENT);
      response.send();
    } else {
      auto& out = response.send();
      for (int i = 0; i < 3'000; ++i) out << std::string(1'000, static_cast<char>('a' + i % 26));
    }
  });
  Client client(server.port());
  client.get("/length");
  Answer answer = client.read();
  EXPECT_EQ(answer.field("content-length"), "6");
  EXPECT_EQ(answer.body, "abc123");
  client.get("/flush");
  answer = client.read();
  EXPECT_EQ(answer.field("transfer-encoding"), "chunked");
  EXPECT_EQ(answer.body, "abcdef");
  client.get("/empty");
  EXPECT_EQ(client.read().field("content-length"), "0");
  client.get("/none");
  answer = client.read();
  EXPECT_EQ(answer.status, 204);
  EXPECT_FALSE(answer.fields.contains("content-length"));
  client.get("/big");
  answer = client.read();
  EXPECT_EQ(answer.field("transfer-encoding"), "chunked");
  EXPECT_EQ(answer.body.size(), 3'000'000u);
  EXPECT_EQ(answer.body[2'999'999], static_cast<char>('a' + 2'999 % 26));
  client.send("GET /big HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.read().body.size(), 3'000'000u);
}

TEST(Server, SendsFiles) {
  const std::string path = ::testing::TempDir() + "dispatch-http-file";
  std::ofstream(path) << std::string(2'500'000, 'f');
  TestServer server(testOptions(),
                    [&](Request&, Response& response) { response.sendFile(path, "text/plain"); });
  Client client(server.port());
  for (int i = 0; i < 2; ++i) {
    client.get("/");
    const Answer answer = client.read();
    EXPECT_EQ(answer.field("content-length"), "2500000");
    EXPECT_EQ(answer.body, std::string(2'500'000, 'f'));
  }
  ::unlink(path.c_str());
}

TEST(Server, WritesNoFieldsAValueHasSmuggledIn) {
  TestServer server(testOptions(), [](Request&, Response& response) {
    response.set("X-Note", "a\r\nSet-Cookie: evil=1");
    answer(response, "");
  });
  Client client(server.port());
  client.get("/");
  const Answer answer = client.read();
  EXPECT_FALSE(answer.fields.contains("set-cookie"));
  EXPECT_EQ(answer.field("x-note"), "a  Set-Cookie: evil=1");
}

TEST(Server, AnswersFailedHandlersInTheEnvelope) {
  TestServer server(testOptions(), [](Request& request, Response& response) {
    if (request.getURI() == "/late") response.send() << "half an answer";
    if (request.getURI() == "/problem")
      throw Problem(Problem::Kind::conflict, "the name is taken", {"body", "name"}).withType("exists");
    throw std::runtime_error("the secret reason");
  });
  Client client(server.port());
  for (const char* path : {"/early", "/late"}) {
    client.get(path);
    const Answer answer = client.read();
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.body.find("secret"), std::string::npos);
    EXPECT_FALSE(Json::parse(answer.body)["detail"][0]["msg"].get<std::string>().empty());
  }
  client.get("/problem");
  const Answer answer = client.read();
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(Json::parse(answer.body)["detail"][0]["loc"][1], "name");
  client.get("/nothing");
  EXPECT_EQ(client.read().status, 404);
  EXPECT_EQ(server.server.metrics().handlerFailures, 2u);
}

/// What is logged while it lives.
class Lines : public Poco::Channel {
 public:
  void log(const Poco::Message& message) override {
    const std::lock_guard lock(_mutex);
    _text += message.getText() + '\n';
  }
  std::string text() const {
    const std::lock_guard lock(_mutex);
    return _text;
  }

 private:
  mutable std::mutex _mutex;
  std::string _text;
};

TEST(Server, LogsAFailureUnderThePathThatMayBeShown) {
  auto& logger = Poco::Logger::get("dispatch.http");
  const Poco::AutoPtr<Poco::Channel> before(logger.getChannel(), true);
  const Poco::AutoPtr<Lines> lines(new Lines);
  logger.setChannel(lines);
  {
    auto options = testOptions();
    options.loggable = [](std::string_view path) { return std::string(path.substr(0, 8)) + "…"; };
    TestServer server(options, [](Request&, Response&) { throw std::runtime_error("broken"); });
    Client client(server.port());
    client.get("/events/secret-token");
    EXPECT_EQ(client.read().status, 500);
  }
  logger.setChannel(before);
  EXPECT_NE(lines->text().find(" /events/… failed: "), std::string::npos) << lines->text();
  EXPECT_EQ(lines->text().find("secret-token"), std::string::npos);
}

TEST(Server, CutsAnAnswerWhoseHandlerFailedOnTheWay) {
  TestServer server(testOptions(), [](Request&, Response& response) {
    response.send() << "half" << std::flush;
    throw std::runtime_error("broken");
  });
  Client client(server.port());
  client.get("/");
  EXPECT_EQ(client.read().status, 0) << "a complete answer must not be seen";
  EXPECT_TRUE(client.closed());
}

TEST(Server, AnswersAClientThatHasShutDownItsSide) {
  TestServer server(testOptions(), [](Request& request, Response& response) {
    std::this_thread::sleep_for(50ms);
    echo(request, response);
  });
  Client client(server.port());
  client.send("POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nabGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  client.shutdownWrite();
  EXPECT_EQ(client.read().body, "POST /1|ab");
  EXPECT_EQ(client.read().body, "GET /2|");
  EXPECT_TRUE(client.closed(1000));
}

TEST(Server, SurvivesClientsThatDisappear) {
  std::atomic<int> handled{0};
  TestServer server(testOptions(), [&](Request&, Response& response) {
    std::this_thread::sleep_for(10ms);
    auto& out = response.send();
    for (int i = 0; i < 4'000; ++i) out << std::string(1'000, 'x');
    ++handled;
  });
  for (int i = 0; i < 8; ++i) {
    Client client(server.port());
    client.get("/");
    if (i % 2) client.read(true);
    client.reset();
  }
  EXPECT_TRUE(eventually([&] { return handled == 8 && server.server.metrics().connections == 0; }));
}

TEST(Server, RunsSlowHandlersSideBySide) {
  std::latch all(4);
  TestServer server(testOptions(), [&](Request& request, Response& response) {
    all.arrive_and_wait();  // returns only when four handlers run at once
    echo(request, response);
  });
  std::vector<Client> clients;
  for (int i = 0; i < 4; ++i) clients.emplace_back(server.port()).get("/");
  for (Client& client : clients) EXPECT_EQ(client.read().status, 200);
}

TEST(Server, RefusesWhatItCannotQueue) {
  std::counting_semaphore<> go(0);
  Options options = testOptions();
  options.workers = 1;
  options.maxQueued = 2;
  TestServer server(std::move(options), [&](Request& request, Response& response) {
    go.acquire();
    echo(request, response);
  });
  std::vector<Client> clients;
  for (int i = 0; i < 6; ++i) {
    clients.emplace_back(server.port()).get("/");
    if (i == 0) {
      ASSERT_TRUE(eventually([&] { return server.server.metrics().busy == 1; }));
    }
  }
  ASSERT_TRUE(eventually([&] { return server.server.metrics().overloaded == 3; }));
  go.release(6);
  int good = 0, refused = 0;
  for (Client& client : clients) {
    const int status = client.read().status;
    good += status == 200;
    refused += status == 503;
  }
  EXPECT_EQ(good, 3);
  EXPECT_EQ(refused, 3);
}

TEST(Server, ShutdownFinishesWhatIsInFlight) {
  std::binary_semaphore inside(0);
  auto server = std::make_unique<TestServer>(testOptions(), [&](Request& request, Response& response) {
    inside.release();
    std::this_thread::sleep_for(200ms);
    echo(request, response);
  });
  Client idle(server->port()), busy(server->port());
  idle.get("/idle");
  ASSERT_EQ(idle.read().status, 200);
  inside.acquire();
  const auto port = server->port();
  busy.get("/busy");
  inside.acquire();
  std::thread stopper([&] { server->server.stop(); });
  EXPECT_TRUE(idle.closed(1000));
  const Answer answer = busy.read();
  EXPECT_EQ(answer.body, "GET /busy|");
  EXPECT_EQ(answer.field("connection"), "close");
  stopper.join();
  EXPECT_EQ(server->server.metrics().connections, 0u);
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_NE(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0)
      << "nobody must listen any more";
  ::close(fd);
}

TEST(Server, ShutdownCutsWhatTakesTooLong) {
  Options options = testOptions();
  options.drainLimit = 200ms;
  auto server = std::make_unique<TestServer>(std::move(options));
  Client half(server->port()), upload(server->port());
  half.send("GET / HTTP/1.1\r\nHos");
  upload.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc");
  ASSERT_TRUE(eventually([&] { return server->server.metrics().busy == 1; }));
  const auto start = std::chrono::steady_clock::now();
  server->server.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1500ms);
  EXPECT_TRUE(half.closed(500));
  server.reset();
  EXPECT_TRUE(upload.closed(500));
}

TEST(Server, NamesTheAddressItCannotListenOn) {
  TestServer first;
  Options options = testOptions();
  options.addresses = {"127.0.0.1:0", "127.0.0.1:" + std::to_string(first.port())};
  Server second(options, new FunctionFactory(echo));
  try {
    second.start();
    FAIL() << "two servers on one port";
  } catch (const Problem& problem) {
    EXPECT_EQ(problem.kind(), Problem::Kind::conflict);
    EXPECT_NE(std::string(problem.what()).find(std::to_string(first.port())), std::string::npos);
  }
  options.addresses = {"nonsense"};
  EXPECT_THROW(Server(options, new FunctionFactory(echo)), Problem);
  options.addresses = {"192.0.2.1:0"};
  Server third(options, new FunctionFactory(echo));
  EXPECT_THROW(third.start(), Problem);
}

TEST(Server, ReportsEachExchange) {
  std::mutex mutex;
  std::vector<std::string> seen;
  Options options = testOptions();
  options.onAccess = [&](const Access& access) {
    std::lock_guard lock(mutex);
    seen.push_back(std::string(access.method) + " " + std::string(access.target) + " " +
                   std::to_string(access.status) + " " + std::to_string(access.requestBytes) + " " +
                   std::to_string(access.responseBytes) + " " + std::string(access.client));
  };
  TestServer server(std::move(options));
  Client client(server.port());
  client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab");
  client.read();
  client.send("nonsense\r\n\r\n");
  client.read();
  std::lock_guard lock(mutex);
  EXPECT_EQ(seen, (std::vector<std::string>{"POST /a 200 2 10 127.0.0.1", "  400 0 0 127.0.0.1"}));
}

TEST(Server, OutlivesAnAccessLogThatThrows) {
  Options options = testOptions();
  options.onAccess = [](const Access&) { throw std::runtime_error("disk full"); };
  TestServer server(std::move(options));
  Client client(server.port()), bad(server.port());
  client.get("/");
  EXPECT_EQ(client.read().status, 200);
  bad.send("nonsense\r\n\r\n");
  EXPECT_EQ(bad.read().status, 400);
}

}  // namespace
}  // namespace dispatch::http
