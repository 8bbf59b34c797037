-- Messages in others' formats: what a platform declared of each, every message whole, and where in it
-- the row stands that was not taken.

CREATE TABLE sources (
    id          integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    platform_id integer     NOT NULL REFERENCES platforms,
    name        text        NOT NULL CHECK (name ~ '^[a-z0-9-]{2,32}$' AND name NOT IN ('in', 'own', 'via', 'heartbeat')),
    version     integer     NOT NULL CHECK (version >= 1),
    format      text        NOT NULL,
    sha256      text        NOT NULL CHECK (sha256 = encode(sha256(convert_to(format, 'UTF8')), 'hex')),
    declared_by text        NOT NULL CHECK (declared_by <> ''),
    declared_at timestamptz NOT NULL DEFAULT now(),
    ended_by    text        CHECK (ended_by <> ''),
    ended_at    timestamptz,
    UNIQUE (platform_id, name, version),
    CHECK (num_nulls(ended_by, ended_at) IN (0, 2))
);
COMMENT ON TABLE sources IS 'How messages of a platform are read, one row for each version. The newest of a name is the one by which they are read, unless it has ended.';
COMMENT ON COLUMN sources.format IS 'The declared format as canonical JSON, byte for byte what sha256 is of; a text, for jsonb would write it anew.';
CREATE FUNCTION end_source_once() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ending text[] := ARRAY['ended_by', 'ended_at'];
BEGIN
    IF OLD.ended_at IS NOT NULL OR NEW.ended_at IS NULL
       OR to_jsonb(OLD) - ending IS DISTINCT FROM to_jsonb(NEW) - ending THEN
        RAISE EXCEPTION 'a version of a source never changes; it is ended once' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER sources_are_ended_once BEFORE UPDATE ON sources
    FOR EACH ROW EXECUTE FUNCTION end_source_once();
CREATE TRIGGER sources_are_for_good BEFORE DELETE OR TRUNCATE ON sources
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER sources_audit_insert AFTER INSERT ON sources REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();
CREATE TRIGGER sources_audit_update AFTER UPDATE ON sources REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();

-- One row for each message that a source read. Decoding is pure, so the rows can be made again from it.
-- The same bytes on the same topic hold the same rows, so a redelivery adds nothing.
CREATE TABLE source_messages (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at  timestamptz NOT NULL,
    platform_id  integer     NOT NULL REFERENCES platforms,
    source_id    integer     NOT NULL REFERENCES sources,
    publisher_id integer     REFERENCES publishers,
    topic        text        NOT NULL,
    sha256       bytea       NOT NULL CHECK (sha256 = sha256(payload)),
    payload      bytea       NOT NULL CHECK (octet_length(payload) <= 262144),
    UNIQUE (sha256, source_id, topic)
);
COMMENT ON TABLE source_messages IS 'Messages in others'' formats, whole, as they came first.';
COMMENT ON COLUMN source_messages.source_id IS 'The version of the source by which it was read.';
COMMENT ON COLUMN source_messages.publisher_id IS 'Null: a gateway that was not registered.';
CREATE INDEX source_messages_by_time ON source_messages (received_at);
CREATE TRIGGER source_messages_stay BEFORE UPDATE OR TRUNCATE ON source_messages
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE rejections
    ADD COLUMN source_message_id bigint,
    ADD COLUMN path text,
    ADD COLUMN detail jsonb;
COMMENT ON COLUMN rejections.source_message_id IS 'Where it is a row of a message in another''s format: that message, which may have expired before.';
COMMENT ON COLUMN rejections.path IS 'Where in its message the row stands; `$` is the whole.';
COMMENT ON COLUMN rejections.detail IS 'What is wrong, as a message of the catalogue with its values; null: the payload tells.';
CREATE UNIQUE INDEX rejections_of_source_messages ON rejections (source_message_id, path, reason)
    WHERE source_message_id IS NOT NULL;
ALTER TABLE rejections DROP CONSTRAINT rejections_reason_check;
ALTER TABLE rejections ADD CONSTRAINT rejections_reason_check
    CHECK (reason IN ('bad_topic', 'retained', 'payload_too_large', 'malformed_payload',
                      'unknown_device', 'unknown_publisher', 'unknown_source', 'no_timestamp',
                      'future_timestamp', 'before_epoch', 'unstorable')) NOT VALID;

-- Kept as long as heartbeats are, for they are what heartbeats were read from.
CREATE FUNCTION delete_expired_source_messages(days integer, at_most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    kept constant integer := CASE WHEN pg_has_role(session_user, current_user, 'USAGE') THEN days
                                  ELSE greatest(days, (SELECT heartbeats_days FROM retention)) END;
    deleted bigint;
BEGIN
    DELETE FROM source_messages WHERE id = ANY (ARRAY(
        SELECT id FROM source_messages WHERE received_at < now() - make_interval(days => kept)
        ORDER BY received_at LIMIT at_most));
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END
$$;

-- EMQX asks here: a cloud, a gateway and a device for itself may also publish in others' formats. A
-- credential of earlier releases, which shares the platform's topics, may not.
CREATE OR REPLACE VIEW broker_permissions AS
    SELECT username, 'allow' AS permission, 'publish' AS action, 'jieru/v1/' || username || ending AS topic
    FROM credentials
    CROSS JOIN LATERAL (
        VALUES (CASE WHEN device_id IS NULL THEN '/+/heartbeat' ELSE '/heartbeat' END), ('/in/+'), ('/in/+/+')
    ) AS may (ending)
    WHERE revoked_at IS NULL AND (ending LIKE '%/heartbeat' OR publisher_id > 1 OR device_id IS NULL);
