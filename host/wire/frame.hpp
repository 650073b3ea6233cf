#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace dispatch::wire {

enum class FrameKind : std::uint32_t {
  none,
  // On a lane. One call is under way on a lane at a time; what is asked of the host meanwhile nests inside
  // it.
  call,          ///< host to worker: run `function`; body = prelude and arguments
  reply,         ///< worker to host: `status`; body = the sentence and, if OK, the results
  service,       ///< worker to host: run the host's `function`; body = arguments
  serviceReply,  ///< host to worker
  readBody,      ///< host to worker: fill up to `size` bytes of a request's body (dispatch_body_read)
  bodyRead,      ///< worker to host
  writeBody,     ///< host to worker: take these bytes of an answer (dispatch_body_write)
  bodyWritten,   ///< worker to host
  log,     ///< worker to host, on a lane or the control socket: `status` = level; the text follows the frame
  metric,  ///< worker to host, on the control socket: `request` = the value's bits; name and labels follow,
           ///< each ended by a zero
  misbehaved,  ///< worker to host: what the plugin did against the ABI; the text follows
  // On the control socket.
  setup,        ///< host to worker, first of all: a Setup
  hello,        ///< worker to host: the library is loaded; what its query table says
  failed,       ///< worker to host: it cannot serve; the sentence follows
  openLane,     ///< host to worker: `lane`; a socket and a slot come along
  cancel,       ///< host to worker: the call `request` on `lane`, because of `status`
  closeStream,  ///< worker to host: `request` = the stream's number
  denied,       ///< worker to host: it was refused number `request` of `function` (Denied), `size` times
};

enum class Denied : std::uint32_t {
  systemCall,  ///< by the sandbox; its number
  service,     ///< one that is not granted; its place in serviceIds
};

/// The head of every message. Bodies are not in it: they lie in the sender's area of the lane's slot, `size`
/// bytes at `offset`. Only what belongs to no lane (setup, hello, log lines) follows the frame in the message
/// itself.
struct Frame {
  FrameKind kind = FrameKind::none;
  std::uint32_t function = 0;
  std::int32_t status = 0;
  std::uint32_t lane = 0;
  std::uint64_t request = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

constexpr std::uint64_t maxTextBytes = 60u << 10;  ///< what may follow a frame in its message

/// Sends one message, with `descriptors` if any. [any-thread] False where the peer is gone, or does not read.
bool send(int socket, const Frame& frame, std::string_view text = {}, const int* descriptors = nullptr,
          int descriptorCount = 0) noexcept;

/// The same for one of many that may follow each other: waits up to `milliseconds` for a peer that reads.
bool sendPatiently(int socket, const Frame& frame, std::string_view text, int milliseconds) noexcept;

/// A message as it came.
struct Message {
  Frame frame;
  std::string_view text;         ///< in the buffer that receive() was given
  std::vector<int> descriptors;  ///< owned by whoever receives them
};

/// Waits for one message. False where the peer is gone; also, with `wait` false, where none is there. A
/// message that is no frame comes as kind `none`. `buffer` keeps its text; it grows to what is needed once.
/// [one thread at a time a socket]
bool receive(int socket, Message& message, std::vector<char>& buffer, bool wait = true) noexcept;

/// The same for messages that are a frame and nothing else: no allocation, no descriptors.
bool receive(int socket, Frame& frame) noexcept;

}  // namespace dispatch::wire
