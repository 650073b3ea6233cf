#include "base/problem.hpp"
#include "store/query_parts.hpp"
#include "store/sql_text.hpp"

namespace dispatch::store {
namespace {

constexpr std::size_t kMaxBytes = 1024;
constexpr int kMaxWords = 32;
constexpr int kMaxDepth = 8;

bool isWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// or := and ("or" and)*    and := factor+    factor := "-" factor | "(" or ")" | "quoted words" | word
/// People type this: whatever does not fit is taken as far as it goes, never refused.
class SearchParser {
 public:
  SearchParser(const Model& model, std::string_view text, Dialect dialect) : _text(text), _dialect(dialect) {
    for (const Column& column : model.columns)
      if (column.searchable)
        _columns.push_back("coalesce(" + quotedName(model.table) + "." + quotedName(column.name) + ", '')");
  }

  Sql parse() {
    if (_columns.empty()) return {};
    Sql all;
    // What follows a ")" too many still counts.
    while (_at < _text.size()) {
      Sql next = anyOf(0);
      if (!next.text.empty()) {
        if (!all.text.empty()) all += " AND ";
        all += next;
      }
      if (_at < _text.size()) ++_at;
    }
    return all;
  }

 private:
  void skipBlanks() {
    while (_at < _text.size() && static_cast<unsigned char>(_text[_at]) <= ' ') ++_at;
  }

  bool takeOr() {
    skipBlanks();
    if (_text.size() - _at < 2 || (_text[_at] | 0x20) != 'o' || (_text[_at + 1] | 0x20) != 'r') return false;
    const std::size_t after = _at + 2;
    if (after < _text.size() && static_cast<unsigned char>(_text[after]) > ' ' && _text[after] != '(')
      return false;
    _at = after;
    return true;
  }

  Sql anyOf(int depth) {
    Sql any;
    do {
      Sql next = allOf(depth);
      if (next.text.empty()) continue;
      if (!any.text.empty()) any += " OR ";
      any += next;
    } while (takeOr());
    return wrapped(std::move(any));
  }

  Sql allOf(int depth) {
    Sql all;
    for (;;) {
      skipBlanks();
      if (_at >= _text.size() || _text[_at] == ')') break;
      const std::size_t before = _at;
      if (takeOr()) {
        _at = before;
        if (!all.text.empty()) break;
        _at += 2;  // "or" with nothing before it
        continue;
      }
      Sql next = factor(depth);
      if (next.text.empty()) continue;
      if (!all.text.empty()) all += " AND ";
      all += next;
    }
    return wrapped(std::move(all));
  }

  Sql factor(int depth) {
    if (_text[_at] == '-') {
      ++_at;
      if (_at >= _text.size() || static_cast<unsigned char>(_text[_at]) <= ' ' || _text[_at] == ')')
        return {};
      Sql inner = factor(depth);
      if (inner.text.empty()) return {};
      Sql negated;
      negated += "NOT ";
      negated += inner;
      return negated;
    }
    if (_text[_at] == '(') {
      ++_at;
      if (depth == kMaxDepth) return {};
      Sql inner = anyOf(depth + 1);
      if (_at < _text.size() && _text[_at] == ')') ++_at;
      return inner;
    }
    if (_text[_at] == '"') {
      const std::size_t end = std::min(_text.find('"', _at + 1), _text.size());
      const std::string_view phrase = _text.substr(_at + 1, end - _at - 1);
      _at = std::min(end + 1, _text.size());
      return match(phrase);
    }
    const std::size_t start = _at;
    while (_at < _text.size() && static_cast<unsigned char>(_text[_at]) > ' ' && _text[_at] != '(' &&
           _text[_at] != ')' && _text[_at] != '"')
      ++_at;
    return match(_text.substr(start, _at - start));
  }

  Sql match(std::string_view word) {
    while (!word.empty() && static_cast<unsigned char>(word.back()) <= ' ') word.remove_suffix(1);
    while (!word.empty() && static_cast<unsigned char>(word.front()) <= ' ') word.remove_prefix(1);
    if (word.empty()) return {};
    if (++_words > kMaxWords)
      throw Problem(Problem::Kind::invalid,
                    "the search: expected at most " + std::to_string(kMaxWords) + " words, found more",
                    {"q"});
    Sql any;
    for (const std::string& column : _columns) {
      if (!any.text.empty()) any += " OR ";
      any += beginning(column, word);
    }
    return wrapped(std::move(any));
  }

  /// `word` at the beginning of a word of `column`. One that begins with a sign has no such place: anywhere.
  Sql beginning(const std::string& column, std::string_view word) const {
    if (!isWordByte(word.front()))
      return {lowered(column, _dialect) + " LIKE " + lowered("?", _dialect) + " ESCAPE '\\'",
              {"%" + likeLiteral(word) + "%"}};
    if (_dialect == Dialect::sqlite) return {"dispatch_word_prefix(" + column + ", ?)", {std::string(word)}};
    std::string pattern = "\\m";
    for (const char c : word) {
      if (!isWordByte(c) && static_cast<unsigned char>(c) > ' ') pattern += '\\';
      pattern += c;
    }
    return {column + " ~* ?", {pattern}};
  }

  static Sql wrapped(Sql sql) {
    if (sql.text.empty()) return sql;
    sql.text = "(" + sql.text + ")";
    return sql;
  }

  std::string_view _text;
  std::size_t _at = 0;
  Dialect _dialect;
  std::vector<std::string> _columns;
  int _words = 0;
};

}  // namespace

Sql searchCondition(const Model& model, const std::string& q, Dialect dialect) {
  if (q.find_first_not_of(" \t\r\n") == std::string::npos) return {};
  if (q.size() > kMaxBytes)
    throw Problem(Problem::Kind::invalid,
                  "the search: expected at most " + std::to_string(kMaxBytes) + " bytes, found " +
                      std::to_string(q.size()),
                  {"q"});
  Sql words = SearchParser(model, q, dialect).parse();
  Sql name;
  if (model.column("name"))
    name = {lowered(quotedName(model.table) + ".\"name\"", dialect) + " LIKE " + lowered("?", dialect) +
                " ESCAPE '\\'",
            {"%" + likeLiteral(q) + "%"}};
  if (words.text.empty() && name.text.empty()) return {"FALSE", {}};  // nothing in this model can be searched
  if (!words.text.empty() && !name.text.empty()) words += " OR ";
  words += name;
  words.text = "(" + words.text + ")";
  return words;
}

}  // namespace dispatch::store
