#pragma once

#include "kit/bench.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dispatch::kit {

/// One call and what came of it.
struct Exercised {
  std::string what;  ///< "create (example 1)"
  plugin::JsonOutcome outcome;
};

/// The calls that the contract of the plugin's type describes: each method it lists with each of the
/// contract's examples; of an auth provider the description and its first form; of a secret provider
/// encryption and back.
struct Exercise {
  std::string what;
  std::function<plugin::JsonOutcome(plugin::Instance&, const plugin::CallOptions&)> call;
};
std::vector<Exercise> exercisesOf(const plugin::Instance& instance, const Json& contract);

/// Runs them one after the other.
std::vector<Exercised> exercise(plugin::Instance& instance, const Json& contract);

/// What is wrong with how a call ended, as a sentence; nothing where it answered by its contract, or failed
/// with a sentence for a person. Without network and accounts a failure is a good answer.
std::optional<std::string> defectOf(const Exercised& exercised);

/// "UNAVAILABLE: nobody answers"
std::string textOf(const plugin::Outcome& outcome);

/// Members and types of a value, without what it says: answers may hold times and random names.
Json shapeOf(const Json& value);

}  // namespace dispatch::kit
