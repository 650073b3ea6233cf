-- Plugins that look outside by themselves (dispatch.source/1): where each goes on, and who has it in hand. `asked`
-- counts how often a person wanted it asked now, `started_over` how often from its beginning: a poll that was under way then does
-- not bring back its own time, or its cursor.
CREATE TABLE plugin_source (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  plugin_instance_id BIGINT NOT NULL REFERENCES plugin_instance (id) ON DELETE CASCADE,
  "cursor" TEXT NOT NULL DEFAULT '',
  asked BIGINT NOT NULL DEFAULT 0,
  started_over BIGINT NOT NULL DEFAULT 0,
  next_poll_at {{instant}} NOT NULL,
  lease_owner TEXT,
  lease_until {{instant}},
  polls BIGINT NOT NULL DEFAULT 0,
  failures BIGINT NOT NULL DEFAULT 0,
  last_polled_at {{instant}},
  last_error TEXT
);
CREATE UNIQUE INDEX plugin_source_plugin_instance_id ON plugin_source (plugin_instance_id);
CREATE INDEX plugin_source_organization_id ON plugin_source (organization_id);
