#pragma once

#include "kit/call_method.hpp"
#include "kit/report.hpp"

#include <dispatch/testing/recorded_http.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace dispatch::kit {

/// How a recorded call went, with the network replaced by its recording.
struct Replayed {
  bool ended = false;  ///< false: it crashed or hung, as `end` says
  std::string end;
  plugin::JsonOutcome outcome;
  plugin::Effect effect = plugin::Effect::read;  ///< of the method
  double milliseconds = 0, timeoutMs = 0;        ///< it took, and it may take by its manifest
  std::vector<std::string> unexpected, unasked;  ///< RecordedHttp
  bool askedForBroken = false;
  bool actedBefore = false;  ///< an exchange that may have an effect was answered before the broken one
};

struct Breakage {
  std::size_t exchange = 0;  ///< from 1
  testing::Fault fault = testing::Fault::refused;
};

/// Makes the recorded call in a process of its own without network, in one home, within `limit`. Secrets that
/// the configuration has as "[secret]" are random text.
Replayed replay(const Equipment& equipment, const RunnablePackage& package, const std::string& home,
                const testing::Recording& recording, const Json& configuration,
                const std::optional<Breakage>& breakage, std::chrono::milliseconds limit);

/// The configuration of a recorded call that a replay runs with: `over` counts before the recorded members.
Json configurationOf(const testing::Recording& recording, const Json& schema, const Json& over);

/// Whether the call went as recorded.
Verdict judgeReplay(const testing::Recording& recording, const Replayed& run);

/// Whether the plugin did right with a broken exchange: the call fails with a sentence and in time, and its
/// status lets the host do what is right (flow::judge): try again where nothing can have happened, pause as
/// long as the peer asked, and never repeat blindly what may have had its effect.
Verdict judgeBroken(const testing::Recording& recording, const Breakage& breakage, const Replayed& run);

/// May a repeated exchange have a second effect? By its method, unless entries[]._read says otherwise.
bool mayAct(const testing::RecordedExchange& exchange);

}  // namespace dispatch::kit
