#include "base/problem.hpp"
#include "base/time.hpp"
#include "store/query_parts.hpp"
#include "store/sql_text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

namespace dispatch::store {
namespace {

constexpr int kMaxDepth = 16;
constexpr int kMaxNodes = 256;
constexpr std::size_t kMaxListed = 1000;
constexpr std::size_t kMaxPattern = 4096;

enum class Op {
  isNull,
  isNotNull,
  equal,
  notEqual,
  greater,
  less,
  greaterEqual,
  lessEqual,
  like,
  ilike,
  notIlike,
  in,
  notIn
};

const std::map<std::string, Op, std::less<>>& operators() {
  static const std::map<std::string, Op, std::less<>> all{{"is_null", Op::isNull},
                                                          {"is_not_null", Op::isNotNull},
                                                          {"==", Op::equal},
                                                          {"eq", Op::equal},
                                                          {"!=", Op::notEqual},
                                                          {"ne", Op::notEqual},
                                                          {">", Op::greater},
                                                          {"gt", Op::greater},
                                                          {"<", Op::less},
                                                          {"lt", Op::less},
                                                          {">=", Op::greaterEqual},
                                                          {"ge", Op::greaterEqual},
                                                          {"<=", Op::lessEqual},
                                                          {"le", Op::lessEqual},
                                                          {"like", Op::like},
                                                          {"ilike", Op::ilike},
                                                          {"not_ilike", Op::notIlike},
                                                          {"in", Op::in},
                                                          {"not_in", Op::notIn},
                                                          {"any", Op::in},
                                                          {"not_any", Op::notIn}};
  return all;
}

/// LIKE's pattern as GLOB's, which alone regards case in SQLite.
std::string globPattern(std::string_view like) {
  std::string glob;
  const auto literal = [&](char c) {
    glob += c == '*' || c == '?' || c == '[' ? std::string{'[', c, ']'} : std::string(1, c);
  };
  for (std::size_t i = 0; i < like.size(); ++i) {
    if (like[i] == '\\' && i + 1 < like.size())
      literal(like[++i]);
    else if (like[i] == '%')
      glob += '*';
    else if (like[i] == '_')
      glob += '?';
    else
      literal(like[i]);
  }
  return glob;
}

/// A pattern that ends in half an escape is an error in PostgreSQL; taken literally.
std::string closedPattern(std::string pattern) {
  std::size_t backslashes = 0;
  while (backslashes < pattern.size() && pattern[pattern.size() - 1 - backslashes] == '\\') ++backslashes;
  if (backslashes % 2 == 1) pattern += '\\';
  return pattern;
}

class FilterBuilder {
 public:
  FilterBuilder(const Models& models, const Model& model, Dialect dialect)
      : _models(models), _model(model), _dialect(dialect) {}

  Sql build(const Json& filter) {
    if (filter.is_null() || (filter.is_structured() && filter.empty())) return {};
    // A list at the top: all must hold.
    return filter.is_array() ? group(filter, " AND ", 1) : node(filter, 1);
  }

 private:
  [[noreturn]] void refuse(const std::string& expectedAndFound) const {
    throw Problem(Problem::Kind::invalid, "the filter: " + expectedAndFound, _location);
  }

  /// Keeps the location of what is being read, for messages.
  class Step {
   public:
    Step(FilterBuilder& builder, std::string name) : _builder(builder) {
      _builder._location.push_back(std::move(name));
    }
    ~Step() { _builder._location.pop_back(); }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    FilterBuilder& _builder;
  };

  Sql node(const Json& node, int depth) {
    if (depth > kMaxDepth) refuse("expected at most " + std::to_string(kMaxDepth) + " levels, found more");
    if (++_nodes > kMaxNodes) refuse("expected at most " + std::to_string(kMaxNodes) + " nodes, found more");
    if (!node.is_object()) refuse("expected an object, found " + std::string(node.type_name()));
    for (const char* word : {"and", "or", "not"}) {
      const auto inner = node.find(word);
      if (inner == node.end()) continue;
      if (node.size() != 1)
        refuse("expected \"" + std::string(word) + "\" alone in its object, found other members beside it");
      const Step step(*this, word);
      if (!inner->is_array() || inner->empty())
        refuse("expected a list of at least one node, found " + std::string(inner->type_name()));
      if (std::string_view(word) == "and") return group(*inner, " AND ", depth + 1);
      if (std::string_view(word) == "or") return alternatives(*inner, depth + 1);
      if (inner->size() != 1) refuse("expected one node, found " + std::to_string(inner->size()));
      Sql negated;
      // A comparison with NULL is neither true nor false; "not" of it is true here, as people expect of a
      // negation.
      negated += "NOT coalesce(";
      {
        const Step at(*this, "0");
        negated += this->node(inner->at(0), depth + 1);
      }
      negated += ", FALSE)";
      return negated;
    }
    return leaf(node);
  }

