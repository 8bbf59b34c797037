-- When the server was told of the first day of a connection and of an assignment.

ALTER TABLE connections ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE assignments ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT now();
