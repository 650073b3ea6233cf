#include "http/testing.hpp"

#include "base/base.hpp"

#include <atomic>
#include <semaphore>

namespace dispatch::http {
namespace {

using namespace testing;
using namespace std::chrono_literals;

std::string message(const Answer& answer) {
  const Json body = Json::parse(answer.body, nullptr, false);
  return body.is_object() ? body["detail"][0]["msg"].get<std::string>() : "no envelope: " + answer.body;
}

TEST(Limits, SixtySlowHeadsHoldNobodyBack) {
  Options options = testOptions();
  options.workers = 2;
  TestServer server(std::move(options));
  std::vector<Client> slow;
  for (int i = 0; i < 60; ++i) slow.emplace_back(server.port()).send("GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ");
  Client quick(server.port());
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) {
    for (Client& client : slow) client.send("a");
    quick.get("/");
    ASSERT_EQ(quick.read().status, 200);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, 3s);
  EXPECT_TRUE(eventually([&] { return server.server.metrics().busy == 0; }));
}

TEST(Limits, SlowSmallBodiesHoldNoWorker) {
  Options options = testOptions();
  options.workers = 1;
  TestServer server(std::move(options));
  std::vector<Client> slow;
  for (int i = 0; i < 20; ++i)
    slow.emplace_back(server.port()).send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc");
  Client quick(server.port());
  quick.get("/");
  EXPECT_EQ(quick.read(false, 1000).status, 200);
  slow[7].send(std::string(997, 'd'));
  EXPECT_EQ(slow[7].read().body.size(), 7u + 1000u);
}

TEST(Limits, UploadsTakeOnlyTheirShareOfWorkers) {
  Options options = testOptions();
  options.workers = 3;
  options.maxUploads = 2;
  TestServer server(std::move(options));
  std::vector<Client> uploads;
  for (int i = 0; i < 6; ++i)
    uploads.emplace_back(server.port())
        .send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\nabc");
  ASSERT_TRUE(eventually([&] { return server.server.metrics().busy == 2; }));
  Client quick(server.port());
  quick.get("/");
  EXPECT_EQ(quick.read(false, 1000).status, 200);
  for (Client& upload : uploads) upload.send(std::string(199'997, 'd'));
  for (Client& upload : uploads) EXPECT_EQ(upload.read().body.size(), 7u + 200'000u);
}

TEST(Limits, HeadsThatDoNotComeAreAnswered408) {
  Options options = testOptions();
  options.headLimit = 300ms;
  TestServer server(std::move(options));
  Client half(server.port()), silent(server.port());
  half.send("GET / HTTP/1.1\r\n");
  const Answer answer = half.read();
  EXPECT_EQ(answer.status, 408);
  EXPECT_NE(message(answer).find("300"), std::string::npos);
  EXPECT_TRUE(silent.closed(2000));
  EXPECT_TRUE(silent.buffered().empty());
}

TEST(Limits, IdleConnectionsAreClosed) {
  Options options = testOptions();
  options.idleLimit = 300ms;
  TestServer server(std::move(options));
  Client client(server.port());
  client.get("/");
  EXPECT_EQ(client.read().status, 200);
  EXPECT_TRUE(client.closed(2000));
}

TEST(Limits, SlowBodiesAreAnswered408SmallOrLarge) {
  for (const char* length : {"1000", "1000000"}) {
    Options options = testOptions();
    options.paceGrace = 300ms;
    TestServer server(std::move(options));
    Client client(server.port());
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::string(length) + "\r\n\r\nabc");
    EXPECT_EQ(client.read().status, 408) << length;
    EXPECT_TRUE(client.closed(3000));
  }
}

TEST(Limits, HeadsTooLargeAreAnswered431) {
  TestServer server;
  Client large(server.port()), many(server.port()), longLine(server.port());
  large.send("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(40'000, 'a') + "\r\n\r\n");
  EXPECT_EQ(large.read().status, 431);
  std::string fields;
  for (int i = 0; i < 101; ++i) fields += "X: a\r\n";
  many.send("GET / HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n");
  EXPECT_EQ(many.read().status, 431);
  longLine.send("GET /" + std::string(40'000, 'a'));
  EXPECT_EQ(longLine.read().status, 414);
  EXPECT_EQ(server.server.metrics().headTooLarge, 3u);
}

TEST(Limits, AHundredMegabytesAreRefusedUnread) {
  std::atomic<int> handled{0};
  TestServer server(testOptions(), [&](Request&, Response&) { ++handled; });
  Client client(server.port());
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n\r\n");
  const std::string piece(1024 * 1024, 'x');
  int sent = 0;
  while (sent < 100 && client.send(piece)) ++sent;
  EXPECT_LT(sent, 40);
  EXPECT_LT(server.server.metrics().bytesIn, 2'000'000u);
  EXPECT_EQ(handled, 0);
  EXPECT_EQ(server.server.metrics().bodyTooLarge, 1u);
}

TEST(Limits, A413ReachesAClientThatIsStillSending) {
  TestServer server;
  Client client(server.port());
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n\r\n");
  client.send(std::string(500'000, 'x'));
  const Answer answer = client.read();
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.field("connection"), "close");
  EXPECT_NE(message(answer).find("16777216"), std::string::npos);
}

TEST(Limits, ChunkedBodiesAreStoppedAtTheLimit) {
  for (const std::size_t limit : {std::size_t(10'000), std::size_t(300'000)}) {
    Options options = testOptions();
    options.maxBodyBytes = limit;
    TestServer server(std::move(options));
    Client client(server.port());
    client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 100 && client.send("1000\r\n" + std::string(4096, 'x') + "\r\n"); ++i) {
    }
    EXPECT_EQ(client.read().status, 413) << limit;
  }
}

TEST(Limits, BodyLimitMayDependOnThePath) {
  Options options = testOptions();
  options.bodyLimit = [](std::string_view method, std::string_view path) -> std::uint64_t {
    return method == "PUT" && path == "/big" ? 200'000 : 10;
  };
  TestServer server(std::move(options));
  Client client(server.port());
  client.send("PUT /big?x HTTP/1.1\r\nHost: x\r\nContent-Length: 150000\r\n\r\n" + std::string(150'000, 'b'));
  EXPECT_EQ(client.read().body.size(), 11u + 150'000u);
  client.send("PUT /small HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n");
  EXPECT_EQ(client.read().status, 413);
}

TEST(Limits, LargeChunkedUploadsArriveWhole) {
  TestServer server(testOptions(), [](Request& request, Response& response) {
    const std::string body = bodyOf(request);
    answer(response, std::to_string(body.size()) + " " + digestHex(body));
  });
  Client client(server.port());
  std::string body, wire = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 300; ++i) {
    const std::string piece(static_cast<std::size_t>(1 + i * 37 % 9'000), static_cast<char>('a' + i % 26));
    char size[16];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    wire += size + piece + "\r\n";
    body += piece;
  }
  client.send(wire + "0\r\n\r\n" + "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.read().body, std::to_string(body.size()) + " " + digestHex(body));
  EXPECT_EQ(client.read().body.substr(0, 2), "0 ") << "the connection goes on after an upload";
}

TEST(Limits, MalformedChunksAreAnswered400) {
  TestServer server;
  for (const char* body : {"zz\r\n", "3\nabc\r\n0\r\n\r\n", "3\r\nabcd\r\n"}) {
    Client client(server.port());
    client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(body));
    EXPECT_EQ(client.read().status, 400) << body;
    EXPECT_TRUE(client.closed(3000));
  }
  Client large(server.port());
  large.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n20000\r\n" +
             std::string(0x20000, 'x') + "bad");
  EXPECT_EQ(large.read().status, 400);
}

TEST(Limits, SmuggledRequestsAreNeverAnswered) {
  std::atomic<int> smuggled{0};
  TestServer server(testOptions(), [&](Request& request, Response& response) {
    if (request.getURI() == "/smuggled") ++smuggled;
    echo(request, response);
  });
  const std::string inner = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string start = "POST / HTTP/1.1\r\nHost: x\r\n";
  for (const std::string& outer :
       {start + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        start + "Content-Length: 0\r\nContent-Length: 40\r\n\r\n",
        start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        start + "Transfer-Encoding:\x0b"
                "chunked\r\n\r\n0\r\n\r\n",
        start + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", start + "X: y\r\n Content-Length: 40\r\n\r\n",
        start + "X: y\nContent-Length: 40\r\n\r\n", start + "Host: y\r\n\r\n",
        std::string("GET / HTTP/1.1\r\n\r\n")}) {
    Client client(server.port());
    client.send(outer + inner);
    const Answer answer = client.read();
    EXPECT_EQ(answer.status, 400) << outer;
    EXPECT_TRUE(message(answer).find("no envelope") == std::string::npos);
    EXPECT_TRUE(client.closed(3000));
    EXPECT_TRUE(client.buffered().empty()) << client.buffered();
  }
  EXPECT_EQ(smuggled, 0);
}

TEST(Limits, ExpectedContinueIsSentWhenTheBodyIsWanted) {
  TestServer server(testOptions(), [](Request& request, Response& response) {
    if (request.getURI() == "/no") {
      response.setStatus(Poco::Net::HTTPResponse::HTTP_FORBIDDEN);
      return answer(response, "no");
    }
    echo(request, response);
  });
  for (const std::size_t size : {std::size_t(5), std::size_t(100'000)}) {
    const std::string expects =
        " HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: " + std::to_string(size) +
        "\r\n\r\n";
    Client client(server.port());
    client.send("POST /yes" + expects);
    EXPECT_EQ(client.read().status, 100);
    client.send(std::string(size, 'b'));
    EXPECT_EQ(client.read().body.size(), 10u + size);
  }
  Client refused(server.port());
  refused.send("POST /no HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 100000\r\n\r\n");
  EXPECT_EQ(refused.read().status, 403) << "no 100 Continue for a body that the handler does not read";
  EXPECT_TRUE(refused.closed(3000));
  Client large(server.port());
  large.send("POST /yes HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 100000000\r\n\r\n");
  EXPECT_EQ(large.read().status, 413);
}

TEST(Limits, FullServerClosesTheOldestIdleConnection) {
  Options options = testOptions();
  options.maxConnections = 3;
  TestServer server(std::move(options));
  std::vector<Client> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(server.port()).get("/");
    ASSERT_EQ(clients.back().read().status, 200);
    std::this_thread::sleep_for(20ms);
  }
  Client fourth(server.port());
  fourth.get("/");
  EXPECT_EQ(fourth.read().status, 200);
  EXPECT_TRUE(clients[0].closed(1000));
  clients[1].get("/");
  EXPECT_EQ(clients[1].read().status, 200);
  EXPECT_EQ(server.server.metrics().evicted, 1u);
}

TEST(Limits, FullServerWithoutIdleConnectionsAnswers503) {
  std::counting_semaphore<> go(0);
  Options options = testOptions();
  options.maxConnections = 2;
  TestServer server(std::move(options), [&](Request& request, Response& response) {
    go.acquire();
    echo(request, response);
  });
  Client first(server.port()), second(server.port());
  first.get("/");
  second.get("/");
  ASSERT_TRUE(eventually([&] { return server.server.metrics().busy == 2; }));
  Client third(server.port());
  third.get("/");
  EXPECT_EQ(third.read().status, 503);
  go.release(2);
  EXPECT_EQ(first.read().status, 200);
  EXPECT_EQ(second.read().status, 200);
}

TEST(Limits, SlowReadersOfBufferedAnswersHoldNoWorker) {
  Options options = testOptions();
  options.workers = 1;
  TestServer server(std::move(options), [](Request& request, Response& response) {
    answer(response, request.getURI() == "/big" ? std::string(900'000, 'b') : std::string("small"));
  });
  std::vector<Client> slow;
  for (int i = 0; i < 8; ++i) slow.emplace_back(server.port(), 4096).get("/big");
  ASSERT_TRUE(eventually([&] { return server.server.metrics().requests == 8; }));
  Client quick(server.port());
  quick.get("/");
  EXPECT_EQ(quick.read(false, 1000).body, "small");
  for (Client& client : slow) EXPECT_EQ(client.read().body.size(), 900'000u);
}

TEST(Limits, ReadersThatTakeNothingAreClosed) {
  Options options = testOptions();
  options.paceGrace = 300ms;
  options.maxResponseBuffer = 16 * 1024 * 1024;
  TestServer server(std::move(options), [](Request& request, Response& response) {
    auto& out = response.send();
    for (int i = 0; i < (request.getURI() == "/stream" ? 40'000 : 15'000); ++i)
      out << std::string(1'000, 'x');
  });
  Client kept(server.port(), 4096), streamed(server.port(), 4096);
  kept.get("/kept");
  streamed.get("/stream");
  ASSERT_TRUE(eventually([&] { return server.server.metrics().accepted == 2; }));
  EXPECT_TRUE(eventually([&] { return server.server.metrics().connections == 0; }, 10s));
}

}  // namespace
}  // namespace dispatch::http
