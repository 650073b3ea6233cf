// A server in miniature for the crash tests: opens the database it is given, runs the flow engine until
// nothing is left to do, and is killed on the way by DISPATCH_FAIL_POINT. Arguments: dialect, path or
// connection string, file of deliveries.
#include "flow/testing/crash_flow.hpp"

#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>
#include <thread>

int main(int count, char** arguments) {
  using namespace dispatch;
  if (count != 4) return 2;
  try {
    store::Options options;
    options.dialect =
        std::string(arguments[1]) == "postgresql" ? store::Dialect::postgresql : store::Dialect::sqlite;
    (options.dialect == store::Dialect::postgresql ? options.connectionString : options.path) = arguments[2];
    options.poolSize = 6;
    const auto database = store::Database::open(options);
    flow::testing::Deliveries deliveries(arguments[3]);
    flow::testing::FakeIntegrations plugins(deliveries);
    flow::testing::enableCrashPlugins(plugins, arguments[3]);
    // Two threads, so one call per plugin at a time: a kill hits one step.
    const auto engine = flow::Engine::open(*database, plugins,
                                           {.workers = 2,
                                            .retryFirst = std::chrono::milliseconds(5),
                                            .heartbeat = std::chrono::milliseconds(50)});
    flow::testing::defineCrashFlow(*engine);
    engine->run();
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (std::chrono::steady_clock::now() < deadline) {
      const auto open = database->session()->one(
          "SELECT count(*) AS n FROM flow_step WHERE state IN ('pending', 'running')");
      if (open->integer("n") == 0) {
        engine->stop(std::chrono::seconds(5));
        return 0;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    std::cerr << "steps are still open after 30 s\n";
    return 3;
  } catch (const std::exception& problem) {
    std::cerr << problem.what() << "\n";
    return 1;
  }
}
