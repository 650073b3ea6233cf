// For this room's tests: a server around a function, and a client that sends exactly the bytes it is given.
#pragma once

#include "http/http.hpp"

#include <Poco/Net/HTTPRequestHandler.h>
#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/HTTPServerResponse.h>
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <thread>

namespace dispatch::http::testing {

using Request = Poco::Net::HTTPServerRequest;
using Response = Poco::Net::HTTPServerResponse;
using Handle = std::function<void(Request&, Response&)>;

class FunctionFactory : public Poco::Net::HTTPRequestHandlerFactory {
 public:
  explicit FunctionFactory(Handle handle) : _handle(std::move(handle)) {}
  Poco::Net::HTTPRequestHandler* createRequestHandler(const Request& request) override {
    if (request.getURI() == "/nothing") return nullptr;
    return new Handler(_handle);
  }

 private:
  struct Handler : Poco::Net::HTTPRequestHandler {
    explicit Handler(const Handle& h) : handle(h) {}
    void handleRequest(Request& request, Response& response) override { handle(request, response); }
    const Handle& handle;
  };
  Handle _handle;
};

inline std::string bodyOf(Request& request) {
  return {std::istreambuf_iterator<char>(request.stream()), std::istreambuf_iterator<char>()};
}

inline void answer(Response& response, const std::string& text) {
  response.setContentType("text/plain");
  response.sendBuffer(text.data(), text.size());
}

inline Options testOptions() {
  Options options;
  options.addresses = {"127.0.0.1:0"};
  options.workers = 4;
  options.drainLimit = std::chrono::milliseconds(2000);
  return options;
}

/// Answers "METHOD uri|body".
inline void echo(Request& request, Response& response) {
  answer(response, request.getMethod() + " " + request.getURI() + "|" + bodyOf(request));
}

class TestServer {
 public:
  explicit TestServer(Options options = testOptions(), Handle handle = echo)
      : server(std::move(options), new FunctionFactory(std::move(handle))) {
    server.start();
  }
  std::uint16_t port() const { return server.addresses().front().port(); }
  Server server;
};

/// Waits up to `limit` for `condition`.
template <typename Condition>
bool eventually(Condition condition, std::chrono::milliseconds limit = std::chrono::milliseconds(5000)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

struct Answer {
  int status = 0;                             ///< 0: none came
  std::map<std::string, std::string> fields;  ///< names in lower case
  std::string body;
  std::string field(const std::string& name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string() : found->second;
  }
};

class Client {
 public:
  explicit Client(std::uint16_t port, int receiveBuffer = 0)
      : _fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receiveBuffer > 0) ::setsockopt(_fd, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, sizeof receiveBuffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(_fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      ADD_FAILURE() << "connect failed";
  }
  Client(const Client&) = delete;
  Client(Client&& other) noexcept : _fd(std::exchange(other._fd, -1)), _in(std::move(other._in)) {}
  ~Client() { close(); }
  void close() {
    if (_fd >= 0) ::close(std::exchange(_fd, -1));
  }
  void reset() {
    const linger now{1, 0};
    ::setsockopt(_fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  int fd() const { return _fd; }
  void shutdownWrite() { ::shutdown(_fd, SHUT_WR); }

  /// False when the server has closed before all was sent.
  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(_fd, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void get(const std::string& path) { send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n"); }

  /// One answer; `noBody` for HEAD. Reads bodies by length, chunks or to the end.
  Answer read(bool noBody = false, int limitMs = 5000) {
    Answer answer;
    const auto headEnd = [&] { return _in.find("\r\n\r\n"); };
    while (headEnd() == std::string::npos)
      if (!more(limitMs)) return answer;
    const std::string head = _in.substr(0, headEnd() + 2);
    _in.erase(0, head.size() + 2);
    answer.status = std::stoi(head.substr(9, 3));
    for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
      const auto end = head.find("\r\n", at), colon = head.find(": ", at);
      std::string name = head.substr(at, colon - at);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      answer.fields[name] = head.substr(colon + 2, end - colon - 2);
      at = end + 2;
    }
    if (noBody || answer.status == 204 || answer.status == 304 || answer.status < 200) return answer;
    if (answer.fields.contains("content-length")) {
      answer.body = take(std::stoul(answer.fields["content-length"]), limitMs);
    } else if (answer.field("transfer-encoding") == "chunked") {
      while (true) {
        const std::string line = takeLine(limitMs);
        const auto size = line.empty() ? 0 : std::stoul(line, nullptr, 16);
        if (size == 0) {
          if (line.empty()) answer.status = 0;  // cut short
          takeLine(limitMs);
          break;
        }
        answer.body += take(size, limitMs);
        takeLine(limitMs);
      }
    } else {
      while (more(limitMs)) {
      }
      answer.body = std::exchange(_in, {});
    }
    return answer;
  }
  std::string readSome(std::string_view until, int limitMs = 5000) {
    while (_in.find(until) == std::string::npos && more(limitMs)) {
    }
    const auto at = _in.find(until);
    const std::string text = _in.substr(0, at == std::string::npos ? at : at + until.size());
    _in.erase(0, text.size());
    return text;
  }
  /// True when the server closes within the limit; what it sends before is kept.
  bool closed(int limitMs = 5000) {
    while (more(limitMs)) {
    }
    return _ended;
  }
  const std::string& buffered() const { return _in; }

 private:
  bool more(int limitMs) {
    pollfd entry{_fd, POLLIN, 0};
    if (_ended || ::poll(&entry, 1, limitMs) <= 0) return false;
    char buffer[16384];
    const ssize_t got = ::recv(_fd, buffer, sizeof buffer, 0);
    if (got <= 0) {
      _ended = true;
      return false;
    }
    _in.append(buffer, static_cast<std::size_t>(got));
    return true;
  }
  std::string take(std::size_t size, int limitMs) {
    while (_in.size() < size && more(limitMs)) {
    }
    const std::string text = _in.substr(0, size);
    _in.erase(0, text.size());
    return text;
  }
  std::string takeLine(int limitMs) {
    std::string line = readSome("\r\n", limitMs);
    if (line.size() >= 2) line.resize(line.size() - 2);
    return line;
  }

  int _fd;
  std::string _in;
  bool _ended = false;
};

}  // namespace dispatch::http::testing
