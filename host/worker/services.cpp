#include "worker/services.hpp"

#include "worker/denials.hpp"
#include "worker/lane.hpp"

#include <sys/random.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace dispatch::worker {

namespace {

/// The lane of a call that a plugin hands to a service; nullptr where it hands none.
Lane* laneOf(const dispatch_call* call) noexcept {
  auto* found = WorkerCall::of(call);
  return found == nullptr ? nullptr : &found->lane();
}

/// A function that the host runs: made from its signature.
template <auto Member, class Signature = decltype(Member)>
struct Stub;
template <auto Member, class T, class O, class... A>
struct Stub<Member, dispatch_status (*T::*)(O*, const dispatch_call*, A...)> {
  static dispatch_status call(O* owner, const dispatch_call* call, A... values) noexcept {
    auto* lane = laneOf(call);
    if (lane == nullptr) return DISPATCH_ERR_INVALID;
    dispatch_stream* stream = nullptr;
    if constexpr (std::is_same_v<O, dispatch_stream>) stream = owner;
    return lane->ask(
        wire::HostFunctions::number<Member>(), stream,
        [&](wire::Writer& writer) { wire::SignatureOf<Member>::send(writer, *lane, values...); },
        [&](wire::Reader& reader) { wire::SignatureOf<Member>::receive(reader, *lane, values...); });
  }
};
template <auto Member>
constexpr auto stub = &Stub<Member>::call;

// What needs no host.

void writeLog(const dispatch_host* host, const dispatch_call* call, dispatch_log_level level,
              dispatch_str message) noexcept {
  const auto text = message.ptr == nullptr ? std::string_view() : std::string_view(message.ptr, message.len);
  if (auto* lane = laneOf(call)) return lane->log(level, text);
  const auto* library = host == nullptr ? nullptr : static_cast<const PluginLibrary*>(host->host_data);
  if (library == nullptr) return;
  wire::Frame frame;
  frame.kind = wire::FrameKind::log;
  frame.status = static_cast<std::int32_t>(std::min<std::uint32_t>(level, 100));
  wire::send(library->control(), frame, text.substr(0, wire::maxTextBytes));
}

// What goes over the control socket may be much at once, and the host reads it one by one.
constexpr int patienceMs = 1000;

/// Over the control socket, also from a call's thread: its order means nothing.
void recordMetric(const dispatch_host*, dispatch_str name, const dispatch_str* labels, std::uint64_t count,
                  double value) noexcept {
  // The host cuts labels where a character ends, and leaves out what has too many.
  constexpr std::uint64_t mostLabels = 9, mostBytes = 400;
  if (labels == nullptr && count > 0) return;
  std::array<char, (mostLabels + 1) * (mostBytes + 1)> text;
  std::size_t used = 0;
  const auto add = [&](dispatch_str part) {
    const auto size = part.ptr == nullptr ? 0 : std::min(part.len, mostBytes);
    if (size > 0) std::memcpy(text.data() + used, part.ptr, size);
    used += size;
    text[used++] = '\0';
  };
  add(name);
  for (std::uint64_t i = 0; i < std::min(count, mostLabels); ++i) add(labels[i]);
  wire::Frame frame;
  frame.kind = wire::FrameKind::metric;
  frame.request = std::bit_cast<std::uint64_t>(value);
  wire::sendPatiently(wire::controlDescriptor, frame, {text.data(), used}, patienceMs);
}

std::uint64_t clockNs(clockid_t clock) noexcept {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(time.tv_nsec);
}
std::int64_t unixNs(const dispatch_host*) noexcept {
  return static_cast<std::int64_t>(clockNs(CLOCK_REALTIME));
}
std::uint64_t monotonicNs(const dispatch_host*) noexcept { return clockNs(CLOCK_MONOTONIC); }

dispatch_status random(const dispatch_host*, std::uint8_t* buffer, std::uint64_t size) noexcept {
  constexpr std::uint64_t maxRandomBytes = 1u << 20;
  if (size == 0) return DISPATCH_OK;
  if (buffer == nullptr) return DISPATCH_ERR_INVALID;
  if (size > maxRandomBytes) return DISPATCH_ERR_LIMIT;
  for (std::uint64_t done = 0; done < size;) {
    const auto count = ::getrandom(buffer + done, size - done, 0);
    if (count < 0 && errno != EINTR) return DISPATCH_ERR_INTERNAL;
    if (count > 0) done += static_cast<std::uint64_t>(count);
  }
  return DISPATCH_OK;
}

// Streams: parameters that belong together.

dispatch_status writeStream(dispatch_stream* stream, const dispatch_call* call,
                            const dispatch_secret_use* const* parts, std::uint64_t count) noexcept {
  auto* lane = laneOf(call);
  if (lane == nullptr) return DISPATCH_ERR_INVALID;
  return lane->ask(
      wire::streamWriteFunction, stream, [&](wire::Writer& writer) { wire::putMany(writer, parts, count); },
      [](wire::Reader&) {});
}

dispatch_status readStream(dispatch_stream* stream, const dispatch_call* call, std::uint8_t* buffer,
                           std::uint64_t size, std::uint64_t* count) noexcept {
  auto* lane = laneOf(call);
  if (lane == nullptr) return DISPATCH_ERR_INVALID;
  if (buffer == nullptr || size == 0 || count == nullptr)
    return lane->call().fail(DISPATCH_ERR_INVALID, "a read needs a buffer and a place for its count", 0);
  *count = 0;
  return lane->ask(
      wire::streamReadFunction, stream, [&](wire::Writer& writer) { writer.word(size); },
      [&](wire::Reader& reader) {
        const auto bytes = reader.view();
        *count = std::min<std::uint64_t>(bytes.size(), size);
        std::memcpy(buffer, bytes.data(), *count);
      });
}

void closeStream(dispatch_stream* stream) noexcept {
  if (stream == nullptr) return;
  wire::Frame frame;
  frame.kind = wire::FrameKind::closeStream;
  frame.request = reinterpret_cast<std::uintptr_t>(stream);
  wire::sendPatiently(wire::controlDescriptor, frame, {}, patienceMs);
}

constexpr dispatch_log_1 logTable{sizeof(dispatch_log_1), 0, writeLog};
constexpr dispatch_clock_1 clockTable{sizeof(dispatch_clock_1), 0, unixNs, monotonicNs,
                                      stub<&dispatch_clock_1::sleep>};
constexpr dispatch_http_1 httpTable{sizeof(dispatch_http_1), 0, stub<&dispatch_http_1::request>};
constexpr dispatch_stream_1 streamTable{sizeof(dispatch_stream_1),
                                        0,
                                        stub<&dispatch_stream_1::open>,
                                        stub<&dispatch_stream_1::start_tls>,
                                        writeStream,
                                        readStream,
                                        closeStream};
constexpr dispatch_crypto_1 cryptoTable{sizeof(dispatch_crypto_1),
                                        0,
                                        random,
                                        stub<&dispatch_crypto_1::hash>,
                                        stub<&dispatch_crypto_1::mac>,
                                        stub<&dispatch_crypto_1::mac_verify>,
                                        stub<&dispatch_crypto_1::seal>,
                                        stub<&dispatch_crypto_1::open>,
                                        stub<&dispatch_crypto_1::secret_verify>};
constexpr dispatch_kv_1 kvTable{sizeof(dispatch_kv_1),        0,
                                stub<&dispatch_kv_1::get>,    stub<&dispatch_kv_1::put>,
                                stub<&dispatch_kv_1::remove>, stub<&dispatch_kv_1::list>};
constexpr dispatch_directory_1 directoryTable{sizeof(dispatch_directory_1), 0,
                                              stub<&dispatch_directory_1::query>};
constexpr dispatch_credential_1 credentialTable{
    sizeof(dispatch_credential_1), 0, stub<&dispatch_credential_1::verify>,
    stub<&dispatch_credential_1::create>, stub<&dispatch_credential_1::replace>};

constexpr dispatch_event_1 eventTable{sizeof(dispatch_event_1), 0, stub<&dispatch_event_1::submit>};
constexpr dispatch_metric_1 metricTable{sizeof(dispatch_metric_1), 0, recordMetric};
constexpr dispatch_exec_1 execTable{sizeof(dispatch_exec_1), 0, stub<&dispatch_exec_1::run>};
constexpr dispatch_audit_1 auditTable{sizeof(dispatch_audit_1), 0, stub<&dispatch_audit_1::record>};

struct Service {
  std::string_view id;
  const void* table;
};
constexpr std::array<Service, wire::serviceIds.size()> services{{{DISPATCH_LOG_1, &logTable},
                                                                 {DISPATCH_CLOCK_1, &clockTable},
                                                                 {DISPATCH_HTTP_1, &httpTable},
                                                                 {DISPATCH_STREAM_1, &streamTable},
                                                                 {DISPATCH_CRYPTO_1, &cryptoTable},
                                                                 {DISPATCH_KV_1, &kvTable},
                                                                 {DISPATCH_DIRECTORY_1, &directoryTable},
                                                                 {DISPATCH_CREDENTIAL_1, &credentialTable},
                                                                 {DISPATCH_EVENT_1, &eventTable},
                                                                 {DISPATCH_METRIC_1, &metricTable},
                                                                 {DISPATCH_EXEC_1, &execTable},
                                                                 {DISPATCH_AUDIT_1, &auditTable}}};

static_assert(std::equal(services.begin(), services.end(), wire::serviceIds.begin(),
                         [](const Service& service, std::string_view id) { return service.id == id; }),
              "the host knows a service by its place");

}  // namespace

const void* serviceTable(std::uint64_t granted, dispatch_str id) noexcept {
  if (id.ptr == nullptr || id.len > 100) return nullptr;
  for (std::size_t i = 0; i < services.size(); ++i) {
    if (services[i].id != std::string_view(id.ptr, id.len)) continue;
    if ((granted & wire::serviceBit(services[i].id)) != 0) return services[i].table;
    Denials::service(i);
  }
  return nullptr;
}

}  // namespace dispatch::worker
