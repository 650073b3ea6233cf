#pragma once

#include "store/query.hpp"

#include <string>
#include <vector>

namespace dispatch::store {

/// A piece of a WHERE clause under construction: text with `?` and their values, in order.
struct Sql {
  std::string text;
  Values values;

  Sql& operator+=(std::string_view more) {
    text += more;
    return *this;
  }
  Sql& operator+=(const Sql& more) {
    text += more.text;
    values.insert(values.end(), more.values.begin(), more.values.end());
    return *this;
  }
};

/// A chain of relations from the listed model to the one that a leaf names; empty = the listed model itself.
using Path = std::vector<const Relation*>;

/// `filter` as a condition on `model`'s table. Empty text for an empty filter. Throws as buildList() does.
Sql filterCondition(const Models& models, const Model& model, const Json& filter, Dialect dialect);

/// `q` as a condition; empty text if it holds no word. Throws Problem(invalid) if it is too long.
Sql searchCondition(const Model& model, const std::string& q, Dialect dialect);

/// EXISTS over `path`, with `condition` on the last model, whose table is named `alias` there.
/// `alias` must be the one that endAlias(path) gives.
Sql exists(const Models& models, const Model& model, const Path& path, const Sql& condition);
std::string endAlias(const Path& path);

/// FROM and WHERE of a subquery over `path`.
std::string joined(const Models& models, const Model& model, const Path& path);

/// The shortest path from `model` to what a filter or sort calls `name`, at most three relations; nullopt if
/// there is none. A path may not enter a model that is not joinable.
std::optional<Path> findPath(const Models& models, const Model& model, const std::string& name);

/// Model at the end of `path`.
const Model& endOf(const Models& models, const Model& model, const Path& path);

/// Lower-case form of a text expression, of every alphabet, in both databases.
std::string lowered(const std::string& expression, Dialect dialect);

/// `text` with LIKE's wildcards taken literally; for use with ESCAPE '\'.
std::string likeLiteral(std::string_view text);

}  // namespace dispatch::store
