// bench_http_beast <port>: the same answer from Boost.Beast, asynchronous, one thread: what is left when
// nothing blocks and no worker has to be woken.
#include <utility>  // Boost 1.74's asio/awaitable.hpp uses std::exchange without it

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

class Session : public std::enable_shared_from_this<Session> {
 public:
  explicit Session(tcp::socket socket) : _socket(std::move(socket)) {
    _socket.set_option(tcp::no_delay(true));
  }

  void read() {
    _request = {};
    http::async_read(_socket, _buffer, _request,
                     [self = shared_from_this()](beast::error_code error, std::size_t) {
                       if (!error) self->write();
                     });
  }

 private:
  void write() {
    _response = {};
    _response.version(_request.version());
    _response.result(http::status::ok);
    _response.set(http::field::content_type, "application/json");
    _response.set(http::field::date, "Thu, 01 Jan 1970 00:00:00 GMT");
    _response.keep_alive(_request.keep_alive());
    _response.body() = R"({"message":"hello, world"})";
    _response.prepare_payload();
    http::async_write(_socket, _response, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (!error && self->_response.keep_alive()) self->read();
    });
  }

  tcp::socket _socket;
  beast::flat_buffer _buffer;
  http::request<http::string_body> _request;
  http::response<http::string_body> _response;
};

void accept(tcp::acceptor& acceptor) {
  acceptor.async_accept([&acceptor](beast::error_code error, tcp::socket socket) {
    if (!error) std::make_shared<Session>(std::move(socket))->read();
    accept(acceptor);
  });
}

}  // namespace

int main(int argc, char** argv) try {
  asio::io_context context(1);
  tcp::acceptor acceptor(context, {asio::ip::make_address("127.0.0.1"),
                                   static_cast<unsigned short>(std::stoi(argc > 1 ? argv[1] : "0"))});
  acceptor.listen(4096);
  accept(acceptor);
  std::cout << "ready" << std::endl;
  std::thread ends([&] {
    while (std::cin.get() != EOF) {
    }
    context.stop();
  });
  context.run();
  ends.join();
} catch (const std::exception& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
