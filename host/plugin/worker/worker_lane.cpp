#include "plugin/worker/worker_lane.hpp"

#include "plugin/service/service_support.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory_resource>
#include <new>
#include <utility>

namespace dispatch::plugin {

namespace {

constexpr std::uint64_t pieceBytes = 64u << 10;
constexpr std::uint64_t largeBytes = 256u << 10;  // of a slot, after which its pages go back to the system
constexpr int maxDepth = 8;  // a request inside a piece of a body inside a request inside …

/// Results come to stay in the call's memory: the worker cannot change them any more.
dispatch_str keep(void* context, dispatch_str text) noexcept {
  dispatch_str out{nullptr, text.len};
  static_cast<HostCall*>(context)->copyOut({text.ptr, text.len}, out);
  return out.ptr == nullptr ? dispatch_str{nullptr, text.len} : out;
}

/// Arrays of what a worker answered live as long as its texts do.
class CallMemory final : public std::pmr::memory_resource {
 public:
  explicit CallMemory(HostCall& call) : _call(call) {}

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    auto* memory = _call.arena().allocate(bytes, alignment);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
  }
  void do_deallocate(void*, std::size_t, std::size_t) override {}
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
  HostCall& _call;
};

void closeOf(dispatch_stream* stream) {
  static_cast<const dispatch_stream_1*>(streamService())->close(stream);
}

}  // namespace

std::uint64_t WorkerStreams::add(dispatch_stream* stream) {
  const std::lock_guard lock(_mutex);
  _open[++_last] = {stream};
  return _last;
}

dispatch_stream* WorkerStreams::borrow(std::uint64_t number) {
  const std::lock_guard lock(_mutex);
  const auto found = _open.find(number);
  if (found == _open.end() || found->second.borrowed || found->second.closing) return nullptr;
  found->second.borrowed = true;
  return found->second.stream;
}

void WorkerStreams::giveBack(std::uint64_t number) {
  dispatch_stream* closing = nullptr;
  {
    const std::lock_guard lock(_mutex);
    const auto found = _open.find(number);
    if (found == _open.end()) return;
    found->second.borrowed = false;
    if (!found->second.closing) return;
    closing = found->second.stream;
    _open.erase(found);
  }
  closeOf(closing);
}

void WorkerStreams::close(std::uint64_t number) {
  dispatch_stream* closing = nullptr;
  {
    const std::lock_guard lock(_mutex);
    const auto found = _open.find(number);
    if (found == _open.end()) return;
    found->second.closing = true;
    if (found->second.borrowed) return;
    closing = found->second.stream;
    _open.erase(found);
  }
  closeOf(closing);
}

void WorkerStreams::closeAll() {
  std::vector<std::uint64_t> numbers;
  {
    const std::lock_guard lock(_mutex);
    for (const auto& entry : _open) numbers.push_back(entry.first);
  }
  for (const auto number : numbers) close(number);
}

WorkerLane::WorkerLane(std::uint32_t number, int socket, int slot)
    : _number(number), _socket(socket), _slot(slot), _out(_slot.host(), wire::Slot::hostBytes) {}

WorkerLane::~WorkerLane() { ::close(_socket); }

void WorkerLane::noteCancelled(std::uint64_t request, std::int32_t reason) noexcept {
  auto& header = _slot.header();
  if (header.request.load(std::memory_order_relaxed) != request) return;
  header.cancelled.store(reason, std::memory_order_release);
}

WorkerLane::Result WorkerLane::run(const Around& around, std::uint32_t function, const Send& send,
                                   const Receive& receive) {
  Result result;
  auto& call = around.call;
  const wire::Spin::Call counted;
  _around = &around;
  _broken = _gone = false;
  _depth = 0;
  _out.release(0);
  auto& header = _slot.header();
  header.cancelled.store(call.cancelled() ? call.cancelReason() : 0, std::memory_order_relaxed);
  header.request.store(call.requestId(), std::memory_order_release);

  wire::Writer writer(_out);
  wire::Prelude prelude;
  prelude.deadlineNs = call.deadlineNs();
  const auto& abi = *call.abi();
  std::memcpy(prelude.traceId, abi.trace_id, sizeof prelude.traceId);
  std::memcpy(prelude.spanId, abi.span_id, sizeof prelude.spanId);
  prelude.idempotencyKey = abi.idempotency_key;
  prelude.send(writer);
  send(writer);
  if (!writer.good()) {
    result.answered = true;
    result.status =
        call.fail(DISPATCH_ERR_LIMIT, "the arguments do not fit into the memory shared with the worker", 0);
    return result;
  }
  wire::Frame frame;
  frame.kind = wire::FrameKind::call;
  frame.function = function;
  frame.request = call.requestId();
  frame.size = _out.used();
  if (!wire::send(_socket, frame)) return result;
  result.sent = true;
  result.nonsense = true;  // until it has answered in full
  if (!converse(wire::FrameKind::reply, frame)) {
    result.nonsense = !_gone;
    return result;
  }
  if (frame.request != call.requestId()) return result;

  std::vector<std::uint8_t> body;
  if (frame.status == DISPATCH_OK || frame.size > 0) {
    if (!within(frame)) return result;
    const auto* bytes = _slot.worker() + frame.offset;
    body.assign(bytes, bytes + frame.size);
  }
  wire::Reader reader(body.data(), body.size(), _slot.arena(), wire::Slot::arenaBytes);
  const auto message = reader.view();
  const auto retryAfterMs = reader.half();
  if (frame.status == DISPATCH_OK) {
    CallMemory memory(call);
    reader.setMemory(memory);
    reader.setKeep(keep, &call);
    try {
      receive(reader);
    } catch (const std::bad_alloc&) {
      frame.status = call.fail(DISPATCH_ERR_LIMIT, "its answer does not fit into the memory of a call", 0);
    }
    if (reader.bad()) return result;
  } else if (!message.empty()) {
    call.fail(frame.status, message, retryAfterMs);
  }
  result.answered = true;
  result.nonsense = false;
  result.status = frame.status;
  if (_out.used() > largeBytes || frame.size > largeBytes || _large) _slot.trim();
  _large = false;
  return result;
}

