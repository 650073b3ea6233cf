#include "worker/lane.hpp"

#include "worker/sandbox.hpp"

#include <unistd.h>

#include <algorithm>
#include <memory_resource>
#include <new>

namespace dispatch::worker {

namespace {

/// What the host answered lives as long as the call.
class CallMemory final : public std::pmr::memory_resource {
 public:
  explicit CallMemory(WorkerCall& call) : _call(call) {}

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    auto* memory = _call.allocate(bytes, alignment);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
  }
  void do_deallocate(void*, std::size_t, std::size_t) override {}
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
  WorkerCall& _call;
};

/// Where a plugin gives what it completes a pending call with: the last of its parameters, if that is an
/// answer.
template <class Held>
bool adopt(Held& held, const WorkerCall& call, const void* out) {
  if constexpr (std::tuple_size_v < Held >> 0) {
    auto& last = std::get<std::tuple_size_v<Held> - 1>(held);
    if constexpr (requires { last.value; }) {
      using T = decltype(last.value);
      if constexpr (std::is_same_v<T, dispatch_str> || wire::Struct<T>) {
        if (!call.owns(out, sizeof(T))) return false;
        last.value = *static_cast<const T*>(out);
      }
    }
  }
  return true;
}

template <auto Member>
void serveOne(Lane& lane, wire::Reader& in) {
  using Signature = wire::SignatureOf<Member>;
  auto& call = lane.call();
  typename Signature::Held held;
  std::apply([&](auto&... each) { (each.read(in, lane), ...); }, held);
  const auto* table = lane.plugin().table<typename Signature::Table>();
  if (in.bad() || table == nullptr || !wire::reaches(*table, Member) || table->*Member == nullptr)
    return lane.reply(call.fail(DISPATCH_ERR_INTERNAL, "the worker was asked for what it cannot do", 0), {});
  dispatch_status status = DISPATCH_ERR_INTERNAL;
  try {
    status = Signature::run(*table, lane.plugin().instance(), call.abi(), held);
  } catch (...) {
    status = call.fail(DISPATCH_ERR_INTERNAL, "it let an exception cross the plugin boundary", 0);
  }
  const bool pending = status == DISPATCH_PENDING;
  if (pending) {
    const void* out = nullptr;
    status = call.await(&out);
    if (status == DISPATCH_PENDING)
      status = call.fail(DISPATCH_ERR_INTERNAL, "it completed a call with \"pending\"", 0);
    else if (status == DISPATCH_OK && !adopt(held, call, out))
      status = call.fail(DISPATCH_ERR_INTERNAL, "its answer is not in the memory of its call", 0);
  }
  lane.reply(status, [&](wire::Writer& writer) {
    writer.setArena(call.arena(), call.arenaUsed());
    std::apply([&](auto&... each) { (each.answer(writer, lane), ...); }, held);
    if constexpr (wire::PluginFunctions::number<Member>() ==
                  wire::PluginFunctions::number<&dispatch_plugin_v1::reconfigure>()) {
      writer.setArena(nullptr, 0);
      lane.plugin().describe(writer);
    }
  });
  if (pending) lane.rest();
}

constexpr std::size_t restingCalls = 64;

using Serve = void (*)(Lane&, wire::Reader&);
constexpr auto serveEach =
    wire::PluginFunctions::each<Serve>([]<auto Member>()->Serve { return &serveOne<Member>; });

void create(Lane& lane, wire::Reader& in) {
  auto& call = lane.call();
  const auto services = in.word();
  const auto status = lane.plugin().create(call, services, in.text());
  // From here on the plugin has all that it can open.
  if (status == DISPATCH_OK) Sandbox::seal();
  lane.reply(status, [&](wire::Writer& writer) { lane.plugin().describe(writer); });
}

}  // namespace

Lane::Lane(int socket, int slot, PluginLibrary& plugin)
    : _socket(socket), _slot(slot), _out(_slot.worker(), wire::Slot::workerBytes), _plugin(plugin) {
  _calls.push_back(std::make_unique<WorkerCall>(*this, _slot.header(), _slot.arena()));
  _call = _calls.back().get();
}

void Lane::cancel(std::uint64_t request) noexcept { call().cancel(request); }

void Lane::rest() noexcept {
  try {
    if (_calls.size() < restingCalls)
      _calls.push_back(std::make_unique<WorkerCall>(*this, _slot.header(), _slot.arena()));
    _next = (_next + 1) % _calls.size();
    _call.store(_calls[_next].get(), std::memory_order_release);
  } catch (...) {
    // Without memory for another, this one has to do.
  }
}

void Lane::run() {
  wire::Frame frame;
  for (;;) {
    {
      const wire::Spin::Call next;
      _idle.wait(_socket);
    }
    if (!wire::receive(_socket, frame)) break;
    const wire::Spin::Call counted;
    if (frame.kind == wire::FrameKind::call) serve(frame);
  }
  ::_exit(0);  // the host closed it: nobody is served any more
}

void Lane::serve(const wire::Frame& frame) {
  wire::Reader in(_slot.host() + frame.offset, frame.size);
  wire::Prelude prelude;
  prelude.read(in);
  _out.release(0);
  call().begin(frame.request, prelude);
  if (frame.function == wire::createFunction)
    create(*this, in);
  else if (frame.function < serveEach.size())
    serveEach[frame.function](*this, in);
  else
    reply(DISPATCH_ERR_INTERNAL, {});
}

