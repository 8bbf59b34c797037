-- Records that people change by hand: each has a revision (optimistic locking), an end instead of
-- a deletion, and an audit.

ALTER TABLE platforms   ADD revision integer NOT NULL DEFAULT 1, ADD ended_on date;
ALTER TABLE recognitions ADD revision integer NOT NULL DEFAULT 1;
ALTER TABLE enterprises ADD revision integer NOT NULL DEFAULT 1, ADD ended_on date,
    ADD kept_by_platform_id integer REFERENCES platforms;
COMMENT ON COLUMN enterprises.kept_by_platform_id IS 'The platform whose operator registered it and may still change it; null once the bureau has changed it.';
ALTER TABLE connections ADD revision integer NOT NULL DEFAULT 1;
ALTER TABLE devices     ADD revision integer NOT NULL DEFAULT 1, ADD ended_on date,
    ADD expected_interval_s integer NOT NULL DEFAULT 300 CHECK (expected_interval_s BETWEEN 1 AND 604800);
COMMENT ON COLUMN devices.expected_interval_s IS 'Seconds between two heartbeats, by which its status is told.';
ALTER TABLE assignments ADD revision integer NOT NULL DEFAULT 1;

CREATE FUNCTION raise_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.revision := OLD.revision + 1;
    RETURN NEW;
END
$$;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['platforms', 'recognitions', 'enterprises', 'connections', 'devices', 'assignments'] LOOP
        EXECUTE format('CREATE TRIGGER %1$I BEFORE UPDATE ON %2$I FOR EACH ROW EXECUTE FUNCTION raise_revision()',
                       name || '_raise_revision', name);
        EXECUTE format('CREATE TRIGGER %1$I BEFORE DELETE OR TRUNCATE ON %2$I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
                       name || '_are_for_good', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['platforms', 'recognitions', 'enterprises', 'connections', 'devices', 'assignments', 'decisions'] LOOP
        EXECUTE format('CREATE TRIGGER %1$I AFTER INSERT ON %2$I REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries()',
                       name || '_audit_insert', name);
        EXECUTE format('CREATE TRIGGER %1$I AFTER UPDATE ON %2$I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries()',
                       name || '_audit_update', name);
    END LOOP;
END
$$;
