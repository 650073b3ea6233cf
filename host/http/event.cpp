#include "http/event_streams.hpp"

#include "base/base.hpp"

#include <Poco/Exception.h>
#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/URI.h>

namespace dispatch::http {
namespace {

/// A line break in a one-line field would start another field, of the sender's choosing.
void appendLine(std::string& frame, std::string_view field, std::string_view value) {
  if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos)
    throw Problem(Problem::Kind::internal, "event " + std::string(field) + " must be one line");
  frame.append(field).append(": ").append(value).push_back('\n');
}

}  // namespace

Frame makeFrame(const Event& event) {
  auto frame = std::make_shared<std::string>();
  frame->reserve(event.data.size() + event.name.size() + event.id.size() + 32);
  if (!event.id.empty()) appendLine(*frame, "id", event.id);
  if (!event.name.empty()) appendLine(*frame, "event", event.name);
  // CR LF, CR and LF each end a line for the browser; a bare one inside a data line would start a field.
  std::string_view rest = event.data;
  while (true) {
    const auto end = rest.find_first_of("\r\n");
    frame->append("data: ").append(rest.substr(0, end)).push_back('\n');
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + (rest.substr(end, 2) == "\r\n" ? 2 : 1));
  }
  frame->push_back('\n');
  return frame;
}

std::optional<std::string> lastEventId(const Poco::Net::HTTPServerRequest& request) {
  if (request.has("Last-Event-ID")) return request.get("Last-Event-ID");
  try {
    for (const auto& [name, value] : Poco::URI(request.getURI()).getQueryParameters())
      if (name == "lastEventId") return value;
  } catch (const Poco::Exception&) {
    // A target that is no URI names no event; its handler answers it.
  }
  return std::nullopt;
}

}  // namespace dispatch::http
