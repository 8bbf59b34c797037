-- Keys do what their scopes name, know what made them, and end with it; persons of an OpenID provider
-- are kept with the provider's issuer.

ALTER TABLE api_keys
    ADD COLUMN kind      text    NOT NULL DEFAULT 'program' CHECK (kind IN ('program', 'personal')),
    ADD COLUMN scopes    text[]  NOT NULL DEFAULT '{}',
    ADD COLUMN parent_id integer REFERENCES api_keys,
    ADD COLUMN user_id   integer REFERENCES users,
    ADD CONSTRAINT api_keys_parent_is_older CHECK (parent_id < id),
    ADD CONSTRAINT api_keys_personal_is_a_persons
        CHECK (kind = 'program' OR (user_id IS NOT NULL AND parent_id IS NULL));
COMMENT ON COLUMN api_keys.kind IS 'personal: stands for its person at the command line, and opens no door of the API.';
COMMENT ON COLUMN api_keys.scopes IS 'What it may do of what its role grants; api/access/scopes.py says what each name means.';
COMMENT ON COLUMN api_keys.parent_id IS 'The key that made it; null: a person or a command did.';
COMMENT ON COLUMN api_keys.user_id IS 'The person at the root of its tree: who made it, or the key that made it, and so on.';
CREATE INDEX api_keys_by_parent ON api_keys (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX api_keys_by_user ON api_keys (user_id) WHERE user_id IS NOT NULL;

-- Keys of earlier releases go on doing what they did, but for making keys. Those end whose maker has
-- ended: a key that was revoked, or an account that was disabled.
WITH RECURSIVE made AS (
    SELECT keys.id, parents.id AS parent_id, users.id AS user_id, keys.revoked_at,
           users.disabled_at IS NOT NULL AS is_orphan
    FROM api_keys AS keys
    LEFT JOIN api_keys AS parents ON keys.created_by = 'key:' || parents.key_id AND parents.id < keys.id
    LEFT JOIN users ON keys.created_by = 'user:' || users.name
), tree AS (
    SELECT id, parent_id, user_id, revoked_at, is_orphan FROM made WHERE parent_id IS NULL
    UNION ALL
    SELECT made.id, made.parent_id, tree.user_id, made.revoked_at,
           tree.is_orphan OR tree.revoked_at IS NOT NULL
    FROM made JOIN tree ON made.parent_id = tree.id
), scopes (role, names) AS (
    VALUES ('operator', ARRAY['counts:read', 'registry:read', 'registry:write', 'rejections:read',
                              'credentials:read', 'credentials:write', 'keys:read', 'audit:read']),
           ('verifier', ARRAY['counts:read', 'registry:read', 'registry:write', 'platforms:write',
                              'rejections:read', 'credentials:read', 'keys:read', 'audit:read',
                              'procedure:read', 'procedure:write', 'panels:read']),
           ('auditor',  ARRAY['counts:read', 'registry:read', 'rejections:read', 'credentials:read',
                              'keys:read', 'audit:read', 'procedure:read', 'panels:read']),
           ('admin',    ARRAY['counts:read', 'registry:read', 'registry:write', 'platforms:write',
                              'rejections:read', 'credentials:read', 'credentials:write', 'keys:read',
                              'audit:read', 'procedure:read', 'procedure:write', 'panels:read'])
)
UPDATE api_keys
SET scopes = scopes.names, parent_id = tree.parent_id, user_id = tree.user_id,
    revoked_at = CASE WHEN is_orphan THEN coalesce(api_keys.revoked_at, now()) ELSE api_keys.revoked_at END
FROM tree, scopes
WHERE tree.id = api_keys.id AND scopes.role = api_keys.role;

-- What makes a key must live, and gives no more and no longer than it has itself.
CREATE FUNCTION require_living_maker() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    parent api_keys;
BEGIN
    IF NEW.user_id IS NOT NULL THEN
        PERFORM FROM users WHERE id = NEW.user_id AND disabled_at IS NULL FOR SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'a key needs a person whose account is open' USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    IF NEW.parent_id IS NOT NULL THEN
        SELECT * INTO parent FROM api_keys WHERE id = NEW.parent_id FOR SHARE;
        IF parent.id IS NULL OR parent.kind <> 'program' OR parent.revoked_at IS NOT NULL
           OR NEW.expires_at > parent.expires_at
           OR NOT NEW.scopes <@ parent.scopes
           OR NEW.user_id IS DISTINCT FROM parent.user_id
           OR (parent.role <> 'admin' AND (NEW.role, NEW.platform_id)
                                          IS DISTINCT FROM (parent.role, parent.platform_id)) THEN
            RAISE EXCEPTION 'a key gives no more and no longer than it has' USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER api_keys_have_a_living_maker BEFORE INSERT ON api_keys
    FOR EACH ROW EXECUTE FUNCTION require_living_maker();

-- A key is revoked once and for good; nothing else about it changes, whatever columns it may get.
CREATE FUNCTION require_same_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - 'revoked_at' IS DISTINCT FROM to_jsonb(OLD) - 'revoked_at'
       OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at) THEN
        RAISE EXCEPTION 'a key is revoked for good, and nothing else about it changes'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER api_keys_stay BEFORE UPDATE ON api_keys
    FOR EACH ROW EXECUTE FUNCTION require_same_key();

-- What it made ends with a key, down to the last one; each end has its audit entry.
CREATE FUNCTION end_keys_below() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM api_keys AS keys JOIN new_rows ON keys.parent_id = new_rows.id
               WHERE new_rows.revoked_at IS NOT NULL AND keys.revoked_at IS NULL) THEN
        UPDATE api_keys SET revoked_at = now() FROM new_rows
        WHERE api_keys.parent_id = new_rows.id AND new_rows.revoked_at IS NOT NULL
          AND api_keys.revoked_at IS NULL;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER api_keys_end_with_their_maker AFTER UPDATE ON api_keys REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION end_keys_below();

-- All that came from a person ends when the account is disabled, or becomes another one's in rights.
CREATE FUNCTION end_what_a_person_made() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE api_keys SET revoked_at = now() WHERE user_id = NEW.id AND revoked_at IS NULL;
    UPDATE sessions SET revoked_at = now() WHERE user_id = NEW.id AND revoked_at IS NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER users_end_with_their_keys AFTER UPDATE ON users FOR EACH ROW
    WHEN ((OLD.disabled_at IS NULL AND NEW.disabled_at IS NOT NULL)
          OR OLD.role <> NEW.role OR OLD.platform_id IS DISTINCT FROM NEW.platform_id)
    EXECUTE FUNCTION end_what_a_person_made();

-- A provider's name for a person says nothing without the provider: another one may give it to
-- somebody else. Whose names those are that were kept without, `jieru user issuer` is told.
ALTER TABLE users
    ADD COLUMN oidc_issuer text,
    DROP CONSTRAINT users_oidc_subject_key,
    ADD CONSTRAINT users_issuer_needs_subject CHECK (oidc_issuer IS NULL OR oidc_subject IS NOT NULL),
    ADD CONSTRAINT users_oidc_key UNIQUE (oidc_issuer, oidc_subject);
COMMENT ON COLUMN users.oidc_issuer IS 'Whose name oidc_subject is. Null beside a subject: kept by an earlier release, and nobody signs in by it.';
