// bench_http_poco <port>: the same answer from Poco's stock HTTPServer, with a thread for each connection of
// the largest round: with fewer it does not serve the rest at all.
#include "hello_handler.hpp"

#include <Poco/Net/HTTPServer.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/ThreadPool.h>

#include <cstdio>
#include <iostream>
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
  constexpr int threads = 1200;
  Poco::ThreadPool pool(16, threads);
  Poco::AutoPtr<Poco::Net::HTTPServerParams> params = new Poco::Net::HTTPServerParams;
  params->setMaxThreads(threads);
  params->setMaxQueued(4096);
  params->setKeepAlive(true);
  params->setMaxKeepAliveRequests(0);
  const Poco::Net::SocketAddress address("127.0.0.1:" + std::string(argc > 1 ? argv[1] : "0"));
  Poco::Net::HTTPServer server(new Factory, pool, Poco::Net::ServerSocket(address, 4096), params);
  server.start();
  std::cout << "ready" << std::endl;
  while (std::cin.get() != EOF) {
  }
  server.stopAll(true);
} catch (const std::exception& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
