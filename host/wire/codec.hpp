#pragma once

#include "wire/slot.hpp"

#include <dispatch/abi.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory_resource>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace dispatch::wire {

/// Writes a body into an area, from words of 8 bytes. Once something did not fit, good() is false and nothing
/// else counts.
class Writer {
 public:
  explicit Writer(Area& area) : _area(area) {}

  void word(std::uint64_t value) noexcept {
    if (auto* place = take(sizeof value)) std::memcpy(place, &value, sizeof value);
  }
  /// Length and bytes. A pointer that is NULL beside a length keeps its length alone, so that the reader
  /// finds what was wrong with it.
  void text(dispatch_str text) noexcept {
    if (text.len == 0) return word(inPlace);
    if (_arena != nullptr && text.ptr != nullptr) {
      const auto at = reinterpret_cast<std::uintptr_t>(text.ptr),
                 from = reinterpret_cast<std::uintptr_t>(_arena);
      if (at < from || at - from > _arenaUsed || text.len > _arenaUsed - (at - from))
        return foreign(text.len);
      return placed(at - from, text.len);
    }
    if (text.ptr == nullptr) return word(text.len << 2 | null);
    if (text.len > Slot::hostBytes) {
      _good = false;
      return;
    }
    word(text.len << 2 | inPlace);
    if (auto* place = take(text.len)) std::memcpy(place, text.ptr, text.len);
  }
  void text(std::string_view view) noexcept { text(dispatch_str{view.data(), view.size()}); }
  /// From now on texts lie in the call's memory already (dispatch_call.alloc): only where goes into the body.
  /// One that lies elsewhere is told as such, and its reader refuses it.
  void setArena(const std::uint8_t* arena, std::uint64_t used) noexcept {
    _arena = arena;
    _arenaUsed = used;
  }

  bool good() const noexcept { return _good; }
  void fail() noexcept { _good = false; }

  enum Tag : std::uint64_t { inPlace = 0, inArena = 1, elsewhere = 2, null = 3 };

 private:
  std::uint8_t* take(std::uint64_t size) noexcept {
    auto* place = _good ? _area.take(size) : nullptr;
    if (place == nullptr) _good = false;
    return place;
  }
  void placed(std::uint64_t offset, std::uint64_t size) noexcept {
    word(size << 2 | inArena);
    word(offset);
  }
  void foreign(std::uint64_t size) noexcept { word(size << 2 | elsewhere); }

  Area& _area;
  bool _good = true;
  const std::uint8_t* _arena = nullptr;
  std::uint64_t _arenaUsed = 0;
};

/// Reads a body. Whatever the bytes are, it stays inside them: what makes no sense sets bad() and reads as
/// nothing.
class Reader {
 public:
  /// `arena`: the call's memory that `inArena` texts lie in. Their bytes belong to the peer: they may change
  /// while they are read, so a host copies (setKeep) before it looks.
  Reader(const std::uint8_t* data, std::uint64_t size, const std::uint8_t* arena = nullptr,
         std::uint64_t arenaSize = 0) noexcept
      : _at(data), _left(size), _arena(arena), _arenaSize(arenaSize) {}

  /// Where make() gets its memory; else it lives as long as this reader.
  void setMemory(std::pmr::memory_resource& memory) noexcept { _memory = &memory; }

  /// Every text passes `keep`, which answers where it is to be found from now on, or {nullptr, n} where it
  /// has no room.
  using Keep = dispatch_str (*)(void* context, dispatch_str text) noexcept;
  void setKeep(Keep keep, void* context) noexcept {
    _keep = keep;
    _context = context;
  }

  std::uint64_t word() noexcept {
    std::uint64_t value = 0;
    if (!_bad && _left >= sizeof value) {
      std::memcpy(&value, _at, sizeof value);
      _at += sizeof value;
      _left -= sizeof value;
    } else {
      _bad = true;
    }
    return value;
  }
  std::uint32_t half() noexcept {
    const auto value = word();
    if (value > UINT32_MAX) _bad = true;
    return static_cast<std::uint32_t>(value);
  }
  dispatch_str text() noexcept {
    const auto tag = word();
    const std::uint64_t size = tag >> 2;
    switch (tag & 3) {
      case Writer::inPlace: {
        const std::uint64_t padded = (size + 7) & ~std::uint64_t{7};
        // The last text of a body has no padding behind it.
        if (_bad || size > _left) break;
        const dispatch_str found{size == 0 ? nullptr : reinterpret_cast<const char*>(_at), size};
        const auto step = padded < _left ? padded : _left;
        _at += step;
        _left -= step;
        return kept(found);
      }
      case Writer::inArena: {
        const auto offset = word();
        if (_bad || offset > _arenaSize || size > _arenaSize - offset) break;
        return kept({reinterpret_cast<const char*>(_arena + offset), size});
      }
      case Writer::elsewhere:
        return {reinterpret_cast<const char*>(this), size};  // in no memory that its reader accepts
      case Writer::null:
        return {nullptr, size};
    }
    _bad = true;
    return {nullptr, 0};
  }
  /// A text where it lies, without `keep`: for what must not be copied about.
  dispatch_str textInPlace() noexcept {
    const auto keep = _keep;
    _keep = nullptr;
    const auto found = text();
    _keep = keep;
    return found;
  }
  std::string_view view() noexcept {
    const auto found = text();
    return found.ptr == nullptr ? std::string_view() : std::string_view(found.ptr, found.len);
  }

