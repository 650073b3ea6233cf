#include "http/exchange.hpp"

#include "base/base.hpp"
#include "http/connection.hpp"
#include "http/request.hpp"
#include "http/response.hpp"
#include "http/server.hpp"

#include <Poco/Exception.h>
#include <Poco/Logger.h>
#include <Poco/Net/HTTPRequestHandler.h>

#include <sys/epoll.h>

#include <memory>
#include <optional>
#include <typeinfo>

namespace dispatch::http {
namespace {

using Status = Poco::Net::HTTPResponse::HTTPStatus;

int statusOf(Problem::Kind kind) {
  switch (kind) {
    case Problem::Kind::invalid:
      return 422;
    case Problem::Kind::badRequest:
      return 400;
    case Problem::Kind::unauthorized:
      return 401;
    case Problem::Kind::forbidden:
      return 403;
    case Problem::Kind::notFound:
      return 404;
    case Problem::Kind::conflict:
      return 409;
    case Problem::Kind::tooLarge:
      return 413;
    case Problem::Kind::tooMany:
      return 429;
    case Problem::Kind::unavailable:
      return 503;
    case Problem::Kind::internal:
      return 500;
  }
  return 500;
}

/// The answer that takes the place of a failed handler's.
struct Failure {
  int status;
  std::string body;
  std::uint32_t retryAfterMs = 0;
};

Failure internalFailure(const Connection& connection, const std::string& what) {
  const std::string reference = randomToken(9);
  const auto& shown = connection.core.options.loggable;
  Poco::Logger::get("dispatch.http")
      .error("[%s] %s %s failed: %s", reference, std::string(connection.head.method),
             shown ? shown(connection.head.path()) : std::string(connection.head.path()), what);
  Counters::add(connection.core.counters.handlerFailures);
  return {500, refusalBody("The server failed at this request. Its log says why, under the reference " +
                           reference + ".")};
}

std::optional<Failure> handle(Connection& connection, ServerRequest& request, ServerResponse& response) {
  try {
    const std::unique_ptr<Poco::Net::HTTPRequestHandler> handler(
        connection.core.factory->createRequestHandler(request));
    if (!handler) return Failure{404, refusalBody("nothing is served at this address")};
    handler->handleRequest(request, response);
    return std::nullopt;
  } catch (const Problem& problem) {
    if (problem.kind() == Problem::Kind::internal) return internalFailure(connection, problem.what());
    Json item{{"msg", problem.what()}, {"type", problem.type()}};
    if (!problem.location().empty()) item["loc"] = problem.location();
    return Failure{statusOf(problem.kind()), dumpJson({{"detail", Json::array({item})}}),
                   problem.retryAfterMs()};
  } catch (const Poco::Exception& error) {
    return internalFailure(connection, error.displayText());
  } catch (const std::exception& error) {
    return internalFailure(connection, std::string(typeid(error).name()) + ": " + error.what());
  } catch (...) {
    return internalFailure(connection, "an exception of unknown type");
  }
}

void note(const Connection& connection, int status, std::uint64_t responseBytes, std::int64_t started) {
  if (!connection.core.options.onAccess) return;
  Access access;
  const std::string client = connection.peer.host().toString();
  access.method = connection.head.method;
  access.target = connection.head.target;
  access.client = client;
  access.status = status;
  access.requestBytes = connection.bodyBytes();
  access.responseBytes = responseBytes;
  access.waited = std::chrono::microseconds(started - connection.readyAt);
  access.took = std::chrono::microseconds(nowUs() - started);
  connection.core.report(access);
}

/// The socket goes to who asked for it; the connection's remains are buried by the caller.
void handOver(Connection& connection, ServerResponse& response) {
  const std::string head = response.detachedHead();
  ::epoll_ctl(connection.core.epoll, EPOLL_CTL_DEL, connection.io.fd(), nullptr);
  const auto [status, bytes] = connection.io.write(head);
  Counters::add(connection.core.counters.bytesOut, bytes);
  // A fresh answer's head always fits the socket's buffer; if not, the client is as good as gone.
  if (status != Transport::Status::done) connection.io.close();
  response.taker()(std::move(connection.io));
}

bool exchange(Connection& connection, std::int64_t started) {
  ServerRequest request(connection);
  std::optional<ServerResponse> response(std::in_place, connection);
  request.setResponse(*response);
  const auto failure = handle(connection, request, *response);
  Counters& counters = connection.core.counters;
  Counters::add(counters.requests);
  const bool cut = connection.bodyFailure().gone || connection.bodyFailure().refusal;
  if (response->detached() && (failure || cut)) response->taker()(Transport());

  if (response->onWire() && (failure || connection.bodyFailure().refusal)) {
    note(connection, response->getStatus(), response->bodyBytes(), started);
    return false;  // the client sees a cut answer, not a complete wrong one
  }
  if (connection.bodyFailure().gone) return false;
  if (const auto& refusal = connection.bodyFailure().refusal) {
    connection.refuse(refusal);
    return true;
  }
  if (failure) {
    response.emplace(connection);
    request.setResponse(*response);
    response->setStatusAndReason(static_cast<Status>(failure->status));
    response->setContentType("application/json");
    response->set("Cache-Control", "no-store");
    if (failure->retryAfterMs > 0)
      response->set("Retry-After", std::to_string((failure->retryAfterMs + 999) / 1000));
    for (const auto& [name, value] : connection.core.options.refusalFields) response->set(name, value);
    response->sendBuffer(failure->body.data(), failure->body.size());
  }
  counters.countStatus(response->getStatus());
  if (response->detached()) {
    note(connection, response->getStatus(), 0, started);
    handOver(connection, *response);
    return false;
  }
  Connection::After after = Connection::After::close;
  std::string rest = response->finish(after);
  note(connection, response->getStatus(), response->bodyBytes(), started);
  if (response->broken()) return false;
  connection.answered(std::move(rest), after);
  return true;
}

}  // namespace

Outcome runExchange(Connection& connection) {
  if (connection.phase() == Connection::Phase::handshake) {
    switch (connection.io.handshake()) {
      case Transport::Status::done:
        connection.handshaken();
        return Outcome::advance;
      case Transport::Status::again:
        connection.handshakeWaits();
        return Outcome::advance;
      default:
        Counters::add(connection.core.counters.handshakeFailures);
        return Outcome::bury;
    }
  }
  const std::int64_t started = nowUs();
  const std::int64_t waited = started - connection.readyAt;
  connection.core.counters.countWait(waited);
  if (waited > connection.core.options.queueLimit.count() * 1000) {
    connection.refuse({503, "the server is overloaded; try again"});
    return Outcome::advance;
  }
  Counters::add(connection.core.counters.busy);
  const bool goOn = exchange(connection, started);
  Counters::subtract(connection.core.counters.busy);
  return goOn ? Outcome::advance : Outcome::bury;
}

}  // namespace dispatch::http
