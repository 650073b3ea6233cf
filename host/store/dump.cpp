#include "base/base.hpp"
#include "store/schema.hpp"
#include "store/sql_text.hpp"

#include <sodium.h>

#include <ostream>

namespace dispatch::store {
namespace {

constexpr std::int64_t kRowsAtATime = 1000;

/// Lines out, counted and digested, so that restore() can tell a whole dump from a cut or altered one.
class Lines {
 public:
  explicit Lines(std::ostream& out) : _out(out) {
    crypto_generichash_init(&_digest, nullptr, 0, crypto_generichash_BYTES);
  }

  void write(const Json& value) {
    const std::string line = dumpJson(value) + "\n";
    crypto_generichash_update(&_digest, reinterpret_cast<const unsigned char*>(line.data()), line.size());
    _out << line;
    if (!_out)
      throw Problem(
          Problem::Kind::unavailable,
          "the dump could not be written in full: is the disk full? What was written is not usable");
  }

  void writeFooter(std::int64_t rows) {
    unsigned char digest[crypto_generichash_BYTES];
    crypto_generichash_final(&_digest, digest, sizeof digest);
    _out << dumpJson({{"end", true},
                      {"rows", rows},
                      {"digest", toHex({reinterpret_cast<const char*>(digest), sizeof digest})}})
         << "\n";
    _out.flush();
    if (!_out)
      throw Problem(
          Problem::Kind::unavailable,
          "the dump could not be written in full: is the disk full? What was written is not usable");
  }

 private:
  std::ostream& _out;
  crypto_generichash_state _digest;
};

/// The last id given out, so that a deleted row's id is not given again.
std::int64_t lastId(Session& session, const std::string& table) {
  if (session.dialect() == Dialect::sqlite) {
    const auto row = session.one("SELECT seq FROM sqlite_sequence WHERE name = ?", {table});
    return row ? row->integer("seq") : 0;
  }
  const auto row = session.one(
      "SELECT s.last_value AS seq FROM pg_sequences s WHERE s.schemaname = current_schema() AND "
      "s.sequencename = ?",
      {table + "_id_seq"});
  return row ? row->integer("seq") : 0;
}

Json valuesOf(const Row& row) {
  Json values = Json::array();
  for (std::size_t i = 0; i < row.size(); ++i) values.push_back(toJson(row.at(i)));
  return values;
}

std::int64_t dumpTable(Session& session, const std::string& table, Lines& lines) {
  const std::vector<std::string> columns = tableColumns(session, table);
  const bool numbered = columns.front() == "id";
  const std::int64_t last = numbered ? lastId(session, table) : 0;
  std::string names;
  for (const std::string& column : columns) names += (names.empty() ? "" : ", ") + quotedName(column);
  const std::string all = "SELECT " + names + " FROM " + quotedName(table);
  if (last == 0 && !session.one(all + " LIMIT 1")) return 0;
  Json header{{"table", table}, {"columns", columns}};
  if (numbered) header["last_id"] = last;
  lines.write(header);
  std::int64_t rows = 0;
  if (!numbered) {  // join tables: small, and without a column to go on from
    for (const Row& row : session.query(all)) {
      lines.write(valuesOf(row));
      ++rows;
    }
    return rows;
  }
  for (std::int64_t after = 0;;) {
    const Rows batch = session.query(all + " WHERE id > ? ORDER BY id LIMIT ?", {after, kRowsAtATime});
    for (const Row& row : batch) lines.write(valuesOf(row));
    rows += static_cast<std::int64_t>(batch.size());
    if (batch.size() < static_cast<std::size_t>(kRowsAtATime)) return rows;
    after = batch.back().integer("id");
  }
}

}  // namespace

void dump(Database& database, std::ostream& out) {
  auto session = database.session();
  // One snapshot of all tables: SQLite's readers have it by themselves once they have read.
  session->script(database.dialect() == Dialect::sqlite
                      ? "BEGIN"
                      : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0;"
                        "SET LOCAL idle_in_transaction_session_timeout = 0");
  const int version = readVersion(*session);
  if (version == 0)
    throw Problem(Problem::Kind::conflict,
                  "the database holds no schema, so there is nothing to dump; run dispatch database init");
  Lines lines(out);
  lines.write({{"dispatch_dump", 1},
               {"product", DISPATCH_VERSION},
               {"schema", version},
               {"made_on", database.dialect() == Dialect::sqlite ? "sqlite" : "postgresql"},
               {"created_at", nowText()}});
  std::int64_t rows = 0;
  for (const std::string& table : schemaTables(version))
    if (table != "host")  // who is running now says nothing about the data
      rows += dumpTable(*session, table, lines);
  lines.writeFooter(rows);
  session->script("COMMIT");
}

}  // namespace dispatch::store
