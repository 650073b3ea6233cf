#pragma once

#include <Poco/Net/Context.h>

#include <string>

namespace dispatch::plugin {

/// How to trust: the system's certificate authorities, those and the ones in `caFile`, or (untrusted) any
/// certificate at all. Made once each and shared; TLS 1.2 or later. [any-thread] Throws Poco::Exception where
/// `caFile` cannot be read.
Poco::Net::Context::Ptr tlsContext(const std::string& caFile, bool untrusted);

}  // namespace dispatch::plugin
