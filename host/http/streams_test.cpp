#include "http/testing.hpp"

#include "base/base.hpp"

#include <atomic>

namespace dispatch::http {
namespace {

using namespace testing;
using namespace std::chrono_literals;

/// GET /stream?topic opens an event stream whose context is the query; everything else echoes.
struct StreamServer {
  explicit StreamServer(Options options = testOptions())
      : test(std::move(options), [this](Request& request, Response& response) {
          const std::string uri = request.getURI();
          if (!uri.starts_with("/stream")) return echo(request, response);
          StreamClient client;
          client.topics = {uri.substr(uri.find('?') + 1)};
          client.context = std::make_shared<std::string>(request.get("X-Who", ""));
          std::vector<Frame> first;
          if (const auto last = lastEventId(request))
            first.push_back(makeFrame({"after " + *last, "replay", ""}));
          response.set("X-Own", "kept");
          opened = test.server.streams().open(request, response, client, first, [this] { ++closed; });
          if (uri.find("fail") != std::string::npos) throw std::runtime_error("after open");
        }) {}
  EventStreams& streams() { return test.server.streams(); }
  std::atomic<int> closed{0};
  std::atomic<std::uint64_t> opened{0};
  TestServer test;
};

TEST(Streams, ReachAllOfATopicAndNobodyElse) {
  StreamServer server;
  std::vector<Client> clients;
  for (int i = 0; i < 40; ++i) {
    clients.emplace_back(server.test.port()).get(i % 2 ? "/stream?odd" : "/stream?even");
    const std::string head = clients.back().readSome("retry: 3000\n\n");
    EXPECT_NE(head.find("Content-Type: text/event-stream\r\n"), std::string::npos);
    EXPECT_NE(head.find("Cache-Control: no-store\r\n"), std::string::npos);
    EXPECT_NE(head.find("X-Accel-Buffering: no\r\n"), std::string::npos);
    EXPECT_NE(head.find("X-Own: kept\r\n"), std::string::npos);
  }
  EXPECT_EQ(server.streams().size(), 40u);
  EXPECT_TRUE(eventually([&] { return server.test.server.metrics().busy == 0; }));
  server.streams().publish("odd", Event{"one\ntwo\r\nthree", "change", "7"});
  server.streams().publish("even", Event{"only even", "", ""});
  for (std::size_t i = 0; i < clients.size(); ++i)
    EXPECT_EQ(clients[i].readSome("\n\n"),
              i % 2 ? "id: 7\nevent: change\ndata: one\ndata: two\ndata: three\n\n" : "data: only even\n\n");
}

TEST(Streams, ArriveInOrderFromTheMomentOfOpening) {
  StreamServer server;
  Client client(server.test.port());
  client.get("/stream?a");
  client.readSome("retry: 3000\n\n");
  std::string expected;
  for (int i = 0; i < 400; ++i) {
    server.streams().publish("a", Event{std::to_string(i), "", ""});
    expected += "data: " + std::to_string(i) + "\n\n";
  }
  EXPECT_EQ(client.readSome("data: 399\n\n"), expected);
}

TEST(Streams, AskPerClientWhatToSend) {
  StreamServer server;
  std::vector<Client> clients;
  for (const char* who : {"ann", "ben"}) {
    clients.emplace_back(server.test.port())
        .send("GET /stream?a HTTP/1.1\r\nHost: x\r\nX-Who: " + std::string(who) + "\r\n\r\n");
    clients.back().readSome("retry: 3000\n\n");
  }
  server.streams().publish("a", Event{"for ann", "", ""},
                           [](const StreamClient& client) { return client.as<std::string>() == "ann"; });
  server.streams().publishEach("a", [](const StreamClient& client) -> Frame {
    return client.as<std::string>() == "ben" ? makeFrame({"rendered for ben", "", ""}) : nullptr;
  });
  server.streams().send(server.opened, makeFrame({"last opened", "", ""}));
  server.streams().publish("a", Event{"end", "", ""});
  EXPECT_EQ(clients[0].readSome("data: end\n\n"), "data: for ann\n\ndata: end\n\n");
  EXPECT_EQ(clients[1].readSome("data: end\n\n"),
            "data: rendered for ben\n\ndata: last opened\n\ndata: end\n\n");
}

TEST(Streams, StartWithWhatTheOpenerReplays) {
  StreamServer server;
  Client byField(server.test.port()), byQuery(server.test.port());
  byField.send("GET /stream?a HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 41\r\n\r\n");
  EXPECT_NE(byField.readSome("after 41\n\n").find("event: replay\n"), std::string::npos);
  byQuery.get("/stream?lastEventId=42");
  EXPECT_NE(byQuery.readSome("after 42\n\n").find("event: replay\n"), std::string::npos);
}

TEST(Streams, NoticeClientsThatLeave) {
  StreamServer server;
  for (int i = 0; i < 3; ++i) {
    Client client(server.test.port());
    client.get("/stream?a");
    client.readSome("retry: 3000\n\n");
    if (i == 1) client.reset();
    if (i == 2) client.shutdownWrite();
  }
  EXPECT_TRUE(eventually([&] { return server.closed == 3; }));
  EXPECT_EQ(server.streams().size(), 0u);
}

TEST(Streams, DropSlowReadersAndKeepTheOthers) {
  Options options = testOptions();
  options.streams.queueBytes = 64 * 1024;
  StreamServer server(std::move(options));
  Client slow(server.test.port(), 2048), quick(server.test.port());
  slow.get("/stream?a");
  slow.readSome("retry: 3000\n\n");
  quick.get("/stream?a");
  quick.readSome("retry: 3000\n\n");
  const std::string data(8'000, 'd');
  int sent = 0;
  while (server.closed == 0 && sent < 5'000) {
    server.streams().publish("a", Event{data + std::to_string(sent), "", ""});
    ASSERT_NE(quick.readSome(std::to_string(sent++) + "\n\n"), "");
  }
  EXPECT_EQ(server.closed, 1) << "the slow reader was never dropped";
  EXPECT_EQ(server.test.server.metrics().streamsDropped, 1u);
  EXPECT_EQ(server.streams().size(), 1u);
}

TEST(Streams, DropReadersThatStallOnAnyQueue) {
  Options options = testOptions();
  options.streams.queueBytes = 64 * 1024 * 1024;
  options.streams.queueFrames = 100'000;
  options.streams.stallLimit = 200ms;
  options.streams.heartbeat = 100ms;
  StreamServer server(std::move(options));
  Client slow(server.test.port(), 2048);
  slow.get("/stream?a");
  slow.readSome("retry: 3000\n\n");
  const Frame frame = makeFrame({std::string(1'000'000, 'd'), "", ""});
  for (int i = 0; i < 10; ++i) server.streams().publish("a", frame);
  EXPECT_TRUE(eventually([&] { return server.closed == 1; }));
}

TEST(Streams, SendHeartbeatsWhenNothingHappens) {
  Options options = testOptions();
  options.streams.heartbeat = 60ms;
  StreamServer server(std::move(options));
  Client client(server.test.port());
  client.get("/stream?a");
  client.readSome("retry: 3000\n\n");
  EXPECT_EQ(client.readSome(":\n\n", 2000), ":\n\n");
  EXPECT_EQ(client.readSome(":\n\n", 2000), ":\n\n");
}

TEST(Streams, EndWhereTheyMustNotGoOn) {
  StreamServer server;
  std::vector<Client> clients;
  std::vector<std::uint64_t> ids;
  for (const char* who : {"ann", "ben", "cid"}) {
    clients.emplace_back(server.test.port())
        .send("GET /stream?a HTTP/1.1\r\nHost: x\r\nX-Who: " + std::string(who) + "\r\n\r\n");
    clients.back().readSome("retry: 3000\n\n");
    ids.push_back(server.opened);
  }
  server.streams().closeWhere([](const StreamClient& client) { return client.as<std::string>() == "ben"; });
  server.streams().send(ids[2], makeFrame({"farewell", "", ""}));
  server.streams().close(ids[2]);
  EXPECT_TRUE(clients[1].closed(2000));
  EXPECT_EQ(clients[2].readSome("\n\n"), "data: farewell\n\n");
  EXPECT_TRUE(clients[2].closed(2000));
  EXPECT_EQ(server.streams().size(), 1u);
}

TEST(Streams, AreNotOpenedByAHandlerThatFails) {
  StreamServer server;
  Client client(server.test.port());
  client.get("/stream?fail");
  EXPECT_EQ(client.read().status, 500);
  EXPECT_TRUE(eventually([&] { return server.streams().size() == 0; }));
  client.get("/after");
  EXPECT_EQ(client.read().status, 200) << "the connection stays usable";
}

TEST(Streams, BeyondTheLimitAreAnswered503) {
  Options options = testOptions();
  options.streams.maxClients = 1;
  StreamServer server(std::move(options));
  Client first(server.test.port()), second(server.test.port());
  first.get("/stream?a");
  first.readSome("retry: 3000\n\n");
  second.get("/stream?a");
  const Answer answer = second.read();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.field("retry-after"), "5");
}

TEST(Streams, EndWithTheServer) {
  StreamServer server;
  Client client(server.test.port());
  client.get("/stream?a");
  client.readSome("retry: 3000\n\n");
  server.test.server.stop();
  EXPECT_TRUE(client.closed(2000));
  EXPECT_EQ(server.closed, 1);
  server.streams().publish("a", Event{"to nobody", "", ""});
}

TEST(Streams, RefuseLineBreaksInNames) {
  EXPECT_THROW(makeFrame({"", "a\nb", ""}), Problem);
  EXPECT_THROW(makeFrame({"", "", "a\rb"}), Problem);
}

}  // namespace
}  // namespace dispatch::http
