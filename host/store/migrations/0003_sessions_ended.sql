-- When everything that proved this person was last called back: a bearer token issued before does not count any more.
ALTER TABLE dispatch_user ADD COLUMN sessions_ended_at {{instant}};
