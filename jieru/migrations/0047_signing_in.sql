-- The door: browsers that are known, a second step, and a record of who came, read and took away.

-- Failures are counted by the hash of a name, whether it is an account's or not: by user:NAME and
-- unknown:N it could be told which names exist. What was counted so far is forgotten.
DELETE FROM sign_in_failures;
ALTER TABLE sign_in_failures DROP CONSTRAINT sign_in_failures_failures_check;
-- 0: only while an attempt is being entered, in its transaction.
ALTER TABLE sign_in_failures ADD CONSTRAINT sign_in_failures_failures_check CHECK (failures >= 0);
COMMENT ON TABLE sign_in_failures IS 'Attempts to sign in that failed or are being looked at, by name (name:N, one of 65,536), by address (address:IP) and by browser (browser:HASH:USER, step:...). An attempt that succeeds takes itself back.';

-- Browsers in which somebody has signed in before: what strangers do does not keep them waiting.
CREATE TABLE known_browsers (
    token_hash   bytea       NOT NULL CHECK (octet_length(token_hash) = 32),
    user_id      integer     NOT NULL REFERENCES users,
    last_used_at timestamptz NOT NULL,
    PRIMARY KEY (token_hash, user_id)
);
COMMENT ON TABLE known_browsers IS 'A browser has one cookie, of which the SHA-256 is kept, and a row for each account that signed in there.';
CREATE INDEX known_browsers_by_user ON known_browsers (user_id, last_used_at);

-- The second step of signing in (TOTP, RFC 6238).
CREATE TABLE second_factors (
    id           integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id      integer     NOT NULL REFERENCES users,
    secret       text        NOT NULL,
    enrolled_at  timestamptz NOT NULL DEFAULT now(),
    confirmed_at timestamptz,
    ended_at     timestamptz,
    CHECK ((ended_at IS NULL) = (secret <> ''))
);
COMMENT ON COLUMN second_factors.secret IS 'Encrypted with a key that is not in the database (JIERU_TOTP_KEY_FILE); gone when the factor ends.';
CREATE UNIQUE INDEX second_factors_open ON second_factors (user_id) WHERE ended_at IS NULL;
CREATE TRIGGER second_factors_are_for_good BEFORE DELETE OR TRUNCATE ON second_factors
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER second_factors_audit_insert AFTER INSERT ON second_factors REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries('secret');
CREATE TRIGGER second_factors_audit_update AFTER UPDATE ON second_factors REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries('secret');

-- Apart, because it changes with every use, which is no change of the record.
CREATE TABLE second_factor_uses (
    factor_id integer PRIMARY KEY REFERENCES second_factors,
    last_step bigint  NOT NULL
);
COMMENT ON COLUMN second_factor_uses.last_step IS 'The 30 seconds whose code was used last: neither it nor an earlier one is taken again.';
CREATE TABLE recovery_codes (
    factor_id integer     NOT NULL REFERENCES second_factors,
    code_hash bytea       NOT NULL CHECK (octet_length(code_hash) = 32),
    used_at   timestamptz,
    PRIMARY KEY (factor_id, code_hash)
);
COMMENT ON COLUMN recovery_codes.code_hash IS 'SHA-256: a code has 79 random bits, which no dictionary holds.';

-- Whoever has given the password and not yet the code.
CREATE TABLE pending_sign_ins (
    token_hash bytea       PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    user_id    integer     NOT NULL REFERENCES users,
    expires_at timestamptz NOT NULL
);
CREATE INDEX pending_sign_ins_by_end ON pending_sign_ins (expires_at);

-- Who came in, or tried; who read what is personal or secret; who took a file away. Apart from the
-- audit: nothing waits for a chain, and after its time an entry goes.
CREATE TABLE access_entries (
    number  bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind    text        NOT NULL CHECK (kind IN (
        'sign_in', 'sign_in_failed', 'code_failed', 'recovery_code_used', 'sign_out',
        'read', 'secret', 'export')),
    actor   text,
    origin  text        NOT NULL,
    record  text        NOT NULL
);
COMMENT ON COLUMN access_entries.actor IS 'user:NAME, key:ID or command:NAME; null: nobody that is known here. What was typed as a name is kept only if it is an account''s.';
COMMENT ON COLUMN access_entries.record IS 'Of a read, a secret or an export: its address.';
CREATE INDEX access_entries_by_time ON access_entries (at);
CREATE INDEX access_entries_by_actor ON access_entries (actor, number);
CREATE INDEX access_entries_by_kind ON access_entries (kind, number);

CREATE TRIGGER access_entries_stay BEFORE UPDATE OR TRUNCATE ON access_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE FUNCTION refuse_early_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.at > now() - interval '180 days' THEN
        RAISE EXCEPTION 'access_entries are kept for 180 days' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END
$$;
CREATE TRIGGER access_entries_are_kept BEFORE DELETE ON access_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_early_deletion();

-- How far each record was sent to syslog.
CREATE TABLE syslog_cursors (
    record text   PRIMARY KEY CHECK (record IN ('audit', 'access')),
    number bigint NOT NULL
);
