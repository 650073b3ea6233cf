// Takes the webhooks of a service that signs them, and reports an incident for each alarm. Change what is
// read to yours.
#include <dispatch/sdk.hpp>

namespace {

using dispatch::Call;
using dispatch::WebhookRequest;
using dispatch::WebhookResponse;

class TEMPLATE_CLASS : public dispatch::WebhookPlugin {
 public:
  TEMPLATE_CLASS(const dispatch::Host& host, const dispatch::Config& config)
      : WebhookPlugin(host), _secret(config.secret("secret")) {}

  WebhookResponse receiveWebhook(const Call& call, const WebhookRequest& request) {
    if (!isGenuine(call, request)) return WebhookResponse::text(401, "The signature is not right.\n");
    const dispatch::Json body = request.json();
    const dispatch::Members alarm(body);
    const auto reported = events().submit(
        call,
        {.type = "incident.report",
         .key = alarm.text("id"),
         .data = {{"title", alarm.text("title")}, {"description", alarm.textOr("text", "No text came.")}}});
    return WebhookResponse::json(200, {{"incident", reported.incidentName}});
  }

  /// A delivery that comes twice is received once.
  std::string webhookDeliveryId(const Call& call, const WebhookRequest& request) {
    return isGenuine(call, request) ? std::string(request.header("X-Delivery-Id")) : "";
  }

 private:
  bool isGenuine(const Call& call, const WebhookRequest& request) const {
    return crypto().hexMacMatches(call, "hmac-sha256", _secret, request.body, request.header("X-Signature"));
  }

  dispatch::Secret _secret;
};

}  // namespace

DISPATCH_PLUGIN(TEMPLATE_CLASS)
