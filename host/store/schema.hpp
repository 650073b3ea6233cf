#pragma once

#include "store/migrate.hpp"

namespace dispatch::store {

/// Names of the tables that the migrations up to `version` create, in order, without schema_version.
std::vector<std::string> schemaTables(int version);

/// Whether `table` exists in the database (PostgreSQL: in the current schema).
bool tableExists(Session& session, const std::string& table);

/// Its columns, in order.
std::vector<std::string> tableColumns(Session& session, const std::string& table);

/// Applied version as this transaction sees it; 0 where there is none.
int readVersion(Session& session);

/// Holds off every other host's schema change until the transaction ends, and lifts its time limits.
void lockSchema(Session& session);

/// Applies what lies between the database's version and `target`. Under lockSchema().
std::vector<std::string> applyMigrations(Session& session, int target);

/// Drops the program's tables, whatever they hold. Under lockSchema().
void dropTables(Session& session);

}  // namespace dispatch::store
