#include "webhook/inbox.hpp"

#include "base/base.hpp"

#include <Poco/Logger.h>

#include <algorithm>
#include <random>

namespace dispatch::webhook {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t longestQueue =
    200;  // of requests in memory; what comes beyond is read again from the database

Poco::Logger& log() {
  static Poco::Logger& logger = Poco::Logger::get("dispatch.webhook");
  return logger;
}

plugin::WebhookResponse said(int status, const std::string& text) {
  return {status, {{"Content-Type", "text/plain; charset=utf-8"}}, text + "\n"};
}

plugin::WebhookResponse accepted() { return said(202, "Accepted; it is processed later"); }

/// What the sender is told where the plugin refuses by a status of the call. The sentence is the operator's.
int refusalStatus(dispatch_status status) {
  switch (status) {
    case DISPATCH_ERR_DENIED:
      return 401;
    case DISPATCH_ERR_INVALID:
      return 400;
    case DISPATCH_ERR_NOT_FOUND:
      return 404;
    default:
      return 501;
  }
}

bool answersWell(int status) { return status >= 200 && status < 300; }

}  // namespace

Inbox::Inbox(store::Database& database, integrations::Integrations& integrations,
             const config::Envelope& envelope, std::string hostId, InboxOptions options)
    : _database(database),
      _integrations(integrations),
      _endpoints(database, envelope),
      _deliveries(database, envelope, std::move(hostId), options.lease),
      _options(options),
      _rate(options.rate) {}

Inbox::~Inbox() { stop(); }

void Inbox::run() {
  // On PostgreSQL other hosts may have theirs in hand; what a dead one had is free when its lease has ended.
  if (_database.dialect() == store::Dialect::sqlite) _deliveries.takeBackAll();
  const std::lock_guard lock(_mutex);
  _running = true;
  for (int i = 0; i < _options.threads; ++i) _threads.emplace_back([this] { work(); });
  _threads.emplace_back([this] { tick(); });
}

void Inbox::stop() {
  {
    const std::lock_guard lock(_mutex);
    _running = false;
  }
  _changed.notify_all();
  _ticks.notify_all();
  for (auto& thread : _threads) thread.join();
  _threads.clear();
  std::deque<Job> left;
  {
    const std::lock_guard lock(_mutex);
    left.swap(_queue);
    _held.clear();
  }
  for (const auto& job : left) {
    if (job.sender) job.sender->set_value(accepted());
    try {
      _deliveries.end(job.taken.id,
                      {state::kWaiting, 202, "The server stopped before its turn came.", nowText()});
    } catch (const std::exception& error) {
      log().warning("Delivery %s is free when its lease has ended: %s", std::to_string(job.taken.id),
                    std::string(error.what()));
    }
  }
}

