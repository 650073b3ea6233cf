#include "http/chunks.hpp"

#include <algorithm>

namespace dispatch::http {
namespace {

constexpr std::size_t mostOverhead = 16 * 1024;
constexpr unsigned mostDigits = 15;

int hexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool text(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

}  // namespace

ChunkDecoder::Result ChunkDecoder::decode(std::string_view input, std::size_t& used, std::string& out,
                                          std::size_t most) {
  used = 0;
  while (_state != State::done) {
    if (used == input.size()) return Result::more;
    if (_state == State::data) {
      if (out.size() >= most) return Result::more;
      const auto take =
          static_cast<std::size_t>(std::min<std::uint64_t>({_left, input.size() - used, most - out.size()}));
      out.append(input.substr(used, take));
      used += take;
      _left -= take;
      if (_left == 0) _state = State::dataCr;
      continue;
    }
    const char c = input[used++];
    switch (_state) {
      case State::size:
        if (const int value = hexValue(c); value >= 0) {
          if (++_digits > mostDigits) return Result::malformed;
          _left = _left * 16 + static_cast<unsigned>(value);
        } else if (_digits > 0 && c == ';') {
          _state = State::extension;
        } else if (_digits > 0 && c == '\r') {
          _state = State::sizeEnd;
        } else {
          return Result::malformed;
        }
        break;
      case State::extension:
        if (c == '\r') {
          _state = State::sizeEnd;
        } else if (!text(c) || ++_overhead > mostOverhead) {
          return Result::malformed;
        }
        break;
      case State::sizeEnd:
        if (c != '\n') return Result::malformed;
        _digits = 0;
        _state = _left > 0 ? State::data : State::trailer;
        break;
      case State::dataCr:
        if (c != '\r') return Result::malformed;
        _state = State::dataLf;
        break;
      case State::dataLf:
        if (c != '\n') return Result::malformed;
        _state = State::size;
        break;
      case State::trailer:  // at the start of a line
        if (c == '\r') {
          _state = State::lastLf;
        } else if (!text(c) || c == ' ' || c == '\t' || ++_overhead > mostOverhead) {
          return Result::malformed;
        } else {
          _state = State::trailerLine;
        }
        break;
      case State::trailerLine:
        if (c == '\r') {
          _state = State::trailerLf;
        } else if (!text(c) || ++_overhead > mostOverhead) {
          return Result::malformed;
        }
        break;
      case State::trailerLf:
        if (c != '\n') return Result::malformed;
        _state = State::trailer;
        break;
      case State::lastLf:
        if (c != '\n') return Result::malformed;
        _state = State::done;
        break;
      case State::data:
      case State::done:
        break;
    }
  }
  return Result::done;
}

}  // namespace dispatch::http
