#include "form.hpp"

#include <algorithm>

namespace xmpp {

Form::Form(const Element& x) {
  for (const Element& one : x.children) {
    const std::string var = one.attribute("var");
    if (!one.is("field", ns::data) || var.empty() || one.attribute("type") == "fixed") continue;
    Field field{var, {}};
    for (const Element& value : one.children)
      if (value.is("value", ns::data)) field.values.push_back(value.text);
    _fields.push_back(std::move(field));
  }
}

bool Form::has(std::string_view var) const {
  return std::any_of(_fields.begin(), _fields.end(), [&](const Field& one) { return one.var == var; });
}

std::string Form::value(std::string_view var) const {
  for (const Field& one : _fields)
    if (one.var == var && !one.values.empty()) return one.values.front();
  return {};
}

bool Form::set(std::string_view var, std::string value) {
  for (Field& one : _fields)
    if (one.var == var) {
      one.values = {std::move(value)};
      return true;
    }
  return false;
}

Element Form::submission() const {
  Element x = tag("x", ns::data);
  x.with("type", "submit");
  for (const Field& one : _fields) {
    Element field = tag("field", ns::data);
    field.with("var", one.var);
    for (const std::string& value : one.values) field.add(tag("value", ns::data, value));
    x.add(std::move(field));
  }
  return x;
}

}  // namespace xmpp
