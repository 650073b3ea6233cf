#include "store/value.hpp"

#include "base/problem.hpp"

#include <limits>
#include <stdexcept>

namespace dispatch::store {

Value toValue(const Json& json) {
  switch (json.type()) {
    case Json::value_t::null:
    case Json::value_t::discarded:
      return {};
    case Json::value_t::boolean:
      return json.get<bool>();
    case Json::value_t::number_integer:
      return json.get<std::int64_t>();
    case Json::value_t::number_unsigned:
      if (json.get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        throw Problem(Problem::Kind::invalid,
                      "a whole number must fit 64 bits with a sign, found " + json.dump());
      return json.get<std::int64_t>();
    case Json::value_t::number_float:
      return json.get<double>();
    case Json::value_t::string:
      return json.get_ref<const std::string&>();
    default:
      return dumpJson(json);
  }
}

Json toJson(const Value& value) {
  return std::visit(
      [](const auto& held) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(held)>, std::monostate>)
          return nullptr;
        else
          return held;
      },
      value);
}

Row::Row(std::shared_ptr<const std::vector<std::string>> names, Values values)
    : _names(std::move(names)), _values(std::move(values)) {}

const Value& Row::operator[](std::string_view column) const {
  const auto& names = *_names;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == column) return _values[i];
  throw std::out_of_range("the result has no column " + std::string(column));
}

std::int64_t Row::integer(std::string_view column) const { return optionalInteger(column).value_or(0); }

std::optional<std::int64_t> Row::optionalInteger(std::string_view column) const {
  const Value& value = (*this)[column];
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
  if (const auto* boolean = std::get_if<bool>(&value)) return *boolean ? 1 : 0;
  if (isNull(value)) return std::nullopt;
  throw std::logic_error("column " + std::string(column) + " does not hold a whole number");
}

std::string Row::text(std::string_view column) const { return optionalText(column).value_or(""); }

std::optional<std::string> Row::optionalText(std::string_view column) const {
  const Value& value = (*this)[column];
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (isNull(value)) return std::nullopt;
  throw std::logic_error("column " + std::string(column) + " does not hold text");
}

bool Row::boolean(std::string_view column) const {
  const Value& value = (*this)[column];
  if (const auto* boolean = std::get_if<bool>(&value)) return *boolean;
  // An expression over booleans is an integer in SQLite.
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer != 0;
  if (isNull(value)) return false;
  throw std::logic_error("column " + std::string(column) + " does not hold a boolean");
}

Json Row::json(std::string_view column) const {
  const Value& value = (*this)[column];
  if (isNull(value)) return nullptr;
  const auto* text = std::get_if<std::string>(&value);
  if (!text) throw std::logic_error("column " + std::string(column) + " does not hold JSON text");
  return parseJson(*text, "column " + std::string(column));
}

}  // namespace dispatch::store
