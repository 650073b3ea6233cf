// libFuzzer target: what a worker says to the host, which takes it for hostile: the structs of the ABI read
// from any bytes, with any memory of a call beside them.
//
// Sources:
#include "fuzzing.hpp"
#include "wire/codec.hpp"

namespace {

using namespace dispatch::wire;

/// Every text that was read must lie in the body or in the arena: reading it proves that under
/// AddressSanitizer.
std::uint64_t sum(dispatch_str text) {
  std::uint64_t total = 0;
  if (text.ptr == nullptr) return 0;
  for (std::uint64_t i = 0; i < text.len; ++i) total += static_cast<unsigned char>(text.ptr[i]);
  return total;
}

/// A text that its peer says lies elsewhere points nowhere: it is refused before anybody reads it.
dispatch_str keep(void* context, dispatch_str text) noexcept {
  *static_cast<std::uint64_t*>(context) += sum(text);
  return text;
}

template <class T>
void readOne(const std::uint8_t* data, std::size_t size, const std::uint8_t* arena, std::size_t arenaSize) {
  Reader reader(data, size, arena, arenaSize);
  std::uint64_t seen = 0;
  reader.setKeep(keep, &seen);
  T value{};
  value.struct_size = sizeof value;
  get(reader, value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto arenaSize = size / 4;
  const auto* body = data + arenaSize;
  readOne<dispatch_auth_result>(body, size - arenaSize, data, arenaSize);
  readOne<dispatch_http_request>(body, size - arenaSize, data, arenaSize);
  readOne<dispatch_stream_options>(body, size - arenaSize, data, arenaSize);
  readOne<dispatch_webhook_response>(body, size - arenaSize, data, arenaSize);
  readOne<dispatch_event>(body, size - arenaSize, data, arenaSize);
  readOne<dispatch_source_result>(body, size - arenaSize, data, arenaSize);
  readOne<dispatch_exec_result>(body, size - arenaSize, data, arenaSize);
  Reader reader(body, size - arenaSize, data, arenaSize);
  const dispatch_secret_use* const* parts = nullptr;
  std::uint64_t count = 0;
  getMany(reader, parts, count);
  return 0;
}
