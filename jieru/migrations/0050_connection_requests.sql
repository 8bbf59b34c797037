-- An operator's connection to an enterprise of another platform is a request, of which nothing comes
-- before the bureau (or the enterprise) has confirmed it. It holds what the operator said, and so the
-- code of the enterprise instead of its number: whoever reads a request learns nothing beyond it.

CREATE TABLE connection_requests (
    id            integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    platform_id   integer     NOT NULL REFERENCES platforms,
    uscc          text        NOT NULL REFERENCES enterprises (uscc),
    contract_no   text,
    signed_on     date,
    from_date     date        NOT NULL,
    to_date       date        CHECK (to_date > from_date),
    requested_by  text        NOT NULL,
    requested_at  timestamptz NOT NULL DEFAULT now(),
    status        text        NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'confirmed', 'refused', 'withdrawn')),
    decided_by    text,
    decided_at    timestamptz,
    reason        text        CHECK (reason <> ''),
    confirmation  text        CHECK (confirmation IN ('bureau', 'enterprise')),
    connection_id integer     REFERENCES connections,
    CHECK ((status = 'open') = (decided_at IS NULL)),
    CHECK ((status = 'open') = (decided_by IS NULL)),
    CHECK ((status IN ('confirmed', 'refused')) = (reason IS NOT NULL)),
    CHECK ((status = 'confirmed') = (confirmation IS NOT NULL)),
    CHECK ((status = 'confirmed') = (connection_id IS NOT NULL))
);
COMMENT ON TABLE connection_requests IS 'Which operator asked to connect an enterprise that another platform keeps or serves, and what became of it.';
COMMENT ON COLUMN connection_requests.requested_at IS 'When the server was told of the connection''s from_date.';
COMMENT ON COLUMN connection_requests.confirmation IS 'Whose confirmation made it a connection.';
CREATE UNIQUE INDEX connection_requests_are_open_once ON connection_requests (platform_id, uscc, from_date)
    WHERE status = 'open';
CREATE INDEX connection_requests_by_platform ON connection_requests (platform_id, uscc, from_date, id);
CREATE INDEX connection_requests_open ON connection_requests (id) WHERE status = 'open';

-- What was asked never changes, whatever columns come later; what became of it is said once.
CREATE FUNCTION settle_connection_request() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    settling text[] := ARRAY['status', 'decided_by', 'decided_at', 'reason', 'confirmation', 'connection_id'];
BEGIN
    IF OLD.status <> 'open' OR to_jsonb(OLD) - settling IS DISTINCT FROM to_jsonb(NEW) - settling THEN
        RAISE EXCEPTION 'a connection request is decided once, and what it asks does not change'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER connection_requests_are_settled_once BEFORE UPDATE ON connection_requests
    FOR EACH ROW EXECUTE FUNCTION settle_connection_request();
CREATE TRIGGER connection_requests_are_for_good BEFORE DELETE OR TRUNCATE ON connection_requests
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER connection_requests_audit_insert AFTER INSERT ON connection_requests REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();
CREATE TRIGGER connection_requests_audit_update AFTER UPDATE ON connection_requests REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();

ALTER TABLE imports ADD COLUMN requested integer NOT NULL DEFAULT 0,
                    ADD COLUMN requested_rows integer[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN imports.requested IS 'How many rows of a file of connections became requests, or would.';
COMMENT ON COLUMN imports.requested_rows IS 'The first 1,000 of these rows, as a spreadsheet numbers them.';