void Lane::reply(dispatch_status status, const Send& results) noexcept {
  const std::lock_guard lock(_asking);
  wire::Frame frame;
  frame.kind = wire::FrameKind::reply;
  frame.status = status;
  frame.request = call().abi()->request_id;
  try {
    wire::Writer writer(_out);
    const auto start = (_out.used() + 7) & ~std::uint64_t{7};
    writer.text(call().message());
    writer.word(call().retryAfterMs());
    if (status == DISPATCH_OK && results) results(writer);
    if (!writer.good()) frame.status = DISPATCH_ERR_LIMIT;
    frame.offset = start;
    frame.size = writer.good() ? _out.used() - start : 0;
  } catch (...) {
    frame.status = DISPATCH_ERR_LIMIT;
    frame.size = 0;
  }
  call().end();
  wire::send(_socket, frame);
}

dispatch_status Lane::ask(std::uint32_t function, dispatch_stream* stream, const Send& send,
                          const Receive& receive) noexcept {
  const std::lock_guard lock(_asking);
  const auto mark = _out.used();
  const auto* outer = _request;
  dispatch_status status = DISPATCH_ERR_INTERNAL;
  try {
    status = askLocked(function, stream, send, receive);
  } catch (...) {
    status = call().fail(DISPATCH_ERR_LIMIT,
                         "the answer of the host does not fit into the memory of this call", 0);
  }
  _request = outer;
  _out.release(mark);
  return status;
}

dispatch_status Lane::askLocked(std::uint32_t function, dispatch_stream* stream, const Send& send,
                                const Receive& receive) {
  wire::Writer writer(_out);
  const auto start = (_out.used() + 7) & ~std::uint64_t{7};
  writer.word(numberOf(stream));
  send(writer);
  if (!writer.good())
    return call().fail(DISPATCH_ERR_LIMIT, "a request to the host may have 24 MiB; stream what is larger", 0);
  wire::Frame frame;
  frame.kind = wire::FrameKind::service;
  frame.function = function;
  frame.request = call().abi()->request_id;
  frame.offset = start;
  frame.size = _out.used() - start;
  if (!wire::send(_socket, frame)) ::_exit(0);
  for (;;) {
    _awaitingHost.wait(_socket);
    if (!wire::receive(_socket, frame)) ::_exit(0);
    switch (frame.kind) {
      case wire::FrameKind::readBody:
        readBody(frame);
        continue;
      case wire::FrameKind::writeBody:
        writeBody(frame);
        continue;
      case wire::FrameKind::serviceReply:
        break;
      default:
        continue;
    }
    wire::Reader reader(_slot.host() + frame.offset, frame.size);
    CallMemory memory(call());
    reader.setMemory(memory);
    const auto message = reader.view();
    const auto retryAfterMs = reader.half();
    if (frame.status != DISPATCH_OK) return call().fail(frame.status, message, retryAfterMs);
    receive(reader);
    if (reader.bad()) return call().fail(DISPATCH_ERR_INTERNAL, "the host's answer could not be read", 0);
    return DISPATCH_OK;
  }
}

void Lane::readBody(const wire::Frame& asked) noexcept {
  wire::Frame answer;
  answer.kind = wire::FrameKind::bodyRead;
  answer.status = DISPATCH_ERR_INTERNAL;
  const auto mark = _out.used();
  auto* buffer = _out.take(asked.size);
  std::uint64_t count = 0;
  if (buffer != nullptr && _request != nullptr && _request->body_read != nullptr) {
    const auto* request = _request;
    try {
      answer.status = request->body_read(request->body_user, buffer, asked.size, &count);
    } catch (...) {
      answer.status = DISPATCH_ERR_INTERNAL;
    }
    answer.offset = _out.offsetOf(buffer);
    answer.size = count;  // the host finds a lie out, as it does in its own process
  }
  wire::send(_socket, answer);
  _out.release(mark);
}

void Lane::writeBody(const wire::Frame& asked) noexcept {
  wire::Frame answer;
  answer.kind = wire::FrameKind::bodyWritten;
  answer.status = DISPATCH_ERR_INTERNAL;
  if (_request != nullptr && _request->answer_write != nullptr) {
    const auto* request = _request;
    try {
      answer.status = request->answer_write(request->answer_user, _slot.host() + asked.offset, asked.size);
    } catch (...) {
      answer.status = DISPATCH_ERR_INTERNAL;
    }
  }
  wire::send(_socket, answer);
}

void Lane::log(std::uint32_t level, std::string_view text) noexcept {
  wire::Frame frame;
  frame.kind = wire::FrameKind::log;
  frame.status = static_cast<std::int32_t>(std::min<std::uint32_t>(level, 100));
  frame.request = call().abi()->request_id;
  wire::send(_socket, frame, text.substr(0, wire::maxTextBytes));
}

void Lane::misbehaved(std::string_view text) noexcept {
  wire::Frame frame;
  frame.kind = wire::FrameKind::misbehaved;
  frame.request = call().abi()->request_id;
  wire::send(_plugin.control(), frame, text);
}

}  // namespace dispatch::worker
