#include "webhook/inbox.hpp"

#include "base/backoff.hpp"
#include "base/base.hpp"

#include <Poco/Logger.h>
#include <Poco/String.h>

#include <algorithm>

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
  if (_database.dialect() == store::Dialect::sqlite) _deliveries.takeBackAll(_options.attempts);
  const std::lock_guard lock(_mutex);
  _running = _renewing = true;
  _cancellation = std::make_shared<plugin::Cancellation>();
  for (int i = 0; i < _options.threads; ++i) _threads.emplace_back([this] { work(); });
  _ticker = std::thread([this] { tick(); });
}

void Inbox::stop() {
  {
    std::unique_lock lock(_mutex);
    _running = false;
    _changed.notify_all();
    if (!_changed.wait_for(lock, _options.stopWithin, [&] { return _underWay.empty(); })) {
      lock.unlock();
      _cancellation->cancel();
    }
  }
  for (auto& thread : _threads) thread.join();
  _threads.clear();
  {
    // The leases of what was under way were renewed until here.
    const std::lock_guard lock(_mutex);
    _renewing = false;
  }
  _ticks.notify_all();
  if (_ticker.joinable()) _ticker.join();
  std::deque<Job> left;
  {
    const std::lock_guard lock(_mutex);
    left.swap(_queue);
    _held.clear();
  }
  for (const auto& job : left) {
    if (job.sender) job.sender->answer.set_value(accepted());
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
  // This origin's: somebody's who opens the address in a browser where they are logged in.
  std::erase_if(request.headers, [](const auto& header) {
    return Poco::icompare(header.first, "Cookie") == 0 || Poco::icompare(header.first, "X-CSRF-Token") == 0;
  });
  bool take = false;
  {
    const std::lock_guard lock(_mutex);
    take = _running && _queue.size() < longestQueue && queuedOf(endpoint.instanceId) < _options.queueOfOne;
  }
  request.attempt = 1;
  const auto id = _deliveries.add(endpoint.organizationId, endpoint.instanceId, request, take);
  if (!take) return accepted();
  Job job{{id, endpoint.instanceId, std::move(request)}, nullptr};
  const auto sender = std::make_shared<Sender>();
  {
    const std::lock_guard lock(_mutex);
    auto& waiters = _waiters[endpoint.instanceId];
    if (_allWaiters < _options.waiters && waiters < _options.waitersOfOne) {
      ++_allWaiters, ++waiters;
      job.sender = sender;
    }
    _held.insert(id);
    _queue.push_back(job);
  }
  _changed.notify_one();
  if (!job.sender) return accepted();
  auto answer = sender->answer.get_future();
  bool comes = answer.wait_for(_options.answerWithin) == std::future_status::ready;
  {
    const std::lock_guard lock(_mutex);
    --_allWaiters, --_waiters[endpoint.instanceId];
    comes = comes || sender->answered;
    sender->left = !comes;
  }
  return comes ? answer.get() : accepted();
}

std::size_t Inbox::queuedOf(std::int64_t instanceId) const {
  return static_cast<std::size_t>(std::count_if(
      _queue.begin(), _queue.end(), [&](const Job& job) { return job.taken.instanceId == instanceId; }));
}

/// Whether the sender still waits; then they stay for the answer.
bool Inbox::hears(const Job& job) {
  const std::lock_guard lock(_mutex);
  if (!job.sender || job.sender->left) return false;
  return job.sender->answered = true;
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
      response = attempt(*job);
    } catch (const std::exception& error) {
      // Its lease ends by itself, and then it is tried again.
      letGo(job->taken.id);
      log().error("Delivery %s could not be recorded: %s", std::to_string(job->taken.id),
                  std::string(error.what()));
    }
    if (job->sender) job->sender->answer.set_value(std::move(response));
    lock.lock();
    if (--_underWay[job->taken.instanceId] == 0) _underWay.erase(job->taken.instanceId);
    _changed.notify_all();
  }
}

void Inbox::tick() {
  using Clock = std::chrono::steady_clock;
  std::unique_lock lock(_mutex);
  auto renewed = Clock::now();
  while (_renewing) {
    const bool renew = Clock::now() - renewed >= _options.lease / 3;
    const std::vector<std::int64_t> held(_held.begin(), _held.end());
    std::map<std::int64_t, int> full;  // how many more an instance may have in memory
    for (const auto& job : _queue) ++full[job.taken.instanceId];
    const bool take = _running;
    _poll = false;
    lock.unlock();
    std::vector<Deliveries::Taken> due;
    try {
      if (renew && !held.empty()) _deliveries.extendLeases(held);
      if (renew) renewed = Clock::now();
      if (take) due = _deliveries.takeDue(static_cast<int>(_options.queueOfOne), full, _options.attempts);
    } catch (const std::exception& error) {
      log().warning("The inbox of webhooks could not be read: %s", std::string(error.what()));
    }
    lock.lock();
    for (auto& taken : due) {
      _held.insert(taken.id);
      _queue.push_back({std::move(taken), nullptr});
    }
    if (!due.empty()) _changed.notify_all();
    _ticks.wait_for(lock, _options.tick, [&] { return !_renewing || _poll; });
  }
}

Ending Inbox::later(const Deliveries::Taken& taken, const std::string& reason,
                    std::uint32_t retryAfterMs) const {
  if (taken.request.attempt >= static_cast<std::uint32_t>(_options.attempts))
    return {state::kFailed, 202,
            "Given up after " + std::to_string(taken.request.attempt) + " attempts. The last one: " + reason};
  const auto wait =
      std::max(backoff(static_cast<int>(taken.request.attempt), _options.retryFirst, _options.retryMost),
               std::min<milliseconds>(milliseconds(retryAfterMs), _options.retryMost));
  return {state::kWaiting, 202, reason, toText(now() + wait)};
}

Ending Inbox::judged(const Deliveries::Taken& taken, plugin::WebhookResponse& response) {
  const auto serving = _integrations.byId(taken.instanceId);
  if (!serving.instance) return later(taken, serving.reason, 0);
  plugin::CallOptions options;
  options.idempotencyKey = "webhook-" + std::to_string(taken.id);
  options.cancellation = _cancellation;
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

plugin::WebhookResponse Inbox::attempt(const Job& job) {
  auto response = accepted();
  auto ending = judged(job.taken, response);
  // Who was told 202 does not send it again: what they cannot hear of stays, for a person.
  if (!hears(job) && ending.state == state::kRefused)
    ending = {state::kFailed, 202, "Refused after its sender had been told 202. " + ending.reason};
  letGo(job.taken.id);  // before anybody may take it again
  _deliveries.end(job.taken.id, ending);
  return response;
}

void Inbox::letGo(std::int64_t id) {
  const std::lock_guard lock(_mutex);
  _held.erase(id);
}

}  // namespace dispatch::webhook
