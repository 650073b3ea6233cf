-- Requests of other systems to plugins, and what plugins told of the outside.

-- The address of an instance. The token stands here as a digest, to be found by, and sealed with the operator's key, to be shown.
CREATE TABLE plugin_webhook (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  plugin_instance_id BIGINT NOT NULL REFERENCES plugin_instance (id) ON DELETE CASCADE,
  token_hash TEXT NOT NULL,
  token TEXT NOT NULL,
  created_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX plugin_webhook_plugin_instance_id ON plugin_webhook (plugin_instance_id);
CREATE UNIQUE INDEX plugin_webhook_token_hash ON plugin_webhook (token_hash);
CREATE INDEX plugin_webhook_organization_id ON plugin_webhook (organization_id);

-- The inbox. `request` is sealed, for its headers carry the sender's credentials, and gone once the delivery has ended.
CREATE TABLE webhook_delivery (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  plugin_instance_id BIGINT NOT NULL REFERENCES plugin_instance (id) ON DELETE CASCADE,
  delivery_id TEXT,
  method TEXT NOT NULL,
  path TEXT NOT NULL,
  peer_address TEXT NOT NULL,
  body_bytes BIGINT NOT NULL,
  request TEXT,
  state TEXT NOT NULL,
  attempt BIGINT NOT NULL DEFAULT 1,
  next_try_at {{instant}},
  lease_owner TEXT,
  lease_until {{instant}},
  response_status BIGINT,
  reason TEXT,
  received_at {{instant}} NOT NULL,
  finished_at {{instant}}
);
CREATE UNIQUE INDEX webhook_delivery_plugin_instance_id_delivery_id ON webhook_delivery (plugin_instance_id, delivery_id);
CREATE INDEX webhook_delivery_state_next_try_at ON webhook_delivery (state, next_try_at);
CREATE INDEX webhook_delivery_finished_at ON webhook_delivery (finished_at);
CREATE INDEX webhook_delivery_organization_id ON webhook_delivery (organization_id);

-- What plugins told of the outside, each key once per instance.
CREATE TABLE plugin_event (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  plugin_instance_id BIGINT NOT NULL REFERENCES plugin_instance (id) ON DELETE CASCADE,
  "key" TEXT NOT NULL,
  type TEXT NOT NULL,
  actor TEXT,
  incident_id BIGINT REFERENCES incident (id) ON DELETE CASCADE,
  created_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX plugin_event_plugin_instance_id_key ON plugin_event (plugin_instance_id, "key");
CREATE INDEX plugin_event_organization_id ON plugin_event (organization_id);
CREATE INDEX plugin_event_incident_id ON plugin_event (incident_id);
