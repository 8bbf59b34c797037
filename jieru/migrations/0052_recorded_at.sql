-- Evidence follows registration: of every connection and assignment, when the server was told of its
-- from_date. The database says it, by its own clock, so that nobody is paid for what was written
-- down afterwards.

ALTER TABLE connections ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE assignments ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN connections.recorded_at IS 'When the server was told of this from_date. Evidence of long before does not count by itself.';
COMMENT ON COLUMN assignments.recorded_at IS 'When the server was told of this from_date. Evidence of long before does not count by itself.';

-- Whoever lets a period that is over go on says of days that have passed that they belong to it. Each time
-- is kept, and so are the end as it was known when the day began on which it was changed last: what is
-- taken back on that very day was a slip, and restores what was.
ALTER TABLE connections
    ADD COLUMN extended_from date[] NOT NULL DEFAULT '{}', ADD COLUMN extended_at timestamptz[] NOT NULL DEFAULT '{}',
    ADD COLUMN end_before date, ADD COLUMN end_changed_at timestamptz,
    ADD CHECK (cardinality(extended_from) = cardinality(extended_at)),
    ADD CHECK (num_nulls(end_before, end_changed_at) IN (0, 2));
ALTER TABLE assignments
    ADD COLUMN extended_from date[] NOT NULL DEFAULT '{}', ADD COLUMN extended_at timestamptz[] NOT NULL DEFAULT '{}',
    ADD COLUMN end_before date, ADD COLUMN end_changed_at timestamptz,
    ADD CHECK (cardinality(extended_from) = cardinality(extended_at)),
    ADD CHECK (num_nulls(end_before, end_changed_at) IN (0, 2));
COMMENT ON COLUMN connections.extended_from IS 'Ends that it had until the server was told, each at its place in extended_at, that it goes on; ascending.';
COMMENT ON COLUMN assignments.extended_from IS 'Ends that it had until the server was told, each at its place in extended_at, that it goes on; ascending.';
COMMENT ON COLUMN connections.end_before IS 'Its end when the civil day of end_changed_at began, infinity: none; null: the end never changed.';
COMMENT ON COLUMN assignments.end_before IS 'Its end when the civil day of end_changed_at began, infinity: none; null: the end never changed.';

CREATE FUNCTION end_told(
    INOUT extended_from date[], INOUT extended_at timestamptz[], INOUT end_before date, INOUT end_changed_at timestamptz,
    old_end date, new_end date, told_at timestamptz
) LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    today date := (told_at AT TIME ZONE 'Asia/Shanghai')::date;
    froms date[] := extended_from;
    ats   timestamptz[] := extended_at;
BEGIN
    IF end_changed_at IS NULL OR (end_changed_at AT TIME ZONE 'Asia/Shanghai')::date <> today THEN
        end_before := coalesce(old_end, 'infinity');
        end_changed_at := told_at;
    END IF;
    -- What was said today, and what the new word takes the place of, goes; days between stay told as they were.
    SELECT coalesce(array_agg(f ORDER BY f), '{}'), coalesce(array_agg(a ORDER BY f), '{}')
    INTO extended_from, extended_at
    FROM unnest(froms, ats) AS told (f, a)
    WHERE (a AT TIME ZONE 'Asia/Shanghai')::date <> today
      AND NOT (end_before < today AND coalesce(new_end, 'infinity') > end_before AND f >= end_before);
    IF end_before < today AND coalesce(new_end, 'infinity') > end_before THEN
        extended_from := extended_from || end_before;
        extended_at := extended_at || told_at;
    END IF;
END
$$;
COMMENT ON FUNCTION end_told IS 'What is kept of a period''s end when the server is told of another one.';

CREATE FUNCTION told_periods(
    from_date date, to_date date, recorded_at timestamptz, extended_from date[], extended_at timestamptz[]
) RETURNS TABLE (first_on date, end_on date, told_at timestamptz) LANGUAGE sql IMMUTABLE AS $$
    SELECT greatest(told.first_on, from_date), least(told.end_on, to_date), told.told_at
    FROM unnest(from_date || extended_from, extended_from || to_date, recorded_at || extended_at)
         WITH ORDINALITY AS told (first_on, end_on, told_at, place)
    WHERE place = 1 OR greatest(told.first_on, from_date) < coalesce(least(told.end_on, to_date), 'infinity')
$$;
COMMENT ON FUNCTION told_periods IS 'The parts of a period by when the server was told of them; end_on is exclusive, null: open.';

-- What is there already was recorded when the audit knows, else now. Neither a change of the record nor
-- an entry of the audit: nobody changed what it says.
ALTER TABLE connections DISABLE TRIGGER USER;
ALTER TABLE assignments DISABLE TRIGGER USER;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['connections', 'assignments'] LOOP
        IF EXISTS (SELECT FROM installation WHERE is_simulation) THEN
            EXECUTE format($q$UPDATE %I SET recorded_at = from_date::timestamp AT TIME ZONE 'Asia/Shanghai'$q$, name);
        ELSE
            EXECUTE format($q$
                UPDATE %1$I SET recorded_at = told.at
                FROM (SELECT record_id, max(changed_at) AS at FROM audit_entries
                      WHERE record_kind = %1$L
                        AND (action = 'create' OR (after ->> 'from_date')::date < (before ->> 'from_date')::date)
                      GROUP BY record_id) AS told
                WHERE told.record_id = %1$I.id$q$, name);
        END IF;
    END LOOP;
