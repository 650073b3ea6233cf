#pragma once

#include <functional>
#include <string>
#include <thread>

namespace dispatch::http {

/// A named thread with every signal blocked: signals are the main thread's, and OpenSSL's writes to a closed
/// connection must not raise SIGPIPE. `name`: at most 15 characters.
std::thread startThread(const std::string& name, std::function<void()> run);

/// Processors this process may use, at least 1.
std::size_t processors();

}  // namespace dispatch::http
