#pragma once

#include "base/json.hpp"
#include "integrations/integrations.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace dispatch::integrations {

/// What people see in place of a secret that is set, and send back to keep it (the original's ten asterisks).
inline constexpr const char* maskedSecret = "**********";

/// Calls `visit(pointer, value)` for every text in `configuration` whose schema carries x-dispatch-secret, at
/// any depth. `pointer` is a JSON pointer.
void forEachSecret(const Json& schema, Json& configuration,
                   const std::function<void(const std::string& pointer, std::string& value)>& visit);

/// Secrets read "**********" when set; every secret of the schema's top level that is not set reads "".
Json masked(const Json& schema, Json configuration);

/// A changed configuration over the stored one: what `changed` has, and the stored secret (sealed) where it
/// has the mask or lacks the field. Absent fields that are no secrets are gone: a form is sent back whole.
Json merged(const Json& schema, const Json& stored, Json changed);

/// Seals every secret text but empty ones and the mask; what merely looks sealed is sealed too (it is
/// somebody's input).
void sealSecrets(const Json& schema, Json& configuration, const config::Envelope& envelope, std::int64_t row);
/// Opens every sealed text; throws Problem from the envelope.
void openSecrets(const Json& schema, Json& configuration, const config::Envelope& envelope, std::int64_t row);

/// Overwrites every secret text in memory; for copies that were needed in the clear for a moment.
void wipeSecrets(const Json& schema, Json& configuration);

/// The property of the schema whose name, in upper case with every other character as `_`, is `field` (any
/// case). Empty if there is none.
std::string propertyFor(const Json& schema, const std::string& field);

}  // namespace dispatch::integrations
