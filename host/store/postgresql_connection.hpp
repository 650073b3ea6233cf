#pragma once

#include "store/connection.hpp"

#include <memory>
#include <string>

struct pg_conn;

namespace dispatch::store {

/// `given` (libpq keywords or URI) as keywords, with our defaults (application name, time limits for
/// connecting and for a peer that has gone silent) where it does not say otherwise. Throws Problem(invalid)
/// that does not repeat the text: it may hold a password.
std::string completeConnectionString(const std::string& given);

/// What the server remarks goes to the log instead of libpq's default, standard error.
void logNotices(pg_conn* connection);

/// Throws Problem(unavailable) with the server's reason, Problem(invalid) for a server that cannot be used.
std::unique_ptr<Connection> openPostgresql(const std::string& completeConnectionString);

}  // namespace dispatch::store
