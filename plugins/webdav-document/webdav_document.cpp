// Replaces placeholders in a text on a WebDAV server: GET, then PUT on the condition that nobody has written
// in between. What people wrote is never overwritten unread.
#include "../webdav-common/client.hpp"
#include "placeholders.hpp"

#include <dispatch/sdk.hpp>

#include <chrono>
#include <thread>

namespace {

using dispatch::Call;
using dispatch::Failure;
using dispatch::HttpResponse;
using dispatch::Json;
using webdav::Asked;

constexpr std::uint64_t maxDocument = 2U << 20;  // bytes
constexpr int maxReadings = 5;
/// Longer than the second by which servers tell apart when something was changed.
constexpr std::chrono::milliseconds secondPassed{1100};

/// A document as it was read.
struct Reading {
  std::string text, contentType, etag, lastModified;
  /// RFC 9110 section 13.1.1: If-Match compares strongly, so a weak tag never matches.
  bool hasStrongTag() const { return !etag.empty() && !etag.starts_with("W/"); }
};

void wait(const Call& call, std::chrono::milliseconds time) {
  for (const auto end = std::chrono::steady_clock::now() + time; std::chrono::steady_clock::now() < end;
       std::this_thread::sleep_for(std::chrono::milliseconds(20)))
    call.throwIfCancelled();
}

class WebdavDocument : public dispatch::DocumentPlugin {
 public:
  WebdavDocument(const dispatch::Host& host, const dispatch::Config& config)
      : DocumentPlugin(host), _server(host, config) {}

  dispatch::DocumentUpdated update(const Call& call, const dispatch::DocumentUpdate& request) {
    const std::string path = webdav::checkedPath(request.document.resourceId, "The document's id");
    std::string lastModified;  // of the reading before, at least a second ago
    for (int reading = 0; reading < maxReadings; ++reading) {
      const Reading document = read(call, path);
      const auto filled =
          webdav::fill(document.text, request.placeholders, webdav::markupOf(path, document.contentType));
      if (filled.replaced == 0) return {};
      const bool settled = !document.lastModified.empty() && document.lastModified == lastModified;
      if (!document.hasStrongTag() && !settled) {
        if (document.lastModified.empty())
          throw Failure::invalid(
              _server.urlOf(path) + " was not changed: the server gives neither a strong ETag nor " +
              "Last-Modified, so what others write meanwhile might be lost. Switch one of " +
              "them on there.");
        // Apache's tags are weak for a second after each change, as after the copy of a template. A date
        // that stays the same for longer than its second is as good as a strong tag (RFC 9110 section
        // 8.8.2.2).
        lastModified = document.lastModified;
        wait(call, secondPassed);
        continue;
      }
      if (write(call, path, document, filled.text)) return {filled.replaced};
      lastModified.clear();
    }
    throw Failure::unavailable(_server.urlOf(path) +
                               " was not changed: somebody else changes it all the time.");
  }

  dispatch::TestReport test(const Call& call, const Json& input) {
    dispatch::TestReport report;
    _server.test(call, report, "/");
    const std::string document = dispatch::Members(input).textOr("document");
    if (report.ok() && !document.empty()) {
      try {
        const std::string path = webdav::checkedPath(document, "The document");
        const std::int64_t count = webdav::countPlaceholders(read(call, path).text);
        report.pass("Document", _server.urlOf(path) + " is text with " + std::to_string(count) +
                                    (count == 1 ? " placeholder." : " placeholders."));
      } catch (const Failure& failure) {
        report.fail("Document", failure.message());
      }
    }
    report.summary = report.ok() ? "Documents can be read and changed." : report.checks.back().detail;
    return report;
  }

 private:
  /// Throws Failure(INVALID) for what is no text.
  Reading read(const Call& call, const std::string& path) const {
    const std::string what = _server.urlOf(path) + " cannot be filled in";
    if (webdav::isFolder(path)) throw Failure::invalid(what + ": it is a folder.");
    const auto tooLarge = [&] {
      return Failure::invalid(what + ": it has more than " + std::to_string(maxDocument) + " bytes.");
    };
    HttpResponse answer;
    try {
      // A tag of a packed answer is not the document's.
      answer =
          _server.request("GET", path).header("Accept-Encoding", "identity").limit(maxDocument).send(call);
    } catch (const Failure& failure) {
      if (failure.status() == DISPATCH_ERR_LIMIT) throw tooLarge();
      throw;
    }
    if (answer.status != 200)
      throw answer.ok() ? Failure::unavailable(what + ": the server answered with HTTP " +
                                               std::to_string(answer.status) + " in place of 200.")
                        : _server.refusal(what, answer, Asked::reads);
    if (answer.body.size() > maxDocument) throw tooLarge();
    if (const std::string fault = webdav::faultOfText(answer.body); !fault.empty())
      throw Failure::invalid(what + ": it " + fault + ", so it is no text that Dispatch can change. Use a " +
                             "template in Markdown, HTML or plain text, in UTF-8.");
    return {answer.body, answer.header("content-type"), answer.header("etag"),
            answer.header("last-modified")};
  }

  /// False where somebody wrote in between. An answer that is lost costs nothing: written twice is the same.
  bool write(const Call& call, const std::string& path, const Reading& before,
             const std::string& text) const {
    dispatch::HttpRequest put = _server.request("PUT", path);
    if (before.hasStrongTag())
      put.header("If-Match", before.etag);
    else
      put.header("If-Unmodified-Since", before.lastModified);  // RFC 9110 section 13.1.4
    put.body(text, before.contentType.empty() ? "text/plain; charset=utf-8" : before.contentType);
    const HttpResponse answer = put.send(call);
    if (answer.status == 412) return false;
    if (answer.status == 200 || answer.status == 201 || answer.status == 204) return true;
    const std::string what = _server.urlOf(path) + " was not changed";
    if (answer.ok())
      throw Failure::unavailable(what + ", or perhaps it was: HTTP " + std::to_string(answer.status) +
                                 " is no answer of a WebDAV server. Check \"WebDAV address\".");
    throw _server.refusal(what, answer, Asked::repeatable);
  }

  webdav::Client _server;
};

}  // namespace

DISPATCH_PLUGIN(WebdavDocument)
