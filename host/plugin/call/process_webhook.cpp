// dispatch.webhook/1: the request goes in as it came; what comes back is looked at before anybody sends it
// out.
#include "plugin/call/process_instance.hpp"

#include "plugin/service/service_support.hpp"

#include <algorithm>
#include <array>

namespace dispatch::plugin {

namespace {

constexpr std::uint64_t maxBodyBytes = 1u << 20;
constexpr std::uint64_t maxHeaders = 32;
constexpr std::uint64_t maxHeaderBytes = 2048;
constexpr std::uint64_t maxIdBytes = 255;

std::string textOf(dispatch_str text) {
  return text.len == 0 ? std::string() : std::string(text.ptr, text.len);
}

/// A request in the memory of its call: a pending call may outlive its caller.
class RequestInCall {
 public:
  RequestInCall(HostCall& call, const WebhookRequest& request) : _call(call) {
    _asked.struct_size = sizeof _asked;
    _asked.attempt = request.attempt;
    _asked.received_at_ns = request.receivedAtNs;
    copy(request.method, _asked.method);
    copy(request.path, _asked.path);
    copy(request.query, _asked.query);
    copy(request.body, _asked.body);
    copy(request.peerAddress, _asked.peer_address);
    const auto count = request.headers.size();
    auto* headers = make<dispatch_webhook_header>(count);
    auto* pointers = make<const dispatch_webhook_header*>(count);
    for (std::size_t i = 0; _good && i < count; ++i) {
      headers[i].struct_size = sizeof headers[i];
      copy(request.headers[i].first, headers[i].name);
      copy(request.headers[i].second, headers[i].value);
      pointers[i] = &headers[i];
    }
    _asked.headers = pointers;
    _asked.header_count = _good ? count : 0;
    _inCall = make<dispatch_webhook_request>(1);
    if (_good) *_inCall = _asked;
  }

  /// nullptr where it does not fit.
  const dispatch_webhook_request* get() const noexcept { return _good ? _inCall : nullptr; }

 private:
  void copy(const std::string& text, dispatch_str& out) { _good = _call.copyOut(text, out) && _good; }
  template <class T>
  T* make(std::size_t count) {
    if (count == 0) return nullptr;
    void* memory = _call.arena().allocate(count * sizeof(T), alignof(T));
    _good = _good && memory != nullptr;
    return memory == nullptr ? nullptr : new (memory) T[count]{};
  }

