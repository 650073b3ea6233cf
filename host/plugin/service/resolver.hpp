#pragma once

#include "plugin/call/host_call.hpp"

#include <Poco/Net/IPAddress.h>

#include <string>
#include <vector>

namespace dispatch::plugin {

/// The addresses of a name, in the system's order; IPv4 inside IPv6 as IPv4. Asked once per connection, so
/// that the address that was checked is the one connected to. Waits no longer than the call's deadline,
/// though the system's resolver knows none: the question runs on a thread of its own, of which there are at
/// most 16. Throws ServiceRefusal: UNAVAILABLE where the name has no address, the resolver does not answer or
/// is overloaded; CANCELLED is reported as UNAVAILABLE, for nothing was sent.
std::vector<Poco::Net::IPAddress> resolve(HostCall& call, const std::string& host);

}  // namespace dispatch::plugin
