// One plugin, and the mistakes an author can make in it. See CMakeLists.txt.
#include <dispatch/sdk.hpp>

using namespace dispatch;

#ifdef CASE_NoBase
class Sample {
#else
class Sample : public TicketPlugin {
#endif
 public:
#ifdef CASE_NoConstructor
  explicit Sample(const Host& host) : TicketPlugin(host) {}
#elif defined(CASE_NoBase)
  Sample(const Host&, const Config&) {}
#else
Sample(const Host& host, const Config&) : TicketPlugin(host) {}
#endif

#ifdef CASE_WrongSignature
  Ticket create(const Call&, const TicketUpdate&) { return {}; }
#else
  Ticket create(const Call&, const TicketCreate&) { return {}; }
#endif
#ifdef CASE_WrongOptional
  bool find(const Call&, const TicketCreate&) { return false; }
#endif
#ifndef CASE_MissingMethod
  void update(const Call&, const TicketUpdate&) {}
#endif
#ifdef CASE_WrongTest
  bool test(const Call&) { return true; }
#endif
};

DISPATCH_PLUGIN(Sample)
