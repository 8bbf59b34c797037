-- Who may come in: people with sessions, programs with keys.

CREATE TABLE users (
    id            integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text        NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9._@-]{0,63}$'),
    display_name  text        NOT NULL CHECK (display_name <> ''),
    role          text        NOT NULL CHECK (role IN ('operator', 'verifier', 'auditor', 'admin')),
    platform_id   integer     REFERENCES platforms,
    password_hash text,
    oidc_subject  text        UNIQUE,
    created_at    timestamptz NOT NULL DEFAULT now(),
    disabled_at   timestamptz,
    CHECK ((role = 'operator') = (platform_id IS NOT NULL))
);
COMMENT ON COLUMN users.password_hash IS 'Argon2id; null for those who come through OpenID Connect only.';

CREATE TABLE sessions (
    token_hash   bytea       PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    user_id      integer     NOT NULL REFERENCES users,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    revoked_at   timestamptz,
    origin       text        NOT NULL,
    user_agent   text        NOT NULL
);
COMMENT ON COLUMN sessions.token_hash IS 'SHA-256 of the cookie: whoever reads this table cannot come in with it.';
CREATE INDEX sessions_by_user ON sessions (user_id, created_at);

CREATE TABLE sign_in_failures (
    subject        text        PRIMARY KEY,
    failures       integer     NOT NULL CHECK (failures > 0),
    last_failed_at timestamptz NOT NULL
);
COMMENT ON TABLE sign_in_failures IS 'Failed attempts since the last success, by account name (user:NAME) and by address (address:IP).';

CREATE TABLE api_keys (
    id          integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key_id      text        NOT NULL UNIQUE CHECK (key_id ~ '^[0-9a-z]{8}$'),
    secret_hash bytea       NOT NULL CHECK (octet_length(secret_hash) = 32),
    name        text        NOT NULL CHECK (name <> ''),
    role        text        NOT NULL CHECK (role IN ('operator', 'verifier', 'auditor', 'admin')),
    platform_id integer     REFERENCES platforms,
    created_by  text        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    revoked_at  timestamptz,
    CHECK ((role = 'operator') = (platform_id IS NOT NULL))
);
COMMENT ON COLUMN api_keys.secret_hash IS 'SHA-256: the secret has 256 random bits, which no dictionary holds.';
CREATE TABLE api_key_uses (
    api_key_id   integer     PRIMARY KEY REFERENCES api_keys,
    last_used_at timestamptz NOT NULL,
    origin       text        NOT NULL
);

CREATE TRIGGER users_are_for_good BEFORE DELETE OR TRUNCATE ON users
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER users_audit_insert AFTER INSERT ON users REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries('password_hash');
CREATE TRIGGER users_audit_update AFTER UPDATE ON users REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries('password_hash');
CREATE TRIGGER api_keys_are_for_good BEFORE DELETE OR TRUNCATE ON api_keys
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER api_keys_audit_insert AFTER INSERT ON api_keys REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries('secret_hash');
CREATE TRIGGER api_keys_audit_update AFTER UPDATE ON api_keys REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries('secret_hash');
