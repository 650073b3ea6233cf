#pragma once

#include "wire/codec.hpp"

#include <dispatch/abi.h>

#include <array>
#include <cstdint>
#include <tuple>
#include <type_traits>

namespace dispatch::wire {

/// What a value means on one side only: streams and sinks are pointers here and numbers on the way; a body
/// that is read in pieces comes from the other side.
class Peer {
 public:
  virtual ~Peer() = default;
  virtual std::uint64_t numberOf(dispatch_stream* stream) = 0;  ///< 0 = no such stream
  virtual dispatch_stream* streamOf(std::uint64_t number) = 0;  ///< nullptr = no such stream
  virtual bool ownsSink(const dispatch_secret_sink* sink) = 0;
  virtual const dispatch_secret_sink* sink() = 0;
  /// What a plugin wrote into this side's sink, and is to be put into the other's.
  virtual dispatch_str sunk() = 0;
  virtual void wipe(dispatch_str text) = 0;
  /// Host: makes `request` read and write its bodies at the worker. Worker: remembers whose functions those
  /// are.
  virtual void bodies(dispatch_http_request& request, bool reads, bool writes) = 0;
  virtual void bodiesOf(const dispatch_http_request* request) = 0;
};

/// A value that crosses: how the caller sends it and takes it back (`out` parameters), and how the callee
/// holds it.
template <class A>
struct Parameter;

template <class A>
requires std::is_integral_v<A> || std::is_same_v<A, dispatch_str>
struct Parameter<A> {
  static void send(Writer& writer, Peer&, A value) { put(writer, value); }
  static void receive(Reader&, Peer&, A) {}
  A value{};
  void read(Reader& reader, Peer&) { get(reader, value); }
  A pass() { return value; }
  void answer(Writer&, Peer&) {}
};

template <Struct T>
struct Parameter<const T*> {
  static void send(Writer& writer, Peer& peer, const T* value) {
    writer.word(value != nullptr ? 1 : 0);
    if (value == nullptr) return;
    put(writer, *value);
    if constexpr (std::is_same_v<T, dispatch_http_request>) {
      writer.word(reaches(*value, &T::body_read) && value->body_read != nullptr ? 1 : 0);
      writer.word(reaches(*value, &T::answer_write) && value->answer_write != nullptr ? 1 : 0);
      peer.bodiesOf(value);
    }
  }
  static void receive(Reader&, Peer&, const T*) {}
  T value{};
  bool there = false;
  void read(Reader& reader, Peer& peer) {
    there = reader.word() != 0;
    if (!there) return;
    get(reader, value);
    if constexpr (std::is_same_v<T, dispatch_http_request>) {
      const bool reads = reader.word() != 0;
      peer.bodies(value, reads, reader.word() != 0);
    }
  }
  const T* pass() { return there ? &value : nullptr; }
  void answer(Writer&, Peer&) {}
};

template <class T>
requires(std::is_same_v<T, dispatch_str> || std::is_same_v<T, std::uint64_t> ||
         Struct<T>) struct Parameter<T*> {
  static void send(Writer& writer, Peer&, T* value) { writer.word(value != nullptr ? 1 : 0); }
  static void receive(Reader& reader, Peer&, T* value) {
    T unwanted{};
    get(reader, value != nullptr ? *value : unwanted);
  }
  T value{};
  bool there = false;
  void read(Reader& reader, Peer&) {
    there = reader.word() != 0;
    if constexpr (Struct<T>) value.struct_size = sizeof(T);
  }
  T* pass() { return there ? &value : nullptr; }
  void answer(Writer& writer, Peer&) { put(writer, value); }
};

template <>
struct Parameter<dispatch_stream**> {
  static void send(Writer& writer, Peer&, dispatch_stream** value) { writer.word(value != nullptr ? 1 : 0); }
  static void receive(Reader& reader, Peer& peer, dispatch_stream** value) {
    auto* stream = peer.streamOf(reader.word());
    if (value != nullptr) *value = stream;
  }
  dispatch_stream* value = nullptr;
  bool there = false;
  void read(Reader& reader, Peer&) { there = reader.word() != 0; }
  dispatch_stream** pass() { return there ? &value : nullptr; }
  void answer(Writer& writer, Peer& peer) { writer.word(peer.numberOf(value)); }
};

/// The plugin's own sink stays on its side; what was written there follows with the answer.
template <>
struct Parameter<const dispatch_secret_sink*> {
  static void send(Writer& writer, Peer& peer, const dispatch_secret_sink* value) {
    writer.word(peer.ownsSink(value) ? 1 : 0);
  }
  static void receive(Reader& reader, Peer& peer, const dispatch_secret_sink* value) {
    const auto secret = reader.textInPlace();
    if (reader.bad() || secret.len == 0 || secret.ptr == nullptr || value == nullptr) return;
    if (auto* buffer = value->buffer(value, secret.len)) std::memcpy(buffer, secret.ptr, secret.len);
    peer.wipe(secret);
  }
  bool own = false;
  const dispatch_secret_sink* mine = nullptr;
  void read(Reader& reader, Peer& peer) {
    own = reader.word() != 0;
    mine = peer.sink();
  }
  const dispatch_secret_sink* pass() { return own ? mine : nullptr; }
  void answer(Writer& writer, Peer& peer) { writer.text(peer.sunk()); }
};

template <auto Member>
struct SignatureOf;
/// Every function that crosses has this form: whom, in which call, and what.
template <class T, class O, class... A, dispatch_status (*T::*Member)(O*, const dispatch_call*, A...)>
struct SignatureOf<Member> {
  using Table = T;
  using Owner = O;
  using Held = std::tuple<Parameter<A>...>;

