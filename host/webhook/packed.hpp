#pragma once

#include "plugin/plugin.hpp"

#include <string>
#include <string_view>

namespace dispatch::webhook {

/// A request as bytes, exactly as it came (headers and bodies need not be UTF-8). Without attempt.
std::string pack(const plugin::WebhookRequest& request);
/// Throws Problem(invalid) for anything else.
plugin::WebhookRequest unpack(std::string_view bytes);

}  // namespace dispatch::webhook