  Sql group(const Json& nodes, std::string_view word, int depth) {
    Sql all;
    all += "(";
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const Step step(*this, std::to_string(i));
      if (i) all += word;
      all += node(nodes[i], depth);
    }
    all += ")";
    return all;
  }

  /// "or", in which two names stand for "all of these" and "none of these": the client knows only and-of-or.
  Sql alternatives(const Json& nodes, int depth) {
    Sql any, all;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const Step step(*this, std::to_string(i));
      const std::string name = nodes[i].is_object() ? textOr(nodes[i], "model") : "";
      const bool everyOne = name == "TagAll";
      const bool none = !everyOne && name.starts_with("Not") && !_models.find(name) &&
                        findPath(_models, _model, name.substr(3));
      Sql& into = everyOne || none ? all : any;
      if (!into.text.empty()) into += everyOne || none ? " AND " : " OR ";
      if (!everyOne && !none) {
        into += node(nodes[i], depth);
        continue;
      }
      Json plain = nodes[i];
      plain["model"] = everyOne ? "Tag" : name.substr(3);
      if (none) into += "NOT coalesce(";
      into += node(plain, depth);
      if (none) into += ", FALSE)";
    }
    Sql both;
    both += "(";
    if (!any.text.empty()) {
      both += "(";
      both += any;
      both += ")";
    }
    if (!any.text.empty() && !all.text.empty()) both += " AND ";
    both += all;
    both += ")";
    return both;
  }

  Sql leaf(const Json& leaf) {
    const auto member = [&](const char* name, const char* fallback) {
      const auto found = leaf.find(name);
      if (found == leaf.end() || found->is_null()) return std::string(fallback);
      const Step step(*this, name);
      if (!found->is_string()) refuse("expected text, found " + std::string(found->type_name()));
      return found->get<std::string>();
    };
    const std::string fieldName = member("field", ""), opName = member("op", "=="),
                      modelName = member("model", "");
    Path path = pathTo(modelName);
    const Column& column = columnOf(path, fieldName);
    const auto op = operators().find(opName);
    if (op == operators().end()) {
      const Step step(*this, "op");
      refuse(
          "expected one of ==, !=, >, <, >=, <=, like, ilike, not_ilike, in, not_in, any, not_any, is_null, "
          "is_not_null, found \"" +
          opName.substr(0, 40) + "\"");
    }
    const std::string table = path.empty() ? quotedName(_model.table) : endAlias(path);
    const Step step(*this, "value");
    if (op->second != Op::isNull && op->second != Op::isNotNull && !leaf.contains("value"))
      refuse("expected a value for " + opName + ", found none");
    return exists(
        _models, _model, path,
        comparison(table + "." + quotedName(column.name), column, op->second, leaf.value("value", Json())));
  }

  Path pathTo(const std::string& name) {
    if (name.empty()) return {};
    // TagAll and Not… outside of "or" are alternatives of one.
    const std::string plain = name == "TagAll" ? "Tag" : name;
    if (auto path = findPath(_models, _model, plain)) return *path;
    const Step step(*this, "model");
    refuse("expected " + _model.name + " or a model it refers to, found \"" + name.substr(0, 60) + "\"");
  }

  /// The column `name` at the end of `path`; if it is not there, one relation further: the e-mail address of
  /// a commander is its individual's.
  const Column& columnOf(Path& path, const std::string& name) {
    const Model& end = endOf(_models, _model, path);
    if (const Column* column = end.column(name)) return *column;
    if (!path.empty())
      for (const Relation& relation : end.relations) {
        const Model* next = _models.find(relation.model);
        if (!next || !next->joinable || relation.toMany()) continue;
        if (const Column* column = next->column(name)) {
          path.push_back(&relation);
          return *column;
        }
      }
    const Step step(*this, "field");
    refuse("expected a field of " + end.name + ", found \"" + name.substr(0, 60) + "\"");
  }

