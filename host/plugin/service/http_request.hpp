#pragma once

#include "plugin/service/destination.hpp"
#include "plugin/service/http_network.hpp"
#include "plugin/service/secret_box.hpp"
#include "plugin/service/service_context.hpp"

#include <dispatch/abi.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::plugin {

constexpr std::uint64_t maxHttpBodyBytes = 64u << 20;  ///< in memory
constexpr std::uint64_t defaultHttpAnswer = 8u << 20;
constexpr std::size_t httpPieceBytes = 64u << 10;

struct HttpHeader {
  std::string name;
  WipedText value;
  bool secret = false;
  std::string shown;  ///< where somebody watches: the value without its secret
};

/// A request as the plugin asked for it, checked, with its secrets put in.
struct HttpRequest {
  std::string method;
  Url url;
  std::vector<HttpHeader> headers;
  WipedText body;
  std::string shownBody;  ///< where somebody watches and the body has parts
  bool secretBody = false;
  dispatch_body_read read = nullptr;
  void* readUser = nullptr;
  std::uint64_t readSize = 0;
  dispatch_body_write write = nullptr;
  void* writeUser = nullptr;
  std::uint64_t maxAnswer = defaultHttpAnswer;
  std::uint32_t redirects = 0;

  bool hasBody() const {
    return read != nullptr || !body.empty() || method == "POST" || method == "PUT" || method == "PATCH";
  }
  bool chunked() const { return read != nullptr && readSize == UINT64_MAX; }
};

/// Throws ServiceRefusal(INVALID, LIMIT, UNSUPPORTED). Where somebody watches, it also has what others may
/// see of it.
HttpRequest readHttpRequest(const ServiceContext& context, const dispatch_http_request& given);

/// Request line and headers, with those that are the host's.
WipedText headOf(const HttpRequest& request);

/// The next piece of a body in pieces, in `buffer`; how much of it counts. 0 ends a chunked body. `left`: of
/// the declared size. Throws ServiceRefusal for a reader that fails or lies.
std::uint64_t readPiece(const HttpRequest& request, std::vector<std::uint8_t>& buffer, std::uint64_t left);

/// Takes a body in pieces into memory, for who wants to see it. Throws ServiceRefusal.
void collectBody(HostCall& call, HttpRequest& request);

/// The request as others may see it; needs a context with an HttpNetwork.
SeenRequest seenOf(const ServiceContext& context, const HttpRequest& request);

}  // namespace dispatch::plugin