  /// `count` objects; nullptr where the body cannot hold so many. Throws std::bad_alloc.
  template <class T>
  T* make(std::uint64_t count) {
    if (_bad || count > _left / 8) {
      _bad = true;
      return nullptr;
    }
    auto* memory = _memory->allocate(count * sizeof(T), alignof(T));
    return new (memory) T[count]{};
  }

  bool bad() const noexcept { return _bad; }
  void refuse() noexcept { _bad = true; }

 private:
  dispatch_str kept(dispatch_str text) noexcept {
    return _keep == nullptr || text.len == 0 ? text : _keep(_context, text);
  }

  const std::uint8_t* _at;
  std::uint64_t _left;
  const std::uint8_t* _arena;
  std::uint64_t _arenaSize;
  Keep _keep = nullptr;
  void* _context = nullptr;
  bool _bad = false;
  std::byte _first[1024];
  std::pmr::monotonic_buffer_resource _scratch{_first, sizeof _first};
  std::pmr::memory_resource* _memory = &_scratch;
};

/// The members of a struct of the ABI that cross, in order; struct_size is not one of them: each side sets
/// its own.
template <class T>
struct Members;

/// Two members that are an array of pointers to structs and their number.
template <auto Array, auto Count>
struct Many {};
template <auto Member>
struct One {};

template <auto Array, auto Count>
constexpr Many<Array, Count> many{};
template <auto... Each>
constexpr auto members = std::tuple{One<Each>{}...};

template <>
struct Members<dispatch_auth_request> {
  using T = dispatch_auth_request;
  static constexpr auto all = members<&T::action, &T::organization, &T::base_url, &T::peer_address,
                                      &T::fields_json, &T::headers_json, &T::state, &T::subject>;
};
template <>
struct Members<dispatch_auth_result> {
  using T = dispatch_auth_result;
  static constexpr auto all =
      members<&T::kind, &T::issuer, &T::subject, &T::email, &T::name, &T::claims_json, &T::email_verified,
              &T::authentication_age, &T::redirect_url, &T::state, &T::form_json, &T::message, &T::field>;
};
template <>
struct Members<dispatch_secret_use> {
  using T = dispatch_secret_use;
  static constexpr auto all = members<&T::secret, &T::encoder, &T::argument, &T::text>;
};
template <>
struct Members<dispatch_http_header> {
  using T = dispatch_http_header;
  static constexpr auto all = members<&T::name, &T::value>;
};
template <>
struct Members<dispatch_http_request> {
  using T = dispatch_http_request;
  static constexpr auto all = std::tuple_cat(
      members<&T::max_redirects, &T::method, &T::url, &T::body, &T::body_size, &T::max_answer>,
      std::tuple{many<&T::headers, &T::header_count>, many<&T::body_parts, &T::body_part_count>});
};
template <>
struct Members<dispatch_http_response> {
  using T = dispatch_http_response;
  static constexpr auto all = std::tuple_cat(
      members<&T::status, &T::body, &T::retry_after_ms>,
      std::tuple{many<&T::header_names, &T::header_count>, many<&T::header_values, &T::header_count>});
};
template <>
struct Members<dispatch_stream_options> {
  using T = dispatch_stream_options;
  static constexpr auto all = members<&T::port, &T::host, &T::tls, &T::allow_untrusted>;
};

template <>
struct Members<dispatch_webhook_header> {
  using T = dispatch_webhook_header;
  static constexpr auto all = members<&T::name, &T::value>;
};
template <>
struct Members<dispatch_webhook_request> {
  using T = dispatch_webhook_request;
  static constexpr auto all = std::tuple_cat(
      members<&T::attempt, &T::method, &T::path, &T::query, &T::body, &T::peer_address, &T::received_at_ns>,
      std::tuple{many<&T::headers, &T::header_count>});
};
template <>
struct Members<dispatch_webhook_response> {
  using T = dispatch_webhook_response;
  static constexpr auto all =
      std::tuple_cat(members<&T::status, &T::body>, std::tuple{many<&T::headers, &T::header_count>});
};
template <>
struct Members<dispatch_event> {
  using T = dispatch_event;
  static constexpr auto all = members<&T::type, &T::actor, &T::subject, &T::data_json, &T::deduplication_key>;
};

