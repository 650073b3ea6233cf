#pragma once

#include "http/connection.hpp"

#include <Poco/Net/HTTPServerResponse.h>

#include <functional>
#include <optional>
#include <ostream>
#include <streambuf>
#include <string>

namespace dispatch::http {

/// A Poco response that keeps what a handler writes until the handler returns or the buffer is full, so that
/// a usual answer is one system call and a failed handler can still be answered 500.
class ServerResponse : public Poco::Net::HTTPServerResponse {
 public:
  explicit ServerResponse(Connection& connection);

  void sendContinue() override { _connection.sendContinue(); }
  std::ostream& send() override;
  void sendFile(const std::string& path, const std::string& mediaType) override;
  void sendBuffer(const void* buffer, std::size_t length) override;
  void redirect(const std::string& uri, HTTPStatus status = HTTP_FOUND) override;
  void requireAuthentication(const std::string& realm) override;
  bool sent() const override { return _sent; }

  /// After the handler: frames and sends what is left. Returns what the socket did not take; `after` is what
  /// becomes of the connection.
  std::string finish(Connection::After& after);
  bool onWire() const { return _onWire; }
  bool broken() const { return _broken; }
  std::uint64_t bodyBytes() const { return _bodyBytes; }

  /// The connection leaves the server after this answer's head and `first` have been written.
  using Taker = std::function<void(Transport&&)>;
  void detach(Taker taker, std::string first);
  bool detached() const { return static_cast<bool>(_taker); }
  /// The head of a detached answer with its first bytes.
  std::string detachedHead();
  const Taker& taker() const { return _taker; }

 private:
  enum class Framing { none, length, chunked, untilClose };

  class Sink : public std::streambuf {
   public:
    explicit Sink(ServerResponse& response) : _response(response) {}

   protected:
    int_type overflow(int_type c) override;
    std::streamsize xsputn(const char* data, std::streamsize size) override;
    int sync() override;

   private:
    ServerResponse& _response;
  };

  bool put(const char* data, std::size_t size);
  bool stream();  ///< what is kept goes out now, blocking; from here on the framing is fixed
  void writeHead(Framing framing, std::uint64_t length);
  void keepAliveOrNot(Framing framing);
  bool hasBody() const;
  bool writeBlocking(std::string_view first, std::string_view second);
  std::optional<std::uint64_t> declaredLength() const;

  Connection& _connection;
  std::optional<Sink> _sink;
  std::optional<std::ostream> _stream;
  std::string _head;
  std::string _kept;
  bool _sent = false;
  bool _onWire = false;
  bool _broken = false;
  bool _keep = true;
  Framing _framing = Framing::length;
  std::uint64_t _declared = 0;
  std::uint64_t _bodyBytes = 0;
  std::uint64_t _bytesOut = 0;
  std::int64_t _streamStart = 0;
  Taker _taker;
  std::string _first;
};

}  // namespace dispatch::http
