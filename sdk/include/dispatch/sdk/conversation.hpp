#pragma once

#include <dispatch/sdk/resource.hpp>

namespace dispatch {

struct ConversationCreate {
  Incident incident;
  std::string name;         ///< what it should be called; shorten or change it where the service must
  bool restricted = false;  ///< only those who are added may see it

  static ConversationCreate fromJson(const Json& value) {
    const Members in(value);
    return {Incident::fromJson(in.object("incident")), in.text("name"), value.value("restricted", false)};
  }
};

/// What is said in a conversation. A service with markup of its own escapes `text`.
struct Message {
  struct Fact {
    std::string title, value;
  };
  struct Link {
    std::string title, weblink;
  };
  std::string kind;  ///< "incident-welcome", "role-assigned", "status-changed", …
  std::string title, text;
  std::vector<Fact> facts;
  std::vector<Link> links;
  bool pin = false;  ///< keep it at hand, where the service can

  static Message fromJson(const Json& value) {
    const Members in(value);
    Message out{in.text("kind"), in.textOr("title"), in.text("text"), {}, {}, value.value("pin", false)};
    for (const Json& one : in.array("facts"))
      out.facts.push_back({Members(one).text("title"), Members(one).text("value")});
    for (const Json& one : in.array("links"))
      out.links.push_back({Members(one).text("title"), Members(one).text("weblink")});
    return out;
  }

