#pragma once

#include "http/connection.hpp"

#include <Poco/Net/HTTPServerRequest.h>

#include <istream>
#include <optional>
#include <streambuf>

namespace dispatch::http {

/// A Poco request over a connection whose head is parsed and whose body, unless large, is there.
class ServerRequest : public Poco::Net::HTTPServerRequest {
 public:
  explicit ServerRequest(Connection& connection);

  std::istream& stream() override;
  const Poco::Net::SocketAddress& clientAddress() const override { return _connection.peer; }
  const Poco::Net::SocketAddress& serverAddress() const override { return _connection.local(); }
  const Poco::Net::HTTPServerParams& serverParams() const override { return *_connection.core.params; }
  Poco::Net::HTTPServerResponse& response() const override { return *_response; }
  bool secure() const override { return _connection.io.secure(); }

  void setResponse(Poco::Net::HTTPServerResponse& response) { _response = &response; }

 private:
  class Body : public std::streambuf {
   public:
    explicit Body(Connection& connection);

   protected:
    int_type underflow() override;
    std::streamsize showmanyc() override;

   private:
    void show();
    Connection& _connection;
  };

  Connection& _connection;
  Poco::Net::HTTPServerResponse* _response = nullptr;
  std::optional<Body> _body;
  std::optional<std::istream> _stream;
};

}  // namespace dispatch::http
