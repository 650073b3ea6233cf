#pragma once

#include "plugin/package/package.hpp"

namespace dispatch::plugin {

/// For people: what a manifest asks for, and beside each thing what an instance with `configuration` has of
/// it.
/// [{"kind": "http", "stream", "private network", "service", "event", "webhook", "header" or "command",
/// "asked", "granted": null = nothing, "note"}]. The configuration may be masked: a destination in a secret
/// setting is granted to nobody. `yaml` is dispatch.yaml; throws Problem as readAllowances() and
/// readCommands() do.
Json describeGranted(const Manifest& manifest, const Json& configuration, const Json& yaml);

}  // namespace dispatch::plugin
