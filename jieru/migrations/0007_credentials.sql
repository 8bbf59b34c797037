-- Credentials of equipment at the broker (design section 4).

CREATE TABLE credentials (
    id            integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    platform_id   integer     NOT NULL REFERENCES platforms,
    device_id     integer     REFERENCES devices,
    username      text        NOT NULL CHECK (username ~ '^[a-z0-9-]{2,32}(/[A-Za-z0-9._-]{1,64})?$'),
    salt          text        NOT NULL CHECK (salt ~ '^[A-Za-z0-9]{12}$'),
    password_hash bytea       NOT NULL CHECK (octet_length(password_hash) = 64),
    created_at    timestamptz NOT NULL DEFAULT now(),
    revoked_at    timestamptz,
    CHECK ((device_id IS NOT NULL) = (strpos(username, '/') > 0))
);
COMMENT ON COLUMN credentials.device_id IS 'Null: the platform''s gateway.';
COMMENT ON COLUMN credentials.password_hash IS 'PBKDF2-HMAC-SHA512, 101 iterations, of the secret with the salt''s characters as bytes; Mosquitto 2.0 takes 12 of them and no other number.';
CREATE UNIQUE INDEX one_open_credential_per_username ON credentials (username) WHERE revoked_at IS NULL;
CREATE INDEX credentials_by_platform ON credentials (platform_id, id);
CREATE INDEX credentials_by_device ON credentials (device_id) WHERE device_id IS NOT NULL;

-- What EMQX reads (docs/operations.md): who may connect, with the hash in hex as its pbkdf2 compares
-- it, and what they may do.
CREATE VIEW broker_users AS
    SELECT username, encode(password_hash, 'hex') AS password_hash, salt, false AS is_superuser
    FROM credentials WHERE revoked_at IS NULL;
CREATE VIEW broker_permissions AS
    SELECT username, 'allow' AS permission, 'publish' AS action,
           'jieru/v1/' || username || CASE WHEN device_id IS NULL THEN '/+' ELSE '' END || '/heartbeat' AS topic
    FROM credentials WHERE revoked_at IS NULL;

CREATE FUNCTION announce_credential_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('jieru_credentials', '');
    RETURN NULL;
END
$$;
CREATE TRIGGER credentials_announce AFTER INSERT OR UPDATE ON credentials
    FOR EACH STATEMENT EXECUTE FUNCTION announce_credential_change();
CREATE TRIGGER credentials_are_for_good BEFORE DELETE OR TRUNCATE ON credentials
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER credentials_audit_insert AFTER INSERT ON credentials REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries('password_hash', 'salt');
CREATE TRIGGER credentials_audit_update AFTER UPDATE ON credentials REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries('password_hash', 'salt');