  /// All of it as plain text, one thing a line: for services that know nothing else.
  std::string plain() const {
    std::string all = title;
    const auto line = [&all](const std::string& one) {
      if (!one.empty()) all += (all.empty() ? "" : "\n") + one;
    };
    line(text);
    for (const Fact& one : facts) line(one.title + ": " + one.value);
    for (const Link& one : links) line(one.title + ": " + one.weblink);
    return all;
  }
};

struct ConversationAdd {
  Resource conversation;
  std::vector<Mailbox> participants;
  static ConversationAdd fromJson(const Json& value) {
    const Members in(value);
    return {Resource::fromJson(in.object("conversation")), sdk::mailboxes(in.array("participants"))};
  }
};

struct ConversationRemove {
  Resource conversation;
  Mailbox participant;
  static ConversationRemove fromJson(const Json& value) {
    const Members in(value);
    return {Resource::fromJson(in.object("conversation")), Mailbox::fromJson(in.object("participant"))};
  }
};

struct ConversationSend {
  Resource conversation;
  Message message;
  static ConversationSend fromJson(const Json& value) {
    const Members in(value);
    return {Resource::fromJson(in.object("conversation")), Message::fromJson(in.object("message"))};
  }
};

struct ConversationSendEphemeral {
  Resource conversation;
  Mailbox recipient;
  Message message;
  static ConversationSendEphemeral fromJson(const Json& value) {
    const Members in(value);
    return {Resource::fromJson(in.object("conversation")), Mailbox::fromJson(in.object("recipient")),
            Message::fromJson(in.object("message"))};
  }
};

struct ConversationSendDirect {
  Mailbox recipient;
  Message message;
  static ConversationSendDirect fromJson(const Json& value) {
    const Members in(value);
    return {Mailbox::fromJson(in.object("recipient")), Message::fromJson(in.object("message"))};
  }
};

struct ConversationAnnounce {
  std::string target;  ///< name or id of a conversation that was there before, as an operator wrote it
  Message message;
  static ConversationAnnounce fromJson(const Json& value) {
    const Members in(value);
    return {in.text("target"), Message::fromJson(in.object("message"))};
  }
};

struct ConversationTopic {
  Resource conversation;
  std::string topic;
  static ConversationTopic fromJson(const Json& value) {
    const Members in(value);
    return {Resource::fromJson(in.object("conversation")), in.textOr("topic")};
  }
};

struct ConversationDescription {
  Resource conversation;
  std::string description;
  static ConversationDescription fromJson(const Json& value) {
    const Members in(value);
    return {Resource::fromJson(in.object("conversation")), in.textOr("description")};
  }
};

struct ConversationBookmark {
  Resource conversation;
  std::string title, weblink;
  static ConversationBookmark fromJson(const Json& value) {
    const Members in(value);
    return {Resource::fromJson(in.object("conversation")), in.text("title"), in.text("weblink")};
  }
};

struct ConversationRename {
  Resource conversation;
  std::string name;
  static ConversationRename fromJson(const Json& value) {
    const Members in(value);
    return {Resource::fromJson(in.object("conversation")), in.text("name")};
  }
};

struct ConversationTarget {
  Resource conversation;
  static ConversationTarget fromJson(const Json& value) {
    return {Resource::fromJson(Members(value).object("conversation"))};
  }
};

struct MessageSent {
  std::string messageId;  ///< the service's name for it
  std::string weblink;
};
inline Json toJson(const MessageSent& sent) {
  Json out = Json::object();
  sdk::put(out, "message_id", sent.messageId);
  sdk::put(out, "weblink", sent.weblink);
  return out;
}

/// A chat service: contracts/conversation.json.
class ConversationPlugin : public Plugin {
 public:
  using Plugin::Plugin;
  DISPATCH_SDK_METHOD(Create, create, "create", ConversationCreate, Resource, 1, Effect::findable, true,
                      "Resource create(const Call&, const ConversationCreate&)");
  DISPATCH_SDK_METHOD(Find, find, "find", ConversationCreate, std::optional<Resource>, 1, Effect::read, false,
                      "std::optional<Resource> find(const Call&, const ConversationCreate&)");
  DISPATCH_SDK_METHOD(Add, add, "add", ConversationAdd, Rejections, 1, Effect::idempotent, true,
                      "Rejections add(const Call&, const ConversationAdd&)");
  DISPATCH_SDK_METHOD(Remove, remove, "remove", ConversationRemove, Done, 1, Effect::idempotent, false,
                      "void remove(const Call&, const ConversationRemove&)");
  DISPATCH_SDK_METHOD(Send, send, "send", ConversationSend, MessageSent, 1, Effect::atMostOnce, true,
                      "MessageSent send(const Call&, const ConversationSend&)");
  DISPATCH_SDK_METHOD(SendEphemeral, sendEphemeral, "send_ephemeral", ConversationSendEphemeral, MessageSent,
                      1, Effect::atMostOnce, false,
                      "MessageSent sendEphemeral(const Call&, const ConversationSendEphemeral&)");
  DISPATCH_SDK_METHOD(SendDirect, sendDirect, "send_direct", ConversationSendDirect, MessageSent, 1,
                      Effect::atMostOnce, false,
                      "MessageSent sendDirect(const Call&, const ConversationSendDirect&)");
  DISPATCH_SDK_METHOD(Announce, announce, "announce", ConversationAnnounce, MessageSent, 1,
                      Effect::atMostOnce, false,
                      "MessageSent announce(const Call&, const ConversationAnnounce&)");
  DISPATCH_SDK_METHOD(SetTopic, setTopic, "set_topic", ConversationTopic, Done, 1, Effect::idempotent, false,
                      "void setTopic(const Call&, const ConversationTopic&)");
  DISPATCH_SDK_METHOD(SetDescription, setDescription, "set_description", ConversationDescription, Done, 1,
                      Effect::idempotent, false,
                      "void setDescription(const Call&, const ConversationDescription&)");
  DISPATCH_SDK_METHOD(AddBookmark, addBookmark, "add_bookmark", ConversationBookmark, Done, 1,
                      Effect::idempotent, false,
                      "void addBookmark(const Call&, const ConversationBookmark&)");
  DISPATCH_SDK_METHOD(Rename, rename, "rename", ConversationRename, Done, 1, Effect::idempotent, false,
                      "void rename(const Call&, const ConversationRename&)");
  DISPATCH_SDK_METHOD(Archive, archive, "archive", ConversationTarget, Done, 1, Effect::idempotent, false,
                      "void archive(const Call&, const ConversationTarget&)");
  DISPATCH_SDK_METHOD(Unarchive, unarchive, "unarchive", ConversationTarget, Done, 1, Effect::idempotent,
                      false, "void unarchive(const Call&, const ConversationTarget&)");
  using Methods = sdk::MethodList<Create, Find, Add, Remove, Send, SendEphemeral, SendDirect, Announce,
                                  SetTopic, SetDescription, AddBookmark, Rename, Archive, Unarchive>;

 protected:
  ~ConversationPlugin() = default;
};

}  // namespace dispatch
