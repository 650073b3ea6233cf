#include "base/base.hpp"
#include "store/schema.hpp"
#include "store/sql_text.hpp"

#include <sodium.h>

#include <algorithm>
#include <istream>
#include <set>
#include <utility>

namespace dispatch::store {
namespace {

constexpr std::size_t kMaxLine = 64 * 1024 * 1024;
constexpr std::size_t kRowsPerInsert = 50;

/// The dump, line by line, with what is needed to say where it is wrong.
class Lines {
 public:
  explicit Lines(std::istream& in) : _in(in) {
    crypto_generichash_init(&_digest, nullptr, 0, crypto_generichash_BYTES);
  }

  [[noreturn]] void refuse(const std::string& expectedAndFound) const {
    throw Problem(Problem::Kind::invalid, "the dump, line " + std::to_string(_number) + ": " +
                                              expectedAndFound + ". Nothing was changed; take another dump");
  }

  /// The next line; refuses the dump if there is none.
  Json next() {
    digestLast();
    ++_number;
    if (!std::getline(_in, _line) || _in.eof())
      refuse("expected a line that ends the dump, found the end of the file: it is cut off");
    if (_line.size() > kMaxLine) refuse("expected a line of at most 64 MiB, found a longer one");
    try {
      return parseJson(_line, "this line", 16);
    } catch (const Problem& problem) {
      refuse(std::string("expected JSON, found something else (") + problem.what() + ")");
    }
  }

  /// Digest of every line before the one read last.
  std::string digest() {
    unsigned char digest[crypto_generichash_BYTES];
    crypto_generichash_state state = _digest;
    crypto_generichash_final(&state, digest, sizeof digest);
    return toHex({reinterpret_cast<const char*>(digest), sizeof digest});
  }

  bool atEnd() { return _in.peek() == std::istream::traits_type::eof(); }
  std::int64_t number() const { return _number; }

 private:
  void digestLast() {
    if (_number == 0) return;
    _line += '\n';
    crypto_generichash_update(&_digest, reinterpret_cast<const unsigned char*>(_line.data()), _line.size());
  }

  std::istream& _in;
  std::string _line;
  std::int64_t _number = 0;
  crypto_generichash_state _digest;
};

/// Collects rows of one table into statements of several rows: PostgreSQL is several times quicker so.
class Inserter {
 public:
  Inserter(Session& session, Lines& lines) : _session(session), _lines(lines) {}

  void table(const std::string& name, const std::vector<std::string>& columns) {
    flush();
    std::string names;
    _marks = "(";
    for (const std::string& column : columns) {
      names += (names.empty() ? "" : ", ") + quotedName(column);
      _marks += _marks == "(" ? "?" : ", ?";
    }
    _marks += ")";
    _insert = "INSERT INTO " + quotedName(name) + " (" + names + ") VALUES ";
  }

  void row(const Json& values) {
    for (const Json& value : values) _pending.push_back(toValue(value));
    if (++_rows == kRowsPerInsert) flush();
  }

  void flush() {
    if (_rows == 0) return;
    std::string sql = _insert;
    for (std::size_t i = 0; i < _rows; ++i) sql += (i ? ", " : "") + _marks;
    try {
      _session.execute(sql, _pending);
    } catch (const Problem& problem) {
      if (problem.kind() == Problem::Kind::unavailable) throw;
      throw Problem(problem.kind() == Problem::Kind::internal ? Problem::Kind::invalid : problem.kind(),
                    "the dump, lines " + std::to_string(_lines.number() - static_cast<std::int64_t>(_rows)) +
                        " to " + std::to_string(_lines.number()) +
                        ": expected rows the database can take, found: " + problem.what() +
                        ". Nothing was changed");
    }
    _pending.clear();
    _rows = 0;
  }

 private:
  Session& _session;
  Lines& _lines;
  std::string _insert, _marks;
  Values _pending;
  std::size_t _rows = 0;
};

bool empty(Session& session) {
  for (const std::string& table : schemaTables(readVersion(session)))
    if (table != "host" && session.one("SELECT 1 AS found FROM " + quotedName(table) + " LIMIT 1"))
      return false;
  return true;
}

/// Foreign keys are looked at when everything is there: tables refer to each other in circles.
class LateForeignKeys {
 public:
  explicit LateForeignKeys(Session& session) : _session(session) {
    if (session.dialect() == Dialect::sqlite) {
      session.script("PRAGMA defer_foreign_keys = ON");
      return;
    }
    for (const Row& row : session.query(
             "SELECT CAST(t.relname AS TEXT) AS t, CAST(k.conname AS TEXT) AS k FROM pg_constraint k "
             "JOIN pg_class t ON t.oid = k.conrelid "
             "WHERE k.contype = 'f' AND t.relnamespace = current_schema()::regnamespace"))
      _keys.emplace_back(row.text("t"), row.text("k"));
    alter("DEFERRABLE INITIALLY DEFERRED");
  }

  /// Throws Problem(invalid) that names a table whose rows refer to nothing.
  void check() {
    if (_session.dialect() == Dialect::sqlite) {
      if (const auto broken =
              _session.one("SELECT \"table\" AS t, \"parent\" AS p FROM pragma_foreign_key_check LIMIT 1"))
        refuse("a row of " + broken->text("t") + " refers to a row of " + broken->text("p") +
               " that is not in it");
      return;
    }
    try {
      _session.script("SET CONSTRAINTS ALL IMMEDIATE");
    } catch (const Problem& problem) {
      if (problem.type() != "foreign_key") throw;
      refuse("a row refers to another that is not in it");
    }
    alter("NOT DEFERRABLE");
  }

