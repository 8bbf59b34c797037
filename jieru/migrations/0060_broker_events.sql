-- What the broker tells of connections: who came, who was refused, whose messages it dropped. And usual
-- mistakes in topics are let through, for an ingester to refuse where their owner sees it.

-- By hour, so that a storm is some rows and a number. `jieru broker follow` keeps to a bound for each
-- username and for all strangers of a platform together.
CREATE TABLE broker_events (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hour        timestamptz NOT NULL CHECK (hour = date_trunc('hour', hour, 'UTC')),
    kind        text        NOT NULL CHECK (kind IN ('connected', 'disconnected', 'refused', 'denied')),
    platform_id integer     REFERENCES platforms,
    username    text        NOT NULL CHECK (length(username) <= 128),
    is_user     boolean     NOT NULL,
    client_id   text        NOT NULL CHECK (length(client_id) <= 128),
    address     text        NOT NULL CHECK (length(address) <= 64),
    topic       text        NOT NULL CHECK (length(topic) <= 300),
    detail      text        NOT NULL CHECK (length(detail) <= 32),
    number      bigint      NOT NULL CHECK (number > 0),
    first_at    timestamptz NOT NULL,
    at          timestamptz NOT NULL CHECK (at >= first_at)
);
COMMENT ON TABLE broker_events IS 'What the broker tells of connections, one row for each hour, kind, username, address and topic. Text of strangers, made legible and cut.';
COMMENT ON COLUMN broker_events.platform_id IS 'Whose username it is, by its first part. Null: no platform''s.';
COMMENT ON COLUMN broker_events.username IS 'Empty: of several, beyond the bound, or the broker does not say.';
COMMENT ON COLUMN broker_events.is_user IS 'Whether a credential of this name was ever issued.';
COMMENT ON COLUMN broker_events.client_id IS 'Of the last one.';
COMMENT ON COLUMN broker_events.at IS 'When the last one was.';
-- A topic of 300 characters may have 1,200 bytes; beside a name of 512 that is still an index entry.
CREATE UNIQUE INDEX broker_events_once ON broker_events
    (hour, kind, username, address, topic, coalesce(platform_id, 0));
CREATE INDEX broker_events_by_username ON broker_events (username, at);
CREATE INDEX broker_events_by_platform ON broker_events (platform_id, at);
CREATE INDEX broker_events_by_time ON broker_events (at);

CREATE TABLE broker_sessions (
    username     text        PRIMARY KEY CHECK (length(username) <= 128),
    platform_id  integer     REFERENCES platforms,
    client_id    text        NOT NULL CHECK (length(client_id) <= 128),
    is_connected boolean     NOT NULL,
    since        timestamptz NOT NULL,
    address      text        NOT NULL CHECK (length(address) <= 64),
    port         integer,
    last_event   text        NOT NULL CHECK (length(last_event) <= 32)
);
COMMENT ON TABLE broker_sessions IS 'Of each user that the broker let in: whether it is connected, since when that is so, and from where it came.';
COMMENT ON COLUMN broker_sessions.last_event IS 'connected, or how it ended.';
CREATE INDEX broker_sessions_by_platform ON broker_sessions (platform_id, username);

CREATE TABLE broker_log_positions (
    path     text   PRIMARY KEY,
    device   bigint NOT NULL,
    inode    bigint NOT NULL,
    position bigint NOT NULL CHECK (position >= 0),
    before   bytea  NOT NULL
);
COMMENT ON TABLE broker_log_positions IS 'Up to where the broker''s log was read; written with what it told.';
COMMENT ON COLUMN broker_log_positions.before IS 'The last bytes that were read: where others stand there, the log was begun anew.';

CREATE FUNCTION delete_expired_broker_events(days integer, at_most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    deleted bigint;
BEGIN
    DELETE FROM broker_events WHERE id = ANY (ARRAY(
        SELECT id FROM broker_events WHERE at < now() - make_interval(days => greatest(days, 1))
        ORDER BY at LIMIT at_most));
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END
$$;

-- With the endings of usual mistakes a device of this serial could write what is now a source's topic of
-- the platform's cloud. It may have a credential of its own, as whom it publishes for itself.
UPDATE credentials SET revoked_at = now() WHERE revoked_at IS NULL AND username ~ '^[^/]+/in$';
ALTER TABLE credentials ADD CONSTRAINT credentials_are_not_where_sources_are
    CHECK (revoked_at IS NOT NULL OR username !~ '^[^/]+/in$') NOT VALID;

-- EMQX asks here: what there was, and the usual mistakes (jieru/wrong_topics.py).
DO $$
BEGIN
    EXECUTE 'CREATE OR REPLACE VIEW broker_permissions AS '
        || rtrim(pg_get_viewdef('broker_permissions'::regclass), '; ')
        || $view$
    UNION ALL
    SELECT username, 'allow', 'publish', 'jieru/v1/' || username || part || ending
    FROM credentials CROSS JOIN (VALUES ('/+/'), ('/')) AS parts (part)
    CROSS JOIN unnest(ARRAY['heartbeat/', 'heartbeats', 'Heartbeat', 'HEARTBEAT', 'heart-beat', 'heart_beat',
        'heart', 'hb', 'alive', 'online', 'ping', 'telemetry', 'data', 'status', 'state', 'properties',
        'property', 'attributes', 'event', 'events', 'report', 'message', 'messages', 'msg', 'metrics', 'up',
        'upload', 'uplink', 'post', 'pub']) AS ending
    WHERE revoked_at IS NULL$view$;
END
$$;
