-- The schema of the first release. Both databases read this one text; {{id}} and {{instant}} become the dialect's form.
--
-- Rules: every integer is BIGINT; instants are text of one fixed form (base/time.hpp) compared byte by byte; JSON is
-- TEXT; unique rules carry the name <table>_<columns>, which is what a Problem of type "unique:…" tells; what belongs to
-- an organization names it in organization_id; whatever a later subject (case, signal) will share keeps incident_id
-- nullable; a reference back to a table that comes later is added with ALTER TABLE, as both databases allow it.

CREATE TABLE organization (
  id {{id}},
  name TEXT NOT NULL,
  slug TEXT NOT NULL,
  description TEXT,
  "default" BOOLEAN NOT NULL DEFAULT FALSE,
  banner_enabled BOOLEAN NOT NULL DEFAULT FALSE,
  banner_color TEXT,
  banner_text TEXT,
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX organization_name ON organization (name);
CREATE UNIQUE INDEX organization_slug ON organization (slug);

CREATE TABLE project (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  name TEXT NOT NULL,
  slug TEXT NOT NULL,
  display_name TEXT NOT NULL DEFAULT '',
  description TEXT,
  "default" BOOLEAN NOT NULL DEFAULT FALSE,
  color TEXT,
  annual_employee_cost BIGINT NOT NULL DEFAULT 50000,
  business_year_hours BIGINT NOT NULL DEFAULT 2080,
  owner_email TEXT,
  owner_conversation TEXT,
  enabled BOOLEAN NOT NULL DEFAULT TRUE,
  allow_self_join BOOLEAN NOT NULL DEFAULT TRUE,
  send_daily_reports BOOLEAN NOT NULL DEFAULT TRUE,
  send_weekly_reports BOOLEAN NOT NULL DEFAULT FALSE,
  select_commander_visibility BOOLEAN NOT NULL DEFAULT TRUE,
  storage_folder_one TEXT,
  storage_folder_two TEXT,
  storage_use_folder_one_as_primary BOOLEAN NOT NULL DEFAULT TRUE,
  storage_use_title BOOLEAN NOT NULL DEFAULT FALSE,
  report_incident_instructions TEXT,
  report_incident_title_hint TEXT,
  report_incident_description_hint TEXT,
  suggest_security_event_over_incident BOOLEAN NOT NULL DEFAULT TRUE,
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX project_organization_id_name ON project (organization_id, name);

-- People who log in ------------------------------------------------------------------------------------------------

CREATE TABLE dispatch_user (
  id {{id}},
  email TEXT NOT NULL,
  password_hash TEXT,
  is_active BOOLEAN NOT NULL DEFAULT TRUE,
  experimental_features BOOLEAN NOT NULL DEFAULT FALSE,
  last_login_at {{instant}},
  last_mfa_time {{instant}},
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX dispatch_user_email ON dispatch_user (lower(email));

CREATE TABLE user_organization (
  user_id BIGINT NOT NULL REFERENCES dispatch_user (id) ON DELETE CASCADE,
  organization_id BIGINT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
  role TEXT NOT NULL,
  created_at {{instant}},
  updated_at {{instant}},
  CONSTRAINT user_organization_user_id_organization_id PRIMARY KEY (user_id, organization_id)
);
CREATE INDEX user_organization_organization_id ON user_organization (organization_id);

CREATE TABLE user_project (
  user_id BIGINT NOT NULL REFERENCES dispatch_user (id) ON DELETE CASCADE,
  project_id BIGINT NOT NULL REFERENCES project (id) ON DELETE CASCADE,
  role TEXT,
  is_default BOOLEAN NOT NULL DEFAULT FALSE,
  created_at {{instant}},
  updated_at {{instant}},
  CONSTRAINT user_project_user_id_project_id PRIMARY KEY (user_id, project_id)
);
CREATE INDEX user_project_project_id ON user_project (project_id);

CREATE TABLE user_settings (
  id {{id}},
  user_id BIGINT NOT NULL REFERENCES dispatch_user (id) ON DELETE CASCADE,
  auto_add_to_incident_bridges BOOLEAN NOT NULL DEFAULT TRUE,
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX user_settings_user_id ON user_settings (user_id);

CREATE TABLE user_identity (
  id {{id}},
  user_id BIGINT NOT NULL REFERENCES dispatch_user (id) ON DELETE CASCADE,
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  created_at {{instant}} NOT NULL,
  last_used_at {{instant}}
);
CREATE UNIQUE INDEX user_identity_issuer_subject ON user_identity (issuer, subject);
CREATE INDEX user_identity_user_id ON user_identity (user_id);

CREATE TABLE session (
  id {{id}},
  token_hash TEXT NOT NULL,
  user_id BIGINT NOT NULL REFERENCES dispatch_user (id) ON DELETE CASCADE,
  csrf_token TEXT NOT NULL,
  created_at {{instant}} NOT NULL,
  last_seen_at {{instant}} NOT NULL,
  expires_at {{instant}} NOT NULL,
  user_agent TEXT,
  address TEXT
);
CREATE UNIQUE INDEX session_token_hash ON session (token_hash);
CREATE INDEX session_user_id ON session (user_id);
CREATE INDEX session_expires_at ON session (expires_at);

-- People, teams and services that incidents call on ----------------------------------------------------------------

CREATE TABLE team_contact (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  project_id BIGINT NOT NULL REFERENCES project (id),
  name TEXT NOT NULL,
  email TEXT NOT NULL,
  is_active BOOLEAN NOT NULL DEFAULT TRUE,
  is_external BOOLEAN NOT NULL DEFAULT FALSE,
  contact_type TEXT,
  company TEXT,
  notes TEXT,
  owner TEXT,
  evergreen BOOLEAN NOT NULL DEFAULT FALSE,
  evergreen_owner TEXT,
  evergreen_reminder_interval BIGINT NOT NULL DEFAULT 90,
  evergreen_last_reminder_at {{instant}},
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX team_contact_project_id_email ON team_contact (project_id, lower(email));
CREATE INDEX team_contact_organization_id ON team_contact (organization_id);

CREATE TABLE individual_contact (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  project_id BIGINT NOT NULL REFERENCES project (id),
  email TEXT NOT NULL,
  name TEXT,
  is_active BOOLEAN NOT NULL DEFAULT TRUE,
  is_external BOOLEAN NOT NULL DEFAULT FALSE,
  contact_type TEXT,
  company TEXT,
  notes TEXT,
  owner TEXT,
  mobile_phone TEXT,
  office_phone TEXT,
  title TEXT,
  weblink TEXT,
  external_id TEXT,
  team_contact_id BIGINT REFERENCES team_contact (id) ON DELETE SET NULL,
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX individual_contact_project_id_email ON individual_contact (project_id, lower(email));
CREATE INDEX individual_contact_organization_id ON individual_contact (organization_id);
CREATE INDEX individual_contact_team_contact_id ON individual_contact (team_contact_id);

CREATE TABLE service (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  project_id BIGINT NOT NULL REFERENCES project (id),
  name TEXT,
  type TEXT,
  external_id TEXT,
  description TEXT,
  is_active BOOLEAN NOT NULL DEFAULT TRUE,
  health_metrics BOOLEAN NOT NULL DEFAULT FALSE,
  shift_hours_type BIGINT NOT NULL DEFAULT 24,
  evergreen BOOLEAN NOT NULL DEFAULT FALSE,
  evergreen_owner TEXT,
  evergreen_reminder_interval BIGINT NOT NULL DEFAULT 90,
  evergreen_last_reminder_at {{instant}},
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX service_project_id_external_id ON service (project_id, external_id);
CREATE INDEX service_organization_id ON service (organization_id);

-- How incidents are classified -------------------------------------------------------------------------------------

CREATE TABLE tag_type (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  project_id BIGINT NOT NULL REFERENCES project (id),
  name TEXT NOT NULL,
  description TEXT,
  exclusive BOOLEAN NOT NULL DEFAULT FALSE,
  required BOOLEAN NOT NULL DEFAULT FALSE,
  discoverable_case BOOLEAN NOT NULL DEFAULT TRUE,
  discoverable_incident BOOLEAN NOT NULL DEFAULT TRUE,
  discoverable_query BOOLEAN NOT NULL DEFAULT TRUE,
  discoverable_signal BOOLEAN NOT NULL DEFAULT TRUE,
  discoverable_source BOOLEAN NOT NULL DEFAULT TRUE,
  discoverable_document BOOLEAN NOT NULL DEFAULT TRUE,
  color TEXT,
  icon TEXT,
  use_for_project_folder BOOLEAN NOT NULL DEFAULT FALSE,
  genai_suggestions BOOLEAN NOT NULL DEFAULT FALSE,
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX tag_type_project_id_name ON tag_type (project_id, name);
CREATE INDEX tag_type_organization_id ON tag_type (organization_id);

CREATE TABLE tag (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  project_id BIGINT NOT NULL REFERENCES project (id),
  tag_type_id BIGINT NOT NULL REFERENCES tag_type (id),
  name TEXT NOT NULL,
  description TEXT,
  uri TEXT,
  source TEXT,
  external_id TEXT,
  discoverable BOOLEAN NOT NULL DEFAULT TRUE,
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX tag_tag_type_id_name ON tag (tag_type_id, name);
CREATE INDEX tag_organization_id ON tag (organization_id);
CREATE INDEX tag_project_id_name ON tag (project_id, name);

CREATE TABLE incident_type (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  project_id BIGINT NOT NULL REFERENCES project (id),
  name TEXT NOT NULL,
  slug TEXT,
  description TEXT,
  visibility TEXT NOT NULL DEFAULT 'Open',
  enabled BOOLEAN NOT NULL DEFAULT TRUE,
  "default" BOOLEAN NOT NULL DEFAULT FALSE,
  exclude_from_metrics BOOLEAN NOT NULL DEFAULT FALSE,
  exclude_from_reminders BOOLEAN NOT NULL DEFAULT FALSE,
  exclude_from_review BOOLEAN NOT NULL DEFAULT FALSE,
  plugin_metadata TEXT NOT NULL DEFAULT '[]',
  task_plugin_metadata TEXT NOT NULL DEFAULT '[]',
  generate_read_in_summary BOOLEAN NOT NULL DEFAULT FALSE,
  channel_description TEXT,
  commander_service_id BIGINT REFERENCES service (id) ON DELETE SET NULL,
  liaison_service_id BIGINT REFERENCES service (id) ON DELETE SET NULL,
  description_service_id BIGINT REFERENCES service (id) ON DELETE SET NULL,
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX incident_type_project_id_name ON incident_type (project_id, name);
CREATE INDEX incident_type_organization_id ON incident_type (organization_id);
CREATE INDEX incident_type_commander_service_id ON incident_type (commander_service_id);
CREATE INDEX incident_type_liaison_service_id ON incident_type (liaison_service_id);
CREATE INDEX incident_type_description_service_id ON incident_type (description_service_id);

CREATE TABLE incident_priority (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  project_id BIGINT NOT NULL REFERENCES project (id),
  name TEXT NOT NULL,
  description TEXT,
  page_commander BOOLEAN NOT NULL DEFAULT FALSE,
  color TEXT,
  enabled BOOLEAN NOT NULL DEFAULT TRUE,
  "default" BOOLEAN NOT NULL DEFAULT FALSE,
  disable_delayed_message_warning BOOLEAN NOT NULL DEFAULT FALSE,
  tactical_report_reminder BIGINT,
  executive_report_reminder BIGINT,
  view_order BIGINT,
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX incident_priority_project_id_name ON incident_priority (project_id, name);
CREATE INDEX incident_priority_organization_id ON incident_priority (organization_id);

CREATE TABLE incident_severity (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  project_id BIGINT NOT NULL REFERENCES project (id),
  name TEXT NOT NULL,
  description TEXT,
  color TEXT,
  enabled BOOLEAN NOT NULL DEFAULT TRUE,
  "default" BOOLEAN NOT NULL DEFAULT FALSE,
  allowed_for_stable_incidents BOOLEAN NOT NULL DEFAULT TRUE,
  view_order BIGINT,
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX incident_severity_project_id_name ON incident_severity (project_id, name);
CREATE INDEX incident_severity_organization_id ON incident_severity (organization_id);

ALTER TABLE project ADD COLUMN stable_priority_id BIGINT REFERENCES incident_priority (id) ON DELETE SET NULL;
ALTER TABLE project ADD COLUMN snooze_extension_oncall_service_id BIGINT REFERENCES service (id) ON DELETE SET NULL;
CREATE INDEX project_stable_priority_id ON project (stable_priority_id);
CREATE INDEX project_snooze_extension_oncall_service_id ON project (snooze_extension_oncall_service_id);

-- Who fills a role in which incidents.
CREATE TABLE incident_role (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  project_id BIGINT NOT NULL REFERENCES project (id),
  role TEXT NOT NULL,
  enabled BOOLEAN NOT NULL DEFAULT TRUE,
  "order" BIGINT,
  service_id BIGINT REFERENCES service (id) ON DELETE CASCADE,
  individual_id BIGINT REFERENCES individual_contact (id) ON DELETE CASCADE,
  engage_next_oncall BOOLEAN NOT NULL DEFAULT FALSE,
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE INDEX incident_role_organization_id ON incident_role (organization_id);
CREATE INDEX incident_role_project_id_role ON incident_role (project_id, role);
CREATE INDEX incident_role_service_id ON incident_role (service_id);
CREATE INDEX incident_role_individual_id ON incident_role (individual_id);

CREATE TABLE incident_role_tag (
  incident_role_id BIGINT NOT NULL REFERENCES incident_role (id) ON DELETE CASCADE,
  tag_id BIGINT NOT NULL REFERENCES tag (id) ON DELETE CASCADE,
  CONSTRAINT incident_role_tag_incident_role_id_tag_id PRIMARY KEY (incident_role_id, tag_id)
);
CREATE INDEX incident_role_tag_tag_id ON incident_role_tag (tag_id);

CREATE TABLE incident_role_incident_type (
  incident_role_id BIGINT NOT NULL REFERENCES incident_role (id) ON DELETE CASCADE,
  incident_type_id BIGINT NOT NULL REFERENCES incident_type (id) ON DELETE CASCADE,
  CONSTRAINT incident_role_incident_type_incident_role_id_incident_type_id PRIMARY KEY (incident_role_id, incident_type_id)
);
CREATE INDEX incident_role_incident_type_incident_type_id ON incident_role_incident_type (incident_type_id);

CREATE TABLE incident_role_incident_priority (
  incident_role_id BIGINT NOT NULL REFERENCES incident_role (id) ON DELETE CASCADE,
  incident_priority_id BIGINT NOT NULL REFERENCES incident_priority (id) ON DELETE CASCADE,
  CONSTRAINT incident_role_incident_priority_pair PRIMARY KEY (incident_role_id, incident_priority_id)
);
CREATE INDEX incident_role_incident_priority_incident_priority_id
  ON incident_role_incident_priority (incident_priority_id);

-- Incidents --------------------------------------------------------------------------------------------------------

CREATE TABLE incident (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  project_id BIGINT NOT NULL REFERENCES project (id),
  name TEXT,
  title TEXT NOT NULL,
  description TEXT NOT NULL,
  resolution TEXT,
  status TEXT NOT NULL DEFAULT 'Active',
  visibility TEXT NOT NULL DEFAULT 'Open',
  kind TEXT NOT NULL DEFAULT 'real',
  summary TEXT,
  participants_team TEXT,
  participants_location TEXT,
  commanders_location TEXT,
  reporters_location TEXT,
  delay_tactical_report_reminder {{instant}},
  delay_executive_report_reminder {{instant}},
  reported_at {{instant}} NOT NULL,
  stable_at {{instant}},
  closed_at {{instant}},
  incident_type_id BIGINT NOT NULL REFERENCES incident_type (id),
  incident_priority_id BIGINT NOT NULL REFERENCES incident_priority (id),
  incident_severity_id BIGINT NOT NULL REFERENCES incident_severity (id),
  duplicate_id BIGINT REFERENCES incident (id) ON DELETE SET NULL,
  version BIGINT NOT NULL DEFAULT 1,
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX incident_organization_id_name ON incident (organization_id, name);
CREATE INDEX incident_organization_id_project_id_status_reported_at
  ON incident (organization_id, project_id, status, reported_at);
-- With visibility, so that counting what somebody may see needs no rows.
CREATE INDEX incident_organization_id_reported_at_visibility ON incident (organization_id, reported_at, visibility);
CREATE INDEX incident_organization_id_created_at ON incident (organization_id, created_at);
CREATE INDEX incident_project_id ON incident (project_id);
CREATE INDEX incident_incident_type_id ON incident (incident_type_id);
CREATE INDEX incident_incident_priority_id ON incident (incident_priority_id);
CREATE INDEX incident_incident_severity_id ON incident (incident_severity_id);
CREATE INDEX incident_duplicate_id ON incident (duplicate_id);

CREATE TABLE incident_tag (
  incident_id BIGINT NOT NULL REFERENCES incident (id) ON DELETE CASCADE,
  tag_id BIGINT NOT NULL REFERENCES tag (id) ON DELETE CASCADE,
  CONSTRAINT incident_tag_incident_id_tag_id PRIMARY KEY (incident_id, tag_id)
);
CREATE INDEX incident_tag_tag_id ON incident_tag (tag_id);

CREATE TABLE participant (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  incident_id BIGINT REFERENCES incident (id) ON DELETE CASCADE,
  individual_contact_id BIGINT NOT NULL REFERENCES individual_contact (id),
  service_id BIGINT REFERENCES service (id) ON DELETE SET NULL,
  team TEXT,
  department TEXT,
  location TEXT,
  added_by_id BIGINT REFERENCES participant (id) ON DELETE SET NULL,
  added_reason TEXT,
  after_hours_notification BOOLEAN NOT NULL DEFAULT FALSE,
  user_conversation_id TEXT,
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX participant_incident_id_individual_contact_id ON participant (incident_id, individual_contact_id);
CREATE INDEX participant_organization_id ON participant (organization_id);
CREATE INDEX participant_individual_contact_id ON participant (individual_contact_id);
CREATE INDEX participant_service_id ON participant (service_id);
CREATE INDEX participant_added_by_id ON participant (added_by_id);

CREATE TABLE participant_role (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  participant_id BIGINT NOT NULL REFERENCES participant (id) ON DELETE CASCADE,
  role TEXT NOT NULL,
  assumed_at {{instant}} NOT NULL,
  renounced_at {{instant}},
  activity BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX participant_role_organization_id ON participant_role (organization_id);
CREATE INDEX participant_role_participant_id ON participant_role (participant_id);

ALTER TABLE incident ADD COLUMN commander_id BIGINT REFERENCES participant (id) ON DELETE SET NULL;
ALTER TABLE incident ADD COLUMN reporter_id BIGINT REFERENCES participant (id) ON DELETE SET NULL;
ALTER TABLE incident ADD COLUMN liaison_id BIGINT REFERENCES participant (id) ON DELETE SET NULL;
ALTER TABLE incident ADD COLUMN scribe_id BIGINT REFERENCES participant (id) ON DELETE SET NULL;
CREATE INDEX incident_commander_id ON incident (commander_id);
CREATE INDEX incident_reporter_id ON incident (reporter_id);
CREATE INDEX incident_liaison_id ON incident (liaison_id);
CREATE INDEX incident_scribe_id ON incident (scribe_id);

CREATE TABLE event (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  uuid TEXT NOT NULL,
  started_at {{instant}} NOT NULL,
  ended_at {{instant}} NOT NULL,
  source TEXT NOT NULL,
  description TEXT NOT NULL,
  details TEXT,
  type TEXT,
  owner TEXT,
  pinned BOOLEAN NOT NULL DEFAULT FALSE,
  incident_id BIGINT REFERENCES incident (id) ON DELETE CASCADE,
  individual_id BIGINT REFERENCES individual_contact (id) ON DELETE SET NULL,
  dispatch_user_id BIGINT REFERENCES dispatch_user (id) ON DELETE SET NULL,
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX event_uuid ON event (uuid);
CREATE INDEX event_organization_id ON event (organization_id);
CREATE INDEX event_incident_id_started_at ON event (incident_id, started_at);
CREATE INDEX event_individual_id ON event (individual_id);
CREATE INDEX event_dispatch_user_id ON event (dispatch_user_id);

-- What an incident has on the outside. One of each per incident, but for groups and documents.

CREATE TABLE ticket (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  incident_id BIGINT REFERENCES incident (id) ON DELETE CASCADE,
  resource_type TEXT,
  resource_id TEXT,
  weblink TEXT,
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX ticket_incident_id ON ticket (incident_id);
CREATE INDEX ticket_organization_id ON ticket (organization_id);

CREATE TABLE conversation (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  incident_id BIGINT REFERENCES incident (id) ON DELETE CASCADE,
  resource_type TEXT,
  resource_id TEXT,
  weblink TEXT,
  channel_id TEXT,
  thread_id TEXT,
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX conversation_incident_id ON conversation (incident_id);
CREATE INDEX conversation_organization_id_channel_id ON conversation (organization_id, channel_id);

CREATE TABLE conference (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  incident_id BIGINT REFERENCES incident (id) ON DELETE CASCADE,
  resource_type TEXT,
  resource_id TEXT,
  weblink TEXT,
  conference_id TEXT,
  conference_challenge TEXT,
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX conference_incident_id ON conference (incident_id);
CREATE INDEX conference_organization_id ON conference (organization_id);

CREATE TABLE storage (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  incident_id BIGINT REFERENCES incident (id) ON DELETE CASCADE,
  resource_type TEXT,
  resource_id TEXT,
  weblink TEXT,
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX storage_incident_id ON storage (incident_id);
CREATE INDEX storage_organization_id ON storage (organization_id);

CREATE TABLE incident_group (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  incident_id BIGINT REFERENCES incident (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  email TEXT NOT NULL,
  resource_type TEXT,
  resource_id TEXT,
  weblink TEXT,
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE INDEX incident_group_incident_id ON incident_group (incident_id);
CREATE INDEX incident_group_organization_id ON incident_group (organization_id);

CREATE TABLE document (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  project_id BIGINT NOT NULL REFERENCES project (id),
  incident_id BIGINT REFERENCES incident (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  description TEXT,
  resource_type TEXT,
  resource_id TEXT,
  weblink TEXT,
  evergreen BOOLEAN NOT NULL DEFAULT FALSE,
  evergreen_owner TEXT,
  evergreen_reminder_interval BIGINT NOT NULL DEFAULT 90,
  evergreen_last_reminder_at {{instant}},
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE INDEX document_organization_id ON document (organization_id);
CREATE INDEX document_project_id ON document (project_id);
CREATE INDEX document_incident_id ON document (incident_id);

CREATE TABLE document_tag (
  document_id BIGINT NOT NULL REFERENCES document (id) ON DELETE CASCADE,
  tag_id BIGINT NOT NULL REFERENCES tag (id) ON DELETE CASCADE,
  CONSTRAINT document_tag_document_id_tag_id PRIMARY KEY (document_id, tag_id)
);
CREATE INDEX document_tag_tag_id ON document_tag (tag_id);

ALTER TABLE incident ADD COLUMN incident_document_id BIGINT REFERENCES document (id) ON DELETE SET NULL;
ALTER TABLE incident ADD COLUMN incident_review_document_id BIGINT REFERENCES document (id) ON DELETE SET NULL;
ALTER TABLE incident ADD COLUMN tactical_group_id BIGINT REFERENCES incident_group (id) ON DELETE SET NULL;
ALTER TABLE incident ADD COLUMN notifications_group_id BIGINT REFERENCES incident_group (id) ON DELETE SET NULL;
CREATE INDEX incident_incident_document_id ON incident (incident_document_id);
CREATE INDEX incident_incident_review_document_id ON incident (incident_review_document_id);
CREATE INDEX incident_tactical_group_id ON incident (tactical_group_id);
CREATE INDEX incident_notifications_group_id ON incident (notifications_group_id);

ALTER TABLE incident_type ADD COLUMN incident_template_document_id BIGINT REFERENCES document (id) ON DELETE SET NULL;
ALTER TABLE incident_type ADD COLUMN executive_template_document_id BIGINT REFERENCES document (id) ON DELETE SET NULL;
ALTER TABLE incident_type ADD COLUMN review_template_document_id BIGINT REFERENCES document (id) ON DELETE SET NULL;
ALTER TABLE incident_type ADD COLUMN tracking_template_document_id BIGINT REFERENCES document (id) ON DELETE SET NULL;
CREATE INDEX incident_type_incident_template_document_id ON incident_type (incident_template_document_id);
CREATE INDEX incident_type_executive_template_document_id ON incident_type (executive_template_document_id);
CREATE INDEX incident_type_review_template_document_id ON incident_type (review_template_document_id);
CREATE INDEX incident_type_tracking_template_document_id ON incident_type (tracking_template_document_id);

-- Search filters and what they choose ------------------------------------------------------------------------------

CREATE TABLE search_filter (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  project_id BIGINT NOT NULL REFERENCES project (id),
  name TEXT NOT NULL,
  description TEXT,
  expression TEXT NOT NULL DEFAULT '[]',
  subject TEXT NOT NULL DEFAULT 'incident',
  enabled BOOLEAN NOT NULL DEFAULT TRUE,
  creator_id BIGINT REFERENCES dispatch_user (id) ON DELETE SET NULL,
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX search_filter_project_id_name ON search_filter (project_id, name);
CREATE INDEX search_filter_organization_id ON search_filter (organization_id);
CREATE INDEX search_filter_creator_id ON search_filter (creator_id);

CREATE TABLE notification (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  project_id BIGINT NOT NULL REFERENCES project (id),
  name TEXT NOT NULL,
  description TEXT,
  type TEXT NOT NULL,
  target TEXT NOT NULL,
  enabled BOOLEAN NOT NULL DEFAULT TRUE,
  evergreen BOOLEAN NOT NULL DEFAULT FALSE,
  evergreen_owner TEXT,
  evergreen_reminder_interval BIGINT NOT NULL DEFAULT 90,
  evergreen_last_reminder_at {{instant}},
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX notification_project_id_name ON notification (project_id, name);
CREATE INDEX notification_organization_id ON notification (organization_id);

ALTER TABLE project ADD COLUMN weekly_report_notification_id BIGINT REFERENCES notification (id) ON DELETE SET NULL;
CREATE INDEX project_weekly_report_notification_id ON project (weekly_report_notification_id);

CREATE TABLE notification_filter (
  notification_id BIGINT NOT NULL REFERENCES notification (id) ON DELETE CASCADE,
  search_filter_id BIGINT NOT NULL REFERENCES search_filter (id) ON DELETE CASCADE,
  CONSTRAINT notification_filter_notification_id_search_filter_id PRIMARY KEY (notification_id, search_filter_id)
);
CREATE INDEX notification_filter_search_filter_id ON notification_filter (search_filter_id);

CREATE TABLE service_filter (
  service_id BIGINT NOT NULL REFERENCES service (id) ON DELETE CASCADE,
  search_filter_id BIGINT NOT NULL REFERENCES search_filter (id) ON DELETE CASCADE,
  CONSTRAINT service_filter_service_id_search_filter_id PRIMARY KEY (service_id, search_filter_id)
);
CREATE INDEX service_filter_search_filter_id ON service_filter (search_filter_id);

CREATE TABLE individual_contact_filter (
  individual_contact_id BIGINT NOT NULL REFERENCES individual_contact (id) ON DELETE CASCADE,
  search_filter_id BIGINT NOT NULL REFERENCES search_filter (id) ON DELETE CASCADE,
  CONSTRAINT individual_contact_filter_pair PRIMARY KEY (individual_contact_id, search_filter_id)
);
CREATE INDEX individual_contact_filter_search_filter_id ON individual_contact_filter (search_filter_id);

CREATE TABLE team_contact_filter (
  team_contact_id BIGINT NOT NULL REFERENCES team_contact (id) ON DELETE CASCADE,
  search_filter_id BIGINT NOT NULL REFERENCES search_filter (id) ON DELETE CASCADE,
  CONSTRAINT team_contact_filter_team_contact_id_search_filter_id PRIMARY KEY (team_contact_id, search_filter_id)
);
CREATE INDEX team_contact_filter_search_filter_id ON team_contact_filter (search_filter_id);

CREATE TABLE document_filter (
  document_id BIGINT NOT NULL REFERENCES document (id) ON DELETE CASCADE,
  search_filter_id BIGINT NOT NULL REFERENCES search_filter (id) ON DELETE CASCADE,
  CONSTRAINT document_filter_document_id_search_filter_id PRIMARY KEY (document_id, search_filter_id)
);
CREATE INDEX document_filter_search_filter_id ON document_filter (search_filter_id);

-- Plugins ----------------------------------------------------------------------------------------------------------

-- What some host has found installed; kept when the package goes, so that its instances can say what they miss.
CREATE TABLE plugin (
  id {{id}},
  slug TEXT NOT NULL,
  title TEXT NOT NULL,
  description TEXT,
  version TEXT NOT NULL,
  author TEXT NOT NULL DEFAULT '',
  author_url TEXT NOT NULL DEFAULT '',
  type TEXT NOT NULL,
  multiple BOOLEAN NOT NULL DEFAULT FALSE,
  digest TEXT,
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX plugin_slug ON plugin (slug);

CREATE TABLE plugin_instance (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  project_id BIGINT NOT NULL REFERENCES project (id),
  plugin_slug TEXT NOT NULL REFERENCES plugin (slug),
  enabled BOOLEAN NOT NULL DEFAULT FALSE,
  configuration TEXT,
  config_revision BIGINT NOT NULL DEFAULT 1,
  origin TEXT NOT NULL DEFAULT 'database',
  state TEXT,
  last_error TEXT,
  last_tested_at {{instant}},
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE INDEX plugin_instance_organization_id ON plugin_instance (organization_id);
CREATE INDEX plugin_instance_project_id_plugin_slug ON plugin_instance (project_id, plugin_slug);
CREATE INDEX plugin_instance_plugin_slug ON plugin_instance (plugin_slug);

CREATE TABLE plugin_kv (
  id {{id}},
  plugin_slug TEXT NOT NULL,
  instance_id BIGINT REFERENCES plugin_instance (id) ON DELETE CASCADE,
  "key" TEXT NOT NULL,
  value TEXT NOT NULL,
  updated_at {{instant}}
);
CREATE UNIQUE INDEX plugin_kv_plugin_slug_instance_id_key ON plugin_kv (plugin_slug, instance_id, "key");
-- Auth and secret providers have no instance; NULLs never collide, so theirs needs a rule of its own.
CREATE UNIQUE INDEX plugin_kv_plugin_slug_key ON plugin_kv (plugin_slug, "key") WHERE instance_id IS NULL;
CREATE INDEX plugin_kv_instance_id ON plugin_kv (instance_id);

CREATE TABLE workflow (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  project_id BIGINT NOT NULL REFERENCES project (id),
  name TEXT NOT NULL,
  description TEXT,
  enabled BOOLEAN NOT NULL DEFAULT TRUE,
  parameters TEXT NOT NULL DEFAULT '[]',
  resource_id TEXT,
  plugin_instance_id BIGINT REFERENCES plugin_instance (id) ON DELETE SET NULL,
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX workflow_project_id_name ON workflow (project_id, name);
CREATE INDEX workflow_organization_id ON workflow (organization_id);
CREATE INDEX workflow_plugin_instance_id ON workflow (plugin_instance_id);

CREATE TABLE workflow_instance (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  workflow_id BIGINT NOT NULL REFERENCES workflow (id) ON DELETE CASCADE,
  incident_id BIGINT REFERENCES incident (id) ON DELETE CASCADE,
  creator_id BIGINT REFERENCES participant (id) ON DELETE SET NULL,
  parameters TEXT NOT NULL DEFAULT '[]',
  run_reason TEXT,
  status TEXT NOT NULL DEFAULT 'Submitted',
  resource_type TEXT,
  resource_id TEXT,
  weblink TEXT,
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE INDEX workflow_instance_organization_id ON workflow_instance (organization_id);
CREATE INDEX workflow_instance_workflow_id ON workflow_instance (workflow_id);
CREATE INDEX workflow_instance_incident_id ON workflow_instance (incident_id);
CREATE INDEX workflow_instance_creator_id ON workflow_instance (creator_id);

-- Durable work -----------------------------------------------------------------------------------------------------

-- A running server; its steps are free again once it is gone.
CREATE TABLE host (
  id TEXT PRIMARY KEY,
  name TEXT,
  process_id BIGINT,
  version TEXT,
  started_at {{instant}} NOT NULL,
  seen_at {{instant}} NOT NULL
);

CREATE TABLE flow (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  project_id BIGINT REFERENCES project (id),
  kind TEXT NOT NULL,
  subject_type TEXT NOT NULL,
  subject_id BIGINT NOT NULL,
  definition TEXT,
  definition_digest TEXT NOT NULL,
  input TEXT NOT NULL DEFAULT '{}',
  state TEXT NOT NULL DEFAULT 'pending',
  created_at {{instant}} NOT NULL,
  updated_at {{instant}},
  finished_at {{instant}}
);
CREATE INDEX flow_organization_id ON flow (organization_id);
CREATE INDEX flow_project_id ON flow (project_id);
CREATE INDEX flow_subject_type_subject_id ON flow (subject_type, subject_id);
CREATE INDEX flow_state ON flow (state);

CREATE TABLE flow_step (
  id {{id}},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  flow_id BIGINT NOT NULL REFERENCES flow (id) ON DELETE CASCADE,
  parent_id BIGINT REFERENCES flow_step (id) ON DELETE CASCADE,
  "key" TEXT NOT NULL,
  title TEXT NOT NULL,
  "after" TEXT NOT NULL DEFAULT '[]',
  plugin_type TEXT NOT NULL DEFAULT '',
  plugin_instance_id BIGINT REFERENCES plugin_instance (id) ON DELETE SET NULL,
  method TEXT NOT NULL DEFAULT '',
  contract_revision BIGINT,
  config_revision BIGINT,
  required BOOLEAN NOT NULL DEFAULT FALSE,
  input TEXT,
  state TEXT NOT NULL DEFAULT 'pending',
  reason TEXT,
  attempt BIGINT NOT NULL DEFAULT 0,
  effect TEXT,
  idempotency_key TEXT,
  output TEXT,
  error TEXT,
  next_try_at {{instant}},
  lease_owner TEXT,
  lease_until {{instant}},
  started_at {{instant}},
  finished_at {{instant}},
  created_at {{instant}} NOT NULL,
  updated_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX flow_step_flow_id_key ON flow_step (flow_id, "key");
CREATE INDEX flow_step_organization_id ON flow_step (organization_id);
CREATE INDEX flow_step_parent_id ON flow_step (parent_id);
CREATE INDEX flow_step_plugin_instance_id ON flow_step (plugin_instance_id);
CREATE INDEX flow_step_state_next_try_at ON flow_step (state, next_try_at);
CREATE INDEX flow_step_lease_owner ON flow_step (lease_owner);

CREATE TABLE scheduler_job (
  id {{id}},
  name TEXT NOT NULL,
  last_due {{instant}},
  lease_owner TEXT,
  lease_until {{instant}},
  last_run_at {{instant}},
  last_error TEXT
);
CREATE UNIQUE INDEX scheduler_job_name ON scheduler_job (name);

CREATE TABLE audit (
  id {{id}},
  organization_id BIGINT REFERENCES organization (id),
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  details TEXT,
  created_at {{instant}} NOT NULL
);
CREATE INDEX audit_organization_id_created_at ON audit (organization_id, created_at);
CREATE INDEX audit_created_at ON audit (created_at);

-- The answer already given to a request that carried this Idempotency-Key.
CREATE TABLE idempotency_key (
  id {{id}},
  "key" TEXT NOT NULL,
  user_id BIGINT NOT NULL REFERENCES dispatch_user (id) ON DELETE CASCADE,
  request_digest TEXT NOT NULL,
  status BIGINT,
  response TEXT,
  created_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX idempotency_key_user_id_key ON idempotency_key (user_id, "key");
CREATE INDEX idempotency_key_created_at ON idempotency_key (created_at);
