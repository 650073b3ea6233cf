#include "kit/difference.hpp"

#include "base/base.hpp"
#include "kit/contained.hpp"
#include "kit/files.hpp"
#include "kit/package_findings.hpp"
#include "kit/sample.hpp"

#include <algorithm>
#include <cstdlib>
#include <set>

namespace dispatch::kit {

namespace {

using namespace std::chrono_literals;
using Kind = Change::Kind;

Json memberOf(const Json& node, const char* key, Json fallback = nullptr) {
  const auto found = node.is_object() ? node.find(key) : node.end();
  return !node.is_object() || found == node.end() ? fallback : *found;
}

bool holds(const Json& list, const Json& value) {
  return list.is_array() && std::find(list.begin(), list.end(), value) != list.end();
}

std::string listed(const Json& list, const Json& without) {
  std::string text;
  for (const auto& one : list)
    if (!holds(without, one)) text += (text.empty() ? "" : ", ") + one.dump();
  return text;
}

/// Bounds that a new schema draws more tightly than the old one.
void compareBounds(const Json& from, const Json& to, const std::string& name, std::vector<Change>& changes) {
  for (const auto& [key, upper] : {std::pair{"minimum", false},
                                   {"minLength", false},
                                   {"minItems", false},
                                   {"maximum", true},
                                   {"maxLength", true},
                                   {"maxItems", true}}) {
    const auto before = memberOf(from, key), after = memberOf(to, key);
    if (!after.is_number()) continue;
    const bool tighter = !before.is_number() || (upper ? after.get<double>() < before.get<double>()
                                                       : after.get<double>() > before.get<double>());
    if (tighter)
      changes.push_back({Kind::breaking, name,
                         std::string("Its ") + key + " is " + after.dump() + " now (" +
                             (before.is_number() ? "it was " + before.dump() : "there was none") +
                             "): values that operators have stored may be refused."});
  }
  for (const char* key : {"pattern", "format"}) {
    const auto before = memberOf(from, key), after = memberOf(to, key);
    if (after.is_string() && before != after)
      changes.push_back({Kind::breaking, name,
                         std::string("Its ") + key + " is " + after.dump() +
                             " now: values that operators have stored may be refused."});
  }
  const auto before = memberOf(from, "enum"), after = memberOf(to, "enum");
  if (after.is_array()) {
    const auto gone = before.is_array() ? listed(before, after) : "anything else";
    if (!gone.empty())
      changes.push_back(
          {Kind::breaking, name,
           "It no longer allows " + gone + ": an operator who chose that has to choose again."});
    if (const auto fresh = before.is_array() ? listed(after, before) : ""; !fresh.empty())
      changes.push_back({Kind::compatible, name, "It allows " + fresh + " as well."});
  }
}

void compareSetting(const Json& from, const Json& to, const std::string& name, const std::string& path,
                    std::vector<Change>& changes) {
  if (memberOf(from, "type") != memberOf(to, "type")) {
    changes.push_back({Kind::breaking, name,
                       "Its type is " + memberOf(to, "type").dump() + " now, it was " +
                           memberOf(from, "type").dump() + ": stored values are refused."});
    return;
  }
  const bool wasSecret = memberOf(from, "x-dispatch-secret") == true,
             isSecret = memberOf(to, "x-dispatch-secret") == true;
  if (wasSecret != isSecret)
    changes.push_back(
        {Kind::breaking, name,
         isSecret ? "It is a secret now: operators have to enter it again, as what is stored is plain."
                  : "It is no secret any more: what operators stored sealed would be plain text."});
  compareBounds(from, to, name, changes);
  if (memberOf(from, "default") != memberOf(to, "default"))
    changes.push_back({Kind::compatible, name,
                       "Its default is " + memberOf(to, "default").dump() + " now, it was " +
                           memberOf(from, "default").dump() +
                           "; where an operator has set it, nothing changes."});
  for (auto& change : compareSchemas(from, to, path)) changes.push_back(std::move(change));
}

void comparePermissions(const Json& from, const Json& to, std::vector<Change>& changes) {
  for (const char* kind : {"http", "stream", "headers", "services", "events", "commands"}) {
    const auto before = memberOf(from, kind, Json::array()), after = memberOf(to, kind, Json::array());
    const auto name = std::string("permission ") + kind;
    if (const auto more = listed(after, before); !more.empty())
      changes.push_back(
          {Kind::breaking, name, "It wants more: " + more + ". Operators have to agree to that."});
    if (const auto fewer = listed(before, after); !fewer.empty())
      changes.push_back({Kind::compatible, name, "It no longer wants " + fewer + '.'});
  }
  const bool before = memberOf(from, "webhook") == true, after = memberOf(to, "webhook") == true;
  if (after && !before)
    changes.push_back({Kind::breaking, "permission webhook",
                       "It receives requests of other systems now. Operators have to agree to that."});
  if (before && !after)
    changes.push_back({Kind::compatible, "permission webhook",
                       "It no longer receives requests of other systems: their senders get 404."});
}

/// major, minor of "1.2.3-rc.1".
std::pair<long, long> numbersOf(const std::string& version) {
  char* end = nullptr;
  const long major = std::strtol(version.c_str(), &end, 10);
  const long minor = end != nullptr && *end == '.' ? std::strtol(end + 1, nullptr, 10) : 0;
  return {major, minor};
}

struct Loaded {
  plugin::Manifest manifest;
  std::optional<std::vector<plugin::Instance::Method>> methods;
  std::string why;  ///< where there are none
};

Loaded load(const Equipment& equipment, const std::string& directory) {
  const auto examined = examinePackage(equipment, directory, false, {});
  for (const auto& finding : examined.findings)
    if (finding.verdict.state == Verdict::State::failed)
      throw Problem(Problem::Kind::invalid, directory + " is not a sound package. Check \"" + finding.check +
                                                "\" failed: " + finding.verdict.sentence);
  Loaded loaded{examined.manifest, std::nullopt, ""};
  const TemporaryDirectory copy;
  const auto& id = loaded.manifest.id;
  examined.writeTo(copy.path() + '/' + id);
  const auto asked = runContained(
      [&]() -> Json {
        Bench bench(equipment, copy.path(), id, "worker");
        Json all = Json::array();
        const auto instance = bench.create(sampleOf(loaded.manifest.configurationSchema));
        for (const auto& method : instance->methods())
          all.push_back({method.name, static_cast<int>(method.effect), method.contractRevision});
        return all;
      },
      30s);
  if (!asked.answered) {
    loaded.why = asked.end;
    return loaded;
  }
  loaded.methods.emplace();
  for (const auto& one : asked.answer)
    loaded.methods->push_back({one.at(0).get<std::string>(),
                               static_cast<plugin::Effect>(one.at(1).get<int>()),
                               one.at(2).get<std::uint32_t>()});
  return loaded;
}

}  // namespace

std::string_view textOf(Kind kind) {
  return kind == Kind::breaking ? "breaking" : kind == Kind::compatible ? "compatible" : "wrong";
}

std::vector<Change> compareSchemas(const Json& from, const Json& to, const std::string& where) {
  std::vector<Change> changes;
  const auto before = memberOf(from, "properties", Json::object()),
             after = memberOf(to, "properties", Json::object());
  const auto neededBefore = memberOf(from, "required"), needed = memberOf(to, "required");
  for (const auto& entry : before.items()) {
    const auto path = where + (where.empty() ? "" : ".") + entry.key();
    const auto name = "setting " + path;
    if (!after.contains(entry.key()))
      changes.push_back(
          {Kind::breaking, name,
           "It is gone: where an operator has set it, " +
               std::string(memberOf(to, "additionalProperties") == false ? "the configuration is refused."
                                                                         : "that has no effect any more.")});
    else
      compareSetting(entry.value(), after.at(entry.key()), name, path, changes);
  }
  for (const auto& entry : after.items()) {
    const auto name = "setting " + where + (where.empty() ? "" : ".") + entry.key();
    const bool isNew = !before.contains(entry.key());
    const bool must = holds(needed, entry.key()), had = holds(neededBefore, entry.key());
    const bool given = entry.value().contains("default");
    if (must && !had && !given)
      changes.push_back(
          {Kind::breaking, name, "It is required now and has no default: every operator has to set it."});
    else if (must && !had)
      changes.push_back({Kind::compatible, name, "It is required now, with a default."});
    else if (isNew)
      changes.push_back({Kind::compatible, name, "It is new, and may be left empty."});
    else if (had && !must)
      changes.push_back({Kind::compatible, name, "It may be left empty now."});
  }
  return changes;
}

std::vector<Change> compareManifests(const plugin::Manifest& from, const plugin::Manifest& to) {
  std::vector<Change> changes;
  if (from.id != to.id)
    changes.push_back({Kind::breaking, "id",
                       "It is " + to.id + " now, it was " + from.id +
                           ": to operators that is another plugin, without their settings."});
  if (from.type != to.type)
    changes.push_back(
        {Kind::breaking, "type",
         "It is " + to.type + " now, it was " + from.type + ": it no longer does what it was enabled for."});
  if (from.abi != to.abi)
    changes.push_back({Kind::breaking, "abi",
                       "It is " + to.abi + " now, it was " + from.abi + ": older servers refuse it."});
  if (from.id == to.id && plugin::compareVersions(to.version, from.version) <= 0)
    changes.push_back({Kind::wrong, "version",
                       "It is " + to.version + ", and " + from.version +
                           " was before: a version is one package for ever. Raise it."});
  if (from.multiple && !to.multiple)
    changes.push_back({Kind::breaking, "multiple",
                       "Only one instance may be enabled in a project now; there may be several."});
  for (auto& change : compareSchemas(from.configurationSchema, to.configurationSchema))
    changes.push_back(std::move(change));
  comparePermissions(from.permissions, to.permissions, changes);
  return changes;
}

std::vector<Change> compareMethods(const std::vector<plugin::Instance::Method>& from,
                                   const std::vector<plugin::Instance::Method>& to) {
  std::vector<Change> changes;
  const auto in = [](const auto& all, const std::string& name) {
    return std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == name; });
  };
  for (const auto& method : from) {
    const auto now = in(to, method.name);
    const auto name = "method " + method.name;
    if (now == to.end())
      changes.push_back({Kind::breaking, name, "It is gone: flows that call it go without it."});
    else if (now->effect > method.effect)
      changes.push_back({Kind::breaking, name,
                         "Its effect is " + std::string(nameOf(now->effect)) + " now, it was " +
                             std::string(nameOf(method.effect)) +
                             ": where the server could try again, a person has to decide."});
    else if (now->effect < method.effect)
      changes.push_back({Kind::compatible, name,
                         "Its effect is " + std::string(nameOf(now->effect)) + " now, better than " +
                             std::string(nameOf(method.effect)) + '.'});
  }
  for (const auto& method : to)
    if (in(from, method.name) == from.end())
      changes.push_back({Kind::compatible, "method " + method.name, "It is new."});
  return changes;
}

bool announcesBreaking(const std::string& from, const std::string& to) {
  const auto before = numbersOf(from), after = numbersOf(to);
  return after.first > before.first || (before.first == 0 && after > before);
}

bool Difference::releasable() const {
  return std::none_of(changes.begin(), changes.end(), [&](const Change& change) {
    return change.kind == Kind::wrong || (change.kind == Kind::breaking && !announced);
  });
}

Difference comparePackages(const Equipment& equipment, const std::string& from, const std::string& to) {
  const auto before = load(equipment, from), after = load(equipment, to);
  const auto name = [](const plugin::Manifest& manifest) { return manifest.id + ' ' + manifest.version; };
  Difference difference{name(before.manifest), name(after.manifest),
                        compareManifests(before.manifest, after.manifest),
                        announcesBreaking(before.manifest.version, after.manifest.version)};
  if (before.methods && after.methods) {
    for (auto& change : compareMethods(*before.methods, *after.methods))
      difference.changes.push_back(std::move(change));
  } else {
    difference.changes.push_back({Kind::compatible, "methods",
                                  "They were not compared, because no instance could be made: " +
                                      (before.methods ? after.why : before.why)});
  }
  return difference;
}

}  // namespace dispatch::kit