  Sql comparison(const std::string& column, const Column& described, Op op, const Json& value) {
    if (op == Op::isNull || ((op == Op::equal) && value.is_null())) return {column + " IS NULL", {}};
    if (op == Op::isNotNull || (op == Op::notEqual && value.is_null())) return {column + " IS NOT NULL", {}};
    if (op == Op::in || op == Op::notIn) return membership(column, described, op, value);
    if (op == Op::like || op == Op::ilike || op == Op::notIlike) return pattern(column, described, op, value);
    const bool ordered = op != Op::equal && op != Op::notEqual;
    if (ordered && described.type == Column::Type::boolean)
      refuse("expected == or != for a yes-or-no field, found an ordering");
    const char* sign = op == Op::equal          ? " = "
                       : op == Op::notEqual     ? " <> "
                       : op == Op::greater      ? " > "
                       : op == Op::less         ? " < "
                       : op == Op::greaterEqual ? " >= "
                                                : " <= ";
    // Byte order is the one order of text that both databases share.
    const bool collate = ordered && described.type == Column::Type::text && _dialect == Dialect::postgresql;
    return {column + (collate ? " COLLATE \"C\"" : "") + sign + "?", {typed(described, value)}};
  }

  Sql membership(const std::string& column, const Column& described, Op op, const Json& value) {
    const Json list = value.is_array() ? value : Json::array({value});
    if (list.size() > kMaxListed)
      refuse("expected at most " + std::to_string(kMaxListed) + " values, found " +
             std::to_string(list.size()));
    if (list.empty()) return {op == Op::in ? "FALSE" : "TRUE", {}};
    Sql sql;
    sql += column + (op == Op::in ? " IN (" : " NOT IN (");
    for (std::size_t i = 0; i < list.size(); ++i) {
      const Step step(*this, std::to_string(i));
      sql += i ? ", ?" : "?";
      sql.values.push_back(typed(described, list[i]));
    }
    sql += ")";
    return sql;
  }

  Sql pattern(const std::string& column, const Column& described, Op op, const Json& value) {
    if (described.type != Column::Type::text)
      refuse("expected a text field for a pattern, found " + described.name);
    if (!value.is_string()) refuse("expected text, found " + std::string(value.type_name()));
    const std::string text = closedPattern(value.get<std::string>());
    if (text.size() > kMaxPattern)
      refuse("expected a pattern of at most " + std::to_string(kMaxPattern) + " bytes, found a longer one");
    if (op == Op::like)
      return _dialect == Dialect::sqlite ? Sql{column + " GLOB ?", {globPattern(text)}}
                                         : Sql{column + " LIKE ? ESCAPE '\\'", {text}};
    const std::string negation = op == Op::notIlike ? " NOT LIKE " : " LIKE ";
    return {lowered(column, _dialect) + negation + lowered("?", _dialect) + " ESCAPE '\\'", {text}};
  }

  /// `value` as the column's type, as lax as the original's parser: "7" is a number, "true" a truth.
  Value typed(const Column& column, const Json& value) const {
    const auto wrong = [&](const char* expected) -> Value {
      refuse("expected " + std::string(expected) + " for " + column.name + ", found " +
             value.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 60));
    };
    const std::string text = value.is_string() ? value.get<std::string>() : "";
    switch (column.type) {
      case Column::Type::boolean:
        if (value.is_boolean()) return value.get<bool>();
        if (text == "true" || text == "True" || text == "1" || value == 1) return true;
        if (text == "false" || text == "False" || text == "0" || value == 0) return false;
        return wrong("true or false");
      case Column::Type::integer: {
        if (value.is_number_integer()) return toValue(value);
        if (value.is_number_float()) {
          const double number = value.get<double>();
          if (std::trunc(number) == number && std::abs(number) < 9e15)
            return static_cast<std::int64_t>(number);
        }
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (!text.empty() && error == std::errc{} && end == text.data() + text.size()) return number;
        return wrong("a whole number");
      }
      case Column::Type::number: {
        if (value.is_number()) return value.get<double>();
        double number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (!text.empty() && error == std::errc{} && end == text.data() + text.size() &&
            std::isfinite(number))
          return number;
        return wrong("a number");
      }
      case Column::Type::instant: {
        const auto instant = value.is_string() || value.is_number()
                                 ? parseInstant(value.is_string() ? text : value.dump())
                                 : std::nullopt;
        if (instant) return toText(*instant);
        return wrong("a date or time (ISO 8601)");
      }
      case Column::Type::text:
      case Column::Type::json:
        if (value.is_string()) return text;
        if (value.is_number() || value.is_boolean()) return value.dump();
        return wrong("text");
    }
    return wrong("a value");
  }

  const Models& _models;
  const Model& _model;
  const Dialect _dialect;
  std::vector<std::string> _location{"filter"};
  int _nodes = 0;
};

}  // namespace

Sql filterCondition(const Models& models, const Model& model, const Json& filter, Dialect dialect) {
  return FilterBuilder(models, model, dialect).build(filter);
}

}  // namespace dispatch::store
