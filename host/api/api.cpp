#include "api/api.hpp"

#include "api/exposition.hpp"
#include "api/live.hpp"
#include "api/monitoring.hpp"
#include "api/openapi.hpp"
#include "api/resource/routes.hpp"
#include "api/resources/descriptions.hpp"
#include "api/routes/routes_of.hpp"
#include "api/web/static_files.hpp"

#include <Poco/Logger.h>
#include <Poco/Net/HTTPRequestHandler.h>
#include <Poco/Net/HTTPServerResponse.h>

#include <shared_mutex>
#include <unordered_map>

namespace dispatch::api {

using Poco::Net::HTTPServerRequest;
using Poco::Net::HTTPServerResponse;

namespace {

Poco::Logger& log() {
  static Poco::Logger& logger = Poco::Logger::get("dispatch.api");
  return logger;
}

bool isLoopback(const std::string& host) {
  const auto name =
      host.starts_with('[') ? host.substr(0, host.find(']') + 1) : host.substr(0, host.find(':'));
  return name == "localhost" || name == "[::1]" || name.starts_with("127.");
}

bool changesSomething(const std::string& method) {
  return method != "GET" && method != "HEAD" && method != "OPTIONS";
}

/// Organization slugs that exist, so that a request costs no query for its path. Emptied when an organization
/// changes.
class Slugs {
 public:
  explicit Slugs(store::Database& database) : _database(database) {
    _subscription = database.events().subscribe([this](const store::Event& event) {
      if (event.subject != "organization") return;
      std::unique_lock lock(_mutex);
      _ids.clear();
    });
  }
  std::optional<std::int64_t> find(const std::string& slug) {
    {
      std::shared_lock lock(_mutex);
      if (const auto found = _ids.find(slug); found != _ids.end()) return found->second;
    }
    const auto row = _database.session()->one("SELECT id FROM organization WHERE slug = ?", {slug});
    if (!row) return std::nullopt;
    std::unique_lock lock(_mutex);
    return _ids[slug] = row->integer("id");
  }

 private:
  store::Database& _database;
  std::shared_mutex _mutex;
  std::unordered_map<std::string, std::int64_t> _ids;
  store::EventBus::Subscription _subscription;
};

}  // namespace

struct Api::State {
  Context context;
  Resources resources;
  store::Models models;
  Router router;
  StaticFiles files;
  http::TrustedProxies proxies;
  Slugs slugs;
  Json openApi;
  std::string docsPage;
  std::mutex liveMutex;
  std::shared_ptr<Live> live;
  http::Server* server = nullptr;  // under liveMutex

  explicit State(Context given)
      : context(given),
        files(given.settings.paths().web),
        proxies(http::TrustedProxies::parse(given.settings.text("DISPATCH_TRUSTED_PROXIES"))),
        slugs(given.database) {
    describeAll(resources, context.catalog, context.integrations);
    models = resources.models();
    const Rooms rooms{context, resources, models};
    addAuthRoutes(router, rooms);
    addOrganizationRoutes(router, rooms);
    addUserRoutes(router, rooms);
    addPluginRoutes(router, rooms);
    addIncidentRoutes(router, rooms);
    addPolicyRoutes(router, rooms);
    addWebhookRoutes(router, rooms);
    Route live{"GET",
               "/{organization}/event-stream",
               Access::atLeast(auth::Role::member, "restricted incidents: those who may see them"),
               "What changes, as server-sent events",
               "live",
               nullptr};
    live.responseSchema = reference("OrganizationEvent");
    live.eventStream = true;
    router.add(std::move(live));
    for (const auto& resource : resources.all())
      addRoutes(router, resources, models, *resource, context.database);
    openApi = makeOpenApi(router, resources, context.version);
    docsPage = makeDocsPage(openApi);
  }

