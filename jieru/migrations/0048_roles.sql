-- Each process of Jieru works under a role of its own (`jieru/roles`): what the tables and functions
-- must be like for that. And nothing that commits evidence, registry or a revocation waits for
-- NOTIFY, whose queue anybody who may connect can fill.

-- What others hold in memory, and how often it changed: who follows a kind asks once a second.
CREATE TABLE change_versions (
    kind    text   PRIMARY KEY CHECK (kind IN ('credentials', 'devices')),
    version bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
COMMENT ON TABLE change_versions IS 'Raised in the transaction of every change, so that ingesters (devices) and the broker''s sync (credentials) see that there is something new.';
INSERT INTO change_versions (kind) VALUES ('credentials'), ('devices');

CREATE FUNCTION raise_change_version() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    UPDATE change_versions SET version = version + 1 WHERE kind = TG_TABLE_NAME;
    RETURN NULL;
END
$$;

-- Triggers fire in the order of their names, and these after those of the audit: whoever waits for the
-- head of the audit holds no version yet, so two writers never wait for each other.
DROP TRIGGER devices_announce ON devices;
DROP TRIGGER credentials_announce ON credentials;
DROP FUNCTION announce_registry_change();
DROP FUNCTION announce_credential_change();
CREATE TRIGGER devices_raise_change_version AFTER INSERT OR UPDATE OR DELETE ON devices
    FOR EACH STATEMENT EXECUTE FUNCTION raise_change_version();
CREATE TRIGGER credentials_raise_change_version AFTER INSERT OR UPDATE ON credentials
    FOR EACH STATEMENT EXECUTE FUNCTION raise_change_version();
