-- Who published each heartbeat: the platform's cloud, one of its gateways, or the device itself. The
-- topic says it, and the broker holds it against the credential.

CREATE TABLE publishers (
    id          integer     GENERATED ALWAYS AS IDENTITY (START WITH 3) PRIMARY KEY,
    kind        text        NOT NULL CHECK (kind IN ('cloud', 'gateway', 'device')),
    platform_id integer     REFERENCES platforms,
    name        text        CHECK (name ~ '^[A-Za-z0-9._-]{1,64}$' AND name NOT IN ('own', 'via')),
    site        text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (platform_id, name),
    CHECK ((kind = 'gateway') = (platform_id IS NOT NULL)),
    CHECK ((kind = 'gateway') = (name IS NOT NULL)),
    CHECK (kind = 'gateway' OR site IS NULL)
);
COMMENT ON TABLE publishers IS 'Gateways; and one row for the clouds of all platforms, one for all devices that publish themselves, since a device says of which platform.';
COMMENT ON COLUMN publishers.site IS 'Where the gateway stands.';
INSERT INTO publishers (id, kind) OVERRIDING SYSTEM VALUE VALUES (1, 'cloud'), (2, 'device');
CREATE TRIGGER publishers_are_for_good BEFORE DELETE OR TRUNCATE ON publishers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER publishers_audit_insert AFTER INSERT ON publishers REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();
CREATE TRIGGER publishers_audit_update AFTER UPDATE ON publishers REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();

-- What there is was published on the platform's own topics.
ALTER TABLE heartbeats ADD COLUMN publisher_id integer NOT NULL DEFAULT 1;

-- Presence has a row for each publisher. Those of the platforms' clouds are in the table itself, where
-- an ingester of the release before, which knows of no other, goes on writing under this schema; those
-- of all others are in a table that inherits from it, so that whoever reads presence reads both.
ALTER TABLE presence ADD COLUMN publisher_id integer NOT NULL DEFAULT 1;
ALTER TABLE presence ADD CONSTRAINT presence_is_by_clouds CHECK (publisher_id = 1) NO INHERIT;
COMMENT ON TABLE presence IS 'The evidence that is counted: bit (day-1)*24+hour is set when the device was heard in that Asia/Shanghai hour. A device''s hours are those of all its publishers together.';
CREATE TABLE presence_by_others (
    CHECK (publisher_id > 1),
    PRIMARY KEY (device_id, month, publisher_id)
) INHERITS (presence) WITH (fillfactor = 50);
ALTER TABLE presence_by_others ALTER COLUMN publisher_id DROP DEFAULT;
COMMENT ON TABLE presence_by_others IS 'The part of presence whose publishers are gateways and devices themselves.';

-- Where a cloud alone published, which is nearly everywhere, its row is the device's as it is.
CREATE VIEW device_presence AS
SELECT device_id, month, hours, late_hours FROM ONLY presence AS p
WHERE NOT EXISTS (SELECT FROM presence_by_others o WHERE o.device_id = p.device_id AND o.month = p.month)
UNION ALL
SELECT device_id, month, bit_or(hours), bit_or(late_hours) FROM presence
WHERE (device_id, month) IN (SELECT device_id, month FROM presence_by_others)
GROUP BY device_id, month;
COMMENT ON VIEW device_presence IS 'In which hours was a device heard, whoever published? A row for each device and month.';

-- A device of this serial could write what is now the topic of another that publishes itself.
UPDATE credentials SET revoked_at = now() WHERE revoked_at IS NULL AND username ~ '/(own|via)$';

ALTER TABLE credentials ADD COLUMN publisher_id integer NOT NULL DEFAULT 1 REFERENCES publishers;
COMMENT ON COLUMN credentials.publisher_id IS 'As whom it publishes. A device''s credential of earlier releases uses the platform''s topics, and so tells nobody from the platform''s cloud.';
COMMENT ON COLUMN credentials.device_id IS 'Null: the platform''s cloud, or one of its gateways.';
ALTER TABLE credentials
    DROP CONSTRAINT credentials_username_check,
    DROP CONSTRAINT credentials_check,
    ADD CONSTRAINT credentials_username_check
        CHECK (username ~ '^[a-z0-9-]{2,32}(/(own/|via/)?[A-Za-z0-9._-]{1,64})?$'),
    ADD CONSTRAINT credentials_username_is_its_publishers CHECK (
        revoked_at IS NOT NULL
        OR CASE WHEN publisher_id = 1 AND device_id IS NULL THEN username !~ '/'
                WHEN publisher_id = 1 THEN username ~ '^[^/]+/[^/]+$' AND username !~ '/(own|via)$'
                WHEN publisher_id = 2 THEN device_id IS NOT NULL AND username ~ '^[^/]+/own/[^/]+$'
                ELSE device_id IS NULL AND username ~ '^[^/]+/via/[^/]+$' END);
CREATE INDEX credentials_by_gateway ON credentials (publisher_id) WHERE publisher_id > 2;

ALTER TABLE rejections DROP CONSTRAINT rejections_reason_check;
ALTER TABLE rejections ADD CONSTRAINT rejections_reason_check
    CHECK (reason IN ('bad_topic', 'retained', 'payload_too_large', 'malformed_payload',
                      'unknown_device', 'unknown_publisher', 'future_timestamp', 'before_epoch',
                      'unstorable')) NOT VALID;
