-- Ways in that an operator made on the machine, for a person whose auth provider does not run: each good once, for a short time.
CREATE TABLE login_link (
  id {{id}},
  token_hash TEXT NOT NULL,
  user_id BIGINT NOT NULL REFERENCES dispatch_user (id) ON DELETE CASCADE,
  organization_id BIGINT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
  created_at {{instant}} NOT NULL,
  expires_at {{instant}} NOT NULL
);
CREATE UNIQUE INDEX login_link_token_hash ON login_link (token_hash);
CREATE INDEX login_link_user_id ON login_link (user_id);
CREATE INDEX login_link_organization_id ON login_link (organization_id);
