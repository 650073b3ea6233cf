#include "http/request.hpp"

#include <Poco/Net/NetException.h>

namespace dispatch::http {

ServerRequest::ServerRequest(Connection& connection) : _connection(connection) {
  const Head& head = connection.head;
  setMethod(std::string(head.method));
  setURI(std::string(head.target));
  setVersion(head.http11 ? HTTP_1_1 : HTTP_1_0);
  for (const Field& field : head.fields) {
    // The authority of an absolute target overrules the Host field (RFC 9112 3.2.2).
    const bool host = field.name.size() == 4 && equalsIgnoreCase(field.name, HOST);
    add(std::string(field.name), std::string(host ? head.host : field.value));
  }
}

std::istream& ServerRequest::stream() {
  if (!_stream) {
    _body.emplace(_connection);
    _stream.emplace(&*_body);
  }
  return *_stream;
}

ServerRequest::Body::Body(Connection& connection) : _connection(connection) { show(); }

void ServerRequest::Body::show() {
  char* begin = _connection.body.data();
  setg(begin, begin, begin + _connection.body.size());
}

ServerRequest::Body::int_type ServerRequest::Body::underflow() {
  if (gptr() == egptr()) {
    const bool more = _connection.readMore();
    const auto& failure = _connection.bodyFailure();
    // Turned into badbit by the stream: a cut body must not look like a short one.
    if (failure.gone) throw Poco::Net::NetException("body: the client has gone");
    if (failure.refusal) throw Poco::Net::MessageException(failure.refusal.message);
    if (!more) return traits_type::eof();
    show();
  }
  return traits_type::to_int_type(*gptr());
}

std::streamsize ServerRequest::Body::showmanyc() { return _connection.bodyComplete() ? -1 : 0; }

}  // namespace dispatch::http
