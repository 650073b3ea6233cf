#pragma once

#include <dispatch/testing/har.hpp>
#include <dispatch/testing/matching.hpp>

#include <array>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace dispatch::testing {

/// How an exchange can be broken.
enum class Fault {
  refused,          ///< nobody listens: the request was never sent
  timeout,          ///< sent, and no answer until the deadline
  tooManyRequests,  ///< HTTP 429 with Retry-After: 7
  serverError,      ///< HTTP 500
  cutShort,  ///< the connection ends in the middle of the answer; the host notices by length or last chunk
  notJson    ///< the recorded status, with a page of HTML in the place of the body
};
constexpr std::array<Fault, 6> allFaults{Fault::refused,     Fault::timeout,  Fault::tooManyRequests,
                                         Fault::serverError, Fault::cutShort, Fault::notJson};
constexpr std::chrono::seconds faultRetryAfter{7};

inline std::string_view nameOf(Fault fault) {
  constexpr std::array<std::string_view, 6> names{"refused", "timeout",   "429",
                                                  "500",     "cut-short", "not-json"};
  return names.at(static_cast<std::size_t>(fault));
}

/// Answers HTTP requests from a recording, each recorded exchange once. Keeps what was asked for and not
/// recorded, and the reverse. [any-thread]
class RecordedHttp {
 public:
  explicit RecordedHttp(Recording recording)
      : _recording(std::move(recording)), _asked(_recording.exchanges.size(), false) {}
  RecordedHttp(const RecordedHttp&) = delete;
  RecordedHttp& operator=(const RecordedHttp&) = delete;

  const Recording& recording() const noexcept { return _recording; }

  /// From now on exchange `number` (from 1, in the order of the file) is broken, however often it is asked
  /// for. Throws std::out_of_range where there is no such exchange.
  void breakExchange(std::size_t number, Fault fault) {
    const std::lock_guard lock(_mutex);
    _recording.exchanges.at(number - 1);
    _faults.insert_or_assign(number - 1, fault);
  }

  /// The recorded answer; for what was not recorded a failure whose sentence says what differs from the
  /// recorded exchange that is nearest. `asked` has secretMark, or anything, in the places of its secrets.
  HttpAnswer answer(const HttpCall& asked) {
    const std::lock_guard lock(_mutex);
    std::size_t nearest = 0, least = SIZE_MAX, same = 0;
    std::vector<std::string> different;
    for (std::size_t i = 0; i < _asked.size(); ++i) {
      auto found = differences(_recording.exchanges[i].request, asked);
      if (found.empty()) {
        const auto fault = _faults.find(i);
        if (fault == _faults.end() && _asked[i]) {
          ++same;
          continue;
        }
        _asked[i] = true;
        return fault == _faults.end() ? _recording.exchanges[i].answer : broken(i, fault->second);
      }
      // Another address is further away than any other difference.
      const auto& request = _recording.exchanges[i].request;
      const std::size_t distance = found.size() + (addressOf(request) == addressOf(asked) ? 0 : 1000) +
                                   (request.method == asked.method ? 0 : 100) + (_asked[i] ? 10 : 0);
      if (distance < least) nearest = i, least = distance, different = std::move(found);
    }
    _unexpected.push_back(same > 0 ? askedAgain(asked, same) : notRecorded(asked, nearest, different));
    return HttpAnswer::failed(DISPATCH_ERR_UNAVAILABLE, _unexpected.back());
  }

  /// A sentence for each request that the recording has no answer to.
  std::vector<std::string> unexpected() const {
    const std::lock_guard lock(_mutex);
    return _unexpected;
  }
  /// "number 2, GET https://…" for each exchange that was not asked for.
  std::vector<std::string> unasked() const {
    const std::lock_guard lock(_mutex);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < _asked.size(); ++i)
      if (!_asked[i]) names.push_back(nameOfExchange(i));
    return names;
  }
  bool wasAsked(std::size_t number) const {
    const std::lock_guard lock(_mutex);
    return _asked.at(number - 1);
  }

 private:
  static std::string lineOf(const HttpCall& call) {
    HttpCall shown = call;
    Redaction().takeOut(shown);
    return shown.method + ' ' + quoteLine(shown.url, 200);
  }
  std::string nameOfExchange(std::size_t index) const {
    return "number " + std::to_string(index + 1) + ", " + lineOf(_recording.exchanges[index].request);
  }
  std::string askedAgain(const HttpCall& asked, std::size_t times) const {
    return lineOf(asked) + " was asked for once more than " + _recording.name + " has it (" +
           std::to_string(times) + (times == 1 ? " time" : " times") +
           "). Ask less often, or record the case again.";
  }
  std::string notRecorded(const HttpCall& asked, std::size_t nearest,
                          const std::vector<std::string>& different) const {
    if (_asked.empty())
      return lineOf(asked) + " was asked for, but " + _recording.name + " has no exchange at all.";
    std::string how;
    for (std::size_t i = 0; i < different.size() && i < 5; ++i) how += (i == 0 ? "" : "; ") + different[i];
    if (different.size() > 5) how += "; and " + std::to_string(different.size() - 5) + " more";
    return lineOf(asked) + " was asked for, which " + _recording.name + " has not. The nearest there is " +
           nameOfExchange(nearest) + ": " + how + ". Mend the plugin, or record the case again.";
  }

  HttpAnswer broken(std::size_t index, Fault fault) const {
    const auto& exchange = _recording.exchanges[index];
    const auto from = exchange.request.url.find("://") + 3;
    const std::string server =
        exchange.request.url.substr(from, exchange.request.url.find_first_of("/?", from) - from);
    switch (fault) {
      case Fault::refused:
        return HttpAnswer::failed(
            DISPATCH_ERR_UNAVAILABLE,
            "the connection to " + server + " was refused; the request was not sent whole");
      case Fault::timeout:
        return HttpAnswer::failed(DISPATCH_ERR_TIMEOUT,
                                  "the deadline passed while waiting for the answer of " + server);
      case Fault::tooManyRequests:
        return {429,
                "too many requests",
                {{"Content-Type", "text/plain"}, {"Retry-After", std::to_string(faultRetryAfter.count())}},
                faultRetryAfter};
      case Fault::serverError:
        return {500, "internal server error", {{"Content-Type", "text/plain"}}};
      case Fault::cutShort:
        return HttpAnswer::failed(DISPATCH_ERR_UNCERTAIN,
                                  "the connection to " + server +
                                      " ended in the middle of the answer; the request "
                                      "was sent, its fate is unknown");
      case Fault::notJson:
        return {exchange.answer.status == 0 ? 200 : exchange.answer.status,
                "<!DOCTYPE html><html><body>Please log in to the network.</body></html>",
                {{"Content-Type", "text/html"}}};
    }
    return HttpAnswer::failed(DISPATCH_ERR_INTERNAL, "an unknown fault");
  }

  Recording _recording;
  mutable std::mutex _mutex;
  std::vector<bool> _asked;
  std::map<std::size_t, Fault> _faults;
  std::vector<std::string> _unexpected;
};

}  // namespace dispatch::testing