plugin::WebhookResponse Inbox::receive(const Endpoints::Found& endpoint, plugin::WebhookRequest request) {
  if (const auto wait = _rate.enter(endpoint.instanceId); wait.count() > 0)
    throw Problem(Problem::Kind::tooMany, "Too many requests came to this address; try again later")
        .withRetryAfter(static_cast<std::uint32_t>(wait.count()));
  if (_deliveries.waiting(endpoint.instanceId) >= _options.mostWaiting)
    throw Problem(Problem::Kind::unavailable,
                  "Too many requests to this address wait for their plugin; try again later")
        .withRetryAfter(60'000);
  bool take = false;
  {
    const std::lock_guard lock(_mutex);
    take = _running && _queue.size() < longestQueue;
  }
  request.attempt = 1;
  const auto id = _deliveries.add(endpoint.organizationId, endpoint.instanceId, request, take);
  if (!take) return accepted();
  std::future<plugin::WebhookResponse> answer;
  {
    const std::lock_guard lock(_mutex);
    Job job{{id, endpoint.instanceId, std::move(request)}, nullptr};
    if (_waiters < _options.waiters) {
      ++_waiters;
      job.sender = std::make_shared<std::promise<plugin::WebhookResponse>>();
      answer = job.sender->get_future();
    }
    _held.insert(id);
    _queue.push_back(std::move(job));
  }
  _changed.notify_one();
  if (!answer.valid()) return accepted();
  const bool came = answer.wait_for(_options.answerWithin) == std::future_status::ready;
  {
    const std::lock_guard lock(_mutex);
    --_waiters;
  }
  return came ? answer.get() : accepted();
}

void Inbox::retry(std::int64_t instanceId, std::int64_t id, const std::string& actor) {
  _deliveries.retry(instanceId, id, actor);
  {
    const std::lock_guard lock(_mutex);
    _poll = true;
  }
  _ticks.notify_one();
}

std::optional<Inbox::Job> Inbox::next(std::unique_lock<std::mutex>& lock) {
  while (_running) {
    // One plugin that hangs must not hold up the others.
    const auto ready = std::find_if(_queue.begin(), _queue.end(), [&](const Job& job) {
      const auto busy = _underWay.find(job.taken.instanceId);
      return busy == _underWay.end() || busy->second < _options.threadsOfOne;
    });
    if (ready != _queue.end()) {
      Job job = std::move(*ready);
      _queue.erase(ready);
      ++_underWay[job.taken.instanceId];
      return job;
    }
    _changed.wait(lock);
  }
  return std::nullopt;
}

void Inbox::work() {
  std::unique_lock lock(_mutex);
  while (auto job = next(lock)) {
    lock.unlock();
    auto response = accepted();
    try {
      response = attempt(job->taken);
    } catch (const std::exception& error) {
      // Its lease ends by itself, and then it is tried again.
      log().error("Delivery %s could not be recorded: %s", std::to_string(job->taken.id),
                  std::string(error.what()));
    }
    if (job->sender) job->sender->set_value(std::move(response));
    lock.lock();
    _held.erase(job->taken.id);
    if (--_underWay[job->taken.instanceId] == 0) _underWay.erase(job->taken.instanceId);
    _changed.notify_all();
  }
}

void Inbox::tick() {
  std::unique_lock lock(_mutex);
  while (_running) {
    const std::vector<std::int64_t> held(_held.begin(), _held.end());
    const auto room = _queue.size() < longestQueue / 2 ? longestQueue / 4 : 0;
    _poll = false;
    lock.unlock();
    std::vector<Deliveries::Taken> due;
    try {
      if (!held.empty()) _deliveries.extendLeases(held);
      if (room > 0) due = _deliveries.takeDue(static_cast<int>(room));
    } catch (const std::exception& error) {
      log().warning("The inbox of webhooks could not be read: %s", std::string(error.what()));
    }
    lock.lock();
    for (auto& taken : due) {
      _held.insert(taken.id);
      _queue.push_back({std::move(taken), nullptr});
    }
    if (!due.empty()) _changed.notify_all();
    _ticks.wait_for(lock, _options.tick, [&] { return !_running || _poll; });
  }
}

Ending Inbox::later(const Deliveries::Taken& taken, const std::string& reason,
                    std::uint32_t retryAfterMs) const {
  static thread_local std::minstd_rand random{std::random_device{}()};
  if (taken.request.attempt >= static_cast<std::uint32_t>(_options.attempts))
    return {state::kFailed, 202,
            "Given up after " + std::to_string(taken.request.attempt) + " attempts. The last one: " + reason};
  const auto doublings = std::min<std::uint32_t>(taken.request.attempt - 1, 20);
  auto wait =
      std::min<milliseconds>(_options.retryFirst * (std::int64_t{1} << doublings), _options.retryMost);
  wait = std::max(wait, std::min<milliseconds>(milliseconds(retryAfterMs), _options.retryMost));
  wait += milliseconds(std::uniform_int_distribution<std::int64_t>(0, wait.count() / 5)(random));
  return {state::kWaiting, 202, reason, toText(now() + wait)};
}

Ending Inbox::judged(const Deliveries::Taken& taken, plugin::WebhookResponse& response) {
  const auto serving = _integrations.byId(taken.instanceId);
  if (!serving.instance) return later(taken, serving.reason, 0);
  plugin::CallOptions options;
  options.idempotencyKey = "webhook-" + std::to_string(taken.id);
  const auto identified = serving.instance->identifyWebhook(taken.request, options);
  if (identified.ok() && !identified.text.empty()) {
    if (const auto holder = _deliveries.claim(taken.id, taken.instanceId, identified.text)) {
      response = holder->state == state::kDone ? said(holder->responseStatus, "Received before") : accepted();
      return {state::kDuplicate, response.status, "The same as delivery " + std::to_string(holder->id) + "."};
    }
  } else if (!identified.ok() && !identified.permanent()) {
    return later(taken, identified.message, identified.retryAfterMs);
  }
  auto received = serving.instance->receiveWebhook(taken.request, options);
  if (received.ok()) {
    response = std::move(received.response);
    const bool done = answersWell(response.status);
    return {done ? state::kDone : state::kRefused, response.status,
            done ? "" : "The plugin answered " + std::to_string(response.status) + "."};
  }
  if (!received.permanent()) return later(taken, received.message, received.retryAfterMs);
  response = said(refusalStatus(received.status), "Refused");
  return {state::kRefused, response.status, received.message};
}

plugin::WebhookResponse Inbox::attempt(const Deliveries::Taken& taken) {
  auto response = accepted();
  const auto ending = judged(taken, response);
  _deliveries.end(taken.id, ending);
  return response;
}

}  // namespace dispatch::webhook
