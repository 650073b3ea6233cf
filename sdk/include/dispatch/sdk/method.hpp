#pragma once

#include <dispatch/sdk/call.hpp>

#include <concepts>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace dispatch {

/// What repeating a method may do (types.h). A contract names the worst an implementation may be; say a
/// better one with a member `dispatch::Effect effectOf(std::string_view method) const`, asked once after the
/// instance was made.
enum class Effect : dispatch_effect {
  read = DISPATCH_EFFECT_READ,
  idempotent = DISPATCH_EFFECT_IDEMPOTENT,
  findable = DISPATCH_EFFECT_FINDABLE,
  atMostOnce = DISPATCH_EFFECT_AT_MOST_ONCE
};

/// The result of a method that has nothing to say but that it worked.
struct Done {};
inline Json toJson(const Done&) { return Json::object(); }

namespace sdk {

template <class Answer, class Result>
concept AnswerFor = std::convertible_to<Answer, Result> || std::same_as<Answer, Deferred<Result>> ||
    (std::is_void_v<Answer>&& std::same_as<Result, Done>);

template <class... Each>
using MethodList = std::tuple<Each...>;

/// How one method of a plugin of class P is called; `invoke` is null where P does not have it.
template <class P>
struct Binding {
  std::string_view name;
  std::uint32_t revision;
  Effect effect;
  dispatch_status (*invoke)(P&, const Call&, const Json& input, dispatch_str* out);
};

template <class P, class Method>
dispatch_status invokeMethod(P& plugin, const Call& call, const Json& input, dispatch_str* out) {
  using Result = typename Method::Result;
  const typename Method::Request request = Method::Request::fromJson(input);
  using Answer = decltype(Method::call(plugin, call, request));
  if constexpr (std::is_same_v<Answer, Deferred<Result>>) {
    (void)Method::call(plugin, call, request);
    if (!call.state().deferred)
      throw std::logic_error("The method answered with a Deferred that it did not get from this call.");
    return DISPATCH_PENDING;
  } else if constexpr (std::is_void_v<Answer>) {
    Method::call(plugin, call, request);
    *out = toArena(call.raw(), dump(toJson(Result{})));
    return DISPATCH_OK;
  } else {
    const Result result = Method::call(plugin, call, request);
    *out = toArena(call.raw(), dump(toJson(result)));
    return DISPATCH_OK;
  }
}

template <class P, class Method>
constexpr Binding<P> bind() {
  Method::template require<P>();
  if constexpr (Method::template implemented<P>)
    return {Method::name, Method::revision, Method::effect, &invokeMethod<P, Method>};
  else
    return {Method::name, Method::revision, Method::effect, nullptr};
}

}  // namespace sdk

/// Describes one method of a plugin type: the C++ function the author writes, its name on the wire, its
/// contract. Found at compile time; a function of that name with another signature, or a required one that is
/// absent, is an error that states the one expected.
#define DISPATCH_SDK_METHOD(Tag, function, wireName, Request_, Result_, revision_, effect_, required_, \
                            signature_)                                                                \
  struct Tag {                                                                                         \
    using Request = Request_;                                                                          \
    using Result = Result_;                                                                            \
    static constexpr std::string_view name = wireName;                                                 \
    static constexpr std::uint32_t revision = revision_;                                               \
    static constexpr ::dispatch::Effect effect = effect_;                                              \
    template <class P>                                                                                 \
    static constexpr bool named = requires {                                                           \
      &P::function;                                                                                    \
    };                                                                                                 \
    template <class P>                                                                                 \
    static constexpr bool implemented = requires(P & plugin, const ::dispatch::Call& call,             \
                                                 const Request& request) {                             \
      { plugin.function(call, request) } -> ::dispatch::sdk::AnswerFor<Result>;                        \
    };                                                                                                 \
    template <class P>                                                                                 \
    static constexpr void require() {                                                                  \
      static_assert(!required_ || implemented<P> || named<P>,                                          \
                    "This plugin lacks a method. Expected: public " signature_);                       \
      static_assert(implemented<P> || !named<P>,                                                       \
                    "This method has another signature. Expected: public " signature_);                \
    }                                                                                                  \
    template <class P>                                                                                 \
    static auto call(P& plugin, const ::dispatch::Call& call_, const Request& request) {               \
      return plugin.function(call_, request);                                                          \
    }                                                                                                  \
  }

}  // namespace dispatch