bool WorkerLane::within(const wire::Frame& frame) const noexcept {
  return frame.offset <= wire::Slot::workerBytes && frame.size <= wire::Slot::workerBytes - frame.offset;
}

bool WorkerLane::converse(wire::FrameKind wanted, wire::Frame& frame) {
  wire::Message message;
  while (!_broken) {
    _spin.wait(_socket);
    if (!wire::receive(_socket, message, _text)) {
      _gone = true;
      break;
    }
    for (const int descriptor : message.descriptors) ::close(descriptor);  // nothing of a worker's is wanted
    frame = message.frame;
    if (frame.kind == wanted) return true;
    switch (frame.kind) {
      case wire::FrameKind::service:
        if (++_depth > maxDepth) {
          _broken = true;
          break;
        }
        serve(frame);
        --_depth;
        break;
      case wire::FrameKind::log: {
        const auto* table = static_cast<const dispatch_log_1*>(logService());
        table->write(_around->context.host(), _around->call.abi(),
                     static_cast<dispatch_log_level>(frame.status),
                     {message.text.data(), message.text.size()});
        break;
      }
      default:
        _broken = true;  // it speaks nonsense; whoever asked ends it
    }
  }
  _broken = true;
  return false;
}

void WorkerLane::serve(const wire::Frame& frame) {
  using Serve = void (WorkerLane::*)(wire::Reader&);
  static constexpr auto each =
      wire::HostFunctions::each<Serve>([]<auto Member>()->Serve { return &WorkerLane::serveOne<Member>; });
  if (!within(frame)) {
    _broken = true;
    return;
  }
  const auto mark = _out.used();
  std::vector<std::uint8_t> body(_slot.worker() + frame.offset, _slot.worker() + frame.offset + frame.size);
  if (body.size() > largeBytes) _large = true;
  wire::Reader in(body.data(), body.size());
  const auto number = in.word();
  _stream = number == 0 ? nullptr : _around->streams.borrow(number);
  if (frame.function < each.size()) {
    (this->*each[frame.function])(in);
  } else if (frame.function == wire::streamReadFunction) {
    serveStreamRead(in);
    _out.release(mark);  // the worker copies it before it says anything else
  } else if (frame.function == wire::streamWriteFunction) {
    serveStreamWrite(in);
  } else {
    _broken = true;
  }
  if (_stream != nullptr) _around->streams.giveBack(number);
  _stream = nullptr;
}

template <auto Member>
void WorkerLane::serveOne(wire::Reader& in) {
  using Signature = wire::SignatureOf<Member>;
  using Owner = typename Signature::Owner;
  const std::string_view id = wire::idOf<typename Signature::Table>;
  const auto* host = _around->context.host();
  const auto* table =
      static_cast<const typename Signature::Table*>(host->service(host, {id.data(), id.size()}));
  auto& call = _around->call;
  if (table == nullptr) {
    call.fail(DISPATCH_ERR_DENIED, std::string(id) + " is not granted to this plugin", 0);
    return reply(DISPATCH_ERR_DENIED, {});
  }
  typename Signature::Held held;
  Owner* owner = nullptr;
  if constexpr (std::is_same_v<Owner, dispatch_stream>)
    owner = _stream;
  else
    owner = host;
  std::apply([&](auto&... each) { (each.read(in, *this), ...); }, held);
  if (in.bad()) {
    _broken = true;
    return;
  }
  const auto status = Signature::run(*table, owner, call.abi(), held);
  reply(status, [&](wire::Writer& writer) {
    std::apply([&](auto&... each) { (each.answer(writer, *this), ...); }, held);
  });
}

