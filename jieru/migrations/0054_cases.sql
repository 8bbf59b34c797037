-- An enterprise on a platform under review, from signals to a decision: what was asked, answered, seen
-- and concluded, each step for good.

CREATE TABLE cases (
    id            integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    platform_id   integer     NOT NULL REFERENCES platforms,
    enterprise_id integer     NOT NULL REFERENCES enterprises,
    opened_at     timestamptz NOT NULL DEFAULT now(),
    opened_by     text        NOT NULL,
    cause         text        NOT NULL CHECK (cause IN ('signals', 'challenge', 'draw', 'verifier')),
    run_id        integer     REFERENCES signal_runs,
    CHECK ((cause = 'signals') = (run_id IS NOT NULL))
);
COMMENT ON TABLE cases IS 'Enterprises on a platform under review.';
COMMENT ON COLUMN cases.run_id IS 'Whose signals opened it.';
CREATE INDEX cases_by_enterprise ON cases (platform_id, enterprise_id, id);
CREATE TRIGGER cases_are_for_good BEFORE UPDATE OR DELETE OR TRUNCATE ON cases
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER cases_audit_insert AFTER INSERT ON cases REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();

-- What is said beforehand: machines will stand still, or be under repair.
CREATE TABLE declarations (
    id            integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    platform_id   integer     NOT NULL REFERENCES platforms,
    enterprise_id integer     NOT NULL REFERENCES enterprises,
    device_id     integer     REFERENCES devices,
    kind          text        NOT NULL CHECK (kind IN ('stop', 'repair')),
    from_date     date        NOT NULL,
    to_date       date        NOT NULL CHECK (to_date >= from_date),
    declared_by   text        NOT NULL,
    declared_at   timestamptz NOT NULL DEFAULT now(),
    confirmed_by  text,
    confirmed_at  timestamptz
);
COMMENT ON TABLE declarations IS 'Stops and repairs that were declared.';
