#include "message.hpp"

#include <dispatch/sdk/text.hpp>

namespace ldap {

namespace {

using ber::Reader;
namespace tag = ber::tag;

constexpr ber::Tag controlsTag = tag::context(0) | tag::constructed;
constexpr ber::Tag referralTag = tag::context(3) | tag::constructed;

std::string encodeMessage(int id, const std::string& operation, const std::string& controls = {}) {
  return ber::encode(tag::sequence, ber::encodeInteger(id) + operation +
                                        (controls.empty() ? "" : ber::encode(controlsTag, controls)));
}

/// For a server that does not know it, it is not critical: such a one answers with all at once.
std::string pagedResults(int size, const std::string& cookie) {
  const std::string value =
      ber::encode(tag::sequence, ber::encodeInteger(size) + ber::encode(tag::octetString, cookie));
  return ber::encode(tag::sequence,
                     ber::encode(tag::octetString, pagedResultsOid) + ber::encode(tag::octetString, value));
}

std::vector<std::string> texts(Reader list, const char* what) {
  std::vector<std::string> out;
  while (!list.empty()) out.push_back(list.text(what));
  return out;
}

/// Leaves the reader behind the LDAPResult, at what an operation adds.
Result readResult(Reader& in) {
  Result out;
  out.code = in.integer("a result code", tag::enumerated);
  out.matchedDn = in.text("the matched DN");
  out.diagnostic = in.text("the diagnostic message");
  if (in.at(referralTag)) out.referrals = texts(in.inside("referrals", referralTag), "a referral");
  return out;
}

}  // namespace

std::string encodeStartTls(int id) {
  return encodeMessage(id,
                       ber::encode(operation::extendedRequest, ber::encode(tag::context(0), startTlsOid)));
}

std::string encodeUnbind(int id) { return encodeMessage(id, ber::encode(operation::unbindRequest, {})); }

std::string encodeSearch(int id, const SearchRequest& request) {
  std::string attributes;
  for (const std::string& name : request.attributes) attributes += ber::encode(tag::octetString, name);
  const std::string body = ber::encode(tag::octetString, request.base) +
                           ber::encodeInteger(static_cast<int>(request.scope), tag::enumerated) +
                           ber::encodeInteger(0, tag::enumerated) +  // neverDerefAliases
                           ber::encodeInteger(request.sizeLimit) + ber::encodeInteger(request.timeLimit) +
                           ber::encodeBoolean(false) +  // values, too
                           request.filter.encode() + ber::encode(tag::sequence, attributes);
  return encodeMessage(id, ber::encode(operation::searchRequest, body),
                       request.pageSize > 0 ? pagedResults(request.pageSize, request.cookie) : "");
}

Message Message::parse(std::string_view bytes) {
  Reader outer(bytes);
  Reader in = outer.inside("a message");
  if (!outer.empty()) throw ber::Malformed("it goes on behind its end");
  Message out;
  out.id = in.integer("the message's number");
  if (out.id < 0) throw ber::Malformed("the message's number is negative");
  const Reader::Element element = in.next("an operation");
  out.operation = element.tag;
  out.body = element.contents;
  if (in.at(controlsTag)) out.controls = in.text("controls", controlsTag);
  return out;
}

Result readResult(const Message& message) {
  Reader in(message.body);
  return readResult(in);
}

std::string readResponseName(const Message& message) {
  Reader in(message.body);
  (void)readResult(in);
  while (!in.empty()) {
    const Reader::Element element = in.next("the response's name");
    if (element.tag == tag::context(10)) return std::string(element.contents);
  }
  return {};
}

std::vector<std::string> readReference(const Message& message) {
  return texts(Reader(message.body), "a reference");
}

std::optional<std::string> readPageCookie(const Message& message) {
  Reader controls(message.controls);
  while (!controls.empty()) {
    Reader control = controls.inside("a control");
    const std::string_view type = control.contents("the type of a control");
    if (control.at(tag::boolean)) (void)control.boolean("the criticality of a control");
    if (type != pagedResultsOid) continue;
    Reader value(control.contents("the value of a control"));
    Reader in = value.inside("the value of the paged results control");
    (void)in.integer("an estimate of the number of entries");
    return in.text("a cookie");
  }
  return std::nullopt;
}

Entry readEntry(const Message& message) {
  Reader in(message.body);
  Entry out;
  out.dn = in.text("the name of an entry");
  Reader attributes = in.inside("the attributes of an entry");
  while (!attributes.empty()) {
    Reader attribute = attributes.inside("an attribute");
    Entry::Attribute read;
    read.description = attribute.text("the name of an attribute");
    read.values = texts(attribute.inside("the values of an attribute", tag::set), "a value");
    out.attributes.push_back(std::move(read));
  }
  return out;
}

std::vector<std::string> Entry::values(std::string_view name) const {
  const std::string wanted = dispatch::lower(name);
  std::vector<std::string> withOptions;
  for (const Attribute& attribute : attributes) {
    const std::string found = dispatch::lower(attribute.description);
    if (found == wanted) return attribute.values;
    if (found.starts_with(wanted + ";") && withOptions.empty()) withOptions = attribute.values;
  }
  return withOptions;
}

std::string Entry::value(std::string_view name) const {
  for (const std::string& one : values(name))
    if (const auto trimmed = dispatch::trim(one); !trimmed.empty()) return std::string(trimmed);
  return {};
}

}  // namespace ldap
