#include "cli/control_socket.hpp"

#include "base/base.hpp"

#include <Poco/Logger.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <map>

namespace dispatch::cli {

namespace {

constexpr std::size_t longestRequest = 1024 * 1024;
constexpr int mostAtOnce = 8;

const std::map<std::string, Problem::Kind>& kinds() {
  using Kind = Problem::Kind;
  static const std::map<std::string, Kind> all{
      {"invalid", Kind::invalid},     {"badRequest", Kind::badRequest}, {"unauthorized", Kind::unauthorized},
      {"forbidden", Kind::forbidden}, {"notFound", Kind::notFound},     {"conflict", Kind::conflict},
      {"tooLarge", Kind::tooLarge},   {"tooMany", Kind::tooMany},       {"unavailable", Kind::unavailable},
      {"internal", Kind::internal}};
  return all;
}

std::string nameOf(Problem::Kind kind) {
  for (const auto& [name, value] : kinds())
    if (value == kind) return name;
  return "internal";
}

sockaddr_un addressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw Problem(Problem::Kind::invalid,
                  "The path of the control socket is longer than the system allows (107 characters): " +
                      path + ". Name a shorter directory in DISPATCH_RUN_DIR");
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

bool sendAll(int socket, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto size = ::send(socket, text.data() + at, text.size() - at, MSG_NOSIGNAL);
    if (size <= 0) return false;
    at += static_cast<std::size_t>(size);
  }
  return true;
}

/// Up to the end of a line or of the stream.
std::string receiveLine(int socket, std::size_t most) {
  std::string text;
  char part[4096];
  while (text.size() < most) {
    const auto size = ::recv(socket, part, sizeof part, 0);
    if (size <= 0) break;
    text.append(part, static_cast<std::size_t>(size));
    if (text.back() == '\n') break;
  }
  return text;
}

int connectTo(const std::string& path) {
  const auto address = addressOf(path);
  const int connection = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection < 0) return -1;
  if (::connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return connection;
  const int reason = errno;
  ::close(connection);
  if (reason == EACCES || reason == EPERM)
    throw Problem(Problem::Kind::forbidden,
                  "A server runs here as another user; run this as that user or as root (" + path + ")");
  return -1;
}

}  // namespace

ControlSocket::ControlSocket(std::string path, Handler handler)
    : _path(std::move(path)), _handler(std::move(handler)) {
  const auto address = addressOf(_path);
  if (const int other = connectTo(_path); other >= 0) {
    ::close(other);
    throw Problem(Problem::Kind::conflict,
                  "A Dispatch server is running here already: dispatch server status, dispatch server stop");
  }
  ::unlink(_path.c_str());
  _listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const auto before = ::umask(0177);
  const bool bound =
      _listener >= 0 && ::bind(_listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const int reason = errno;
  ::umask(before);
  if (!bound || ::listen(_listener, 16) != 0 || ::pipe2(_wake, O_CLOEXEC) != 0) {
    if (_listener >= 0) ::close(_listener);
    throw Problem(Problem::Kind::invalid,
                  "The control socket " + _path + " cannot be made: " + std::strerror(reason));
  }
  _thread = std::thread([this] { accept(); });
}

ControlSocket::~ControlSocket() {
  if (::write(_wake[1], "x", 1) < 0) {
    // The pipe is ours and empty: this cannot fail, and there is nothing to do if it does.
  }
  _thread.join();
  while (_serving > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  ::close(_listener);
  ::close(_wake[0]);
  ::close(_wake[1]);
  ::unlink(_path.c_str());
}

void ControlSocket::accept() {
  while (true) {
    pollfd files[2] = {{_listener, POLLIN, 0}, {_wake[0], POLLIN, 0}};
    if (::poll(files, 2, -1) < 0 && errno != EINTR) return;
    if (files[1].revents != 0) return;
    const int connection = ::accept4(_listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    ucred peer{};
    socklen_t size = sizeof peer;
    const bool allowed = ::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
                         (peer.uid == 0 || peer.uid == ::geteuid());
    if (!allowed || _serving >= mostAtOnce) {
      Poco::Logger::get("dispatch.cli")
          .warning("A command of user id %s was turned away", std::to_string(peer.uid));
      ::close(connection);
      continue;
    }
    const timeval limit{5, 0};
    ::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    ++_serving;
    std::thread([this, connection] {
      serve(connection);
      ::close(connection);
      --_serving;
    }).detach();
  }
}

void ControlSocket::serve(int connection) {
  Json answer;
  try {
    const Json request = parseJson(receiveLine(connection, longestRequest), "The command");
    answer = {
        {"result", _handler(textOr(request, "command"),
                            request.is_object() ? request.value("args", Json::object()) : Json::object())}};
  } catch (const Problem& problem) {
    answer = {
        {"problem",
         {{"kind", nameOf(problem.kind())}, {"message", problem.what()}, {"location", problem.location()}}}};
    for (const auto& other : problem.others())
      answer["problem"]["others"].push_back({{"message", other.what()}, {"location", other.location()}});
  } catch (const std::exception& error) {
    Poco::Logger::get("dispatch.cli").error("A command failed: %s", std::string(error.what()));
    answer = {{"problem",
               {{"kind", "internal"},
                {"message", std::string("The command failed in the server: ") + error.what()}}}};
  }
  sendAll(connection, dumpJson(answer) + "\n");
}

std::optional<Json> ControlSocket::ask(const std::string& path, const std::string& command,
                                       const Json& args) {
  const int connection = connectTo(path);
  if (connection < 0) return std::nullopt;
  const bool sent = sendAll(connection, dumpJson({{"command", command}, {"args", args}}) + "\n");
  const std::string text = sent ? receiveLine(connection, 64 * longestRequest) : "";
  ::close(connection);
  if (text.empty())
    throw Problem(Problem::Kind::unavailable, "The running server broke off the command; its log tells why");
  const Json answer = parseJson(text, "The server's answer");
  if (answer.contains("result")) return answer["result"];
  const Json& problem = answer.at("problem");
  const auto kind = kinds().find(textOr(problem, "kind"));
  Problem refusal(kind == kinds().end() ? Problem::Kind::internal : kind->second, textOr(problem, "message"),
                  problem.value("location", std::vector<std::string>()));
  if (problem.contains("others"))
    for (const auto& other : problem["others"])
      refusal.add(Problem(refusal.kind(), textOr(other, "message"),
                          other.value("location", std::vector<std::string>())));
  throw refusal;
}

}  // namespace dispatch::cli
