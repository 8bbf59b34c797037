-- What was found when presence was held against heartbeats, what two people said where it cannot be,
-- and which signed statements were written outside of the database.

CREATE TABLE evidence_verifications (
    id                integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    month             date        NOT NULL CHECK (extract(day FROM month) = 1),
    verified_at       timestamptz NOT NULL DEFAULT now(),
    verified_by       text        NOT NULL,
    code_version      text        NOT NULL,
    presence_sha256   text        NOT NULL CHECK (presence_sha256 ~ '^[0-9a-f]{64}$'),
    heartbeats        bigint      NOT NULL CHECK (heartbeats >= 0),
    archives          jsonb       NOT NULL,
    differences       bigint      NOT NULL CHECK (differences >= 0),
    unprovable        bigint      NOT NULL CHECK (unprovable >= 0),
    unverifiable_days date[]      NOT NULL
);
COMMENT ON TABLE evidence_verifications IS 'Runs of `jieru verify-evidence`, one row for each month.';
COMMENT ON COLUMN evidence_verifications.presence_sha256 IS 'Of the hours of the month, as they were then: another digest now means that it has to be verified again.';
COMMENT ON COLUMN evidence_verifications.heartbeats IS 'That were read, of the database and of archives.';
COMMENT ON COLUMN evidence_verifications.archives IS 'The archive files that were read: name and SHA-256.';
COMMENT ON COLUMN evidence_verifications.unprovable IS 'Hours of a publisher in which the row that is kept is another publisher''s, or was first heard otherwise.';
COMMENT ON COLUMN evidence_verifications.unverifiable_days IS 'Whose heartbeats are gone and in no archive.';
CREATE INDEX evidence_verifications_by_month ON evidence_verifications (month, id);
CREATE TRIGGER evidence_verifications_are_for_good BEFORE UPDATE OR DELETE OR TRUNCATE ON evidence_verifications
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER evidence_verifications_audit_insert AFTER INSERT ON evidence_verifications REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();

CREATE TABLE evidence_exceptions (
    id              integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    month           date        NOT NULL CHECK (extract(day FROM month) = 1),
    presence_sha256 text        NOT NULL CHECK (presence_sha256 ~ '^[0-9a-f]{64}$'),
    days            date[]      NOT NULL CHECK (cardinality(days) > 0),
    reason          text        NOT NULL CHECK (reason <> ''),
    named_by        text        NOT NULL,
    named_at        timestamptz NOT NULL DEFAULT now(),
    confirmed_by    text,
    confirmed_at    timestamptz,
    CHECK ((confirmed_by IS NULL) = (confirmed_at IS NULL))
);
COMMENT ON TABLE evidence_exceptions IS 'Months that may be counted though the heartbeats of some days are gone: one person names the reason, another confirms it.';
COMMENT ON COLUMN evidence_exceptions.presence_sha256 IS 'Of the verification that found them gone; it is for this evidence and no other.';

CREATE FUNCTION evidence_exceptions_are_confirmed_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.confirmed_by IS NOT NULL THEN
            RAISE EXCEPTION 'an exception is confirmed after it was named' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF person_key(NEW.confirmed_by) = person_key(OLD.named_by)
       AND NOT EXISTS (SELECT FROM installation WHERE is_simulation) THEN
        RAISE EXCEPTION '% named this exception: another person confirms it', OLD.named_by
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.confirmed_by IS NULL
       AND (to_jsonb(OLD) - 'confirmed_by' - 'confirmed_at')
           = (to_jsonb(NEW) - 'confirmed_by' - 'confirmed_at') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'an exception may be confirmed once, and not be changed' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER evidence_exceptions_are_confirmed_once BEFORE INSERT OR UPDATE ON evidence_exceptions
    FOR EACH ROW EXECUTE FUNCTION evidence_exceptions_are_confirmed_once();
CREATE TRIGGER evidence_exceptions_are_for_good BEFORE DELETE OR TRUNCATE ON evidence_exceptions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER evidence_exceptions_audit_insert AFTER INSERT ON evidence_exceptions REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();
CREATE TRIGGER evidence_exceptions_audit_update AFTER UPDATE ON evidence_exceptions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();

CREATE TABLE checkpoints (
    id         integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number     integer     NOT NULL CHECK (number > 0),
    written_at timestamptz NOT NULL DEFAULT now(),
    occasion   text        NOT NULL,
    sha256     text        NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    findings   integer     NOT NULL CHECK (findings >= 0),
    cosigned   integer     NOT NULL CHECK (cosigned >= 0),
    witnesses  integer     NOT NULL CHECK (witnesses >= 0)
);
COMMENT ON TABLE checkpoints IS 'Signed statements that were written outside of the database: for alerts, and no proof of anything.';
COMMENT ON COLUMN checkpoints.findings IS 'What no longer was as the statement before had it.';
COMMENT ON COLUMN checkpoints.cosigned IS 'Witnesses that have signed this one too, of so many.';
CREATE TRIGGER checkpoints_are_for_good BEFORE UPDATE OR DELETE OR TRUNCATE ON checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
