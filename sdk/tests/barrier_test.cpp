#include <dispatch/sdk.hpp>
#include <dispatch/testing.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using dispatch::Call;
using dispatch::Failure;
using dispatch::testing::CallOptions;
using dispatch::testing::FakeHost;
using dispatch::testing::Json;
using dispatch::testing::Outcome;

/// Throws what it is told to, wherever it is told to.
void raise(const std::string& what) {
  if (what == "failure") throw Failure(DISPATCH_ERR_NOT_FOUND, "Not there.", std::chrono::milliseconds(1234));
  if (what == "positive") throw Failure(5, "A success that is none.");
  if (what == "exception") throw std::runtime_error("broke");
  if (what == "memory") throw std::bad_alloc();
  if (what == "int") throw 42;
  if (what == "json") (void)Json::object().at("absent");
}

class Thrower : public dispatch::TicketPlugin {
 public:
  Thrower(const dispatch::Host& host, const dispatch::Config& config)
      : TicketPlugin(host), _where(config.json()) {
    at("create");
  }
  ~Thrower() { ++destroyed; }
  void start(const Call&) { at("start"); }
  void reconfigure(const Call&, const dispatch::Config& config) { raise(config.text("reconfigure", "")); }
  void drain(const Call&) { at("drain"); }
  void stop(const Call&) { at("stop"); }
  dispatch::TestReport test(const Call&, const Json&) {
    at("test");
    return {};
  }
  dispatch::Ticket create(const Call&, const dispatch::TicketCreate& request) {
    raise(request.incident.title);
    return {"id", std::string(static_cast<std::size_t>(request.incident.id), 'x'), ""};
  }
  void update(const Call&, const dispatch::TicketUpdate&) {}
  static inline int destroyed = 0;

 private:
  void at(const char* entry) const { raise(_where.value(entry, "")); }
  Json _where;
};

const dispatch_plugin_v1 table = dispatch::sdk::Entry<Thrower>::describe("thrower", "1.0.0");

Json incident(const std::string& title, int id = 1) {
  return {{"incident", {{"id", id}, {"name", "n"}, {"title", title}}}};
}

struct Thrown {
  const char* what;
  dispatch_status status;
  const char* message;
};
const Thrown everything[] = {
    {"failure", DISPATCH_ERR_NOT_FOUND, "Not there."},
    {"positive", DISPATCH_ERR_INTERNAL, "A success that is none."},
    {"exception", DISPATCH_ERR_INTERNAL, "broke"},
    {"memory", DISPATCH_ERR_INTERNAL, "The plugin ran out of memory."},
    {"int", DISPATCH_ERR_INTERNAL, "The plugin threw something that is no exception."},
    {"json", DISPATCH_ERR_INTERNAL, "[json.exception.out_of_range.403] key 'absent' not found"}};

void expect(const Thrown& thrown, const Outcome& outcome, const char* where) {
  EXPECT_EQ(outcome.status, thrown.status) << where << " " << thrown.what;
  EXPECT_EQ(outcome.message, thrown.message) << where << " " << thrown.what;
}

TEST(Barrier, AThrowIsAFailedCallWithItsMessageAtEveryEntryPoint) {
  for (const Thrown& thrown : everything) {
    FakeHost host;
    expect(thrown, host.tryLoad(&table, {{"create", thrown.what}}), "create");
    auto plugin = host.load(
        &table,
        {{"start", thrown.what}, {"drain", thrown.what}, {"stop", thrown.what}, {"test", thrown.what}});
    expect(thrown, plugin.start(), "start");
    expect(thrown, plugin.drain(), "drain");
    expect(thrown, plugin.stop(), "stop");
    expect(thrown, plugin.test(), "test");
    expect(thrown, plugin.reconfigure({{"reconfigure", thrown.what}}), "reconfigure");
    expect(thrown, plugin.invoke("create", incident(thrown.what)), "invoke");
    EXPECT_TRUE(plugin.invoke("create", incident("fine")).ok());
  }
}

TEST(Barrier, PassesOnWhenToTryAgain) {
  FakeHost host;
  auto plugin = host.load(&table);
  EXPECT_EQ(plugin.invoke("create", incident("failure")).retryAfterMs, 1234U);
}

TEST(Barrier, AFailedCreateLeavesNothingAlive) {
  FakeHost host;
  Thrower::destroyed = 0;
  { auto plugin = host.load(&table); }
  EXPECT_EQ(Thrower::destroyed, 1);
  EXPECT_EQ(host.tryLoad(&table, {{"create", "int"}}).status, DISPATCH_ERR_INTERNAL);
  EXPECT_EQ(Thrower::destroyed, 1);
}

TEST(Barrier, AnAnswerThatDoesNotFitIsAFailure) {
  FakeHost host;
  auto plugin = host.load(&table);
  const auto outcome = plugin.invoke("create", incident("fine", 5000), CallOptions{.arenaLimit = 100});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_LIMIT);
  EXPECT_THAT(outcome.message, testing::HasSubstr("more than the host allows"));
}

TEST(Barrier, ConfigurationsThatAreNoObjectsAreRefused) {
  FakeHost host;
  for (const Json& bad : {Json::array(), Json(1), Json()})
    EXPECT_EQ(host.tryLoad(&table, bad).status, DISPATCH_ERR_INVALID) << bad;
}

TEST(Barrier, ListsOnlyWhatIsImplemented) {
  FakeHost host;
  auto plugin = host.load(&table);
  EXPECT_EQ(plugin.effect("create"), DISPATCH_EFFECT_FINDABLE);
  EXPECT_EQ(plugin.effect("update"), DISPATCH_EFFECT_IDEMPOTENT);
  EXPECT_EQ(plugin.effect("find"), 0U);
  EXPECT_EQ(plugin.invoke("find", incident("x")).status, DISPATCH_ERR_UNSUPPORTED);
  EXPECT_TRUE(plugin.has(DISPATCH_HEALTH_1));
  EXPECT_FALSE(plugin.has(DISPATCH_AUTH_1));
  EXPECT_FALSE(plugin.has("dispatch.unheard-of/1"));
}

class NoDoor : public dispatch::AuthProvider {
 public:
  NoDoor(const dispatch::Host& host, const dispatch::Config&) : AuthProvider(host) {}
  Json describe(const Call&) { return Json::object(); }
  dispatch::AuthAnswer authenticate(const Call&, const dispatch::AuthRequest& request) {
    raise(request.field("throw"));
    dispatch::AuthIdentity who;
    who.subject = std::string(1000, 's');
    return dispatch::AuthAnswer::identity(who);
  }
};
const dispatch_plugin_v1 noDoor = dispatch::sdk::Entry<NoDoor>::describe("no-door", "1.0.0");

TEST(Barrier, AnAuthenticationThatThrowsDenies) {
  for (const Thrown& thrown : everything) {
    FakeHost host;
    const auto outcome =
        host.load(&noDoor).authenticate(dispatch::AuthAction::login, {{"throw", thrown.what}});
    EXPECT_FALSE(outcome.ok());
    EXPECT_EQ(outcome.value["kind"], DISPATCH_AUTH_DENY);
  }
}

TEST(Barrier, AnAuthenticationWhoseAnswerDoesNotFitDenies) {
  FakeHost host;
  const auto outcome = host.load(&noDoor).authenticate(dispatch::AuthAction::login, Json::object(), {},
                                                       CallOptions{.arenaLimit = 500});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_LIMIT);
  EXPECT_EQ(outcome.value["kind"], DISPATCH_AUTH_DENY);
}

}  // namespace
