// bench_http_poco [--stock] <port>: the same answer from Poco's HTTPServer, with a thread for each connection
// of the largest round; --stock: with the thread pool and the parameters that it has by itself, where every
// connection beyond the sixteenth waits for one to end.
#include "hello_handler.hpp"

#include <Poco/Net/HTTPServer.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/ThreadPool.h>

#include <cstdio>
#include <iostream>
#include <memory>
#include <string>

namespace {

class Factory : public Poco::Net::HTTPRequestHandlerFactory {
 public:
  Poco::Net::HTTPRequestHandler* createRequestHandler(const Poco::Net::HTTPServerRequest&) override {
    return new bench::HelloHandler;
  }
};

}  // namespace

int main(int argc, char** argv) try {
  const bool stock = argc > 2 && std::string(argv[1]) == "--stock";
  constexpr int threads = 1200;
  Poco::ThreadPool pool(16, threads);
  Poco::AutoPtr<Poco::Net::HTTPServerParams> params = new Poco::Net::HTTPServerParams;
  if (!stock) {
    params->setMaxThreads(threads);
    params->setMaxQueued(4096);
    params->setKeepAlive(true);
    params->setMaxKeepAliveRequests(0);
  }
  const Poco::Net::ServerSocket socket(
      Poco::Net::SocketAddress("127.0.0.1:" + std::string(argc > 1 ? argv[argc - 1] : "0")), 4096);
  const auto made = stock ? std::make_unique<Poco::Net::HTTPServer>(new Factory, socket, params)
                          : std::make_unique<Poco::Net::HTTPServer>(new Factory, pool, socket, params);
  auto& server = *made;
  server.start();
  std::cout << "ready" << std::endl;
  while (std::cin.get() != EOF) {
  }
  server.stopAll(true);
} catch (const std::exception& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
