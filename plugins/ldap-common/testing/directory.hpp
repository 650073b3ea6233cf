// A directory for unit tests: the other end of a stream that speaks LDAP, under the test's control.
#pragma once

#include "../message.hpp"

#include <dispatch/testing.hpp>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace ldap::testing {

inline std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) out += {digits[static_cast<unsigned char>(c) >> 4U], digits[c & 15]};
  return out;
}

/// A search as it came.
struct Asked {
  std::string base, filter;
  int scope = 0, sizeLimit = 0, timeLimit = 0, pageSize = 0;
  std::vector<std::string> attributes;
  std::string cookie;
};

struct World {
  std::vector<Entry> entries;
  std::map<std::string, std::vector<std::string>> matches;  ///< filter -> DNs that it finds; absent: nothing
  std::map<std::string, std::string> hidden;                ///< DNs that no search of scope base finds
  std::vector<std::string> references;                      ///< sent with each search
  std::map<std::string, Result> results;         ///< "starttls", "bind", "search" -> in place of success
  std::map<std::string, std::string> passwords;  ///< by DN
  std::string hangUpAt;                          ///< one of those words
  bool knowsPages = true;
  bool tlsWorks = true;
  std::string smuggled;                                      ///< sent in clear behind the answer to StartTLS
  std::function<std::string(const std::string&)> transform;  ///< what becomes of the bytes of each answer

  std::vector<std::string> said;  ///< operations in order: "starttls", "bind cn=x", "search", "unbind"
  std::vector<Asked> asked;
  bool tls = false;
  int lastId = 0;

  const Entry* find(const std::string& dn) const {
    for (const Entry& entry : entries)
      if (dispatch::lower(entry.dn) == dispatch::lower(dn)) return &entry;
    return nullptr;
  }
};

/// The text of a filter in BER, for and, or, not, equality, substrings and presence.
inline std::string filterText(ber::Reader& in) {
  const ber::Reader::Element element = in.next("a filter");
  ber::Reader inside(element.contents);
  const auto escaped = [](std::string_view value) {
    std::string out;
    for (const char c : value)
      out += std::string_view("*()\\").find(c) == std::string_view::npos ? std::string(1, c)
                                                                         : "\\" + hex({&c, 1});
    return out;
  };
  switch (element.tag) {
    case 0xA0:
    case 0xA1:
    case 0xA2: {
      std::string out = element.tag == 0xA0 ? "(&" : element.tag == 0xA1 ? "(|" : "(!";
      while (!inside.empty()) out += filterText(inside);
      return out + ")";
    }
    case 0xA3: {
      const std::string name = inside.text("a name");
      return "(" + name + "=" + escaped(inside.contents("a value")) + ")";
    }
    case 0x87:
      return "(" + std::string(element.contents) + "=*)";
    default:
      return "(?" + hex(element.contents) + ")";
  }
}

class Directory : public dispatch::testing::Peer {
 public:
  Directory(World& world, bool tls) : _world(world) { world.tls = tls; }
  bool startTls() override { return _world.tls = _world.tlsWorks; }
  bool closed() const override { return _closed; }
  std::string receive(const std::string& bytes) override {
    _buffer += bytes;
    std::string out;
    while (!_closed) {
      const auto size = ber::elementSize(_buffer, 1U << 20U);
      if (!size || _buffer.size() < *size) return out;
      const Message message = Message::parse(_buffer.substr(0, *size));
      _buffer.erase(0, *size);
      _world.lastId = message.id;
      out += answer(message);
    }
    return out;
  }

  /// A message, for tests that put one together.
  static std::string message(int id, ber::Tag operation, const std::string& body,
                             const std::string& controls = {}) {
    return ber::encode(ber::tag::sequence, ber::encodeInteger(id) + ber::encode(operation, body) +
                                               (controls.empty() ? "" : ber::encode(0xA0, controls)));
  }
  static std::string result(const Result& result) {
    std::string out = ber::encodeInteger(result.code, ber::tag::enumerated) + text(result.matchedDn) +
                      text(result.diagnostic);
    std::string referrals;
    for (const std::string& one : result.referrals) referrals += text(one);
    return referrals.empty() ? out : out + ber::encode(0xA3, referrals);
  }

 private:
  static std::string text(const std::string& value) { return ber::encode(ber::tag::octetString, value); }