  void handle(HTTPServerRequest& request, HTTPServerResponse& response);
  /// nullopt: answered already, by the event streams.
  std::optional<Reply> serveApi(HTTPServerRequest& request, HTTPServerResponse& response,
                                const std::string& path, const std::string& rawQuery);
  Reply serveFile(HTTPServerRequest& request, const std::string& path);
  std::optional<Reply> serveFixed(HTTPServerRequest& request, const std::string& path);
  Reply ready();
  Reply monitoring(HTTPServerRequest& request);
  void authenticate(Request& request);
  std::shared_ptr<Live> currentLive() {
    std::lock_guard lock(liveMutex);
    return live;
  }
};

namespace {

void readBody(Request& request) {
  const std::string text = wholeBody(request.raw);
  if (text.empty()) return;
  try {
    request.body = parseJson(text, "The body");
  } catch (const Problem& problem) {
    throw Problem(Problem::Kind::invalid, problem.what(), {"body"}).withType("json_invalid");
  }
}

void send(HTTPServerRequest& request, HTTPServerResponse& response, Reply reply) {
  std::string bytes = reply.text.empty() && reply.contentType == "application/json" ? dumpJson(reply.body)
                                                                                    : std::move(reply.text);
  response.setStatusAndReason(static_cast<HTTPServerResponse::HTTPStatus>(reply.status));
  for (auto& [name, value] : reply.headers) response.add(name, value);
  if (reply.status != 304 && reply.status != 204) response.setContentType(reply.contentType);
  if (bytes.size() >= 1000 && !response.has("Content-Encoding")) {
    response.add("Vary", "Accept-Encoding");
    if (request.get("Accept-Encoding", "").find("gzip") != std::string::npos) {
      bytes = gzipped(bytes);
      response.set("Content-Encoding", "gzip");
    }
  }
  response.sendBuffer(bytes.data(), bytes.size());
}

/// ASVS 5.0 V3.4; the proxies' example configurations set the same ones.
void addSecurityHeaders(HTTPServerResponse& response, const std::string& policy) {
  response.set("Content-Security-Policy", policy);
  response.set("Strict-Transport-Security", "max-age=31536000; includeSubDomains");
  response.set("X-Content-Type-Options", "nosniff");
  response.set("X-Frame-Options", "DENY");
  response.set("Referrer-Policy", "same-origin");
  response.set("Cross-Origin-Opener-Policy", "same-origin");
  response.set("Cross-Origin-Resource-Policy", "same-origin");
  response.set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()");
}

class Handler : public Poco::Net::HTTPRequestHandler {
 public:
  explicit Handler(std::function<void(HTTPServerRequest&, HTTPServerResponse&)> work)
      : _work(std::move(work)) {}
  void handleRequest(HTTPServerRequest& request, HTTPServerResponse& response) override {
    _work(request, response);
  }

 private:
  std::function<void(HTTPServerRequest&, HTTPServerResponse&)> _work;
};

class Factory : public Poco::Net::HTTPRequestHandlerFactory {
 public:
  explicit Factory(std::function<void(HTTPServerRequest&, HTTPServerResponse&)> work)
      : _work(std::move(work)) {}
  Poco::Net::HTTPRequestHandler* createRequestHandler(const HTTPServerRequest&) override {
    return new Handler(_work);
  }

