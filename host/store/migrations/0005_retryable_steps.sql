-- False: skipped for a reason that trying again cannot change, such as a reporter who is the commander as well.
ALTER TABLE flow_step ADD COLUMN retryable BOOLEAN NOT NULL DEFAULT TRUE;
