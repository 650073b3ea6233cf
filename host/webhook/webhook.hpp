// Requests of other systems to plugins (dispatch.webhook/1): the address of each instance, and the inbox in
// which a request is durable before anybody is told that it arrived.
#pragma once

#include "webhook/deliveries.hpp"
#include "webhook/endpoints.hpp"
#include "webhook/inbox.hpp"
