// One description per API resource. Listing, reading, creating, changing and deleting it, its validation, its
// filter model and its OpenAPI schema all follow from the description; what cannot be said in it stands
// beside the route.
#pragma once

#include "api/request.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dispatch::api {

struct Field {
  enum class Type { integer, number, text, name, email, boolean, instant, json };
  std::string name;
  Type type = Type::text;
  bool required = false;        ///< the key must be sent on create
  bool readOnly = false;        ///< ignored in bodies, as the original ignores unknown keys
  bool hidden = false;          ///< a column that filters may use and answers never show
  bool searchable = false;      ///< `q` looks into it
  Json defaultValue = nullptr;  ///< for create, when the key is missing
  std::vector<std::string> choices = {};
  std::string description = {};
  std::size_t maxLength = 16384;  ///< characters of text
  bool notNull = false;           ///< the column never is, though bodies may leave it out
  std::string sortAs = {};        ///< the column whose order is this one's
};

/// A reference to another row: nested in answers, resolved from a nested object in bodies.
struct Link {
  enum class Resolve { none, byId, byName, byNameOrDefault };
  std::string name;      ///< "project"
  std::string resource;  ///< model of the target, "Project"
  std::string column;    ///< "project_id"
  Resolve resolve = Resolve::byId;
  bool required = false;
  bool notNull = false;                   ///< the column never is
  bool nested = false;                    ///< also shown where this resource is itself nested in another
  std::vector<std::string> aliases = {};  ///< model names a filter may use for it
};

/// A list of other rows: through a join table, or the rows of a child table that point here.
struct Links {
  std::string name;           ///< "tags"
  std::string resource;       ///< "Tag"
  std::string table;          ///< join table, or the child table itself
  std::string local, remote;  ///< its columns; `remote` empty for a child table
  bool nested = false;
  bool writable = false;  ///< a sent list replaces the stored one (items by id)
  std::vector<std::string> aliases = {};
  std::string order = "id";
  bool single = false;  ///< shown as the first of them, or null
};

struct Resource;

/// What hooks get: the transaction and who asks.
struct Write {
  store::Session& session;
  Request& request;
  std::int64_t id = 0;         ///< of the row; 0 before insert
  std::int64_t projectId = 0;  ///< of the row, where it has one
};

using ColumnValues = std::vector<std::pair<std::string, store::Value>>;

struct Resource {
  std::string model;  ///< "IncidentType"
  std::string table;  ///< "incident_type"
  std::string path;   ///< "incident_types"; empty: only nested in others, no routes
  std::string title;  ///< "incident type", for messages
  std::vector<Field> fields;
  std::vector<Link> links;
  std::vector<Links> lists;
  /// Further ways for filters to reach other models, for what no Link can say.
  std::vector<store::Relation> relations;
  /// Members of the original's shape that this build does not fill yet: always present, as null, [] or a
  /// default.
  Json constants = Json::object();
  /// JSON Schema of members whose field or value above does not show it; null where `present` takes them
  /// away.
  Json shapes = Json::object();

  /// Least role per operation; nullopt: there is no such route.
  struct Operations {
    std::optional<auth::Role> list = auth::Role::member, get = auth::Role::member;
    std::optional<auth::Role> create, update, remove;
  } operations;

  std::string organizationColumn = "organization_id";  ///< empty: global table
  bool exclusiveDefault = false;  ///< `default` true takes it from the previous default of the project
  std::string uniqueMessage;      ///< said when the name is taken: "An incident type with this name already
                                  ///< exists in the project."

  // Hooks. All optional.
  std::function<store::Condition(const auth::Principal&)> visible;  ///< rows that lists and gets are held to
  std::function<void(Write&, const Json& body, ColumnValues&)>
      prepare;  ///< last word on the columns of a create or update
  std::function<void(Write&, const Json& body, bool created)> written;  ///< in the same transaction
  std::function<void(Write&)> removing;
  /// Fills computed members, a whole page at once; (session, organization id of the request, rows without
  /// what links and lists nest).
  std::function<void(store::Session&, std::int64_t, std::vector<Json*>&)> present;

  const Field* field(std::string_view name) const;
  bool projectScoped() const;
};

/// All resources by model. Filled at start, then only read.
class Resources {
 public:
  const Resource& add(Resource resource);
  const Resource& get(std::string_view model) const;  ///< throws std::logic_error
  const std::vector<std::unique_ptr<Resource>>& all() const { return _resources; }
  /// The filter grammar's view of them; call once all are added.
  store::Models models() const;

 private:
  std::vector<std::unique_ptr<Resource>> _resources;
};

/// What a list or a get of `request` is held to: its organization's rows, and of those what who asks may see.
std::vector<store::Condition> visibleRows(const Resource& resource, const Request& request);

/// Rows of `resource` with these ids, in their order, in the original's Read shape. One query per table
/// touched, however many rows. `only`: top-level members wanted (empty = all).
std::vector<Json> readRows(store::Session& session, const Resources& resources, const Resource& resource,
                           std::int64_t organizationId, const std::vector<std::int64_t>& ids,
                           const std::vector<std::string>& only = {});

/// Checks a body and turns it into columns. `creating`: required keys and defaults apply. Throws
/// Problem(invalid) with every violation.
ColumnValues validated(store::Session& session, const Resources& resources, const Resource& resource,
                       const Json& body, bool creating, Write& write);

/// OpenAPI schemas of the resource: <Model>Read, <Model>Create, <Model>Update, <Model>Pagination.
void describeSchemas(const Resources& resources, const Resource& resource, Json& schemas);

/// {"items", "itemsPerPage", "page", "total"} in the contract's sense.
Json listPage(store::Session& session, const Resources& resources, const store::Models& models,
              const Resource& resource, const Request& request, const std::vector<std::string>& only = {});

/// The same, to be answered as it is: each of the items is writtenJson(), and what they share was written
/// once.
Json writtenListPage(store::Session& session, const Resources& resources, const store::Models& models,
                     const Resource& resource, const Request& request,
                     const std::vector<std::string>& only = {});

}  // namespace dispatch::api
