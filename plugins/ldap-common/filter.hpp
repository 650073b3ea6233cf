#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ldap {

/// What stands for the placeholders of a filter: name -> values.
using Values = std::map<std::string, std::vector<std::string>, std::less<>>;

/// A search filter (RFC 4511 section 4.5.1.7), written as RFC 4515 has it, with placeholders such as {email}
/// in its values. A placeholder is filled in the parsed filter, where the value is bytes and nothing else: no
/// value can change what the filter means.
class Filter {
 public:
  /// White space between the parts is allowed. Throws std::invalid_argument with a clause that says what is
  /// wrong and where.
  static Filter parse(std::string_view text);
  /// Holds for every entry that the reader may see.
  static Filter anything() { return Filter(Kind::all); }
  static Filter equal(std::string attribute, std::string value);
  static Filter anyOf(std::vector<Filter> filters);
  static Filter allOf(std::vector<Filter> filters);

  /// Names of the placeholders.
  std::set<std::string> placeholders() const;

  /// The filter with values for its placeholders. A test with a placeholder of several values holds if it
  /// does with one of them; with none, or an empty one, it holds for nothing.
  Filter fill(const Values& values) const;

  /// Whether it is certain that this holds for no entry.
  bool isNothing() const { return _kind == Kind::any && _parts.empty(); }

  /// RFC 4515, with everything escaped that has to be.
  std::string text() const;
  /// BER. Placeholders that were not filled stand there as they are.
  std::string encode() const;

 private:
  enum class Kind { all, any, no, equal, substrings, atLeast, atMost, present, approximately, matching };
  struct Piece {
    bool isPlaceholder = false;
    std::string text;
  };
  using Value = std::vector<Piece>;
  class Parser;

  explicit Filter(Kind kind) : _kind(kind) {}
  static std::string bytesOf(const Value& value);
  static std::string textOf(const Value& value);
  /// Without parts that are certain.
  static Filter simplified(Filter filter);
  std::string firstPlaceholder() const;
  Filter with(const std::string& placeholder, const std::string& value) const;

  Kind _kind;
  std::vector<Filter> _parts;  ///< of all, any and no; without any, all is true and any is false (RFC 4526)
  std::string _attribute;      ///< may be empty in matching
  std::string _rule;           ///< of matching; may be empty
  bool _ofDn = false;          ///< of matching: ":dn"
  std::vector<Value> _values;  ///< one; in substrings: initial, any…, final, of which both ends may be empty
};

}  // namespace ldap
