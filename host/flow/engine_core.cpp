#include "flow/engine_core.hpp"

#include "base/base.hpp"

#include <Poco/Logger.h>

#include <algorithm>

namespace dispatch::flow {
namespace {

constexpr Instant never = Instant::max();

Poco::Logger& logger() { return Poco::Logger::get("dispatch.flow"); }

/// How many candidates one look takes: more than are claimed, as some lanes may fill up on the way.
constexpr std::size_t kWindow = 4;

/// Without events from elsewhere (a listener's link may be down), PostgreSQL is asked again after this long.
constexpr std::chrono::seconds kLook{5};

std::string laneOf(std::int64_t projectId, const std::string& type, std::optional<std::int64_t> instance) {
  if (type.empty()) return "";
  if (instance) return "#" + std::to_string(*instance);
  return std::to_string(projectId) + "/" + type;
}

}  // namespace

EngineCore::EngineCore(store::Database& database, integrations::Integrations& integrations,
                       EngineOptions options)
    : _database(database),
      _integrations(integrations),
      _options(std::move(options)),
      _hosts(database, kinds, _options.hostId.empty() ? randomUuid() : _options.hostId, [this] { wake(); }),
      _runner(database, integrations, kinds, _options, _hosts, _halt, [this] { wake(); }) {}

void EngineCore::begin() {
  _hosts.show();
  if (const int taken = _hosts.takeBack(); taken > 0)
    logger().information("took up " + std::to_string(taken) +
                         " step(s) that were under way when a server stopped");
  _events = _database.events().subscribe([this](const store::Event& event) {
    if (event.subject == "*" || event.change == "created" ||
        (event.subject == "flow_step" && textOr(event.data, "state") == "pending"))
      wake();
  });
  std::lock_guard lock(_mutex);
  _running = true;
  auto spawn = [&](void (EngineCore::*loop)()) {
    ++_threadsAlive;
    _threads.emplace_back([self = shared_from_this(), loop] {
      ((*self).*loop)();
      std::lock_guard inner(self->_mutex);
      --self->_threadsAlive;
      self->_idle.notify_all();
    });
  };
  spawn(&EngineCore::dispatchLoop);
  for (int i = 0; i < std::max(1, _options.workers); ++i) spawn(&EngineCore::workLoop);
  if (_database.dialect() == store::Dialect::postgresql) spawn(&EngineCore::heartbeatLoop);
}

void EngineCore::stop(std::chrono::milliseconds limit) {
  std::vector<Claim> unbegun;
  std::vector<std::thread> threads;
  {
    std::unique_lock lock(_mutex);
    if (!_running) return;
    _halt.stopping = true;
    _running = false;
    unbegun.assign(_queue.begin(), _queue.end());
    _queue.clear();
    threads.swap(_threads);
  }
  _wakeDispatcher.notify_all();
  _wakeWorkers.notify_all();
  _wakeHeartbeat.notify_all();
  _events.reset();
  giveBack(unbegun);
  bool orderly = false;
  {
    std::unique_lock lock(_mutex);
    orderly = _idle.wait_for(lock, limit, [&] { return _threadsAlive == 0; });
    if (!orderly) _halt.abandoned = true;
  }
  for (std::thread& thread : threads) {
    if (orderly)
      thread.join();
    else
      thread.detach();
  }
  if (!orderly)
    logger().warning("calls were still in flight after " + std::to_string(limit.count()) +
                     " ms and are given up");
  _hosts.leave(orderly);
}

void EngineCore::wake() {
  {
    std::lock_guard lock(_mutex);
    _poked = true;
  }
  _wakeDispatcher.notify_one();
}

void EngineCore::dispatchLoop() {
  const auto workers = static_cast<std::size_t>(std::max(1, _options.workers));
  while (true) {
    std::size_t room = 0;
    {
      std::unique_lock lock(_mutex);
      if (!_running) return;
      _poked = false;
      room = workers - std::min(workers, _busy + _queue.size());
    }
    Instant due = never;
    bool claimedAll = false;
    try {
      if (room > 0 && _hosts.alive()) {
        due = nextDue().value_or(never);
        if (due <= now()) {
          const std::vector<Claim> claims = claim(room);
          for (const Claim& one : claims) failPoint("flow.after_claim", one.key);
          {
            std::lock_guard lock(_mutex);
            if (_running) {
              for (const Claim& one : claims) _queue.push_back(one);
            }
          }
          if (_halt.stopping) giveBack(claims);
          _wakeWorkers.notify_all();
          claimedAll = !claims.empty() && claims.size() < room;
          // Nothing claimable although something is due: its lane is full, or another host was quicker. Both
          // wake us.
          due = never;
        }
      }
    } catch (const std::exception& problem) {
      logger().warning(std::string("looking for work: ") + problem.what());
      due = now() + std::chrono::seconds(1);
    }
    std::unique_lock lock(_mutex);
    const auto ready = [&] { return _poked || !_running; };
    if (claimedAll) continue;
    const bool bounded = _database.dialect() == store::Dialect::postgresql;
    if (due == never && !bounded) {
      _wakeDispatcher.wait(lock, ready);
    } else {
      auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(kLook);
      if (due != never) {
        const auto until = std::chrono::ceil<std::chrono::milliseconds>(due - now());
        wait = bounded ? std::min(wait, until) : until;
      }
      _wakeDispatcher.wait_for(lock, std::max(wait, std::chrono::milliseconds(1)), ready);
    }
  }
}

std::optional<Instant> EngineCore::nextDue() {
  const auto row = _database.session()->one(
      "SELECT next_try_at FROM flow_step WHERE state = 'pending' AND next_try_at IS NOT NULL ORDER BY "
      "next_try_at LIMIT 1");
  if (!row) return std::nullopt;
  return parseInstant(row->text("next_try_at"));
}

std::vector<EngineCore::Claim> EngineCore::claim(std::size_t count) {
  std::vector<std::string> full;
  std::map<std::string, Lane> lanes;
  {
    std::lock_guard lock(_mutex);
    lanes = _lanes;
  }
  const int share = std::max(1, _options.workers / 2);
  const auto limitOf = [&](const Lane& lane) { return lane.limit > 0 ? std::min(lane.limit, share) : share; };
  // Full lanes are left out in SQL: behind the thousand waiting mails of a slow server there may be a page.
  std::string sql =
      "SELECT s.id, s.flow_id, s.\"key\", s.plugin_type, s.plugin_instance_id, f.project_id FROM flow_step s "
      "JOIN flow f ON f.id = s.flow_id WHERE s.state = 'pending' AND s.next_try_at <= ?";
  store::Values parameters{nowText()};
  for (const auto& [name, lane] : lanes) {
    if (lane.busy < limitOf(lane)) continue;
    if (name.front() == '#') {
      sql += " AND (s.plugin_instance_id IS NULL OR s.plugin_instance_id <> ?)";
      parameters.emplace_back(static_cast<std::int64_t>(std::stoll(name.substr(1))));
    } else {
      const auto slash = name.find('/');
      sql += " AND (s.plugin_instance_id IS NOT NULL OR s.plugin_type <> ? OR f.project_id <> ?)";
      parameters.emplace_back(name.substr(slash + 1));
      parameters.emplace_back(static_cast<std::int64_t>(std::stoll(name.substr(0, slash))));
    }
  }
  sql += " ORDER BY s.next_try_at, s.id LIMIT ?";
  parameters.emplace_back(static_cast<std::int64_t>(count * kWindow));
  if (_database.dialect() == store::Dialect::postgresql) sql += " FOR UPDATE OF s SKIP LOCKED";

  std::vector<Claim> claims;
  _database.transact([&](store::Session& session) {
    claims.clear();
    auto planned = lanes;
    for (const store::Row& row : session.query(sql, parameters)) {
      if (claims.size() == count) break;
      const std::int64_t id = row.integer("id");
      const std::string lane = laneOf(row.integer("project_id"), row.text("plugin_type"),
                                      row.optionalInteger("plugin_instance_id"));
      if (!lane.empty()) {
        Lane& place = planned[lane];
        if (place.busy >= limitOf(place)) continue;
        ++place.busy;
      }
      failPoint("flow.before_claim", row.text("key"));
      const auto flow = readFlow(session, row.integer("flow_id"));
      const auto step = readStep(session, id);
      if (!flow || !step) continue;
      changeStep(session, *flow, *step, "running",
                 {{"lease_owner", _hosts.id()}, {"next_try_at", store::Value()}, {"started_at", nowText()}});
      claims.push_back({id, step->key, lane});
    }
  });
  std::lock_guard lock(_mutex);
  for (const Claim& one : claims)
    if (!one.lane.empty()) ++_lanes[one.lane].busy;
  return claims;
}

void EngineCore::giveBack(const std::vector<Claim>& claims) {
  for (const Claim& one : claims) {
    try {
      _database.session()->execute(
          "UPDATE flow_step SET state = 'pending', next_try_at = ?, lease_owner = NULL WHERE id = ? AND "
          "state = 'running' "
          "AND lease_owner = ?",
          {nowText(), one.stepId, _hosts.id()});
    } catch (const std::exception& problem) {
      logger().warning("step " + std::to_string(one.stepId) + " could not be given back: " + problem.what());
    }
  }
}

void EngineCore::workLoop() {
  while (true) {
    Claim claim;
    {
      std::unique_lock lock(_mutex);
      _wakeWorkers.wait(lock, [&] { return !_running || !_queue.empty(); });
      if (!_running) return;
      claim = _queue.front();
      _queue.pop_front();
      ++_busy;
    }
    _runner.run(claim.stepId, [&](int limit) {
      std::lock_guard lock(_mutex);
      if (!claim.lane.empty()) _lanes[claim.lane].limit = limit;
    });
    {
      std::lock_guard lock(_mutex);
      --_busy;
      if (!claim.lane.empty()) --_lanes[claim.lane].busy;
      _poked = true;
    }
    _wakeDispatcher.notify_one();
  }
}

void EngineCore::heartbeatLoop() {
  while (true) {
    {
      std::unique_lock lock(_mutex);
      _wakeHeartbeat.wait_for(lock, _options.heartbeat, [&] { return !_running; });
      if (!_running) return;
    }
    try {
      const bool before = _hosts.alive();
      _hosts.show();
      if (!before) logger().information("the database is back");
      if (_hosts.takeBack() > 0 || !before) wake();
    } catch (const std::exception& problem) {
      logger().warning(std::string("no sign of life to the other hosts: ") + problem.what());
    }
  }
}

}  // namespace dispatch::flow
