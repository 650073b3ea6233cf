#pragma once

#include "base/json.hpp"

#include <functional>
#include <string>
#include <vector>

namespace dispatch::kit {

/// Which members of an object a sample has.
enum class SampleMembers { required, all };

/// The smallest value that `schema` (JSON Schema, draft 7) plainly allows: of each member
/// its const, default, first of enum or examples, else something of its type and format. Secrets are random
/// text. Addresses end in ".invalid" (RFC 2606):
/// nobody answers there. What a pattern or a combination of schemas asks for beyond that is not guessed; the
/// caller validates the result.
Json sampleOf(const Json& schema, SampleMembers members = SampleMembers::required);

/// `value` with each text that `schema` marks x-dispatch-secret, at any depth, replaced.
Json withSecrets(const Json& schema, Json value,
                 const std::function<Json(const Json& schema, const std::string& secret)>& replace);

/// The text of every member of `value` that `schema` marks x-dispatch-secret.
std::vector<std::string> secretsIn(const Json& schema, const Json& value);

}  // namespace dispatch::kit