template <>
struct Members<dispatch_source_result> {
  using T = dispatch_source_result;
  static constexpr auto all = members<&T::more, &T::cursor, &T::next_poll_ms>;
};
template <>
struct Members<dispatch_exec_result> {
  using T = dispatch_exec_result;
  static constexpr auto all = members<&T::exit_code, &T::output, &T::error_output>;
};

template <class T>
concept Struct = requires {
  Members<T>::all;
};

template <class T>
void put(Writer& writer, const T& value);
template <class T>
void get(Reader& reader, T& value);

/// Does the maker of `object` know this member? (Rule 2 of the ABI.)
template <class T, class M>
bool reaches(const T& object, M T::*member) noexcept {
  const auto start = reinterpret_cast<const char*>(&object);
  const auto end = reinterpret_cast<const char*>(&(object.*member)) + sizeof(M);
  return static_cast<std::size_t>(end - start) <= object.struct_size;
}

/// Puts an array of pointers to structs, or of texts.
template <class Element>
void putMany(Writer& writer, const Element* items, std::uint64_t count) {
  if (items == nullptr) count = 0;
  writer.word(count);
  for (std::uint64_t i = 0; i < count && writer.good(); ++i) {
    if constexpr (std::is_pointer_v<Element>) {
      writer.word(items[i] != nullptr ? 1 : 0);
      if (items[i] != nullptr) put(writer, *items[i]);
    } else {
      put(writer, items[i]);
    }
  }
}

template <class Element>
void getMany(Reader& reader, const Element*& items, std::uint64_t& count) {
  count = reader.word();
  auto* made = reader.make<std::remove_const_t<Element>>(count);
  items = made;
  if (made == nullptr) count = 0;
  for (std::uint64_t i = 0; i < count && !reader.bad(); ++i) {
    if constexpr (std::is_pointer_v<Element>) {
      using Pointee = std::remove_const_t<std::remove_pointer_t<Element>>;
      if (reader.word() == 0) continue;
      auto* one = reader.make<Pointee>(1);
      if (one == nullptr) return;
      get(reader, *one);
      made[i] = one;
    } else {
      get(reader, made[i]);
    }
  }
}

template <class T>
void put(Writer& writer, const T& value) {
  if constexpr (std::is_same_v<T, dispatch_str>) {
    writer.text(value);
  } else if constexpr (std::is_integral_v<T>) {
    writer.word(static_cast<std::uint64_t>(value));
  } else {
    static_assert(Struct<T>, "this type has no Members<> and cannot cross");
    const auto one = [&]<auto Member>(One<Member>) {
      using M = std::remove_cvref_t<decltype(value.*Member)>;
      put(writer, reaches(value, Member) ? value.*Member : M{});
    };
    const auto array = [&]<auto Array, auto Count>(Many<Array, Count>) {
      const bool known = reaches(value, Array) && reaches(value, Count);
      putMany(writer, known ? value.*Array : nullptr, known ? value.*Count : 0);
    };
    const auto each = [&]<class Item>(Item item) {
      if constexpr (requires { one(item); })
        one(item);
      else
        array(item);
    };
    std::apply([&](auto... items) { (each(items), ...); }, Members<T>::all);
  }
}

/// Struct members beyond what the owner of `value` knows (its struct_size) are read and dropped.
template <class T>
void get(Reader& reader, T& value) {
  if constexpr (std::is_same_v<T, dispatch_str>) {
    value = reader.text();
  } else if constexpr (std::is_integral_v<T>) {
    const auto word = reader.word();
    value = static_cast<T>(word);
    if (static_cast<std::uint64_t>(value) != word) reader.refuse();
  } else {
    static_assert(Struct<T>, "this type has no Members<> and cannot cross");
    if (value.struct_size == 0) value.struct_size = sizeof(T);
    const auto one = [&]<auto Member>(One<Member>) {
      std::remove_cvref_t<decltype(value.*Member)> read{};
      get(reader, read);
      if (reaches(value, Member)) value.*Member = read;
    };
    const auto array = [&]<auto Array, auto Count>(Many<Array, Count>) {
      std::remove_cvref_t<decltype(value.*Array)> items = nullptr;
      std::uint64_t count = 0;
      getMany(reader, items, count);
      if (!reaches(value, Array) || !reaches(value, Count)) return;
      value.*Array = items;
      value.*Count = count;
    };
    const auto each = [&]<class Item>(Item item) {
      if constexpr (requires { one(item); })
        one(item);
      else
        array(item);
    };
    std::apply([&](auto... items) { (each(items), ...); }, Members<T>::all);
  }
}

}  // namespace dispatch::wire
