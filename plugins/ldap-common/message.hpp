#pragma once

#include "ber.hpp"
#include "filter.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// LDAP's messages (RFC 4511), as far as a client that only reads needs them. What is written is complete,
/// from the message's own tag on; what is read throws ber::Malformed.
namespace ldap {

enum class Scope { base = 0, oneLevel = 1, subtree = 2 };

/// The tags of protocolOp.
namespace operation {
constexpr ber::Tag bindRequest = 0x60, bindResponse = 0x61, unbindRequest = 0x42, searchRequest = 0x63,
                   searchEntry = 0x64, searchDone = 0x65, searchReference = 0x73, extendedRequest = 0x77,
                   extendedResponse = 0x78, intermediateResponse = 0x79;
}  // namespace operation

/// RFC 4511 section 4.14.
constexpr std::string_view startTlsOid = "1.3.6.1.4.1.1466.20037";
/// RFC 4511 section 4.4.1.
constexpr std::string_view noticeOfDisconnectionOid = "1.3.6.1.4.1.1466.20036";
/// RFC 2696 section 2.
constexpr std::string_view pagedResultsOid = "1.2.840.113556.1.4.319";

struct SearchRequest {
  std::string base;
  Scope scope = Scope::subtree;
  Filter filter = Filter::anything();
  std::vector<std::string> attributes;  ///< names; at least one, for none means all of them
  int sizeLimit = 0;                    ///< entries; 0: the server's
  int timeLimit = 0;                    ///< seconds; 0: the server's
  int pageSize = 0;                     ///< entries of a page; 0: not in pages
  std::string cookie;                   ///< from the page before; empty: the first
};

std::string encodeStartTls(int id);
std::string encodeUnbind(int id);
std::string encodeSearch(int id, const SearchRequest& request);

/// A message that came.
struct Message {
  int id = 0;
  ber::Tag operation = 0;
  std::string body;      ///< contents of protocolOp
  std::string controls;  ///< contents of the list of controls

  static Message parse(std::string_view bytes);
};

/// RFC 4511 section 4.1.9.
struct Result {
  int code = 0;
  std::string matchedDn, diagnostic;
  std::vector<std::string> referrals;
};

/// Of a BindResponse, a SearchResultDone or an ExtendedResponse.
Result readResult(const Message& message);
/// Of an ExtendedResponse; empty if it names none.
std::string readResponseName(const Message& message);
/// Of a SearchResultReference: where the search would go on.
std::vector<std::string> readReference(const Message& message);
/// The cookie of the paged results control (RFC 2696); nothing if it is not there, empty: this was the last
/// page.
std::optional<std::string> readPageCookie(const Message& message);

/// RFC 4511 section 4.5.2.
struct Entry {
  struct Attribute {
    std::string description;
    std::vector<std::string> values;
  };
  std::string dn;
  std::vector<Attribute> attributes;

  /// The values of an attribute, case of its name ignored: without options if there are such, else with any
  /// ("cn;lang-de").
  std::vector<std::string> values(std::string_view name) const;
  /// The first of them; empty: none.
  std::string value(std::string_view name) const;
};
Entry readEntry(const Message& message);

}  // namespace ldap
