#pragma once

#include <dispatch/sdk/services.hpp>

#include <array>
#include <initializer_list>
#include <utility>
#include <vector>

namespace dispatch {

/// A byte stream to a granted destination; closed when this object goes. One thread at a time; every
/// operation throws Failure and keeps to the deadline of the call it is given.
class Stream {
 public:
  struct Options {
    std::string host;
    int port = 0;
    bool tls = false;             ///< TLS from the first byte
    bool allowUntrusted = false;  ///< works only where the operator granted that, too
  };

  Stream(Host host, const Call& call, const Options& options)
      : _table(&host.need<dispatch_stream_1>(DISPATCH_STREAM_1)) {
    dispatch_stream_options raw{};
    raw.struct_size = sizeof raw;
    raw.port = static_cast<std::uint32_t>(options.port);
    raw.host = str(options.host);
    raw.tls = options.tls ? 1 : 0;
    raw.allow_untrusted = options.allowUntrusted ? 1 : 0;
    sdk::serviceCheck(call, _table->open(host.raw(), call.raw(), &raw, &_stream),
                      "No connection to " + options.host + ":" + std::to_string(options.port) + ".");
  }
  Stream(Stream&& other) noexcept
      : _table(other._table),
        _stream(std::exchange(other._stream, nullptr)),
        _buffer(std::move(other._buffer)) {}
  Stream& operator=(Stream&&) = delete;
  ~Stream() { _table->close(_stream); }

  /// Turns the stream into TLS. Bytes that came in clear after the last line that was read are an error
  /// (command injection, RFC 3207 section 6).
  void startTls(const Call& call) {
    if (!_buffer.empty())
      throw Failure::unavailable(
          "The server sent more in clear after it had agreed to TLS; somebody may be tampering.");
    sdk::serviceCheck(call, _table->start_tls(_stream, call.raw()), "The TLS handshake failed.");
  }

  void write(const Call& call, const std::vector<Part>& parts) {
    std::vector<dispatch_secret_use> uses;
    std::vector<const dispatch_secret_use*> pointers;
    for (const auto& part : parts) uses.push_back(part.use());
    for (const auto& use : uses) pointers.push_back(&use);
    sdk::serviceCheck(call, _table->write(_stream, call.raw(), pointers.data(), pointers.size()),
                      "The connection broke while sending.");
  }
  void write(const Call& call, std::string_view text) { write(call, std::vector<Part>{Part(text)}); }

  /// A line without its CR LF (a bare LF ends one as well). Throws Failure(UNAVAILABLE) if the peer closes
  /// before, or if the line is longer than `limit`.
  std::string readLine(const Call& call, std::size_t limit = 8192) {
    for (;;) {
      const auto end = _buffer.find('\n');
      if (end != std::string::npos && end <= limit) {
        std::string line = _buffer.substr(0, end);
        _buffer.erase(0, end + 1);
        if (!line.empty() && line.back() == '\r') line.pop_back();
        return line;
      }
      if (_buffer.size() > limit)
        throw Failure::unavailable("The server sent a line of more than " + std::to_string(limit) +
                                   " bytes.");
      if (!fill(call)) throw Failure::unavailable("The server closed the connection.");
    }
  }

  /// At least one byte, at most `size`; empty: the peer closed.
  std::string read(const Call& call, std::size_t size) {
    if (_buffer.empty() && !fill(call)) return {};
    std::string out = _buffer.substr(0, size);
    _buffer.erase(0, out.size());
    return out;
  }

 private:
  bool fill(const Call& call) {
    std::array<std::uint8_t, 4096> chunk{};
    std::uint64_t count = 0;
    sdk::serviceCheck(call, _table->read(_stream, call.raw(), chunk.data(), chunk.size(), &count),
                      "The connection broke while waiting for an answer.");
    if (count > chunk.size())
      throw Failure(DISPATCH_ERR_INTERNAL, "The host answered with more bytes than were asked for.");
    _buffer.append(reinterpret_cast<const char*>(chunk.data()), static_cast<std::size_t>(count));
    return count > 0;
  }

  const dispatch_stream_1* _table;
  dispatch_stream* _stream = nullptr;
  std::string _buffer;
};

}  // namespace dispatch
