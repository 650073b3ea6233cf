// The store: one SQL layer over SQLite and PostgreSQL (both through Poco::Data), migrations, the models that
// the filter grammar speaks of, and the events that other tabs and other hosts hear of once a transaction has
// committed.
#pragma once

#include "store/audit.hpp"
#include "store/database.hpp"
#include "store/defaults.hpp"
#include "store/event_bus.hpp"
#include "store/migrate.hpp"
#include "store/model.hpp"
#include "store/query.hpp"