  static void send(Writer& writer, Peer& peer, A... values) {
    (Parameter<A>::send(writer, peer, values), ...);
  }
  static void receive(Reader& reader, Peer& peer, A... values) {
    (Parameter<A>::receive(reader, peer, values), ...);
  }
  static dispatch_status run(const Table& table, Owner* owner, const dispatch_call* call, Held& held) {
    return std::apply([&](auto&... each) { return (table.*Member)(owner, call, each.pass()...); }, held);
  }
};

/// A list of functions, each known by its place in it.
template <auto... Each>
struct FunctionList {
  static constexpr std::uint32_t size = sizeof...(Each);

  template <auto Member>
  static constexpr std::uint32_t number() {
    std::uint32_t found = size, at = 0;
    ((same<Member, Each>() ? void(found = at++) : void(++at)), ...);
    return found;
  }

  /// An array with `Of<Member>()` for each, in order.
  template <class Entry, class Of>
  static constexpr std::array<Entry, size> each(Of of) {
    return {of.template operator()<Each>()...};
  }

 private:
  template <auto A, auto B>
  static constexpr bool same() {
    if constexpr (std::is_same_v<decltype(A), decltype(B)>)
      return A == B;
    else
      return false;
  }
};

/// What the host asks of a plugin. `create` and `reconfigure` answer with the plugin's interfaces, too (see
/// Shape); `destroy` is the end of the worker.
using PluginFunctions =
    FunctionList<&dispatch_plugin_v1::start, &dispatch_plugin_v1::reconfigure, &dispatch_plugin_v1::drain,
                 &dispatch_plugin_v1::stop, &dispatch_integration_1::invoke, &dispatch_health_1::test,
                 &dispatch_auth_1::describe, &dispatch_auth_1::authenticate, &dispatch_secret_1::decrypt,
                 &dispatch_secret_1::encrypt, &dispatch_webhook_1::identify, &dispatch_webhook_1::receive,
                 &dispatch_source_1::poll>;
/// The interfaces that they belong to, beside the plugin's own table; in the order of the bits in which a
/// worker tells which of them there are.
using InterfaceTables = std::tuple<dispatch_integration_1, dispatch_health_1, dispatch_auth_1,
                                   dispatch_secret_1, dispatch_webhook_1, dispatch_source_1>;
/// Beside them: it makes what the others are called on.
constexpr std::uint32_t createFunction = PluginFunctions::size;

/// What a plugin asks of the host. Not among them: log and metric (messages without an answer), clock's
/// readings and crypto's random (answered in the worker), stream's close (a message), and read and write of a
/// stream, whose parameters belong together.
using HostFunctions =
    FunctionList<&dispatch_clock_1::sleep, &dispatch_http_1::request, &dispatch_stream_1::open,
                 &dispatch_stream_1::start_tls, &dispatch_crypto_1::hash, &dispatch_crypto_1::mac,
                 &dispatch_crypto_1::mac_verify, &dispatch_crypto_1::seal, &dispatch_crypto_1::open,
                 &dispatch_kv_1::get, &dispatch_kv_1::put, &dispatch_kv_1::remove, &dispatch_kv_1::list,
                 &dispatch_directory_1::query, &dispatch_credential_1::verify, &dispatch_credential_1::create,
                 &dispatch_credential_1::replace, &dispatch_crypto_1::secret_verify,
                 &dispatch_event_1::submit, &dispatch_exec_1::run, &dispatch_audit_1::record>;
constexpr std::uint32_t streamReadFunction = HostFunctions::size;
constexpr std::uint32_t streamWriteFunction = HostFunctions::size + 1;

/// The interface or service that a table belongs to.
template <class Table>
constexpr const char* idOf = nullptr;
template <>
inline constexpr const char* idOf<dispatch_integration_1> = DISPATCH_INTEGRATION_1;
template <>
inline constexpr const char* idOf<dispatch_health_1> = DISPATCH_HEALTH_1;
template <>
inline constexpr const char* idOf<dispatch_auth_1> = DISPATCH_AUTH_1;
template <>
inline constexpr const char* idOf<dispatch_secret_1> = DISPATCH_SECRET_1;
template <>
inline constexpr const char* idOf<dispatch_webhook_1> = DISPATCH_WEBHOOK_1;
template <>
inline constexpr const char* idOf<dispatch_source_1> = DISPATCH_SOURCE_1;
template <>
inline constexpr const char* idOf<dispatch_clock_1> = DISPATCH_CLOCK_1;
template <>
inline constexpr const char* idOf<dispatch_http_1> = DISPATCH_HTTP_1;
template <>
inline constexpr const char* idOf<dispatch_stream_1> = DISPATCH_STREAM_1;
template <>
inline constexpr const char* idOf<dispatch_crypto_1> = DISPATCH_CRYPTO_1;
template <>
inline constexpr const char* idOf<dispatch_kv_1> = DISPATCH_KV_1;
template <>
inline constexpr const char* idOf<dispatch_directory_1> = DISPATCH_DIRECTORY_1;
template <>
inline constexpr const char* idOf<dispatch_credential_1> = DISPATCH_CREDENTIAL_1;
template <>
inline constexpr const char* idOf<dispatch_event_1> = DISPATCH_EVENT_1;
template <>
inline constexpr const char* idOf<dispatch_exec_1> = DISPATCH_EXEC_1;
template <>
inline constexpr const char* idOf<dispatch_audit_1> = DISPATCH_AUDIT_1;

/// Which of a plugin's functions there are: a bit for each of PluginFunctions, in order.
using FunctionSet = std::uint64_t;
template <auto Member>
constexpr FunctionSet bitOf = FunctionSet{1} << PluginFunctions::number<Member>();

/// What precedes the arguments of a call.
struct Prelude {
  std::uint64_t deadlineNs = 0;
  std::uint8_t traceId[16] = {};
  std::uint8_t spanId[8] = {};
  dispatch_str idempotencyKey{nullptr, 0};

  void send(Writer& writer) const {
    std::uint64_t trace[2], span;
    std::memcpy(trace, traceId, sizeof trace);
    std::memcpy(&span, spanId, sizeof span);
    writer.word(deadlineNs);
    writer.word(trace[0]);
    writer.word(trace[1]);
    writer.word(span);
    writer.text(idempotencyKey);
  }
  void read(Reader& reader) {
    deadlineNs = reader.word();
    const std::uint64_t trace[2] = {reader.word(), reader.word()}, span = reader.word();
    std::memcpy(traceId, trace, sizeof trace);
    std::memcpy(spanId, &span, sizeof span);
    idempotencyKey = reader.text();
  }
};

}  // namespace dispatch::wire
