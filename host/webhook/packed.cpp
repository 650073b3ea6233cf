#include "webhook/packed.hpp"

#include "base/problem.hpp"

#include <cstring>

namespace dispatch::webhook {

namespace {

void put(std::string& out, std::string_view text) {
  const std::uint64_t size = text.size();
  out.append(reinterpret_cast<const char*>(&size), sizeof size);
  out.append(text);
}

std::string take(std::string_view& in) {
  std::uint64_t size = 0;
  if (in.size() >= sizeof size) std::memcpy(&size, in.data(), sizeof size);
  if (in.size() < sizeof size || size > in.size() - sizeof size)
    throw Problem(Problem::Kind::invalid, "The stored request is cut off");
  std::string text(in.substr(sizeof size, size));
  in.remove_prefix(sizeof size + size);
  return text;
}

}  // namespace

std::string pack(const plugin::WebhookRequest& request) {
  std::string out;
  for (const std::string_view text : {std::string_view(request.method), std::string_view(request.path),
                                      std::string_view(request.query), std::string_view(request.peerAddress)})
    put(out, text);
  put(out, std::to_string(request.receivedAtNs));
  put(out, request.body);
  for (const auto& [name, value] : request.headers) put(out, name), put(out, value);
  return out;
}

plugin::WebhookRequest unpack(std::string_view bytes) {
  plugin::WebhookRequest request;
  for (auto* text : {&request.method, &request.path, &request.query, &request.peerAddress})
    *text = take(bytes);
  request.receivedAtNs = std::strtoll(take(bytes).c_str(), nullptr, 10);
  request.body = take(bytes);
  while (!bytes.empty()) {
    auto name = take(bytes);
    request.headers.emplace_back(std::move(name), take(bytes));
  }
  return request;
}

}  // namespace dispatch::webhook
