#include "plugin/service/http_request.hpp"

#include "plugin/service/service_support.hpp"

#include <algorithm>
#include <array>

namespace dispatch::plugin {

namespace {

constexpr std::uint64_t maxHeaders = 100;
constexpr std::uint64_t maxParts = 1024;
constexpr std::uint32_t maxRedirects = 10;
constexpr std::size_t maxNameBytes = 256;  // of methods and headers

[[noreturn]] void invalid(const std::string& message) { throw ServiceRefusal(DISPATCH_ERR_INVALID, message); }

/// These say how the message is framed and where it goes: the host's business.
bool hostsOwn(const std::string& name) {
  static constexpr std::array<std::string_view, 9> names{"host",       "content-length", "transfer-encoding",
                                                         "connection", "keep-alive",     "upgrade",
                                                         "te",         "trailer",        "expect"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

HttpRequest readHttpRequest(const ServiceContext& context, const dispatch_http_request& given) {
  HttpRequest request;
  request.method = std::string(checkedText(given.method, "the method"));
  if (!isToken(request.method) || request.method.size() > maxNameBytes || request.method == "CONNECT" ||
      request.method == "TRACE")
    invalid("the method \"" + oneLine(request.method, 40) + "\" cannot be used");
  request.url = Url::parse(checkedText(given.url, "the URL"));
  if (given.header_count > maxHeaders || (given.headers == nullptr && given.header_count > 0))
    invalid("a request has 0 to 100 headers");
  for (std::uint64_t i = 0; i < given.header_count; ++i) {
    const auto& one = checkedStruct(given.headers[i], "a header");
    HttpHeader header;
    header.name = std::string(checkedText(one.name, "a header's name"));
    if (!isToken(header.name) || header.name.size() > maxNameBytes)
      invalid("\"" + oneLine(header.name, 40) + "\" is no header name");
    if (hostsOwn(lowerCase(header.name))) invalid("the header " + header.name + " is set by the host");
    header.value = context.secrets().render(one.value);
    header.secret = one.value.secret != 0;
    if (context.httpNetwork() != nullptr) header.shown = SecretBox::shown(one.value);
    // After the secret was put in: one with a line break would end the header as well.
    if (std::any_of(header.value.view().begin(), header.value.view().end(),
                    [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }))
      invalid("the value of the header " + header.name + " holds a control character");
    request.headers.push_back(std::move(header));
  }
  if (given.body_part_count > maxParts || (given.body_parts == nullptr && given.body_part_count > 0))
    invalid("a body has 0 to 1,024 parts");
  if (given.body_read != nullptr) {
    request.read = given.body_read;
    request.readUser = given.body_user;
    request.readSize = given.body_size;
  } else if (given.body_part_count > 0) {
    for (std::uint64_t i = 0; i < given.body_part_count; ++i) {
      const auto& part = checkedStruct(given.body_parts[i], "a part of the body");
      request.secretBody = request.secretBody || part.secret != 0;
      request.body.append(context.secrets().render(part).view());
      if (context.httpNetwork() != nullptr) request.shownBody += SecretBox::shown(part);
      if (request.body.size() > maxHttpBodyBytes)
        throw ServiceRefusal(DISPATCH_ERR_LIMIT, "a body in memory may have 64 MiB; stream larger ones");
    }
  } else {
    request.body.append(checkedText(given.body, "the body"));
  }
  request.write = given.answer_write;
  request.writeUser = given.answer_user;
  if (given.max_answer != 0) request.maxAnswer = given.max_answer;
  request.redirects = std::min(given.max_redirects, maxRedirects);
  return request;
}

WipedText headOf(const HttpRequest& request) {
  WipedText head;
  head.append(request.method + ' ' + request.url.target + " HTTP/1.1\r\nHost: " + request.url.authority +
              "\r\n");
  bool agent = false, accept = false;
  for (const auto& header : request.headers) {
    const auto name = lowerCase(header.name);
    agent = agent || name == "user-agent";
    accept = accept || name == "accept";
    head.append(header.name + ": ");
    head.append(header.value.view());
    head.append("\r\n");
  }
  if (!agent) head.append("User-Agent: dispatch/" DISPATCH_VERSION "\r\n");
  if (!accept) head.append("Accept: */*\r\n");
  if (request.chunked())
    head.append("Transfer-Encoding: chunked\r\n");
  else if (request.hasBody())
    head.append("Content-Length: " +
                std::to_string(request.read != nullptr ? request.readSize : request.body.size()) + "\r\n");
  head.append("Connection: close\r\n\r\n");
  return head;
}

std::uint64_t readPiece(const HttpRequest& request, std::vector<std::uint8_t>& buffer, std::uint64_t left) {
  std::uint64_t count = 0;
  const auto wanted = std::min<std::uint64_t>(buffer.size(), left);
  if (const auto status = request.read(request.readUser, buffer.data(), wanted, &count);
      status != DISPATCH_OK)
    throw ServiceRefusal(status, "the plugin stopped sending the body");
  if (count > wanted) invalid("the body's reader claims more bytes than the buffer has");
  if (count == 0 && !request.chunked()) invalid("the body is shorter than its declared size");
  return count;
}

void collectBody(HostCall& call, HttpRequest& request) {
  std::vector<std::uint8_t> buffer(httpPieceBytes);
  for (std::uint64_t left = request.readSize; left > 0;) {
    if (call.remainingNs() == 0)
      throw ServiceRefusal(DISPATCH_ERR_TIMEOUT, "the deadline passed while taking the body");
    const auto count = readPiece(request, buffer, left);
    if (count == 0) break;
    request.body.append({reinterpret_cast<const char*>(buffer.data()), count});
    if (request.body.size() > maxHttpBodyBytes)
      throw ServiceRefusal(DISPATCH_ERR_LIMIT,
                           "a body of more than 64 MiB can be neither recorded nor replayed");
    if (!request.chunked()) left -= count;
  }
  request.read = nullptr;
}

SeenRequest seenOf(const ServiceContext& context, const HttpRequest& request) {
  const auto forms = context.secrets().forms();
  SeenRequest seen{request.method, "", {}, ""};
  seen.url =
      blotForms(request.url.destination.scheme + "://" + request.url.authority + request.url.target, forms);
  for (const auto& header : request.headers)
    seen.headers.emplace_back(header.name, blotForms(header.shown, forms));
  seen.body = blotForms(request.secretBody ? request.shownBody : std::string(request.body.view()), forms);
  return seen;
}

}  // namespace dispatch::plugin
