// Who is on call by a calendar: each service has an iCalendar feed (RFC 5545) whose events say who is on call
// when. Nothing is written and nobody is paged.
#include "calendar.hpp"
#include "feed.hpp"

#include <dispatch/sdk.hpp>

#include <set>

namespace {

using dispatch::Call;
using dispatch::Failure;
using dispatch::HttpRequest;
using dispatch::HttpResponse;
using dispatch::Json;
using dispatch::OnCall;
using ical::Calendar;
using ical::Instant;
using ical::Shift;

/// How long a copy serves when the feed cannot be had, and how far ahead the next one is looked for.
constexpr auto kStaleAfter = std::chrono::hours(24);
constexpr auto kHorizon = std::chrono::days(366);

class ICal : public dispatch::OnCallPlugin {
 public:
  ICal(const dispatch::Host& host, const dispatch::Config& config)
      : OnCallPlugin(host), _url(config.text("url")), _authHeader(config.optionalSecret("auth_header")) {
    _reading.zone = std::string(dispatch::trim(config.text("time_zone", "UTC")));
    const auto where = ical::whereOf(config.text("person", "auto"));
    if (!where)
      throw Failure::invalid(
          "Setting \"person\" should be auto, attendee, organizer, summary or description.");
    _reading.where = *where;
    const auto scheme = _url.find("://");
    if ((!_url.starts_with("http://") && !_url.starts_with("https://")) || scheme + 3 == _url.size())
      throw Failure::invalid("Setting \"url\" should begin with https:// or http://.");
    if (_url.find_first_of(" \t\r\n#") != std::string::npos)
      throw Failure::invalid("Setting \"url\" should hold neither white space nor \"#\".");
    const auto placeholder = _url.find("{service}");
    if (placeholder < _url.find_first_of("/?", scheme + 3))
      throw Failure::invalid("Setting \"url\" should hold {service} behind the host's name only.");
    if (placeholder != std::string::npos && _url.find_first_of("{}", placeholder + 9) != std::string::npos)
      throw Failure::invalid("Setting \"url\" should hold {service} once and no other braces.");
    try {
      // A name that this does not know may be one that the feed describes.
      (void)ical::Zone::fromText(_reading.zone);
    } catch (const ical::Refused& error) {
      throw Failure::invalid("Setting \"time_zone\": " + std::string(error.what()) + ".");
    }
  }

  OnCall get(const Call& call, const dispatch::OnCallGet& request) {
    const std::string url = ical::feedUrl(_url, request.service.externalId);
    const auto calendar = load(call, url);
    const Instant now = this->now();
    const auto shifts = between(*calendar, url, now, now + std::chrono::seconds(1));
    const Shift* holder = calendar->holder(shifts, now);
    if (holder == nullptr)
      throw Failure::notFound("Nobody is on call at " + ical::shown(now) + " by the feed " + url +
                              ", which has " + described(*calendar) + ".");
    return personOf(*holder);
  }

  /// The first whose turn comes after that of whoever is on call now, and who is somebody else.
  OnCall getNext(const Call& call, const dispatch::OnCallGet& request) {
    const std::string url = ical::feedUrl(_url, request.service.externalId);
    const auto calendar = load(call, url);
    const Instant now = this->now();
    const auto shifts = between(*calendar, url, now, now + kHorizon);
    const Shift* current = calendar->holder(shifts, now);
    std::set<Instant> changes;
    for (const Shift& shift : shifts)
      for (const Instant change : {shift.begin, shift.end})
        if (change > now) changes.insert(change);
    for (const Instant change : changes) {
      call.throwIfCancelled();
      const Shift* next = calendar->holder(shifts, change);
      if (next != nullptr && (current == nullptr || dispatch::lower(next->event->person->email) !=
                                                        dispatch::lower(current->event->person->email)))
        return personOf(*next);
    }
    throw Failure::notFound("Nobody " + std::string(current == nullptr ? "" : "else ") +
                            "is on call within a year after " + ical::shown(now) + " by the feed " + url +
                            ", which has " + described(*calendar) + ".");
  }

  /// Fetches feeds and reads them, as get would: the one that is named, else those of the project's services.
  dispatch::TestReport test(const Call& call, const Json& input) {
    dispatch::TestReport report;
    std::vector<std::string> ids;
    if (const std::string named = dispatch::Members(input).textOr("service"); !named.empty())
      ids.push_back(named);
    else
      ids = servicesOf(call);
    for (const std::string& id : ids) {
      try {
        report.pass(id, testFeed(call, ical::feedUrl(_url, id)));
      } catch (const Failure& failure) {
        report.fail(id, failure.message());
      }
    }
    if (ids.empty())
      report.fail("Services",
                  "No service of the project has this plugin as its type and an external id. Enter one "
                  "under Settings > Services, or a service's external id here.");
    report.summary = std::to_string(ids.size()) + (ids.size() == 1 ? " feed" : " feeds") + " can be read.";
    for (const auto& check : report.checks)
      if (!check.ok) report.summary = check.detail;
    return report;
  }

 private:
  Instant now() const { return std::chrono::floor<std::chrono::seconds>(clock().now()); }

  static OnCall personOf(const Shift& shift) {
    return {shift.event->person->email, shift.event->person->name};
  }

  static std::vector<Shift> between(const Calendar& calendar, const std::string& url, Instant from,
                                    Instant to) {
    try {
      return calendar.between(from, to);
    } catch (const ical::Refused& error) {
      throw Failure::invalid(std::string(error.what()) + " Change it in the calendar behind " + url + ".");
    }
  }

