-- Each process of Jieru works under a role of its own (`jieru/roles`): what the tables and functions
-- must be like for that. And nothing that commits evidence, registry or a revocation waits for
-- NOTIFY, whose queue anybody who may connect can fill.

-- What others hold in memory, and how often it changed: who follows a kind asks once a second.
CREATE TABLE change_versions (
    kind    text   PRIMARY KEY CHECK (kind IN ('credentials', 'devices')),
    version bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
COMMENT ON TABLE change_versions IS 'Raised in the transaction of every change, so that ingesters (devices) and the broker''s sync (credentials) see that there is something new.';
INSERT INTO change_versions (kind) VALUES ('credentials'), ('devices');

CREATE FUNCTION raise_change_version() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    UPDATE change_versions SET version = version + 1 WHERE kind = TG_TABLE_NAME;
    RETURN NULL;
END
$$;

-- Triggers fire in the order of their names, and these after those of the audit: whoever waits for the
-- head of the audit holds no version yet, so two writers never wait for each other.
DROP TRIGGER devices_announce ON devices;
DROP TRIGGER credentials_announce ON credentials;
DROP FUNCTION announce_registry_change();
DROP FUNCTION announce_credential_change();
CREATE TRIGGER devices_raise_change_version AFTER INSERT OR UPDATE OR DELETE ON devices
    FOR EACH STATEMENT EXECUTE FUNCTION raise_change_version();
CREATE TRIGGER credentials_raise_change_version AFTER INSERT OR UPDATE ON credentials
    FOR EACH STATEMENT EXECUTE FUNCTION raise_change_version();

-- The audit is written by functions with their owner's rights, so that nobody who changes a record can
-- write an entry of his own making. `jieru migrate` gives functions and tables to jieru_audit_writer.
ALTER FUNCTION write_audit_entries() SECURITY DEFINER;

CREATE FUNCTION hold_audit_head() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM FROM audit_head FOR UPDATE;
END
$$;
COMMENT ON FUNCTION hold_audit_head() IS 'Makes whoever changes records wait for the one before, until the end of the transaction.';

-- An ingester writes presence, and could write anybody's. It may only add bits, and only of hours that
-- can be heard now: until the end of tomorrow, and as many days back as the policy's longest delay and
-- six weeks in which the database was away while an ingester held its batch. `jieru migrate` replaces
-- the number. The owner of the tables is not held to it, and a simulation plays years in minutes.
CREATE FUNCTION presence_reach_days() RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 45;

CREATE FUNCTION refuse_presence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE')
       OR (SELECT is_simulation FROM installation) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'presence of device % in % is not what an ingester may write now', NEW.device_id, NEW.month
        USING ERRCODE = 'insufficient_privilege';
END
$$;

-- The condition of a trigger costs a fraction of a microsecond, its function several: so that is called
-- only where something is wrong. A shift by 744 or more leaves no bit, one by 0 leaves all.
DO $$
DECLARE
    out_of_reach constant text :=
        '((%1$s << greatest(24 * ((now() AT TIME ZONE ''Asia/Shanghai'')::date + 2 - NEW.month), 0))
          | (%1$s >> greatest(744 - 24 * ((now() AT TIME ZONE ''Asia/Shanghai'')::date - presence_reach_days() - NEW.month), 0)))
         <> 0::bit(744)';
    name text;
BEGIN
    FOREACH name IN ARRAY '{presence,presence_by_others}'::text[] LOOP
        EXECUTE format('CREATE TRIGGER %1$I BEFORE INSERT ON %2$I FOR EACH ROW WHEN (%3$s) EXECUTE FUNCTION refuse_presence()',
                       name || '_is_of_now', name, format(out_of_reach, 'NEW.hours'));
        EXECUTE format('CREATE TRIGGER %1$I BEFORE UPDATE ON %2$I FOR EACH ROW WHEN (
                            (NEW.hours & OLD.hours) <> OLD.hours OR (NEW.late_hours & OLD.late_hours) <> OLD.late_hours
                            OR (NEW.device_id, NEW.month, NEW.publisher_id) <> (OLD.device_id, OLD.month, OLD.publisher_id)
                            OR %3$s) EXECUTE FUNCTION refuse_presence()',
                       name || '_only_grows', name, format(out_of_reach, '(NEW.hours & (~OLD.hours))'));
    END LOOP;
END
$$;

-- By which delay late is told from in time decides what counts: an ingester may not note one by which
-- hours that presence could no longer take would be in time.
CREATE FUNCTION refuse_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.max_delay_hours BETWEEN 0 AND 24 * presence_reach_days()
       OR pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE')
       OR (SELECT is_simulation FROM installation) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a delay of % hours is not what an ingester may take for being in time', NEW.max_delay_hours
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER evidence_rules_are_within_reach BEFORE INSERT ON evidence_rules
    FOR EACH ROW EXECUTE FUNCTION refuse_rules();

