#pragma once

#include <dispatch/sdk/resource.hpp>

#include <map>

namespace dispatch {

struct DocumentUpdate {
  Resource document;
  std::map<std::string, std::string> placeholders;  ///< name without braces -> text

  static DocumentUpdate fromJson(const Json& value) {
    const Members in(value);
    DocumentUpdate out{Resource::fromJson(in.object("document")), {}};
    const Json given = in.object("placeholders");
    for (const auto& [name, text] : given.items())
      if (text.is_string()) out.placeholders[name] = text.get<std::string>();
    return out;
  }
};

struct DocumentUpdated {
  std::int64_t replaced = 0;  ///< places that were changed
};
inline Json toJson(const DocumentUpdated& updated) { return {{"replaced", updated.replaced}}; }

/// Writes into documents: contracts/document.json.
class DocumentPlugin : public Plugin {
 public:
  using Plugin::Plugin;
  DISPATCH_SDK_METHOD(Update, update, "update", DocumentUpdate, DocumentUpdated, 1, Effect::idempotent, true,
                      "DocumentUpdated update(const Call&, const DocumentUpdate&)");
  using Methods = sdk::MethodList<Update>;

 protected:
  ~DocumentPlugin() = default;
};

}  // namespace dispatch