  std::string described(const Calendar& calendar) const {
    std::string out =
        std::to_string(calendar.eventCount()) + (calendar.eventCount() == 1 ? " event" : " events");
    if (calendar.withoutPerson() > 0)
      out += ", of which " + std::to_string(calendar.withoutPerson()) +
             " name no e-mail address where the setting \"Person\" says";
    return out;
  }

  HttpResponse fetch(const Call& call, const std::string& url, const ical::FeedCache::Copy& copy) const {
    HttpRequest get = http().get(url);
    get.header("Accept", "text/calendar").redirects(3);
    if (_authHeader) get.header("Authorization", dispatch::Part::raw(_authHeader));
    if (!copy.etag.empty())
      get.header("If-None-Match", copy.etag);
    else if (!copy.lastModified.empty())
      get.header("If-Modified-Since", copy.lastModified);
    return get.send(call);
  }

  std::shared_ptr<const Calendar> load(const Call& call, const std::string& url) {
    const auto copy = _cache.find(url);
    try {
      const HttpResponse answer = fetch(call, url, copy);
      if (answer.status == 304 && copy.calendar) {
        _cache.keep(url, {copy.etag, copy.lastModified, copy.calendar, now()});
        return copy.calendar;
      }
      auto calendar = read(url, answer);
      _cache.keep(url, {answer.header("etag"), answer.header("last-modified"), calendar, now()});
      return calendar;
    } catch (const Failure& failure) {
      const bool noAnswer = failure.status() == DISPATCH_ERR_UNAVAILABLE ||
                            failure.status() == DISPATCH_ERR_UNCERTAIN ||
                            failure.status() == DISPATCH_ERR_TIMEOUT;
      if (!noAnswer || !copy.calendar || now() - copy.fetched > kStaleAfter || call.cancelled()) throw;
      log().warning("The feed " + url + " as it was at " + ical::shown(copy.fetched) +
                        " serves in place of the one of now: " + failure.message(),
                    &call);
      return copy.calendar;
    }
  }

  std::shared_ptr<const Calendar> read(const std::string& url, const HttpResponse& answer) const {
    if (!answer.ok()) throw refusal(url, answer);
    try {
      return std::make_shared<const Calendar>(answer.body, _reading);
    } catch (const ical::Malformed& error) {
      throw Failure::unavailable(
          "The feed " + url + " answered with something that is no whole iCalendar stream: " + error.what() +
          ". It begins with \"" + dispatch::quoteLine(answer.body, 80) + "\".");
    }
  }

  static Failure refusal(const std::string& url, const HttpResponse& answer) {
    const std::string body = dispatch::quoteLine(answer.body, 200);
    const std::string message = "The feed " + url + " could not be read: HTTP " +
                                std::to_string(answer.status) + (body.empty() ? "." : ", \"" + body + "\".");
    switch (answer.status) {
      case 401:
      case 403:
      case 407:
        return Failure::denied(message + " Check \"Authorization header\" in the plugin's settings.");
      case 404:
      case 410:
        return Failure::notFound(message + " Check the service's external id and \"Feed URL\".");
      case 304:
      case 408:
      case 425:
      case 429:
        return Failure::unavailable(message, answer.retryAfter);
      default:
        break;
    }
    if (answer.status >= 500) return Failure::unavailable(message, answer.retryAfter);
    if (answer.status >= 300 && answer.status <= 399)
      return Failure::invalid(message + " The feed has moved" +
                              (answer.header("location").empty()
                                   ? std::string()
                                   : " to " + dispatch::quoteLine(answer.header("location"), 200)) +
                              "; enter its address.");
    return Failure::invalid(message);
  }

  std::vector<std::string> servicesOf(const Call& call) const {
    std::vector<std::string> ids;
    for (const Json& service : directory().services(call)) {
      const dispatch::Members in(service);
      const std::string id = in.textOr("external_id"), type = in.textOr("type");
      const bool ours = (type.empty() || type == "ical") && service.value("is_active", true);
      if (ours && !id.empty() && ids.size() < 10) ids.push_back(id);
    }
    return ids;
  }

  /// What an operator wants to see before an incident does. The copies stay out of it.
  std::string testFeed(const Call& call, const std::string& url) const {
    const auto calendar = read(url, fetch(call, url, {}));
    if (calendar->eventCount() > 0 && calendar->eventCount() == calendar->withoutPerson())
      throw Failure::invalid("The feed " + url + " has " + described(*calendar) + ". Check \"Person\".");
    const Instant now = this->now();
    const auto shifts = between(*calendar, url, now, now + kHorizon);
    const Shift* holder = calendar->holder(shifts, now);
    std::string out = "The feed has " + described(*calendar) + ". ";
    out += holder == nullptr ? "Nobody is on call now."
                             : "On call until " + ical::shown(holder->end) +
                                   " at most: " + holder->event->person->email + ".";
    if (calendar->floatingCount() > 0) {
      out += " " + std::to_string(calendar->floatingCount()) +
             " of them are for whole days or name no time zone; they count in " + _reading.zone;
      if (!calendar->ownZone().empty()) out += ", while the feed calls its own zone " + calendar->ownZone();
      out += ".";
    }
    return out;
  }

  std::string _url;
  dispatch::Secret _authHeader;
  Calendar::Reading _reading;
  ical::FeedCache _cache;
};

}  // namespace

DISPATCH_PLUGIN(ICal)
