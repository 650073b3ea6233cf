#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace dispatch::http {

/// Decodes a chunked body (RFC 9112 section 7.1) that arrives in pieces, strictly: sizes are bare
/// hexadecimal, lines end with CR LF. Extensions and trailers are skipped within limits.
class ChunkDecoder {
 public:
  enum class Result { more, done, malformed };

  /// Appends decoded bytes to `out` until `out` holds `most` or the input ends. `used`: how much of `input`
  /// is done with. Result::more with input left means that `out` is full.
  Result decode(std::string_view input, std::size_t& used, std::string& out, std::size_t most);
  void reset() { *this = ChunkDecoder(); }

 private:
  enum class State {
    size,
    extension,
    sizeEnd,
    data,
    dataCr,
    dataLf,
    trailer,
    trailerLine,
    trailerLf,
    lastLf,
    done
  };
  State _state = State::size;
  std::uint64_t _left = 0;  ///< of the chunk
  unsigned _digits = 0;
  std::size_t _overhead = 0;  ///< bytes of extensions and trailers
};

}  // namespace dispatch::http
