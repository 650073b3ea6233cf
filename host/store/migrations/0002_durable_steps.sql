-- What the flow engine needs beyond the first release's columns, and workflows that run by themselves.

-- An attempt was begun whose outcome is not recorded: after a crash the effect may or may not have happened.
ALTER TABLE flow_step ADD COLUMN outcome_unknown BOOLEAN NOT NULL DEFAULT FALSE;
-- E-mail address of the person who last retried, skipped or confirmed the step.
ALTER TABLE flow_step ADD COLUMN actor TEXT;

-- Who made the ticket keeps it in line, also after another tracker was enabled.
ALTER TABLE ticket ADD COLUMN plugin_instance_id BIGINT REFERENCES plugin_instance (id) ON DELETE SET NULL;
CREATE INDEX ticket_plugin_instance_id ON ticket (plugin_instance_id);

-- The flow that runs a workflow by itself, e.g. 'incident.create'; empty = only when somebody asks for it.
ALTER TABLE workflow ADD COLUMN "trigger" TEXT NOT NULL DEFAULT '';
CREATE INDEX workflow_project_id_trigger ON workflow (project_id, "trigger");