 private:
  [[noreturn]] static void refuse(const std::string& found) {
    throw Problem(Problem::Kind::invalid,
                  "the dump: expected all that rows refer to, found that " + found + ". Nothing was changed");
  }

  void alter(const std::string& mode) {
    for (const auto& [table, key] : _keys)
      _session.script("ALTER TABLE " + quotedName(table) + " ALTER CONSTRAINT " + quotedName(key) + " " +
                      mode);
  }

  Session& _session;
  std::vector<std::pair<std::string, std::string>> _keys;
};

void setLastId(Session& session, const std::string& table, std::int64_t last) {
  if (last < 1) return;
  if (session.dialect() == Dialect::sqlite) {
    if (session.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", {last, table}) == 0)
      session.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", {table, last});
  } else {
    session.query(
        "SELECT setval(pg_get_serial_sequence(?, 'id'), greatest(?, (SELECT coalesce(max(id), 1) FROM " +
            quotedName(table) + ")))",
        {table, last});
  }
}

int readHeader(Lines& lines) {
  const Json header = lines.next();
  if (!header.is_object() || header.value("dispatch_dump", Json()) != 1 ||
      !header.value("schema", Json()).is_number_integer())
    lines.refuse(
        "expected the header of a dump of this program (dispatch database dump), found something else");
  const int version = header["schema"].get<int>();
  if (version < 1 || version > migrations().back().version)
    lines.refuse("expected schema version " + std::to_string(migrations().back().version) +
                 " or older, found version " + std::to_string(version) + " of release " +
                 textOr(header, "product", "unknown"));
  return version;
}

/// Begins a table: what its line says, checked against the schema. Returns the columns.
std::vector<std::string> readTable(Session& session, Lines& lines, const Json& line,
                                   const std::vector<std::string>& tables, std::set<std::string>& seen) {
  const std::string name = textOr(line, "table");
  if (std::find(tables.begin(), tables.end(), name) == tables.end() || !seen.insert(name).second)
    lines.refuse("expected a table of the schema that did not come before, found \"" + name.substr(0, 60) +
                 "\"");
  const Json columns = line.value("columns", Json());
  const std::vector<std::string> ordered = tableColumns(session, name);
  const std::set<std::string> known(ordered.begin(), ordered.end());
  std::vector<std::string> names;
  std::set<std::string> twice;
  if (columns.is_array())
    for (const Json& column : columns) {
      if (!column.is_string() || !known.contains(column.get<std::string>()) ||
          !twice.insert(column.get<std::string>()).second)
        lines.refuse("expected columns of table " + name + ", found " + dumpJson(column).substr(0, 60));
      names.push_back(column.get<std::string>());
    }
  if (names.empty()) lines.refuse("expected the columns of table " + name + ", found none");
  return names;
}

std::int64_t readRows(Session& session, Lines& lines, int version) {
  const std::vector<std::string> tables = schemaTables(version);
  Inserter inserter(session, lines);
  std::set<std::string> seen;
  std::vector<std::string> columns;
  std::vector<std::pair<std::string, std::int64_t>> lastIds;
  for (std::int64_t rows = 0;;) {
    const Json line = lines.next();
    if (line.is_array()) {
      if (columns.empty()) lines.refuse("expected a table before its rows, found a row");
      if (line.size() != columns.size())
        lines.refuse("expected a row of " + std::to_string(columns.size()) + " values, found " +
                     std::to_string(line.size()));
      if (std::any_of(line.begin(), line.end(), [](const Json& value) { return value.is_structured(); }))
        lines.refuse("expected plain values, found a nested one");
      inserter.row(line);
      ++rows;
    } else if (line.is_object() && line.contains("table")) {
      inserter.flush();
      columns = readTable(session, lines, line, tables, seen);
      inserter.table(textOr(line, "table"), columns);
      if (line.contains("last_id") && line["last_id"].is_number_integer())
        lastIds.emplace_back(textOr(line, "table"), line["last_id"].get<std::int64_t>());
    } else if (line.is_object() && line.contains("end")) {
      inserter.flush();
      if (line.value("rows", Json()) != rows)
        lines.refuse("expected " + line.value("rows", Json()).dump() + " rows, found " +
                     std::to_string(rows));
      if (textOr(line, "digest") != lines.digest())
        lines.refuse("expected the digest of all lines before, found another: the dump was altered");
      if (!lines.atEnd()) lines.refuse("expected the end of the file after the last line, found more");
      for (const auto& [table, last] : lastIds) setLastId(session, table, last);
      return rows;
    } else {
      lines.refuse("expected a table, a row or the end, found something else");
    }
  }
}

}  // namespace

Restored restore(Database& database, std::istream& in) {
  const auto start = in.tellg();  // -1 for a pipe, which cannot be read a second time
  bool again = false;
  Restored restored;
  database.transact([&](Session& session) {
    if (std::exchange(again, true)) {
      in.clear();
      in.seekg(start);
    }
    Lines lines(in);
    lockSchema(session);
    if (!empty(session))
      throw Problem(
          Problem::Kind::conflict,
          "restoring: expected an empty database, found data in it. Restore into a new one, or empty it "
          "first with dispatch database drop (that deletes everything)");
    restored.schema = readHeader(lines);
    dropTables(session);
    applyMigrations(session, restored.schema);
    LateForeignKeys foreignKeys(session);
    restored.rows = readRows(session, lines, restored.schema);
    foreignKeys.check();
    applyMigrations(session, migrations().back().version);
  });
  return restored;
}

}  // namespace dispatch::store
