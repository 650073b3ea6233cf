#include "plugin/service/connection.hpp"
#include "plugin/service/http_exchange.hpp"
#include "plugin/service/http_request.hpp"
#include "plugin/service/service_context.hpp"
#include "plugin/service/service_support.hpp"

#include "base/time.hpp"

#include <algorithm>
#include <ctime>
#include <optional>

namespace dispatch::plugin {

namespace {

void sendStreamed(HttpExchange& exchange, HostCall& call, const HttpRequest& request) {
  exchange.sendHead(headOf(request));
  std::vector<std::uint8_t> buffer(httpPieceBytes);
  std::uint64_t left = request.readSize;
  while (request.chunked() || left > 0) {
    if (call.remainingNs() == 0)
      throw ConnectionFailure(ConnectionFailure::Why::deadline, "the deadline passed while sending the body");
    const auto count = readPiece(request, buffer, left);
    const std::string_view piece(reinterpret_cast<const char*>(buffer.data()), count);
    exchange.sendPiece(piece, request.chunked());
    if (count == 0) break;
    if (!request.chunked()) left -= count;
  }
  exchange.sendDone();
}

/// Blots secrets out of a body that arrives in pieces: holds back as much as could be the beginning of one.
class BlottingWriter {
 public:
  BlottingWriter(std::vector<config::SecretText> forms, dispatch_body_write write, void* user)
      : _forms(std::move(forms)), _write(write), _user(user) {
    if (!_forms.empty()) _keep = _forms.front().size() - 1;  // the longest stands first
  }
  bool operator()(std::string_view piece) {
    _held.append(piece);
    _held = blotForms(std::move(_held), _forms);
    if (_held.size() <= _keep) return true;
    const bool going = pass(std::string_view(_held).substr(0, _held.size() - _keep));
    _held.erase(0, _held.size() - _keep);
    return going;
  }
  void finish() {
    if (status == DISPATCH_OK && !_held.empty()) pass(_held);
  }
  dispatch_status status = DISPATCH_OK;

