#pragma once

#include <Poco/Net/Context.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/Net/StreamSocket.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace dispatch::plugin::testing {

/// A TCP server on 127.0.0.1 whose connections are each served by a function, byte by byte as the test wants
/// it.
class ScriptedServer {
 public:
  using Script = std::function<void(Poco::Net::StreamSocket&)>;
  explicit ScriptedServer(Script script);
  /// TLS from the first byte.
  ScriptedServer(Script script, Poco::Net::Context::Ptr context);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  int port() const { return _port; }
  std::string url(const std::string& path = "/") const {
    return "http://127.0.0.1:" + std::to_string(_port) + path;
  }
  int connections() const { return _connections; }
  /// Everything that scripts passed to record(), in order.
  std::string received() const;
  void record(const std::string& text);
  /// True once the server is to end; scripts that wait ask it.
  bool ending() const { return _ending; }

 private:
  void serve();

  Script _script;
  Poco::Net::ServerSocket _socket;
  int _port;
  std::atomic<bool> _ending{false};
  std::atomic<int> _connections{0};
  mutable std::mutex _mutex;
  std::string _received;
  std::vector<std::thread> _threads;
  std::thread _acceptor;
};

/// Reads up to and with `end`; what came so far if the peer closes.
std::string readUntil(Poco::Net::StreamSocket& socket, const std::string& end);
void sendText(Poco::Net::StreamSocket& socket, const std::string& text);
/// A server that answers each request (head, and a body of its content-length) with `answer` and closes.
ScriptedServer::Script answering(const std::string& answer, ScriptedServer*& self);

/// A certificate for `names` ("localhost", "127.0.0.1") signed by itself, and its key, as PEM files in
/// `directory`.
struct TestCertificate {
  std::string certificateFile, keyFile;
  TestCertificate(const std::string& directory, const std::vector<std::string>& names);
  Poco::Net::Context::Ptr serverContext() const;
};

}  // namespace dispatch::plugin::testing
