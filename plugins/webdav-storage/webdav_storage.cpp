// Folders and documents on a WebDAV server (RFC 4918). A resource's id is its path below the base address.
// WebDAV has no permissions that all servers know, so there is no grant, revoke or open; and a lock, its only
// means against changes, cannot be taken back when an incident is reopened, so there is no mark_readonly.
#include "../webdav-common/client.hpp"
#include "../webdav-common/multistatus.hpp"

#include <dispatch/sdk.hpp>

namespace {

using dispatch::Call;
using dispatch::Failure;
using dispatch::HttpResponse;
using dispatch::Json;
using dispatch::Resource;
using dispatch::StorageCreate;
using webdav::Asked;
using webdav::Kind;

/// Where a create puts what it makes.
struct Place {
  Kind kind = Kind::nothing;
  std::string name;  ///< the last segment
  std::string path;
};

class WebdavStorage : public dispatch::StoragePlugin {
 public:
  WebdavStorage(const dispatch::Host& host, const dispatch::Config& config)
      : StoragePlugin(host), _server(host, config) {
    const std::string root = config.text("root_path", "");
    _root = webdav::asFolder(webdav::checkedPath(root.empty() ? "/" : root, "Setting \"root_path\""));
  }

  /// What is there already is the answer: an earlier attempt made it, for names are the incident's own.
  Resource create(const Call& call, const StorageCreate& request) {
    const Place place = placeOf(request);
    if (place.kind == Kind::folder) return makeFolder(call, place);
    // Not every server heeds If-None-Match or Overwrite, and a document with words in it must not be lost.
    const Kind found = _server.look(call, place.path);
    if (found != Kind::nothing) return existing(place, found);
    return request.copyFrom ? copy(call, place, *request.copyFrom) : makeEmpty(call, place);
  }

  std::optional<Resource> find(const Call& call, const StorageCreate& request) {
    const Place place = placeOf(request);
    if (_server.look(call, place.path) != place.kind) return std::nullopt;
    return resourceAt(place);
  }

  void remove(const Call& call, const dispatch::StorageTarget& request) {
    const std::string path = webdav::checkedPath(request.resource.resourceId, "The resource id");
    if (!path.starts_with(_root) || path.size() == _root.size())
      throw Failure::invalid("\"" + path + "\" was not deleted, for it is not in \"Folder for incidents\", " +
                             _root + ". Delete it on the server by hand, or correct that setting.");
    const HttpResponse answer = _server.request("DELETE", path).send(call);
    // RFC 4918 section 9.6.1: 207 tells what could not be deleted, and so is still there; Apache says the
    // same with 424.
    if (answer.status == 207 || answer.status == 424) {
      const auto told = webdav::readMultistatus(answer.body);
      throw Failure::unavailable("Not all of " + _server.urlOf(path) +
                                 " could be deleted: somebody has locked a part of it, or may not delete it" +
                                 (told ? ". The server says of " + dispatch::quoteLine(told->href, 200) +
                                             ": " + dispatch::quoteLine(told->status, 60)
                                       : std::string()) +
                                 ".");
    }
    if (answer.ok() || answer.status == 404 || answer.status == 410) return;
    throw _server.refusal(_server.urlOf(path) + " was not deleted", answer, Asked::repeatable);
  }

  dispatch::TestReport test(const Call& call, const Json&) {
    dispatch::TestReport report;
    _server.test(call, report, _root);
    report.summary = report.ok() ? "Folders and documents can be made in " + _server.urlOf(_root) + "."
                                 : report.checks.back().detail;
    return report;
  }

 private:
  Place placeOf(const StorageCreate& request) const {
    Place place;
    std::string name = request.name;
    // Two incidents may have one title; their folders must not be the same.
    if (!request.parent && name.find(request.incident.name) == std::string::npos)
      name += " (" + request.incident.name + ")";
    place.name = webdav::safeSegment(name);
    place.path = request.parent
                     ? webdav::asFolder(webdav::checkedPath(request.parent->resourceId, "The parent's id"))
                     : _root;
    if (request.kind == StorageCreate::Kind::folder) {
      place.kind = Kind::folder;
      place.path += place.name + "/";
      return place;
    }
    place.kind = Kind::document;
    const std::string extension =
        request.copyFrom ? webdav::extensionOf(request.copyFrom->resourceId) : ".md";
    if (!dispatch::lower(place.name).ends_with(extension)) place.name += extension;
    place.path += place.name;
    return place;
  }

