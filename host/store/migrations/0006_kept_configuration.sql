-- What a plugin was configured with before dispatch.yaml took it over: handed back when the file lets go of it.
ALTER TABLE plugin_instance ADD COLUMN kept_configuration TEXT;
