-- What an incident has on the outside is kept in line by whoever made it, also after another plugin of the type was enabled.
ALTER TABLE conversation ADD COLUMN plugin_instance_id BIGINT REFERENCES plugin_instance (id) ON DELETE SET NULL;
ALTER TABLE conversation ADD COLUMN name TEXT;
ALTER TABLE conference ADD COLUMN plugin_instance_id BIGINT REFERENCES plugin_instance (id) ON DELETE SET NULL;
ALTER TABLE storage ADD COLUMN plugin_instance_id BIGINT REFERENCES plugin_instance (id) ON DELETE SET NULL;
ALTER TABLE storage ADD COLUMN name TEXT;
ALTER TABLE incident_group ADD COLUMN plugin_instance_id BIGINT REFERENCES plugin_instance (id) ON DELETE SET NULL;
ALTER TABLE document ADD COLUMN plugin_instance_id BIGINT REFERENCES plugin_instance (id) ON DELETE SET NULL;
CREATE INDEX conversation_plugin_instance_id ON conversation (plugin_instance_id);
CREATE INDEX conference_plugin_instance_id ON conference (plugin_instance_id);
CREATE INDEX storage_plugin_instance_id ON storage (plugin_instance_id);
CREATE INDEX incident_group_plugin_instance_id ON incident_group (plugin_instance_id);
CREATE INDEX document_plugin_instance_id ON document (plugin_instance_id);