-- For how long heartbeats and rejections are kept at least, whatever the settings of an ingester say:
-- written by `jieru migrate`.
CREATE TABLE retention (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    heartbeats_days integer NOT NULL DEFAULT 1830,
    rejections_days integer NOT NULL DEFAULT 90
);
COMMENT ON TABLE retention IS 'What no process deletes before; the owner of the tables may.';
INSERT INTO retention DEFAULT VALUES;

-- Whoever takes away what has expired needs rights that no process has: these functions lend them.
CREATE FUNCTION delete_expired_rejections(days integer, at_most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    kept constant integer := CASE WHEN pg_has_role(session_user, current_user, 'USAGE') THEN days
                                  ELSE greatest(days, (SELECT rejections_days FROM retention)) END;
    deleted bigint;
BEGIN
    DELETE FROM rejections WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM rejections WHERE received_at < now() - make_interval(days => kept)
        ORDER BY received_at LIMIT at_most));
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END
$$;

-- A year and a month, so that a month can be compared with the same one a year ago.
CREATE FUNCTION delete_old_minutes() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    deleted bigint;
BEGIN
    DELETE FROM ingest_minutes WHERE minute < now() - interval '400 days';
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END
$$;

-- Chunks, or rows (at most 50,000 at a time) where heartbeats are a plain table. Whoever waits to
-- write into a chunk fails when it is dropped: so nobody may be writing.
CREATE FUNCTION drop_expired_heartbeats(days integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '500ms' AS $$
DECLARE
    kept constant interval := make_interval(days => CASE WHEN pg_has_role(session_user, current_user, 'USAGE') THEN days
                                                         ELSE greatest(days, (SELECT heartbeats_days FROM retention)) END);
    dropped bigint := 0;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('jieru heartbeat retention'))
       OR EXISTS (SELECT FROM heartbeat_archiving) THEN
        RETURN 0;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        DELETE FROM heartbeats WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM heartbeats WHERE "time" < now() - kept LIMIT 50000));
        GET DIAGNOSTICS dropped = ROW_COUNT;
    ELSIF EXISTS (SELECT FROM show_chunks('heartbeats', older_than => now() - kept)) THEN
        LOCK TABLE ONLY heartbeats IN SHARE ROW EXCLUSIVE MODE;
        SELECT count(*) INTO dropped FROM drop_chunks('heartbeats', older_than => now() - kept);
    END IF;
    RETURN dropped;
END
$$;

-- The archive holds a chunk unchanged while it compares, and drops what is in its files.
CREATE FUNCTION hold_heartbeats(range_from timestamptz, range_to timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    chunk regclass;
BEGIN
    FOR chunk IN SELECT show_chunks('heartbeats', older_than => range_to, newer_than => range_from) LOOP
        EXECUTE format('LOCK TABLE %s IN SHARE MODE', chunk);
    END LOOP;
END
$$;

CREATE FUNCTION require_archived(range_from timestamptz, range_to timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    -- The first file of a range holds all of it; later ones what came afterwards.
    IF NOT EXISTS (SELECT FROM heartbeat_archives a
                   WHERE a.range_from <= require_archived.range_from AND a.range_to >= require_archived.range_to) THEN
        RAISE EXCEPTION 'no archive file holds the heartbeats from % to %', range_from, range_to
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    -- With the archive's role one can say that there is a file where there is none.
    IF require_archived.range_to > now() - interval '7 days'
       AND NOT pg_has_role(session_user, current_user, 'USAGE')
       AND NOT (SELECT is_simulation FROM installation) THEN
        RAISE EXCEPTION 'heartbeats are not dropped before they are seven days old' USING ERRCODE = 'insufficient_privilege';
    END IF;
END
$$;

CREATE FUNCTION drop_archived_chunk(range_from timestamptz, range_to timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    dropped bigint;
BEGIN
    PERFORM require_archived(range_from, range_to);
    -- A writer that waits for a chunk fails when it goes. So all wait before they look for one, which
    -- takes milliseconds; and where one waits for this chunk already, it goes first.
    LOCK TABLE ONLY heartbeats IN SHARE ROW EXCLUSIVE MODE;
    SELECT count(*) INTO dropped FROM drop_chunks('heartbeats', older_than => range_to, newer_than => range_from);
    RETURN dropped;
END
$$;

CREATE FUNCTION delete_archived_heartbeats(range_from timestamptz, range_to timestamptz, OUT number bigint, OUT hash numeric)
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM require_archived(range_from, range_to);
    WITH gone AS (
        DELETE FROM heartbeats WHERE "time" >= range_from AND "time" < range_to
        RETURNING device_id, "time", received_at, seq, status, metrics, publisher_id
    )
    SELECT count(*), coalesce(sum(hash_record_extended(
               ROW(device_id, "time", received_at, seq, status, metrics, publisher_id), 0)), 0)
    INTO number, hash FROM gone;
END
$$;

CREATE FUNCTION leave_dropping_to_archive() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO heartbeat_archiving DEFAULT VALUES ON CONFLICT DO NOTHING;
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')
       AND current_setting('timescaledb.license', true) = 'timescale' THEN
        PERFORM remove_retention_policy('heartbeats', if_exists => true);
    END IF;
END
$$;
