#pragma once

#include "store/database.hpp"
#include "store/model.hpp"

#include <optional>
#include <string>
#include <vector>

namespace dispatch::store {

/// A list request in the original's grammar (docs/api.md): `filter`, `q`, sorting and paging.
///
/// `q`: words that match the beginnings of words in any searchable column; all of them must, unless `or`
/// stands between; "quoted words" in a row; `-word` must not; parentheses. Besides, a `name` that contains
/// all of `q` matches. A sort key is a column, or `relation.column`; of a to-many relation the least value
/// counts; a relation alone sorts by its name. Unknown keys are ignored, as the original's tables offer some.
/// Text sorts without regard to case; names that end with a number (Column::sortAs) by that number.
struct ListRequest {
  Json filter;  ///< null, a node or a list of nodes
  std::string q;
  std::vector<std::pair<std::string, bool>> sort;  ///< field or dotted field, descending?
  std::int64_t page = 1;
  std::int64_t itemsPerPage = 5;  ///< -1 = all
};

/// A condition that the program adds by itself (tenant, visibility), ANDed to everything a caller asks.
struct Condition {
  std::string sql;  ///< over the listed table's name, `?` for parameters
  Values parameters;
};

/// Finished SQL: what to count, what to fetch.
struct ListQuery {
  std::string countSql;  ///< yields one number
  std::string idsSql;    ///< yields the page's ids in order; takes LIMIT and OFFSET as two further parameters
  Values parameters;     ///< of both, without LIMIT and OFFSET
};

/// Builds the queries for `model`. Throws Problem(invalid) with the location in the filter for an unknown
/// model, column or operator, a value of the wrong type, or no path between two models. A caller's text only
/// ever becomes a parameter. A model joined by a filter or sort is held to the organization of the row it is
/// joined to. Limits: 16 levels, 256 nodes, 1,000 values in one list, 32 words in `q`.
ListQuery buildList(const Models& models, const Model& model, const ListRequest& request,
                    const std::vector<Condition>& conditions, Dialect dialect);

/// Whether the one row `id` of `model` matches `filter`: how saved search filters choose notifications and
/// participants.
ListQuery buildMatch(const Models& models, const Model& model, const Json& filter, std::int64_t id,
                     Dialect dialect);

}  // namespace dispatch::store
