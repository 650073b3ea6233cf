#pragma once

#include "integrations/effective.hpp"
#include "integrations/integrations.hpp"
#include "integrations/rows.hpp"
#include "integrations/trial.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <thread>

namespace dispatch::integrations {

/// The running instances behind the rows, and who serves what. Rows come in through apply(); everything else
/// follows: creating, reconfiguring, retrying what cannot start, draining what is replaced. [any-thread]
class Roster {
 public:
  /// Called from the keeper's thread, outside every lock, when the state of a row changed.
  using StateChanged =
      std::function<void(const InstanceRow&, const std::string& state, const std::string& reason)>;

  /// Called when a trial has ended, with Trial::describe() and who ended it: as StateChanged, or by stop().
  using TrialEnded = std::function<void(const InstanceRow&, const Json& report, const std::string& actor)>;

  Roster(plugin::Catalog& catalog, const EffectiveConfigurations& configurations, StateChanged stateChanged,
         TrialEnded trialEnded);
  ~Roster();

  /// Makes the row's instance what the row says; what it changes ends a trial. Blocks for the plugin's create
  /// and start.
  void apply(const InstanceRow& row);
  void forget(std::int64_t id);
  /// Forgets every id that is not in `rows`, applies the others.
  void replaceAll(const std::vector<InstanceRow>& rows);

  /// Puts another instance, made of what is installed now, in the place of each that runs: made, started and
  /// tested beside the old one, which serves until then and ends when the last call that found it has. A
  /// failure before that changes nothing. With a plan, the new one is tried instead; the keeper ends the
  /// trial within a second of its decision. Throws Problem as refuseReload().
  struct Replaced {
    InstanceRow row;
    std::string from, to;  ///< versions
    std::string reason;    ///< why the old one goes on; "" = replaced, or tried
    std::string trial;     ///< Trial::sentence(); "" = none
  };
  std::vector<Replaced> reload(const std::string& pluginId,
                               const std::optional<TrialPlan>& plan = std::nullopt);
  /// Throws Problem(conflict) where a trial of the plugin runs; `trial`: also where nothing serves that
  /// another version could be tried beside.
  void refuseReload(const std::string& pluginId, bool trial);

  struct EndedTrial {
    InstanceRow row;
    std::string version;  ///< which serves now
    Json report;          ///< Trial::describe()
  };
  /// Ends every trial of the plugin. Throws Problem(notFound) where none runs.
  std::vector<EndedTrial> endTrials(const std::string& pluginId, bool takeOver, const std::string& actor);

  struct Trials {
    Json running, last;  ///< Trial::describe(); null: none runs, none has ended since the last reload
  };
  Trials trials(std::int64_t id) const;

  /// Drains and stops every instance, and ends every trial; nothing is retried any more.
  void stop();

  using Status = Condition;
  /// Of one that runs it is what the instance says now.
  Status status(const InstanceRow& row) const;

  /// See Integrations::ailing().
  std::map<std::string, std::string> ailing() const;

  std::vector<Serving> serving(std::int64_t projectId, const std::string& pluginType) const;
  Serving byId(std::int64_t id) const;
  std::vector<Serving> running(std::string_view interfaceId) const;
  /// Why serving() is empty, in a sentence. `enablementId` names one that is degraded, whose steps wait for
  /// it; it is 0 where only a person can change anything.
  Serving whyNot(std::int64_t projectId, const std::string& pluginType, const std::string& projectName) const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Entry {
    InstanceRow row;
    Status status;     ///< of its start; statusOf() is that of now
    std::string told;  ///< the state that StateChanged was last called with
    std::shared_ptr<plugin::Instance> instance;
    std::shared_ptr<Trial> trial = nullptr;  ///< while one runs it is `instance`
    Json lastTrial = nullptr;
    int failures = 0;
    bool needsPerson = false;  ///< it is retried, but hardly mends itself
    Clock::time_point retryAt;
  };

  /// An instance that was replaced; it ends once nobody holds it any more, at the latest at `until`.
  struct Leaving {
    std::shared_ptr<plugin::Instance> instance;
    Clock::time_point until;
  };

  void keep();  // the keeper's thread
  /// Tells of instances whose state became another one while they ran.
  void tellConditions();
  /// Under _keeperMutex. Empty: there is nothing to do now.
  std::function<void()> nextChore();
  void bring(const InstanceRow& row);
  void publish(Entry entry);
  void logState(const InstanceRow& row, const Status& status, bool needsPerson);
  static Status statusOf(const Entry& entry);
  void retire(std::shared_ptr<plugin::Instance> instance);
  std::optional<Entry> find(std::int64_t id) const;
  std::vector<Entry> entriesOf(const std::string& pluginId) const;
  std::vector<Entry> entriesOnTrial() const;

  // Under _control.
  Replaced replace(Entry entry, const std::optional<TrialPlan>& plan);
  void refuseDuringTrial(const std::string& pluginId) const;
  void concludeDecided();
  /// Puts the winner of a trial that is decided in its place. Answers Trial::describe().
  Json conclude(Entry entry, const std::string& actor);
  /// Rolls back the trial of a row that is about to change, if one runs.
  void breakOffTrial(std::int64_t id, const std::string& reason);

  void concludeTrials();  // the keeper's

  plugin::Catalog& _catalog;
  const EffectiveConfigurations& _configurations;
  StateChanged _stateChanged;
  TrialEnded _trialEnded;

  std::mutex _control;  // one lifecycle change at a time; taken before _mutex
  mutable std::shared_mutex _mutex;
  std::map<std::int64_t, Entry> _entries;

  std::mutex _keeperMutex;
  std::condition_variable _keeperWakes;
  std::deque<std::function<void()>> _chores;
  std::vector<Leaving> _leaving;
  bool _stopping = false;
  std::thread _keeper;
};

std::string label(const InstanceRow& row);  ///< "smtp-email of project default"

/// Asks the plugin whether it works, if it can tell. Throws Problem(unavailable) with what it says.
void checkHealth(plugin::Instance& instance);

/// Ends an instance once nobody holds it any more, at most after `patience`.
void endWhenIdle(std::shared_ptr<plugin::Instance> instance, std::chrono::milliseconds patience);

/// Creates and starts; throws Problem with what is wrong in a sentence.
std::shared_ptr<plugin::Instance> startInstance(plugin::Catalog& catalog, const plugin::Scope& scope,
                                                plugin::Configuration configuration);

}  // namespace dispatch::integrations
