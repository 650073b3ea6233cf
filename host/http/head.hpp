#pragma once

#include "http/refusal.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::http {

struct HeadLimits {
  std::size_t bytes = 32 * 1024;
  std::size_t fields = 100;
};

struct Field {
  std::string_view name;
  std::string_view value;
};

/// A request's head (RFC 9112 sections 2 to 7), taken strictly: what two parsers could read in two ways is
/// refused, because a proxy in front of us may be the other parser.
struct Head {
  std::string bytes;  ///< request line to empty line; the views below point into it
  std::string_view method;
  std::string_view target;  ///< origin form or "*"; of an absolute form only path and query
  std::string_view host;    ///< of an absolute form its authority, else the Host field
  std::vector<Field> fields;
  std::optional<std::uint64_t> contentLength;
  bool http11 = true;
  bool keepAlive = true;
  bool chunked = false;
  bool expectContinue = false;

  std::string_view path() const { return target.substr(0, target.find('?')); }
};

/// Reads `head.bytes`, which must end with the empty line, into the other members.
Refusal parseHead(Head& head, const HeadLimits& limits);

/// Finds the end of a head that arrives in pieces, and refuses as soon as it cannot become a good one.
class HeadScanner {
 public:
  enum class Result { incomplete, complete, refused };

  /// `buffer` is all that arrived since reset(), grown since the last call.
  Result scan(std::string_view buffer, const HeadLimits& limits, Refusal& refusal);
  std::size_t begin() const {
    return _begin;
  }                                         ///< after empty lines that stand before a request (RFC 9112 2.2)
  std::size_t end() const { return _end; }  ///< one past the head
  void reset() { *this = HeadScanner(); }

 private:
  std::size_t _begin = 0, _end = 0, _line = 0, _seen = 0;
  bool _requestLine = false;
};

bool equalsIgnoreCase(std::string_view a, std::string_view b);

}  // namespace dispatch::http
