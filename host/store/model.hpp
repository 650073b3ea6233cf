#pragma once

#include "store/value.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::store {

/// What the filter grammar, sorting and search may see of a table: the models and columns of the original's
/// contract.
struct Column {
  enum class Type { integer, number, text, boolean, instant, json };
  std::string name;
  Type type = Type::text;
  bool searchable = false;  ///< `q` looks into it
  bool nullable = true;     ///< false lets an index serve a sort on SQLite: no NULLs to be put first or last
  std::string sortAs = {};  ///< the column whose order is this one's: "id" for names that end with it
};

/// How one model reaches another.
///
///   by foreign key:       column "incident_type_id"
///   through a join table: through "incident_tag", throughLocal "incident_id", throughRemote "tag_id"
///   rows that point here: targetColumn "incident_id" (the incident's participants)
struct Relation {
  std::string name;                         ///< as nested in answers and dotted in sorts: "incident_type"
  std::string model;                        ///< "IncidentType", "Tag"
  std::string column;                       ///< local foreign key; empty: the row's id
  std::string through;                      ///< join table, or empty
  std::string throughLocal, throughRemote;  ///< its two columns
  /// Further names a filter may use for it. Its own name in CamelCase ("Commander") is one anyway.
  std::vector<std::string> aliases;
  std::string targetColumn = "id";  ///< what it refers to: "slug" for plugins

  /// Leads to several rows, not to at most one.
  bool toMany() const { return column.empty(); }
};

struct Model {
  std::string name;   ///< "IncidentType"
  std::string table;  ///< "incident_type"
  std::vector<Column> columns;
  std::vector<Relation> relations;
  /// Column that ties a row to its organization: every query of the API is held to it. Empty for global
  /// tables.
  std::string organizationColumn = "organization_id";

  /// False keeps filters and sorts of other lists from reaching this model: some of its rows are hidden from
  /// some people, and a filter on a hidden row's columns would tell what is in them.
  bool joinable = true;

  const Column* column(std::string_view name) const;
  /// By its name, an alias, its name in CamelCase, or the model it leads to; of several that lead there, one
  /// that leads to many rows ("Participant" of an incident is any of its participants, not its commander).
  const Relation* relation(std::string_view name) const;
};

/// Every model of the program, filled once at start by those who describe resources, then only read.
class Models {
 public:
  void add(Model model);
  const Model* find(std::string_view name) const;  ///< by model name, nullptr if unknown
  const Model* findByTable(std::string_view table) const;
  std::vector<const Model*> all() const;

 private:
  std::vector<std::unique_ptr<Model>> _models;
};

}  // namespace dispatch::store