 private:
  bool pass(std::string_view bytes) {
    status = _write(_user, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    return status == DISPATCH_OK;
  }
  std::vector<config::SecretText> _forms;
  dispatch_body_write _write;
  void* _user;
  std::size_t _keep = 0;
  std::string _held;
};

/// A failure on the wire, in the terms of dispatch_http_1.request: what matters is whether the peer can have
/// acted.
[[noreturn]] void refuseFailure(const ConnectionFailure& failure, bool sent) {
  if (!sent)
    throw ServiceRefusal(DISPATCH_ERR_UNAVAILABLE,
                         std::string(failure.what()) + "; the request was not sent whole");
  switch (failure.why()) {
    case ConnectionFailure::Why::deadline:
      throw ServiceRefusal(DISPATCH_ERR_TIMEOUT, failure.what());
    case ConnectionFailure::Why::cancelled:
      throw ServiceRefusal(DISPATCH_ERR_CANCELLED, failure.what());
    case ConnectionFailure::Why::broken:
      break;
  }
  throw ServiceRefusal(DISPATCH_ERR_UNCERTAIN,
                       std::string(failure.what()) + "; the request was sent, its fate is unknown");
}

/// An answer that did not come over the network, given to the plugin as if it had.
HttpAnswer taken(ServiceContext& context, const HttpRequest& request, const SeenAnswer& seen) {
  if (seen.failure != DISPATCH_OK) throw ServiceRefusal(seen.failure, seen.message);
  HttpAnswer answer{seen.status, seen.headers, seen.body};
  for (auto& header : answer.headers) header.first = lowerCase(header.first);
  if (answer.body.size() > request.maxAnswer)
    throw ServiceRefusal(DISPATCH_ERR_LIMIT,
                         "the answer has more than " + std::to_string(request.maxAnswer) + " bytes");
  if (request.write != nullptr) {
    BlottingWriter writer(context.secrets().forms(), request.write, request.writeUser);
    if (writer(answer.body)) writer.finish();
    if (writer.status != DISPATCH_OK)
      throw ServiceRefusal(writer.status, "the plugin stopped taking the answer");
    answer.body.clear();
  }
  return answer;
}

HttpAnswer exchangeOnce(ServiceContext& context, HostCall& call, const HttpRequest& request,
                        std::string& streamed) {
  const auto grants = context.grants();
  Connection connection(call, *grants, request.url.destination);
  if (request.url.destination.scheme == "https")
    connection.startTls(call, *grants, connection.untrustedGranted(*grants));
  HttpExchange exchange(call, connection);
  try {
    if (request.read != nullptr)
      sendStreamed(exchange, call, request);
    else
      exchange.send(headOf(request), request.body);
    const bool bodyless = request.method == "HEAD";
    if (request.write == nullptr) {
      std::string body;
      auto answer = exchange.receive(bodyless, request.maxAnswer, [&](std::string_view piece) {
        body.append(piece);
        return true;
      });
      answer.body = std::move(body);
      return answer;
    }
    BlottingWriter writer(context.secrets().forms(), request.write, request.writeUser);
    const auto most = request.maxAnswer == defaultHttpAnswer ? UINT64_MAX : request.maxAnswer;
    auto answer = exchange.receive(bodyless, most, [&](std::string_view piece) {
      if (context.httpNetwork() != nullptr && streamed.size() < maxHttpBodyBytes) streamed.append(piece);
      return writer(piece);
    });
    writer.finish();
    if (writer.status != DISPATCH_OK)
      throw ServiceRefusal(writer.status, "the plugin stopped taking the answer");
    return answer;
  } catch (const ConnectionFailure& failure) {
    refuseFailure(failure, exchange.sent());
  }
}

/// exchangeOnce(), watched or replaced by whoever stands between plugins and the network.
HttpAnswer exchangeWatched(ServiceContext& context, HostCall& call, HttpRequest& request) {
  auto* network = context.httpNetwork();
  std::string streamed;
  if (network == nullptr) return exchangeOnce(context, call, request, streamed);
  if (request.read != nullptr) collectBody(call, request);
  const auto seen = seenOf(context, request);
  if (const auto refusal = context.grants()->refusal(request.url.destination))
    throw ServiceRefusal(DISPATCH_ERR_DENIED, *refusal);
  if (const auto given = network->answer(seen)) return taken(context, request, *given);
  const auto started = monotonicNs();
  const auto tell = [&](SeenAnswer answer) {
    network->exchanged(seen, answer, static_cast<double>(monotonicNs() - started) / 1e6);
  };
  try {
    auto answer = exchangeOnce(context, call, request, streamed);
    const auto forms = context.secrets().forms();
    SeenAnswer shown;
    shown.status = answer.status;
    shown.headers = answer.headers;
    shown.body = blotForms(request.write == nullptr ? answer.body : std::move(streamed), forms);
    for (auto& header : shown.headers) header.second = blotForms(std::move(header.second), forms);
    tell(std::move(shown));
    return answer;
  } catch (const ServiceRefusal& refusal) {
    tell({0, {}, "", refusal.status(), context.secrets().blot(refusal.what())});
    throw;
  }
}

bool isRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// Turns `request` into the one that a redirect asks for (RFC 9110 section 15.4).
void follow(HttpRequest& request, int status, const std::string& location) {
  const auto target = request.url.resolve(location);
  const bool sameOrigin = target.destination.text() == request.url.destination.text();
  if (request.url.destination.scheme == "https" && target.destination.scheme == "http")
    throw ServiceRefusal(DISPATCH_ERR_DENIED, request.url.destination.text() +
                                                  " redirects from https to http, which is not followed");
  const bool keepsMethod =
      status == 307 || status == 308 || request.method == "GET" || request.method == "HEAD";
  if (!keepsMethod) {
    request.method = "GET";
    request.body = WipedText();
    request.read = nullptr;
    request.secretBody = false;
    std::erase_if(request.headers,
                  [](const HttpHeader& header) { return lowerCase(header.name).starts_with("content-"); });
  }
  if (request.read != nullptr)
    throw ServiceRefusal(DISPATCH_ERR_UNSUPPORTED,
                         "a streamed body cannot be sent again to where the answer redirects");
  if (!sameOrigin) {
    // What was meant for one server is not handed to another because the first one says so.
    if (request.secretBody)
      throw ServiceRefusal(DISPATCH_ERR_DENIED, "the answer redirects a body with a secret to " +
                                                    target.destination.text() + ", another server");
    std::erase_if(request.headers, [](const HttpHeader& header) { return header.secret; });
  }
  request.url = target;
}

HttpAnswer exchangeLogged(ServiceContext& context, HostCall& call, HttpRequest& request) {
  const auto started = monotonicNs();
  const auto& to = request.url.destination;
  Instance::Outbound record{nowText(), request.method, to.host, to.port, "", 0, 0, ""};
  record.path =
      oneLine(context.secrets().blot(request.url.target.substr(0, request.url.target.find('?'))), 200);
  const auto note = [&] {
    record.milliseconds = static_cast<double>(monotonicNs() - started) / 1e6;
    context.outbound().add(record);
  };
  try {
    auto answer = exchangeWatched(context, call, request);
    record.status = answer.status;
    note();
    return answer;
  } catch (const std::exception& error) {
    record.error = context.secrets().blot(error.what());
    note();
    throw;
  }
}

void answerWith(ServiceContext& context, HostCall& call, const HttpAnswer& answer,
                dispatch_http_response& out) {
  const auto forms = context.secrets().forms();
  const auto count = answer.headers.size();
  auto* names =
      static_cast<dispatch_str*>(call.arena().allocate(count * sizeof(dispatch_str), alignof(dispatch_str)));
  auto* values =
      static_cast<dispatch_str*>(call.arena().allocate(count * sizeof(dispatch_str), alignof(dispatch_str)));
  if (names == nullptr || values == nullptr)
    throw ServiceRefusal(DISPATCH_ERR_LIMIT, "the answer does not fit into the memory of this call");
  for (std::size_t i = 0; i < count; ++i) {
    names[i] = answerText(call, answer.headers[i].first);
    values[i] = answerText(call, blotForms(answer.headers[i].second, forms));
  }
  out.body = answerText(call, blotForms(answer.body, forms));
  out.header_names = names;
  out.header_values = values;
  out.header_count = count;
  if (const auto* after = answer.header("retry-after"))
    out.retry_after_ms = retryAfterMs(*after, static_cast<std::int64_t>(std::time(nullptr)));
  out.status = static_cast<std::uint32_t>(answer.status);
}

dispatch_status request(const dispatch_host* host, const dispatch_call* call,
                        const dispatch_http_request* given, dispatch_http_response* out) noexcept {
  return guarded(call, [&] {
    auto& context = ServiceContext::of(host);
    auto& hostCall = checkedCall(call);
    const auto size =
        checkedStruct(const_cast<const dispatch_http_response*>(out), "dispatch_http_response").struct_size;
    *out = {};
    out->struct_size = size;
    try {
      auto request = readHttpRequest(context, checkedStruct(given, "dispatch_http_request"));
      for (std::uint32_t followed = 0;; ++followed) {
        const auto answer = exchangeLogged(context, hostCall, request);
        const auto* location = answer.header("location");
        if (!isRedirect(answer.status) || location == nullptr || request.redirects == 0) {
          answerWith(context, hostCall, answer, *out);
          return DISPATCH_OK;
        }
        if (followed == request.redirects)
          throw ServiceRefusal(DISPATCH_ERR_LIMIT, request.url.destination.text() + " redirects more than " +
                                                       std::to_string(request.redirects) + " times");
        follow(request, answer.status, *location);
      }
    } catch (const ServiceRefusal& refusal) {
      *out = {};
      out->struct_size = size;
      throw ServiceRefusal(refusal.status(), context.secrets().blot(refusal.what()), refusal.retryAfterMs());
    }
  });
}

}  // namespace

const void* httpService() noexcept {
  static constexpr dispatch_http_1 table{sizeof(dispatch_http_1), 0, request};
  return &table;
}

}  // namespace dispatch::plugin
