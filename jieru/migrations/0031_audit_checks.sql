-- What the audit's own check found: for panels and alerts, which cannot hash every entry themselves.

CREATE TABLE audit_checks (
    id          integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    checked_at  timestamptz NOT NULL DEFAULT now(),
    last_number bigint      NOT NULL CHECK (last_number >= 0),
    last_hash   bytea       NOT NULL CHECK (octet_length(last_hash) = 32),
    findings    integer     NOT NULL CHECK (findings >= 0)
);
COMMENT ON TABLE audit_checks IS 'Runs of `jieru audit verify --record` over the whole chain.';
COMMENT ON COLUMN audit_checks.last_number IS 'The last entry that there was.';
CREATE TRIGGER audit_checks_are_for_good BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checks
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
