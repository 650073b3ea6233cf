// The C++ SDK for Dispatch plugins: header-only, over the C ABI in <dispatch/abi.h>. A whole plugin:
//
//   #include <dispatch/sdk.hpp>
//
//   class Hello : public dispatch::TicketPlugin {
//    public:
//     Hello(const dispatch::Host& host, const dispatch::Config& config) : TicketPlugin(host),
//     _url(config.text("url")) {} dispatch::Ticket create(const dispatch::Call&, const
//     dispatch::TicketCreate& request) {
//       return {request.incident.name, _url + request.incident.name};
//     }
//     void update(const dispatch::Call&, const dispatch::TicketUpdate&) {}
//
//    private:
//     std::string _url;
//   };
//   DISPATCH_PLUGIN(Hello)
//
// and in CMake: find_package(DispatchSDK), dispatch_add_plugin(hello MANIFEST plugin.json SOURCES hello.cpp).
#pragma once

#include <dispatch/abi.h>
#include <dispatch/sdk/auth_provider.hpp>
#include <dispatch/sdk/conference.hpp>
#include <dispatch/sdk/contact.hpp>
#include <dispatch/sdk/conversation.hpp>
#include <dispatch/sdk/document.hpp>
#include <dispatch/sdk/email.hpp>
#include <dispatch/sdk/entry.hpp>
#include <dispatch/sdk/oncall.hpp>
#include <dispatch/sdk/participant.hpp>
#include <dispatch/sdk/participant_group.hpp>
#include <dispatch/sdk/secret_provider.hpp>
#include <dispatch/sdk/source.hpp>
#include <dispatch/sdk/storage.hpp>
#include <dispatch/sdk/ticket.hpp>
#include <dispatch/sdk/webhook.hpp>
#include <dispatch/sdk/workflow.hpp>
