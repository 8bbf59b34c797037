-- Sparkplug B: which birth gave a message's metrics their names, so that its rows can be made again.

ALTER TABLE source_messages ADD COLUMN birth_id bigint;
COMMENT ON COLUMN source_messages.birth_id IS 'Of Sparkplug B: the birth by which its metrics were named; null: none had come, or it is one itself.';
ALTER TABLE source_messages ADD CONSTRAINT source_messages_birth_id_fkey
    FOREIGN KEY (birth_id) REFERENCES source_messages NOT VALID;
CREATE INDEX source_messages_by_birth ON source_messages (birth_id) WHERE birth_id IS NOT NULL;
CREATE INDEX source_messages_births ON source_messages (topic, received_at, id) WHERE topic ~ '^spBv1\.0/[^/]+/[ND]BIRTH/';

-- Beside that of 0011: a message that nobody reads is found under the platform in its topic.
CREATE INDEX rejections_by_sparkplug_platform
    ON rejections (split_part(split_part(topic, '/', 2), '.', 1), received_at, id)
    WHERE topic LIKE 'spBv1.0/%/%';

-- A birth is kept as long as anything that it names: an edge node may run for years before it tells
-- its names again. One that names nothing goes, or made-up devices would stay for good.
CREATE OR REPLACE FUNCTION delete_expired_source_messages(days integer, at_most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    kept constant integer := CASE WHEN pg_has_role(session_user, current_user, 'USAGE') THEN days
                                  ELSE greatest(days, (SELECT heartbeats_days FROM retention)) END;
    deleted bigint;
BEGIN
    DELETE FROM source_messages WHERE id = ANY (ARRAY(
        SELECT id FROM source_messages AS old WHERE received_at < now() - make_interval(days => kept)
        AND NOT EXISTS (SELECT FROM source_messages AS named WHERE named.birth_id = old.id)
        ORDER BY received_at LIMIT at_most));
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END
$$;

-- EMQX asks here: a cloud publishes Sparkplug in the group of its code, whatever its edge nodes are
-- called, and a gateway as the edge node of its name in the group of gateways (0045).
CREATE OR REPLACE VIEW broker_permissions AS
    SELECT username, 'allow' AS permission, 'publish' AS action, 'jieru/v1/' || username || ending AS topic
    FROM credentials
    CROSS JOIN LATERAL (
        VALUES (CASE WHEN device_id IS NULL THEN '/+/heartbeat' ELSE '/heartbeat' END), ('/in/+'), ('/in/+/+')
    ) AS may (ending)
    WHERE revoked_at IS NULL AND (ending LIKE '%/heartbeat' OR publisher_id > 1 OR device_id IS NULL)
    UNION ALL
    SELECT username, 'allow', 'publish',
           'spBv1.0/' || CASE WHEN g.name IS NULL THEN username ELSE split_part(username, '/', 1) || '.via' END
           || '/' || message || '/' || coalesce(g.name, '+') || CASE WHEN message LIKE 'D%' THEN '/+' ELSE '' END
    FROM credentials
    JOIN publishers g ON g.id = publisher_id
    CROSS JOIN unnest(ARRAY['NBIRTH', 'NDATA', 'NDEATH', 'DBIRTH', 'DDATA', 'DDEATH']) AS message
    WHERE revoked_at IS NULL AND device_id IS NULL;
