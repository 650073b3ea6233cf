#pragma once

#include "http/options.hpp"

#include <Poco/Net/Context.h>

namespace dispatch::http {

/// A Poco TLS server context set up for non-blocking use. Throws Problem(invalid) naming the file that cannot
/// be used and why.
Poco::Net::Context::Ptr makeTlsContext(const TlsOptions& options);

}  // namespace dispatch::http