END
$$;
UPDATE connections SET recorded_at = requested_at
FROM connection_requests r
WHERE r.connection_id = connections.id AND r.from_date = connections.from_date AND requested_at < recorded_at
  AND NOT EXISTS (SELECT FROM installation WHERE is_simulation);
-- What went on after it was over before this rule was told when the audit says.
DO $$
DECLARE
    name  text;
    entry record;
BEGIN
    FOREACH name IN ARRAY ARRAY['connections', 'assignments'] LOOP
        CONTINUE WHEN EXISTS (SELECT FROM installation WHERE is_simulation);
        FOR entry IN EXECUTE format($q$
            SELECT record_id, changed_at, (before ->> 'to_date')::date AS old_end, (after ->> 'to_date')::date AS new_end
            FROM audit_entries JOIN %1$I ON %1$I.id = record_id
            WHERE record_kind = %1$L AND action <> 'create' AND changed_at > recorded_at
              AND before -> 'to_date' IS DISTINCT FROM after -> 'to_date'
            ORDER BY number$q$, name)
        LOOP
            EXECUTE format($q$
                UPDATE %1$I SET (extended_from, extended_at, end_before, end_changed_at) = (
                    SELECT told.extended_from, told.extended_at, told.end_before, told.end_changed_at
                    FROM end_told(%1$I.extended_from, %1$I.extended_at, %1$I.end_before, %1$I.end_changed_at, $1, $2, $3) AS told)
                WHERE id = $4$q$, name)
            USING entry.old_end, entry.new_end, entry.changed_at, entry.record_id;
        END LOOP;
    END LOOP;
END
$$;
ALTER TABLE connections ENABLE TRIGGER USER;
ALTER TABLE assignments ENABLE TRIGGER USER;
ALTER TABLE connections ALTER COLUMN recorded_at DROP DEFAULT;
ALTER TABLE assignments ALTER COLUMN recorded_at DROP DEFAULT;

-- Whatever a program writes here, and one of the release before writes nothing. Simulated registries
-- play another time: what they do not say was recorded on its from_date.
CREATE FUNCTION set_recorded_at() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_told_anew boolean := TG_OP = 'INSERT';
    told_at      timestamptz := now();
BEGIN
    IF TG_OP = 'UPDATE' THEN
        is_told_anew := NEW.from_date < OLD.from_date OR NEW.enterprise_id <> OLD.enterprise_id
            OR CASE TG_TABLE_NAME
                WHEN 'connections' THEN to_jsonb(NEW) -> 'platform_id' <> to_jsonb(OLD) -> 'platform_id'
                ELSE to_jsonb(NEW) -> 'device_id' <> to_jsonb(OLD) -> 'device_id' END;
    END IF;
    IF EXISTS (SELECT FROM installation WHERE is_simulation) THEN
        IF NEW.recorded_at IS NULL OR is_told_anew AND TG_OP = 'UPDATE' AND NEW.recorded_at = OLD.recorded_at THEN
            NEW.recorded_at := NEW.from_date::timestamp AT TIME ZONE 'Asia/Shanghai';
        END IF;
    ELSIF is_told_anew THEN
        IF TG_TABLE_NAME = 'connections' THEN
            -- Who asked for the connection told of it then, however long the bureau took.
            SELECT least(told_at, min(r.requested_at)) INTO told_at
            FROM connection_requests r JOIN enterprises e ON e.uscc = r.uscc
            WHERE r.status = 'open' AND r.platform_id = NEW.platform_id AND e.id = NEW.enterprise_id
              AND r.from_date = NEW.from_date;
        END IF;
        NEW.recorded_at := told_at;
    ELSE
        NEW.recorded_at := OLD.recorded_at;
    END IF;
    IF is_told_anew OR EXISTS (SELECT FROM installation WHERE is_simulation) THEN
        NEW.extended_from := '{}';
        NEW.extended_at := '{}';
        NEW.end_before := NULL;
        NEW.end_changed_at := NULL;
    ELSE
        NEW.extended_from := OLD.extended_from;
        NEW.extended_at := OLD.extended_at;
        NEW.end_before := OLD.end_before;
        NEW.end_changed_at := OLD.end_changed_at;
        IF NEW.to_date IS DISTINCT FROM OLD.to_date THEN
            SELECT * INTO NEW.extended_from, NEW.extended_at, NEW.end_before, NEW.end_changed_at
            FROM end_told(OLD.extended_from, OLD.extended_at, OLD.end_before, OLD.end_changed_at,
                          OLD.to_date, NEW.to_date, now());
        END IF;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER connections_set_recorded_at BEFORE INSERT OR UPDATE ON connections
    FOR EACH ROW EXECUTE FUNCTION set_recorded_at();