 private:
  std::function<void(HTTPServerRequest&, HTTPServerResponse&)> _work;
};

}  // namespace

void Api::State::authenticate(Request& request) {
  const auto authorization = request.header("Authorization");
  if (!authorization.empty()) {
    if (authorization.size() < 8 || authorization.compare(0, 7, "Bearer ") != 0)
      throw Problem(Problem::Kind::unauthorized, "Authorization must be a Bearer token");
    std::string reason;
    const auto who = context.tokens.verify(authorization.substr(7), request.organizationSlug, reason);
    if (!who) {
      log().information("A bearer token was refused from %s: %s", request.address, reason);
      throw Problem(Problem::Kind::unauthorized, "The token is not valid or has expired; log in again");
    }
    request.who = *who;
    return;
  }
  Poco::Net::NameValueCollection cookies;
  request.raw.getCookies(cookies);
  const auto token = cookies.get(sessionCookieName, "");
  const auto who = token.empty() ? std::nullopt : context.sessions.find(token, request.organizationSlug);
  if (!who)
    throw Problem(Problem::Kind::unauthorized,
                  "You are not logged in, or your session has ended; log in again");
  request.who = *who;
  if (!changesSomething(request.raw.getMethod())) return;
  // ASVS 5.0 V3.5: the token that only our own pages can read, and what the browser says of the sender.
  const auto site = request.header("Sec-Fetch-Site");
  if ((!site.empty() && site != "same-origin" && site != "none") ||
      request.header("X-CSRF-Token") != who->csrfToken)
    throw Problem(Problem::Kind::forbidden,
                  "The request did not come from a page of this server (X-CSRF-Token missing or another "
                  "session's); reload the page and try again")
        .withType("csrf");
}

std::optional<Reply> Api::State::serveApi(HTTPServerRequest& raw, HTTPServerResponse& response,
                                          const std::string& path, const std::string& rawQuery) {
  const std::string method = raw.getMethod() == "HEAD" ? "GET" : raw.getMethod();
  auto match = router.find(method, path);
  const bool isRaw = match.route && match.route->raw;
  if (!isRaw && path.size() > 1 && path.ends_with('/')) {
    Reply reply = Reply::json(nullptr, 307);
    reply.headers.emplace_back(
        "Location", "/api/v1" + path.substr(0, path.size() - 1) + (rawQuery.empty() ? "" : "?" + rawQuery));
    return reply;
  }
  if (!match.route)
    return Reply::json({{"detail", match.pathKnown ? "Method Not Allowed" : "Not Found"}},
                       match.pathKnown ? 405 : 404);
  Request request{raw, std::move(match.values), Query(rawQuery), nullptr, {}, 0, "", "", "", false};
  const auto client = http::resolve(raw, proxies);
  request.address = client.address.toString();
  request.baseUrl = client.scheme + "://" + client.host;
  request.secure = client.scheme == "https" || isLoopback(client.host);
  if (changesSomething(method) && !isRaw) readBody(request);
  request.organizationSlug = request.path.contains("organization") ? request.path["organization"] : "default";
  const auto organization = slugs.find(request.organizationSlug);
  if (!organization && isRaw) return Reply::json({{"detail", "Not Found"}}, 404);
  if (!organization)
    throw Problem(Problem::Kind::notFound, "There is no organization \"" + request.organizationSlug + "\"",
                  {"path", "organization"});
  request.organizationId = *organization;
  const auto& access = match.route->access;
  if (!access.open) {
    authenticate(request);
    if (!request.who.atLeast(access.role))
      throw Problem(Problem::Kind::forbidden, "This needs the role " + std::string(toText(access.role)) +
                                                  " in the organization; you are " +
                                                  std::string(toText(request.who.role)));
  }
  if (!match.route->eventStream) return match.route->handler(request);
  const auto stream = currentLive();
  if (!stream) throw Problem(Problem::Kind::unavailable, "The server is stopping").withRetryAfter(2000);
  stream->open(raw, response, request.who);
  return std::nullopt;
}

Reply Api::State::ready() {
  Json report{{"status", "ok"}, {"database", "ok"}, {"plugins", Json::array()}};
  int status = 200;
  try {
    context.database.ping();
  } catch (const std::exception&) {
    report["database"] = "unavailable";
    report["status"] = "unavailable";
    status = 503;
  }
  auto ailing = context.integrations.ailing();
  for (const auto& plugin : context.catalog.list())
    if (!plugin.usable && !plugin.notUsed) ailing.emplace(plugin.id, "broken");
  for (const auto& [id, state] : ailing) report["plugins"].push_back({{"id", id}, {"state", state}});
  return Reply::json(std::move(report), status);
}

/// For a Prometheus: on this machine, or with the operator's token. A proxy on this machine is not this
/// machine.
Reply Api::State::monitoring(HTTPServerRequest& request) {
  const auto& token = context.settings.secret("DISPATCH_METRICS_TOKEN");
  if (token.size() > 0) {
    const std::string given = request.get("Authorization", "");
    if (!given.starts_with("Bearer ") || !token.equals(std::string_view(given).substr(7)))
      throw Problem(Problem::Kind::unauthorized, "Metrics need the bearer token DISPATCH_METRICS_TOKEN");
  } else if (!request.clientAddress().host().isLoopback() || request.has("X-Forwarded-For") ||
             request.has("Forwarded") || request.has("Via") ||
             proxies.contains(request.clientAddress().host())) {
    throw Problem(Problem::Kind::forbidden,
                  "Metrics are for this machine only. For others the operator sets DISPATCH_METRICS_TOKEN");
  }
  std::optional<http::Metrics> counted;
  {
    std::lock_guard lock(liveMutex);
    if (server != nullptr) counted = server->metrics();
  }
  Reply reply;
  reply.contentType = Exposition::contentType;
  reply.text = metricsPage(context, counted);
  return reply;
}

std::optional<Reply> Api::State::serveFixed(HTTPServerRequest& request, const std::string& path) {
  const auto& method = request.getMethod();
  if (method != "GET" && method != "HEAD") return std::nullopt;
  if (path == "/livez" || path == "/api/v1/healthcheck") return Reply::json({{"status", "ok"}});
  if (path == "/readyz") return ready();
  if (path == "/metrics") return monitoring(request);
  Reply reply;
  if (path == "/api/v1/docs/openapi.json") return Reply::json(openApi);
  if (path == "/api/v1/docs") {
    reply.contentType = "text/html; charset=utf-8";
    reply.text = docsPage;
    return reply;
  }
  if (path == "/api/v1/docs/style.css") {
    reply.contentType = "text/css; charset=utf-8";
    reply.text = docsStyle();
    return reply;
  }
  return std::nullopt;
}

Reply Api::State::serveFile(HTTPServerRequest& request, const std::string& path) {
  Reply reply;
  const auto* file = files.find(path);
  if (!file) {
    reply.status = 404;
    reply.contentType = "text/plain; charset=utf-8";
    reply.text =
        files.empty() ? "The web UI is not installed here; the API is under /api/v1/docs.\n" : "Not found\n";
    return reply;
  }
  if (request.getMethod() != "GET" && request.getMethod() != "HEAD")
    return Reply::json({{"detail", "Method Not Allowed"}}, 405);
  reply.contentType = file->contentType;
  reply.headers.emplace_back("ETag", file->etag);
  reply.headers.emplace_back("Cache-Control",
                             file->immutable ? "public, max-age=31536000, immutable" : "no-cache");
  if (request.get("If-None-Match", "") == file->etag) {
    reply.status = 304;
    reply.text.clear();
    reply.contentType = "text/plain";
    return reply;
  }
  if (!file->gzip.empty() && request.get("Accept-Encoding", "").find("gzip") != std::string::npos) {
    reply.headers.emplace_back("Content-Encoding", "gzip");
    reply.headers.emplace_back("Vary", "Accept-Encoding");
    reply.text = file->gzip;
  } else {
    reply.text = file->bytes;
  }
  return reply;
}

void Api::State::handle(HTTPServerRequest& request, HTTPServerResponse& response) {
  const std::string& uri = request.getURI();
  const auto mark = std::min(uri.find('?'), uri.size());
  const std::string path = uri.substr(0, mark);
  const std::string query = mark < uri.size() ? uri.substr(mark + 1) : "";
  addSecurityHeaders(response, files.contentSecurityPolicy());
  Reply reply;
  try {
    if (auto fixed = serveFixed(request, path)) {
      reply = std::move(*fixed);
    } else if (path.starts_with("/api/v1/")) {
      auto answer = serveApi(request, response, path.substr(7), query);
      if (!answer) return;
      reply = std::move(*answer);
    } else if (path.starts_with("/api/")) {
      reply = Reply::json({{"detail", "Not Found"}}, 404);
    } else {
      reply = serveFile(request, path);
    }
    if (path.starts_with("/api/") && !response.has("Cache-Control"))
      reply.headers.emplace_back("Cache-Control", "no-store");
  } catch (const Problem& problem) {
    // Addresses and paths of the database are for the operator, not for whoever asks.
    const bool hidden = problem.kind() == Problem::Kind::unavailable && problem.type() == "database";
    reply = refusal(hidden ? Problem(Problem::Kind::unavailable,
                                     "The database does not answer at the moment. Try again in a moment; the "
                                     "server's log tells the operator why.")
                                 .withType("database")
                                 .withRetryAfter(std::max<std::uint32_t>(problem.retryAfterMs(), 2000))
                           : problem);
    if (hidden) log().warning("%s %s: %s", request.getMethod(), loggable(path), std::string(problem.what()));
    if (problem.kind() == Problem::Kind::internal)
      log().error("%s %s: %s", request.getMethod(), loggable(path), std::string(problem.what()));
  } catch (const std::exception& error) {
    const auto reference = randomToken(6);
    log().error("%s %s failed [%s]: %s", request.getMethod(), loggable(path), reference,
                std::string(error.what()));
    reply = Reply::json(
        {{"detail",
          Json::array({{{"msg", "Something went wrong on the server. Its log has the details under " +
                                    reference + "."},
                        {"loc", Json::array({"Unknown"})},
                        {"type", "Unknown"}}})}},
        500);
  }
  send(request, response, std::move(reply));
}

Api::Api(Context context) : _state(std::make_unique<State>(context)) {}

Api::~Api() = default;

Poco::Net::HTTPRequestHandlerFactory::Ptr Api::handlers() {
  return new Factory([state = _state.get()](HTTPServerRequest& request, HTTPServerResponse& response) {
    state->handle(request, response);
  });
}

void Api::connect(http::Server& server) {
  std::lock_guard lock(_state->liveMutex);
  _state->live = std::make_shared<Live>(_state->context.database, server.streams());
  _state->server = &server;
}

void Api::disconnect() {
  std::shared_ptr<Live> last;
  std::lock_guard lock(_state->liveMutex);
  last.swap(_state->live);
  _state->server = nullptr;
}

Json Api::openApi() const { return _state->openApi; }

Json Api::routes() const { return makeRouteTable(_state->router); }

}  // namespace dispatch::api
