-- What the broker knows an ingester by. Whoever can guess it takes its session, and with that the
-- heartbeats that wait there.

CREATE TABLE ingester_secret (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    secret   text    NOT NULL CHECK (length(secret) = 64)
);
COMMENT ON TABLE ingester_secret IS 'From it ingesters derive the client ids and group names that they use at the broker. Nobody else may read it.';
INSERT INTO ingester_secret (secret)
VALUES (replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''));

CREATE TABLE ingest_sessions (
    ingester      text        PRIMARY KEY,
    -- NULL until the first time.
    subscribed_at timestamptz,
    expires_after interval    NOT NULL,
    -- Before, an ingester came to the broker under its plain name. What waits there is taken first.
    plain_ended   boolean     NOT NULL
);
COMMENT ON TABLE ingest_sessions IS 'When each ingester last had a session at the broker, so that it knows when one is missing.';
