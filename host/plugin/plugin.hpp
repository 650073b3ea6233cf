// The plugin host: packages on disk, the catalog of what is installed, libraries loaded from verified bytes,
// instances, calls with deadlines, and the services that are a plugin's only way out. Knows nothing of
// incidents, users or HTTP routes.
#pragma once

#include "plugin/catalog.hpp"
#include "plugin/crash_history.hpp"
#include "plugin/instance.hpp"
#include "plugin/outside.hpp"
#include "plugin/package/package.hpp"
#include "plugin/package/package_checks.hpp"
#include "plugin/package/package_store.hpp"
#include "plugin/package/trust_files.hpp"
#include "plugin/package/trust_policy.hpp"
#include "plugin/package/version.hpp"
#include "plugin/service/granted.hpp"
#include "plugin/service/http_network.hpp"
