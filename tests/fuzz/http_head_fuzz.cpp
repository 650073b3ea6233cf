// libFuzzer target: the scanner and parser of request heads and the decoder of chunked bodies. Beyond "does
// not crash" it checks what the server relies on: a head is judged alike whether it arrives whole or in
// pieces, the parts of a good head lie inside it, and no framing is left ambiguous.
//
// Sources: host/http/head.cpp host/http/chunks.cpp
#include "http/chunks.hpp"
#include "http/head.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>

namespace {

using namespace dispatch::http;

constexpr HeadLimits limits{1024, 20};

struct Outcome {
  HeadScanner::Result result = HeadScanner::Result::incomplete;
  int status = 0;
  std::size_t begin = 0, end = 0;
  bool operator==(const Outcome&) const = default;
};

Outcome scan(std::string_view input, std::size_t step) {
  HeadScanner scanner;
  Refusal refusal;
  Outcome outcome;
  for (std::size_t size = std::min(step, input.size());; size = std::min(size + step, input.size())) {
    outcome.result = scanner.scan(input.substr(0, size), limits, refusal);
    if (outcome.result != HeadScanner::Result::incomplete || size == input.size()) break;
  }
  if (outcome.result == HeadScanner::Result::refused) outcome.status = refusal.status;
  if (outcome.result == HeadScanner::Result::complete) {
    outcome.begin = scanner.begin();
    outcome.end = scanner.end();
  }
  return outcome;
}

void require(bool holds) {
  if (!holds) std::abort();
}

void checkHead(const Head& head) {
  const auto inside = [&](std::string_view part) {
    const std::less_equal<const char*> notAfter;
    return part.empty() || (notAfter(head.bytes.data(), part.data()) &&
                            notAfter(part.data() + part.size(), head.bytes.data() + head.bytes.size()));
  };
  require(!head.method.empty() && inside(head.method));
  require(!head.target.empty() && inside(head.host));
  require(head.target.front() == '/' || head.target == "*");
  require(!(head.chunked && head.contentLength));
  require(head.fields.size() <= limits.fields);
  std::size_t hosts = 0, lengths = 0, encodings = 0;
  for (const Field& field : head.fields) {
    require(!field.name.empty() && inside(field.name) && inside(field.value));
    for (const char c : field.value) require(c != '\r' && c != '\n' && c != '\0');
    for (const char c : field.name) require(c > ' ' && c != ':');
    hosts += equalsIgnoreCase(field.name, "host");
    lengths += equalsIgnoreCase(field.name, "content-length");
    encodings += equalsIgnoreCase(field.name, "transfer-encoding");
  }
  require(hosts <= 1 && lengths + encodings <= 1);
  require(hosts == 1 || !head.http11);
}

/// Decoded bytes and verdict of a body that arrives in pieces of `step` bytes.
std::pair<std::string, ChunkDecoder::Result> decode(std::string_view input, std::size_t step) {
  ChunkDecoder decoder;
  std::string out;
  auto result = ChunkDecoder::Result::more;
  for (std::size_t at = 0; at < input.size() && result == ChunkDecoder::Result::more;) {
    std::size_t used = 0;
    result = decoder.decode(input.substr(at, step), used, out, SIZE_MAX);
    require(used <= std::min(step, input.size() - at));
    require(used > 0);
    at += used;
  }
  require(out.size() <= input.size());
  return {out, result};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const Outcome whole = scan(input, SIZE_MAX);
  const Outcome pieces = scan(input, 1);
  // A refusal for size may name the request line or the head, depending on how much had come.
  require(whole.result == pieces.result && whole.begin == pieces.begin && whole.end == pieces.end);
  if (whole.result == HeadScanner::Result::complete) {
    Head head;
    head.bytes.assign(input.substr(whole.begin, whole.end - whole.begin));
    if (!parseHead(head, limits)) checkHead(head);
  }
  const auto body = decode(input, SIZE_MAX);
  require(body == decode(input, 1));
  return 0;
}
