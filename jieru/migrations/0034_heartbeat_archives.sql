-- Raw heartbeats that were moved into files: which file holds what, and whether the database still does.

CREATE TABLE heartbeat_archiving (
    only_row boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    begun_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE heartbeat_archiving IS 'One row once `jieru archive run` ran here: from then on nothing else drops heartbeats, whatever its settings.';
CREATE TRIGGER heartbeat_archiving_is_for_good BEFORE UPDATE OR DELETE OR TRUNCATE ON heartbeat_archiving
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE heartbeat_archives (
    id             integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    file           text        NOT NULL UNIQUE CHECK (file ~ '^heartbeats-[0-9A-Z-]+\.parquet$'),
    range_from     timestamptz NOT NULL,
    range_to       timestamptz NOT NULL CHECK (range_to > range_from),
    heartbeats     bigint      NOT NULL CHECK (heartbeats > 0),
    file_bytes     bigint      NOT NULL CHECK (file_bytes > 0),
    file_sha256    text        NOT NULL CHECK (file_sha256 ~ '^[0-9a-f]{64}$'),
    rows_sha256    text        NOT NULL CHECK (rows_sha256 ~ '^[0-9a-f]{64}$'),
    schema_version text        NOT NULL,
    archived_at    timestamptz NOT NULL,
    dropped_at     timestamptz CHECK (dropped_at >= archived_at),
    kept_until     timestamptz
);
COMMENT ON COLUMN heartbeat_archives.range_to IS 'Exclusive. Several files of one range are parts: what came after the first was written is in a further one.';
COMMENT ON COLUMN heartbeat_archives.rows_sha256 IS 'SHA-256 of the rows by device_id and time, each as COPY ... (FORMAT BINARY) writes it.';
COMMENT ON COLUMN heartbeat_archives.dropped_at IS 'When the database last dropped what the file holds; null: not yet, or restored since.';
COMMENT ON COLUMN heartbeat_archives.kept_until IS 'Of restored heartbeats: not dropped before.';
CREATE INDEX heartbeat_archives_by_range ON heartbeat_archives (range_from, range_to);

CREATE FUNCTION heartbeat_archives_only_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.id, OLD.file, OLD.range_from, OLD.range_to, OLD.heartbeats, OLD.file_bytes, OLD.file_sha256,
        OLD.rows_sha256, OLD.schema_version, OLD.archived_at)
       IS NOT DISTINCT FROM
       (NEW.id, NEW.file, NEW.range_from, NEW.range_to, NEW.heartbeats, NEW.file_bytes, NEW.file_sha256,
        NEW.rows_sha256, NEW.schema_version, NEW.archived_at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'what an archive file holds may not be changed' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER heartbeat_archives_only_move BEFORE UPDATE ON heartbeat_archives
    FOR EACH ROW EXECUTE FUNCTION heartbeat_archives_only_move();
CREATE TRIGGER heartbeat_archives_are_for_good BEFORE DELETE OR TRUNCATE ON heartbeat_archives
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER heartbeat_archives_audit_insert AFTER INSERT ON heartbeat_archives REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();
CREATE TRIGGER heartbeat_archives_audit_update AFTER UPDATE ON heartbeat_archives REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();
