-- So that an alert can ask the database whether an ingester's session was lost or taken.

ALTER TABLE ingest_minutes ADD COLUMN session_troubles integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN ingest_minutes.session_troubles IS 'Times in it that the session at the broker was lost, or taken over by another client.';
