-- What administrators see of the programs, and what two of them do to an account.

CREATE TABLE processes (
    kind          text        NOT NULL CHECK (kind ~ '^[a-z][a-z ]{0,31}$'),
    name          text        NOT NULL CHECK (length(name) <= 128),
    host          text        NOT NULL CHECK (length(host) <= 128),
    version       text        NOT NULL CHECK (length(version) <= 128),
    policy        text        NOT NULL CHECK (length(policy) <= 200),
    policy_sha256 text        NOT NULL CHECK (policy_sha256 ~ '^([0-9a-f]{64})?$'),
    settings      jsonb       NOT NULL CHECK (jsonb_typeof(settings) = 'object'),
    started_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, name, host)
);
COMMENT ON TABLE processes IS 'What each process said of itself when it last started: operational, no evidence. Secrets are never written into it.';
COMMENT ON COLUMN processes.kind IS 'Of its command: serve, ingest, broker follow.';
COMMENT ON COLUMN processes.name IS 'Of an ingester; empty: of its kind there is one for each host.';

CREATE TABLE account_changes (
    id           integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text        NOT NULL CHECK (kind IN ('add', 'role', 'reset', 'second_step')),
    name         text        NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9._@-]{0,63}$'),
    display_name text        NOT NULL DEFAULT '' CHECK (length(display_name) <= 200),
    role         text        CHECK (role IN ('operator', 'verifier', 'auditor', 'admin')),
    platform     text        CHECK (length(platform) <= 64),
    proposed_by  text        NOT NULL CHECK (proposed_by <> ''),
    proposed_at  timestamptz NOT NULL DEFAULT now(),
    confirmed_by text        CHECK (confirmed_by <> ''),
    confirmed_at timestamptz,
    withdrawn_by text        CHECK (withdrawn_by <> ''),
    withdrawn_at timestamptz,
    CHECK (num_nulls(confirmed_by, confirmed_at) IN (0, 2)),
    CHECK (num_nulls(withdrawn_by, withdrawn_at) IN (0, 2)),
    CHECK (confirmed_at IS NULL OR withdrawn_at IS NULL),
    CHECK ((role IS NOT NULL) = (kind IN ('add', 'role')))
);
COMMENT ON TABLE account_changes IS 'What gives somebody a way in, or other rights: proposed by one administrator, done when another confirms it.';
CREATE UNIQUE INDEX account_changes_open ON account_changes (name, kind)
    WHERE confirmed_at IS NULL AND withdrawn_at IS NULL;

CREATE FUNCTION account_changes_need_two_people() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ending constant text[] := ARRAY['confirmed_by', 'confirmed_at', 'withdrawn_by', 'withdrawn_at'];
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF num_nonnulls(NEW.confirmed_at, NEW.withdrawn_at) > 0 THEN
            RAISE EXCEPTION 'a change of an account is confirmed after it was proposed'
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF num_nonnulls(OLD.confirmed_at, OLD.withdrawn_at) > 0
       OR to_jsonb(OLD) - ending IS DISTINCT FROM to_jsonb(NEW) - ending THEN
        RAISE EXCEPTION 'a change of an account may only be confirmed or withdrawn, once'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF person_key(NEW.confirmed_by) = person_key(NEW.proposed_by)
       AND NOT EXISTS (SELECT FROM installation WHERE is_simulation) THEN
        RAISE EXCEPTION 'a change of an account is confirmed by another administrator'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER account_changes_need_two_people BEFORE INSERT OR UPDATE ON account_changes
    FOR EACH ROW EXECUTE FUNCTION account_changes_need_two_people();
CREATE TRIGGER account_changes_are_for_good BEFORE DELETE OR TRUNCATE ON account_changes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER account_changes_audit_insert AFTER INSERT ON account_changes REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();
CREATE TRIGGER account_changes_audit_update AFTER UPDATE ON account_changes REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();