void WorkerLane::serveStreamRead(wire::Reader& in) {
  const auto size = std::min(in.word(), pieceBytes);
  std::vector<std::uint8_t> buffer(size);
  std::uint64_t count = 0;
  const auto* table = static_cast<const dispatch_stream_1*>(streamService());
  const auto status = table->read(_stream, _around->call.abi(), buffer.data(), buffer.size(), &count);
  reply(status, [&](wire::Writer& writer) {
    writer.text(dispatch_str{reinterpret_cast<const char*>(buffer.data()), count});
  });
}

void WorkerLane::serveStreamWrite(wire::Reader& in) {
  const dispatch_secret_use* const* parts = nullptr;
  std::uint64_t count = 0;
  wire::getMany(in, parts, count);
  if (in.bad()) {
    _broken = true;
    return;
  }
  const auto* table = static_cast<const dispatch_stream_1*>(streamService());
  reply(table->write(_stream, _around->call.abi(), parts, count), [](wire::Writer&) {});
}

void WorkerLane::reply(dispatch_status status, const Send& results) {
  wire::Frame frame;
  frame.kind = wire::FrameKind::serviceReply;
  frame.status = status;
  frame.request = _around->call.requestId();
  const auto write = [&](const std::string& message, const Send& more) {
    const auto start = (_out.used() + 7) & ~std::uint64_t{7};
    wire::Writer writer(_out);
    writer.text(message);
    writer.word(status == DISPATCH_OK ? 0 : _around->call.retryAfterMs());
    if (more) more(writer);
    frame.offset = start;
    frame.size = writer.good() ? _out.used() - start : 0;
    return writer.good();
  };
  const auto mark = _out.used();
  const bool ok = status == DISPATCH_OK;
  if (!write(ok ? std::string() : _around->call.message(), ok ? results : Send())) {
    _out.release(mark);
    frame.status = DISPATCH_ERR_LIMIT;
    write("the answers of the host to one call may have 40 MiB", {});
  }
  if (!wire::send(_socket, frame)) _broken = true;
}

std::uint64_t WorkerLane::numberOf(dispatch_stream* stream) {
  return stream == nullptr ? 0 : _around->streams.add(stream);
}

const dispatch_secret_sink* WorkerLane::sink() { return _around->call.sink(); }

void WorkerLane::wipe(dispatch_str text) {
  std::memset(const_cast<char*>(text.ptr), 0, text.len);
  __asm__ volatile("" : : "r"(text.ptr) : "memory");
}

void WorkerLane::bodies(dispatch_http_request& request, bool reads, bool writes) {
  request.body_read = reads ? readBody : nullptr;
  request.body_user = this;
  request.answer_write = writes ? writeBody : nullptr;
  request.answer_user = this;
}

dispatch_status WorkerLane::readBody(void* lane, std::uint8_t* buffer, std::uint64_t size,
                                     std::uint64_t* count) {
  auto& self = *static_cast<WorkerLane*>(lane);
  wire::Frame frame;
  frame.kind = wire::FrameKind::readBody;
  frame.size = std::min(size, pieceBytes);
  if (self._broken || !wire::send(self._socket, frame) || !self.converse(wire::FrameKind::bodyRead, frame))
    return DISPATCH_ERR_UNAVAILABLE;
  *count = frame.size;
  if (frame.status == DISPATCH_OK && frame.size <= std::min(size, pieceBytes) && self.within(frame))
    std::memcpy(buffer, self._slot.worker() + frame.offset, frame.size);
  else if (frame.status == DISPATCH_OK && frame.size <= size)
    return DISPATCH_ERR_INTERNAL;
  return frame.status;
}

dispatch_status WorkerLane::writeBody(void* lane, const std::uint8_t* data, std::uint64_t size) {
  auto& self = *static_cast<WorkerLane*>(lane);
  wire::Frame frame;
  for (std::uint64_t done = 0; done < size;) {
    const auto piece = std::min(size - done, pieceBytes);
    const auto mark = self._out.used();
    auto* place = self._out.take(piece);
    if (place == nullptr) return DISPATCH_ERR_LIMIT;
    std::memcpy(place, data + done, piece);
    frame = {};
    frame.kind = wire::FrameKind::writeBody;
    frame.offset = self._out.offsetOf(place);
    frame.size = piece;
    const bool answered = !self._broken && wire::send(self._socket, frame) &&
                          self.converse(wire::FrameKind::bodyWritten, frame);
    self._out.release(mark);
    if (!answered) return DISPATCH_ERR_UNAVAILABLE;
    if (frame.status != DISPATCH_OK) return frame.status;
    done += piece;
  }
  return DISPATCH_OK;
}

}  // namespace dispatch::plugin