CREATE TRIGGER assignments_set_recorded_at BEFORE INSERT OR UPDATE ON assignments
    FOR EACH ROW EXECUTE FUNCTION set_recorded_at();

ALTER TABLE imports ADD COLUMN backdated integer NOT NULL DEFAULT 0,
                    ADD COLUMN backdated_rows integer[] NOT NULL DEFAULT '{}',
                    ADD COLUMN evidence_from date;
COMMENT ON COLUMN imports.backdated IS 'How many new rows begin so long ago that their evidence does not count from the first day.';
COMMENT ON COLUMN imports.backdated_rows IS 'The first 1,000 of these rows, as a spreadsheet numbers them.';
COMMENT ON COLUMN imports.evidence_from IS 'From which day on the evidence of these rows counts by itself.';

-- `backdate`: what was recorded late until then counts from its from_date all the same. Two people.
ALTER TABLE decisions DROP CONSTRAINT decisions_kind_check;
ALTER TABLE decisions ADD CONSTRAINT decisions_kind_check
    CHECK (kind IN ('exclude', 'waive', 'hold', 'keep', 'backdate'));

CREATE OR REPLACE FUNCTION decisions_ask_for_a_second() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.needs_second := NEW.kind IN ('waive', 'backdate')
        AND NOT EXISTS (SELECT FROM installation WHERE is_simulation);
    IF NEW.confirmed_at IS NOT NULL THEN
        RAISE EXCEPTION 'a decision is confirmed after it was recorded' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.kind = 'backdate' THEN  -- it covers what was recorded until then
        NEW.decided_at := now();
    END IF;
    RETURN NEW;
END
$$;

-- All that was registered on a day, of one platform or of all, accepted as one: for a registry that is
-- older than this rule.
CREATE TABLE opening_stocks (
    id               integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    platform_id      integer     REFERENCES platforms,
    stood_on         date        NOT NULL,
    reason           text        NOT NULL CHECK (reason <> ''),
    attachment       text        CHECK (attachment <> ''),
    decided_by       text        NOT NULL CHECK (decided_by <> ''),
    decided_at       timestamptz NOT NULL DEFAULT now(),
    needs_second     boolean     NOT NULL DEFAULT true,
    confirmed_by     text        CHECK (confirmed_by <> ''),
    confirmed_at     timestamptz,
    withdrawn_reason text        CHECK (withdrawn_reason <> ''),
    withdrawn_by     text        CHECK (withdrawn_by <> ''),
    withdrawn_at     timestamptz,
    CHECK (num_nulls(confirmed_by, confirmed_at) IN (0, 2)),
    CHECK (num_nulls(withdrawn_reason, withdrawn_by, withdrawn_at) IN (0, 3)),
    CONSTRAINT opening_stocks_second_is_another CHECK (NOT needs_second OR person_key(confirmed_by) <> person_key(decided_by))
);
COMMENT ON TABLE opening_stocks IS 'Connections and assignments recorded by a day that count from their from_date, by a decision of two people.';
COMMENT ON COLUMN opening_stocks.platform_id IS 'Null: of all platforms.';
COMMENT ON COLUMN opening_stocks.stood_on IS 'What was recorded later, or after the decision, is not accepted by it.';

CREATE FUNCTION opening_stocks_take_two() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_simulation boolean := EXISTS (SELECT FROM installation i WHERE i.is_simulation);
    steps         text[] := ARRAY['confirmed_by', 'confirmed_at', 'withdrawn_reason', 'withdrawn_by', 'withdrawn_at'];
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.needs_second := NOT is_simulation;
        NEW.decided_at := now();
        IF NEW.confirmed_at IS NOT NULL OR NEW.withdrawn_at IS NOT NULL THEN
            RAISE EXCEPTION 'an opening stock is confirmed and withdrawn after it was recorded' USING ERRCODE = 'restrict_violation';
        END IF;
        IF NOT is_simulation AND NEW.stood_on > (now() AT TIME ZONE 'Asia/Shanghai')::date THEN
            RAISE EXCEPTION 'what is registered on a day to come cannot be accepted' USING ERRCODE = 'check_violation';
        END IF;
    ELSIF OLD.withdrawn_at IS NOT NULL OR to_jsonb(OLD) - steps IS DISTINCT FROM to_jsonb(NEW) - steps
       OR OLD.confirmed_at IS NOT NULL
          AND (OLD.confirmed_by, OLD.confirmed_at) IS DISTINCT FROM (NEW.confirmed_by, NEW.confirmed_at) THEN
        RAISE EXCEPTION 'an opening stock may only be confirmed and withdrawn, once' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER opening_stocks_take_two BEFORE INSERT OR UPDATE ON opening_stocks
    FOR EACH ROW EXECUTE FUNCTION opening_stocks_take_two();
CREATE TRIGGER opening_stocks_are_for_good BEFORE DELETE OR TRUNCATE ON opening_stocks
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER opening_stocks_audit_insert AFTER INSERT ON opening_stocks REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();
CREATE TRIGGER opening_stocks_audit_update AFTER UPDATE ON opening_stocks REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();