  HostCall& _call;
  dispatch_webhook_request _asked{};
  dispatch_webhook_request* _inCall = nullptr;
  bool _good = true;
};

/// What a plugin may say about its answer. Cookies, redirects and policies of this origin are the host's, and
/// so is what tells a proxy before it to send something else (nginx, Apache, lighttpd).
bool mayGoOut(const std::string& name) {
  static constexpr std::array<std::string_view, 4> known{"content-type", "retry-after", "www-authenticate",
                                                         "allow"};
  const std::string lower = lowerCase(name);
  return std::find(known.begin(), known.end(), lower) != known.end() ||
         (lower.starts_with("x-") && lower != "x-frame-options" && lower != "x-content-type-options" &&
          !lower.starts_with("x-accel-") && lower.find("sendfile") == std::string::npos &&
          lower.find("send-file") == std::string::npos);
}

/// Reads what the plugin answered; a sentence says what is wrong with it.
std::optional<std::string> readResponse(const HostCall& call, const dispatch_webhook_response& given,
                                        WebhookResponse& response) {
  if (given.status < 200 || given.status > 599 || (given.status >= 300 && given.status < 400))
    return "its status is " + std::to_string(given.status) + ", and not 200 to 299 or 400 to 599";
  if (auto wrong = checkAnswer(call, given.body, "its body")) return wrong;
  if (given.body.len > maxBodyBytes) return "its body is longer than 1 MiB";
  if (given.header_count > maxHeaders) return "it has more than 32 headers";
  if (given.header_count > 0 &&
      !call.arena().owns(given.headers, given.header_count * sizeof(dispatch_webhook_header*)))
    return "its headers are not in the memory of its call";
  response.status = static_cast<int>(given.status);
  response.body = textOf(given.body);
  for (std::uint64_t i = 0; i < given.header_count; ++i) {
    const auto* header = given.headers[i];
    if (!call.arena().owns(header, sizeof *header) || header->struct_size < sizeof *header)
      return "header " + std::to_string(i) + " is not in the memory of its call";
    for (const auto& [text, what] : {std::pair{header->name, "a header's name"}, {header->value, "a header"}})
      if (auto wrong = checkAnswer(call, text, what)) return wrong;
    const auto name = textOf(header->name), value = textOf(header->value);
    if (name.size() + value.size() > maxHeaderBytes || !isToken(name) ||
        std::any_of(value.begin(), value.end(),
                    [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; }))
      return "header " + std::to_string(i) + " is no header";
    if (mayGoOut(name)) response.headers.emplace_back(name, value);
  }
  return std::nullopt;
}

}  // namespace

TextOutcome ProcessInstance::identifyWebhook(const WebhookRequest& request, const CallOptions& options) {
  TextOutcome outcome;
  outcome.status = DISPATCH_OK;
  const auto* table = interface<dispatch_webhook_1>(DISPATCH_WEBHOOK_1);
  if (!DISPATCH_HAS(table, dispatch_webhook_1, identify)) return outcome;
  dispatch_str direct{nullptr, 0};
  static_cast<Outcome&>(outcome) = run(
      "identify", Effect::read, options,
      [&](HostCall& call) {
        const RequestInCall asked(call, request);
        if (asked.get() == nullptr)
          return call.fail(DISPATCH_ERR_LIMIT, "the request does not fit into the memory of a call", 0);
        return table->identify(_instance, call.abi(), asked.get(), &direct);
      },
      [&](HostCall& call, const void* out) -> std::optional<std::string> {
        if (out != nullptr) {
          if (!call.arena().owns(out, sizeof direct)) return "its answer is not in the memory of its call";
          direct = *static_cast<const dispatch_str*>(out);
        }
        if (auto wrong = checkAnswer(call, direct, "the delivery's id")) return wrong;
        if (direct.len > maxIdBytes) return "the delivery's id is longer than 255 bytes";
        outcome.text = oneLine(textOf(direct), maxIdBytes * 4);
        return std::nullopt;
      });
  return outcome;
}

WebhookOutcome ProcessInstance::receiveWebhook(const WebhookRequest& request, const CallOptions& options) {
  WebhookOutcome outcome;
  const auto* table = interface<dispatch_webhook_1>(DISPATCH_WEBHOOK_1);
  if (!DISPATCH_HAS(table, dispatch_webhook_1, receive)) {
    static_cast<Outcome&>(outcome) =
        refused(DISPATCH_ERR_UNSUPPORTED, "Plugin " + nameText() + " receives no webhooks.");
    return outcome;
  }
  dispatch_webhook_response direct{};
  direct.struct_size = sizeof direct;
  // What was submitted has a key: the same delivery once more has its effect once.
  static_cast<Outcome&>(outcome) = run(
      "receive", Effect::idempotent, options,
      [&](HostCall& call) {
        const RequestInCall asked(call, request);
        if (asked.get() == nullptr)
          return call.fail(DISPATCH_ERR_LIMIT, "the request does not fit into the memory of a call", 0);
        return table->receive(_instance, call.abi(), asked.get(), &direct);
      },
      [&](HostCall& call, const void* out) -> std::optional<std::string> {
        const auto* result = &direct;
        if (out != nullptr) {
          result = static_cast<const dispatch_webhook_response*>(out);
          if (!call.arena().owns(out, sizeof direct) || result->struct_size < sizeof direct)
            return "its response is not in the memory of its call";
        }
        return readResponse(call, *result, outcome.response);
      });
  return outcome;
}

}  // namespace dispatch::plugin
