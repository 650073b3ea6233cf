#pragma once

#include "store/database.hpp"

#include <iosfwd>
#include <string>
#include <vector>

namespace dispatch::store {

/// One step of the schema, applied once, in order. Published migrations never change; new ones go to the end.
struct Migration {
  int version;
  std::string name;
  /// Statements for both dialects. `{{id}}` is the dialect's generated primary key, `{{instant}}` its type
  /// for instants (text compared byte by byte).
  std::string sql;
};

/// All migrations of this build, ascending.
const std::vector<Migration>& migrations();

/// Applied version; 0 for an empty database.
int schemaVersion(Database& database);

/// Brings the schema up to date under a lock that holds off every other host (two servers starting at once
/// migrate once). All of it happens or nothing. Refuses, with both versions in the message, a schema newer
/// than this build, and a database that holds somebody else's tables. Returns the names of what it applied.
std::vector<std::string> upgrade(Database& database);

/// Writes everything as lines of JSON, readable by restore() on either database: a header with product and
/// schema version, per table a line with its columns and one per row, and a footer by which a cut-off file is
/// known. One consistent snapshot; writers go on meanwhile. Contains password hashes and encrypted secrets:
/// the caller creates its file for the owner only. Throws Problem if the stream stops taking it.
void dump(Database& database, std::ostream& out);

struct Restored {
  int schema = 0;  ///< version the dump was made at; brought up to date afterwards
  std::int64_t rows = 0;
};

/// Fills an empty database (no tables, or tables without rows) from a dump() of the same or an older schema,
/// in one transaction. A dump that is cut off, garbled or newer is refused with the line number, and nothing
/// is changed.
Restored restore(Database& database, std::istream& in);

/// Removes all tables of the program with everything in them; leaves others' tables alone.
void drop(Database& database);

}  // namespace dispatch::store