  std::string answer(const Message& message) {
    switch (message.operation) {
      case operation::extendedRequest:
        return reply("starttls", "starttls", message.id, operation::extendedResponse, {}) + _world.smuggled;
      case operation::bindRequest:
        return bind(message);
      case operation::searchRequest:
        return search(message);
      case operation::unbindRequest:
        _world.said.emplace_back("unbind");
        _closed = true;
        return {};
      default:
        throw std::runtime_error("The plugin sent operation " + std::to_string(message.operation));
    }
  }

  std::string reply(const std::string& step, const std::string& said, int id, ber::Tag operation,
                    Result usual, const std::string& before = {}, const std::string& controls = {}) {
    _world.said.push_back(said);
    if (_world.hangUpAt == step) {
      _closed = true;
      return {};
    }
    const auto planned = _world.results.find(step);
    const std::string end =
        message(id, operation, result(planned == _world.results.end() ? usual : planned->second), controls);
    const std::string out = (planned == _world.results.end() ? before : "") + end;
    return _world.transform ? _world.transform(out) : out;
  }

  std::string bind(const Message& message) {
    ber::Reader in(message.body);
    if (in.integer("a version") != 3) throw std::runtime_error("The plugin does not speak version 3.");
    const std::string dn = in.text("a DN"), password = in.text("a password", ber::tag::context(0));
    const auto known = _world.passwords.find(dn);
    Result usual;
    if (known == _world.passwords.end() || known->second != password) usual = {49, "", "", {}};
    return reply("bind", "bind " + dn, message.id, operation::bindResponse, usual);
  }

  std::string search(const Message& message) {
    ber::Reader in(message.body);
    Asked asked;
    asked.base = in.text("a base");
    asked.scope = in.integer("a scope", ber::tag::enumerated);
    (void)in.integer("aliases", ber::tag::enumerated);
    asked.sizeLimit = in.integer("a size limit");
    asked.timeLimit = in.integer("a time limit");
    (void)in.boolean("types only");
    asked.filter = filterText(in);
    ber::Reader names = in.inside("attributes");
    while (!names.empty()) asked.attributes.push_back(names.text("a name"));
    if (!message.controls.empty()) {
      ber::Reader controls(message.controls);
      ber::Reader control = controls.inside("a control");
      if (control.contents("a type") != pagedResultsOid) throw std::runtime_error("An unknown control.");
      ber::Reader value(control.contents("a value"));
      ber::Reader page = value.inside("a page");
      asked.pageSize = page.integer("a size");
      asked.cookie = page.text("a cookie");
    }
    _world.asked.push_back(asked);
    return entriesOf(asked, message.id);
  }

  std::string entriesOf(const Asked& asked, int id) {
    std::vector<const Entry*> found;
    Result usual;
    if (asked.scope == 0) {
      const Entry* entry = _world.find(asked.base);
      if (entry == nullptr) usual = {32, "dc=example,dc=com", "", {}};
      if (entry != nullptr && !_world.hidden.contains(asked.base)) found.push_back(entry);
    } else {
      for (const std::string& dn : _world.matches[asked.filter]) found.push_back(_world.find(dn));
    }
    std::size_t from = asked.cookie.empty() ? 0 : std::stoul(asked.cookie), to = found.size();
    std::string controls;
    if (_world.knowsPages && asked.pageSize > 0) {
      to = std::min(to, from + static_cast<std::size_t>(asked.pageSize));
      const std::string cookie = to < found.size() ? std::to_string(to) : "";
      controls = ber::encode(0x30, text(std::string(pagedResultsOid)) +
                                       text(ber::encode(0x30, ber::encodeInteger(0) + text(cookie))));
    }
    if (asked.sizeLimit > 0 && to - from > static_cast<std::size_t>(asked.sizeLimit)) {
      to = from + static_cast<std::size_t>(asked.sizeLimit);
      usual.code = 4;
    }
    std::string out;
    for (; from < to; ++from) out += message(id, operation::searchEntry, bodyOf(*found[from]));
    for (const std::string& one : _world.references)
      out += message(id, operation::searchReference, text(one));
    return reply("search", "search", id, operation::searchDone, usual, out, controls);
  }

  static std::string bodyOf(const Entry& entry) {
    std::string attributes;
    for (const auto& attribute : entry.attributes) {
      std::string values;
      for (const std::string& value : attribute.values) values += text(value);
      attributes += ber::encode(0x30, text(attribute.description) + ber::encode(0x31, values));
    }
    return text(entry.dn) + ber::encode(0x30, attributes);
  }

  World& _world;
  std::string _buffer;
  bool _closed = false;
};

}  // namespace ldap::testing
