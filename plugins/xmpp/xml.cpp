#include "xml.hpp"

#include <expat.h>

#include <algorithm>
#include <new>

namespace xmpp {

using dispatch::Failure;

namespace {

constexpr char separator = '\n';  // what stands behind the last one is the local name
constexpr std::string_view xmlNs = "http://www.w3.org/XML/1998/namespace";

/// How many bytes of `text` are one well-formed character (RFC 3629 section 4) that XML 1.0 allows; 0: none.
std::size_t characterAt(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return first >= 0x20 || first == '\t' || first == '\n' || first == '\r' ? 1 : 0;
  const std::size_t size = first >= 0xF0 ? 4U : first >= 0xE0 ? 3U : 2U;
  if (first < 0xC2 || first > 0xF4 || text.size() < size) return 0;
  std::uint32_t code = first & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
    code = code << 6U | (byte(i) & 0x3FU);
  }
  const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  const bool forbidden =
      (code >= 0xD800 && code <= 0xDFFF) || code > 0x10FFFF || code == 0xFFFE || code == 0xFFFF;
  return overlong || forbidden ? 0 : size;
}

void setName(Element& element, std::string_view qualified) {
  const auto at = qualified.rfind(separator);
  element.ns = at == std::string_view::npos ? "" : std::string(qualified.substr(0, at));
  element.name = std::string(at == std::string_view::npos ? qualified : qualified.substr(at + 1));
}

/// Without this a stanza whose last bytes came alone could wait for the next one: expat 2.6 puts off what
/// did not parse at once. Older ones do not have the function.
template <class Parser>
void parseAtOnce(Parser parser) {
  if constexpr (requires { XML_SetReparseDeferralEnabled(parser, XML_FALSE); })
    XML_SetReparseDeferralEnabled(parser, XML_FALSE);
}

}  // namespace

const Element* Element::child(std::string_view wantedName, std::string_view wantedNs) const {
  for (const Element& one : children)
    if (one.is(wantedName, wantedNs)) return &one;
  return nullptr;
}

std::string Element::childText(std::string_view wantedName, std::string_view wantedNs) const {
  const Element* found = child(wantedName, wantedNs);
  return found == nullptr ? "" : found->text;
}

std::string Element::attribute(std::string_view wanted) const {
  const auto found = attributes.find(wanted);
  return found == attributes.end() ? "" : found->second;
}

Element tag(std::string_view name, std::string_view ns, std::string_view text) {
  return {std::string(ns), std::string(name), {}, std::string(text), {}};
}

std::string escapeXml(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t size = characterAt(text);
    if (size == 0)
      out += "\xEF\xBF\xBD";
    else if (text[0] == '<')
      out += "&lt;";
    else if (text[0] == '>')
      out += "&gt;";
    else if (text[0] == '&')
      out += "&amp;";
    else if (text[0] == '"')
      out += "&quot;";
    else if (text[0] == '\'')
      out += "&apos;";
    else if (text[0] == '\r')
      out += "&#13;";
    else
      out += text.substr(0, size);
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return out;
}

std::string serialize(const Element& element, std::string_view around) {
  std::string out = "<" + element.name;
  if (element.ns != around) out += " xmlns='" + escapeXml(element.ns) + "'";
  for (const auto& [name, value] : element.attributes) out += " " + name + "='" + escapeXml(value) + "'";
  if (element.text.empty() && element.children.empty()) return out + "/>";
  out += ">" + escapeXml(element.text);
  for (const Element& one : element.children) out += serialize(one, element.ns);
  return out + "</" + element.name + ">";
}

struct StreamParser::State {
  XML_Parser parser = XML_ParserCreateNS("UTF-8", separator);
  std::optional<Element> header;
  std::vector<Element> open;  ///< the element that is coming, and those that it is in, without the root
  std::deque<Element> whole;
  std::string fault;
  std::size_t elementBytes = 0;
  std::uint64_t fed = 0, taken = 0;  ///< bytes that came; bytes up to the end of the last whole element
  bool ended = false;

