// bench_http_dispatch <port>: hello JSON at every address but /stream (an event stream) and /publish (one
// event to all of them). Prints "ready" when it listens; ends with its standard input.
#include "hello_handler.hpp"
#include "http/http.hpp"

#include <cstdio>
#include <iostream>
#include <string>

namespace {

dispatch::http::Server* running = nullptr;

class StreamHandler : public Poco::Net::HTTPRequestHandler {
 public:
  void handleRequest(Poco::Net::HTTPServerRequest& request,
                     Poco::Net::HTTPServerResponse& response) override {
    dispatch::http::StreamClient client;
    client.topics = {"organization/1"};
    running->streams().open(request, response, std::move(client));
  }
};

class PublishHandler : public Poco::Net::HTTPRequestHandler {
 public:
  void handleRequest(Poco::Net::HTTPServerRequest&, Poco::Net::HTTPServerResponse& response) override {
    running->streams().publish("organization/1", dispatch::http::Event{R"({"incident":1})", "change", "1"});
    response.sendBuffer("", 0);
  }
};

class Factory : public Poco::Net::HTTPRequestHandlerFactory {
 public:
  Poco::Net::HTTPRequestHandler* createRequestHandler(const Poco::Net::HTTPServerRequest& request) override {
    if (request.getURI() == "/stream") return new StreamHandler;
    if (request.getURI() == "/publish") return new PublishHandler;
    return new bench::HelloHandler;
  }
};

}  // namespace

int main(int argc, char** argv) try {
  dispatch::http::Options options;
  options.addresses = {"127.0.0.1:" + std::string(argc > 1 ? argv[1] : "0")};
  dispatch::http::Server server(options, new Factory);
  running = &server;
  server.start();
  std::cout << "ready" << std::endl;
  while (std::cin.get() != EOF) {
  }
  server.stop();
} catch (const std::exception& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