  Resource resourceAt(const Place& place) const {
    return {place.path, _server.weblinkOf(place.path), place.name, ""};
  }

  Resource makeFolder(const Call& call, const Place& place) const {
    const HttpResponse answer = _server.request("MKCOL", place.path).send(call);
    if (answer.status == 201) return resourceAt(place);
    if (answer.status == 405) return lookedAt(call, place, answer);
    throw notMade(place, answer, "");
  }

  Resource copy(const Call& call, const Place& place, const Resource& from) const {
    const std::string source = webdav::checkedPath(from.resourceId, "The template's id");
    const auto isFolder = [&] {
      return Failure::invalid(
          "The template " + _server.urlOf(source) +
          " is a folder. Enter the path of a document as the resource id of this document " +
          "under Documents.");
    };
    if (webdav::isFolder(source)) throw isFolder();
    const HttpResponse answer = _server.request("COPY", source)
                                    .header("Destination", _server.urlOf(place.path))
                                    .header("Overwrite", "F")
                                    .send(call);
    if (answer.status == 201) return resourceAt(place);
    if (answer.status == 412) return lookedAt(call, place, answer);
    if (answer.status == 404 || answer.status == 410)
      throw Failure::notFound(
          "The template " + _server.urlOf(source) + " is not there (HTTP " + std::to_string(answer.status) +
          "). Correct the resource id of this document under Documents, or put it there.");
    if (webdav::sendsToFolder(answer)) throw isFolder();
    // RFC 4918 section 9.8.5: the destination belongs to another server, or so this one believes.
    throw notMade(place, answer,
                  answer.status == 502
                      ? " If this happens every time, a proxy before the server does not pass on "
                        "the scheme and the host of \"WebDAV address\"."
                      : "");
  }

  Resource makeEmpty(const Call& call, const Place& place) const {
    const std::string title = place.name.substr(0, place.name.size() - std::string_view(".md").size());
    const HttpResponse answer = _server.request("PUT", place.path)
                                    .header("If-None-Match", "*")  // RFC 9110 section 13.1.2
                                    .body("# " + title + "\n", "text/markdown; charset=utf-8")
                                    .send(call);
    if (answer.status == 200 || answer.status == 201 || answer.status == 204) return resourceAt(place);
    if (answer.status == 412) return lookedAt(call, place, answer);
    throw notMade(place, answer, "");
  }

  /// The server says that something is there, by refusing to make it.
  Resource lookedAt(const Call& call, const Place& place, const HttpResponse& answer) const {
    Kind found = Kind::nothing;
    try {
      found = _server.look(call, place.path);
    } catch (const Failure& failure) {
      throw Failure::uncertain(
          "Something is at " + _server.urlOf(place.path) +
          " already, perhaps from an earlier attempt, and what it is cannot be told: " + failure.message());
    }
    if (found == Kind::nothing) throw notMade(place, answer, "");
    return existing(place, found);
  }

  Resource existing(const Place& place, Kind found) const {
    if (found == place.kind) return resourceAt(place);
    throw Failure::invalid(_server.urlOf(place.path) + " cannot be made, for a " +
                           (found == Kind::folder ? "folder" : "document") +
                           " of this name is there. Rename that on the server.");
  }

  Failure notMade(const Place& place, const HttpResponse& answer, const std::string& more) const {
    const std::string what = _server.urlOf(place.path) + " was not made";
    // RFC 4918 sections 9.3.1, 9.7.1 and 9.8.5: the folder that it belongs into is missing.
    if (answer.status == 409)
      return Failure::notFound(what +
                               ": the folder it belongs into is not there (HTTP 409). Make it on the " +
                               "server, or correct \"Folder for incidents\".");
    if (answer.ok())
      return Failure::uncertain(what + ", or perhaps it was: HTTP " + std::to_string(answer.status) +
                                " is no answer of a WebDAV server. Check \"WebDAV address\".");
    const Failure failure = _server.refusal(what, answer, Asked::acts);
    return {failure.status(), failure.message() + more, failure.retryAfter()};
  }

  webdav::Client _server;
  std::string _root;  ///< ends with "/"
};

}  // namespace

DISPATCH_PLUGIN(WebdavStorage)