  State() {
    if (parser == nullptr) throw std::bad_alloc();
    parseAtOnce(parser);
    XML_SetUserData(parser, this);
    XML_SetElementHandler(parser, &State::begin, &State::end);
    XML_SetCharacterDataHandler(parser, &State::characters);
    XML_SetStartDoctypeDeclHandler(parser,
                                   [](void* user, const XML_Char*, const XML_Char*, const XML_Char*, int) {
                                     static_cast<State*>(user)->stop("a document type declaration");
                                   });
    XML_SetCommentHandler(parser,
                          [](void* user, const XML_Char*) { static_cast<State*>(user)->stop("a comment"); });
    XML_SetProcessingInstructionHandler(parser, [](void* user, const XML_Char*, const XML_Char*) {
      static_cast<State*>(user)->stop("a processing instruction");
    });
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { XML_ParserFree(parser); }

  void stop(const char* what) {
    if (fault.empty()) fault = std::string(what) + ", which XMPP does not have";
    XML_StopParser(parser, XML_FALSE);
  }
  std::uint64_t position() const {
    return static_cast<std::uint64_t>(XML_GetCurrentByteIndex(parser)) +
           static_cast<std::uint64_t>(XML_GetCurrentByteCount(parser));
  }

  // No exception may cross expat, which is C.
  template <class Work>
  static void guarded(void* user, const Work& work) noexcept {
    State& self = *static_cast<State*>(user);
    if (!self.fault.empty()) return;
    try {
      work(self);
    } catch (...) {
      self.fault = "an element for which there is no memory";
      XML_StopParser(self.parser, XML_FALSE);
    }
  }
  static void begin(void* user, const XML_Char* name, const XML_Char** attributes) {
    guarded(user, [&](State& self) { self.beginElement(name, attributes); });
  }
  static void end(void* user, const XML_Char*) {
    guarded(user, [](State& self) { self.endElement(); });
  }
  static void characters(void* user, const XML_Char* text, int size) {
    guarded(user, [&](State& self) {
      if (!self.open.empty()) self.open.back().text.append(text, static_cast<std::size_t>(size));
    });
  }

  void beginElement(const XML_Char* name, const XML_Char** attributes) {
    if (open.size() >= maxDepth) return stop("elements too deep in each other");
    Element element;
    setName(element, name);
    for (; attributes[0] != nullptr; attributes += 2) {
      Element attribute;
      setName(attribute, attributes[0]);
      if (attribute.ns.empty()) element.attributes[attribute.name] = attributes[1];
      if (attribute.ns == xmlNs && attribute.name == "lang") element.attributes["xml:lang"] = attributes[1];
    }
    if (!header) {
      header = std::move(element);
      taken = position();
    } else {
      open.push_back(std::move(element));
    }
  }
  void endElement() {
    if (open.empty()) {
      ended = true;
      return;
    }
    Element element = std::move(open.back());
    open.pop_back();
    if (!open.empty()) return void(open.back().children.push_back(std::move(element)));
    whole.push_back(std::move(element));
    taken = position();
    elementBytes = 0;
  }
};

StreamParser::StreamParser() : _state(std::make_unique<State>()) {}
StreamParser::~StreamParser() = default;
StreamParser::StreamParser(StreamParser&&) noexcept = default;
StreamParser& StreamParser::operator=(StreamParser&&) noexcept = default;

void StreamParser::feed(std::string_view bytes) {
  constexpr std::size_t piece = 4096;
  State& state = *_state;
  while (!bytes.empty() && state.fault.empty()) {
    const std::string_view now = bytes.substr(0, piece);
    bytes.remove_prefix(now.size());
    state.fed += now.size();
    state.elementBytes += now.size();
    if (XML_Parse(state.parser, now.data(), static_cast<int>(now.size()), XML_FALSE) != XML_STATUS_OK &&
        state.fault.empty())
      state.fault =
          std::string("bytes that are no XML (") + XML_ErrorString(XML_GetErrorCode(state.parser)) + ")";
    if (state.elementBytes > maxElementBytes && state.fault.empty())
      state.fault = "an element of more than " + std::to_string(maxElementBytes / 1024) + " KiB";
  }
  if (!state.fault.empty()) throw Failure::unavailable("The server sent " + state.fault + ".");
}

const std::optional<Element>& StreamParser::header() const { return _state->header; }

std::optional<Element> StreamParser::take() {
  if (_state->whole.empty()) return std::nullopt;
  Element first = std::move(_state->whole.front());
  _state->whole.pop_front();
  return first;
}

bool StreamParser::ended() const { return _state->ended; }
bool StreamParser::drained() const { return _state->whole.empty() && _state->taken == _state->fed; }

}  // namespace xmpp
