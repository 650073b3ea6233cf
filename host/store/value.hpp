#pragma once

#include "base/json.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dispatch::store {

/// What goes into a statement and comes out of a column. Instants are text (see base/time.hpp), JSON columns
/// are text, booleans are BOOLEAN in both databases.
using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string>;
using Values = std::vector<Value>;

inline bool isNull(const Value& value) { return std::holds_alternative<std::monostate>(value); }
Value toValue(const Json& json);  ///< objects and arrays become their text
Json toJson(const Value& value);

/// One result row. Rows of a result share their column names.
class Row {
 public:
  Row(std::shared_ptr<const std::vector<std::string>> names, Values values);

  const Value& operator[](std::string_view column) const;  ///< throws std::out_of_range naming the column
  const Value& at(std::size_t index) const { return _values.at(index); }
  std::size_t size() const { return _values.size(); }
  const std::string& name(std::size_t index) const { return (*_names)[index]; }

  std::int64_t integer(std::string_view column) const;  ///< 0 where null
  std::optional<std::int64_t> optionalInteger(std::string_view column) const;
  std::string text(std::string_view column) const;  ///< "" where null
  std::optional<std::string> optionalText(std::string_view column) const;
  bool boolean(std::string_view column) const;  ///< false where null
  Json json(std::string_view column) const;     ///< a JSON column parsed; null where null

 private:
  std::shared_ptr<const std::vector<std::string>> _names;
  Values _values;
};

using Rows = std::vector<Row>;

}  // namespace dispatch::store
