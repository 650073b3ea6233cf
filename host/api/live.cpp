#include "api/live.hpp"

#include "base/base.hpp"

#include <Poco/Logger.h>
#include <Poco/Net/HTTPServerResponse.h>

#include <set>

namespace dispatch::api {

namespace {

constexpr std::size_t longestQueue = 10000;  // past this a page is told to fetch everything again

std::string topic(std::int64_t organizationId) { return "organization/" + std::to_string(organizationId); }

http::Frame resync() { return http::makeFrame({"{}", "resync", ""}); }

}  // namespace

Live::Live(store::Database& database, http::EventStreams& streams) : _database(database), _streams(streams) {
  _thread = std::thread([this] { run(); });
  _subscription = _database.events().subscribe([this](const store::Event& event) {
    std::lock_guard lock(_mutex);
    if (_waiting.size() < longestQueue) _waiting.push_back(event);
    _changed.notify_one();
  });
}

Live::~Live() {
  _subscription.reset();
  {
    std::lock_guard lock(_mutex);
    _stopping = true;
  }
  _changed.notify_one();
  _thread.join();
}

void Live::open(Poco::Net::HTTPServerRequest& request, Poco::Net::HTTPServerResponse& response,
                const auth::Principal& who) {
  http::StreamClient client;
  client.topics = {topic(who.organizationId)};
  client.context = std::make_shared<auth::Principal>(who);
  // Events are not kept: after a gap the page fetches what it shows.
  std::vector<http::Frame> first;
  if (http::lastEventId(request)) first.push_back(resync());
  first.push_back(http::makeFrame({"{}", "ready", nowText()}));
  _streams.open(request, response, std::move(client), std::move(first));
}

void Live::run() {
  std::unique_lock lock(_mutex);
  while (true) {
    _changed.wait(lock, [&] { return _stopping || !_waiting.empty(); });
    if (_stopping) return;
    auto batch = std::move(_waiting);
    _waiting.clear();
    lock.unlock();
    for (const auto& event : batch) {
      try {
        deliver(event);
      } catch (const std::exception& error) {
        Poco::Logger::get("dispatch.api")
            .warning("An event could not be delivered (%s); pages are told to reload",
                     std::string(error.what()));
        _streams.publish(topic(event.organizationId), resync());
      }
    }
    lock.lock();
  }
}

void Live::deliver(const store::Event& event) {
  const http::Event message{
      dumpJson(
          {{"subject", event.subject}, {"id", event.id}, {"change", event.change}, {"data", event.data}}),
      "", nowText()};
  const auto incidentId =
      event.subject == "incident" ? event.id : event.data.value("incident_id", std::int64_t{0});
  if (incidentId > 0) {
    auto session = _database.session();
    const auto row = session->one("SELECT visibility FROM incident WHERE id = ?", {incidentId});
    if (row && row->text("visibility") == "Restricted") {
      auto people = std::make_shared<std::set<std::string>>();
      for (const auto& person :
           session->query("SELECT individual_contact.email AS email FROM participant JOIN individual_contact"
                          " ON individual_contact.id = participant.individual_contact_id"
                          " WHERE participant.incident_id = ?",
                          {incidentId}))
        people->insert(person.text("email"));
      _streams.publish(topic(event.organizationId), message, [people](const http::StreamClient& client) {
        const auto& who = client.as<auth::Principal>();
        return who.atLeast(auth::Role::admin) || people->contains(who.email);
      });
      return;
    }
  }
  _streams.publish(topic(event.organizationId), message);
  // A role, a membership or an account changed: whoever it concerns reconnects and is judged anew.
  if (event.subject == "user_organization" || event.subject == "dispatch_user")
    _streams.closeWhere([id = event.data.value("user_id", event.id)](const http::StreamClient& client) {
      return client.as<auth::Principal>().userId == id;
    });
}

}  // namespace dispatch::api
