#pragma once

#include "xml.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace xmpp {

namespace ns {
constexpr std::string_view data = "jabber:x:data";
}

/// A data form (XEP-0004).
class Form {
 public:
  Form() = default;
  /// Of its <x/>.
  explicit Form(const Element& x);

  bool has(std::string_view var) const;
  /// The first value; empty where there is none.
  std::string value(std::string_view var) const;
  /// Only where the form has the field; answers whether it does.
  bool set(std::string_view var, std::string value);
  void add(std::string var, std::string value) { _fields.push_back({std::move(var), {std::move(value)}}); }
  /// All fields as they stand, to be sent back (XEP-0004 section 3.2).
  Element submission() const;

 private:
  struct Field {
    std::string var;
    std::vector<std::string> values;
  };
  std::vector<Field> _fields;
};

}  // namespace xmpp
