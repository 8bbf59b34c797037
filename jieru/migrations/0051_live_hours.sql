-- What is recorded of each heartbeat so that signals have what they need: whether it arrived while it
-- was fresh, the start of the controller that it comes from, and its counter.

-- An ingester of the release before goes on writing: it sets no live hour, and from which day on all of
-- them do is told by `evidence_rules` (docs/decisions/0038).
ALTER TABLE presence ADD COLUMN live_hours bit(744) NOT NULL DEFAULT 0::bit(744);
COMMENT ON COLUMN presence.live_hours IS 'Of the hours those of which a heartbeat arrived within live_within_minutes of its time stamp. Said of hours from the day on that ingesters knew the rule.';
-- Every row there is has none, so nothing needs to be looked at.
ALTER TABLE presence ADD CONSTRAINT presence_live_hours_are_hours
    CHECK ((live_hours & ~hours) = 0::bit(744)) NOT VALID;

CREATE OR REPLACE VIEW device_presence AS
SELECT device_id, month, hours, late_hours, live_hours FROM ONLY presence AS p
WHERE NOT EXISTS (SELECT FROM presence_by_others o WHERE o.device_id = p.device_id AND o.month = p.month)
UNION ALL
SELECT device_id, month, bit_or(hours), bit_or(late_hours), bit_or(live_hours) FROM presence
WHERE (device_id, month) IN (SELECT device_id, month FROM presence_by_others)
GROUP BY device_id, month;

-- Live hours only grow, and only where they can be heard now, as hours do (0048).
DO $$
DECLARE
    out_of_reach constant text :=
        '((%1$s << greatest(24 * ((now() AT TIME ZONE ''Asia/Shanghai'')::date + 2 - NEW.month), 0))
          | (%1$s >> greatest(744 - 24 * ((now() AT TIME ZONE ''Asia/Shanghai'')::date - presence_reach_days() - NEW.month), 0)))
         <> 0::bit(744)';
    name text;
BEGIN
    FOREACH name IN ARRAY '{presence,presence_by_others}'::text[] LOOP
        EXECUTE format('DROP TRIGGER %I ON %I', name || '_only_grows', name);
        EXECUTE format('CREATE TRIGGER %1$I BEFORE UPDATE ON %2$I FOR EACH ROW WHEN (
                            (NEW.hours & OLD.hours) <> OLD.hours OR (NEW.late_hours & OLD.late_hours) <> OLD.late_hours
                            OR (NEW.live_hours & OLD.live_hours) <> OLD.live_hours
                            OR (NEW.device_id, NEW.month, NEW.publisher_id) <> (OLD.device_id, OLD.month, OLD.publisher_id)
                            OR %3$s) EXECUTE FUNCTION refuse_presence()',
                       name || '_only_grows', name,
                       format(out_of_reach, '((NEW.hours & (~OLD.hours)) | (NEW.live_hours & (~OLD.live_hours)))'));
    END LOOP;
END
$$;

ALTER TABLE evidence_rules ADD COLUMN live_within_minutes integer
    CHECK (live_within_minutes BETWEEN 1 AND 1440);
COMMENT ON COLUMN evidence_rules.live_within_minutes IS 'Null: by an ingester that told live hours from others by no rule.';

ALTER TABLE heartbeats ADD COLUMN boot bigint;
ALTER TABLE heartbeats ADD COLUMN counter double precision;
COMMENT ON COLUMN heartbeats.boot IS 'A random number of the start of the controller that it comes from.';
COMMENT ON COLUMN heartbeats.counter IS 'Kilowatt-hours, cycles or pieces, which never fall but with another boot.';

CREATE OR REPLACE FUNCTION delete_archived_heartbeats(range_from timestamptz, range_to timestamptz, OUT number bigint, OUT hash numeric)
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM require_archived(range_from, range_to);
    WITH gone AS (
        DELETE FROM heartbeats WHERE "time" >= range_from AND "time" < range_to
        RETURNING device_id, "time", received_at, seq, status, metrics, publisher_id, boot, counter
    )
    SELECT count(*), coalesce(sum(hash_record_extended(
               ROW(device_id, "time", received_at, seq, status, metrics, publisher_id, boot, counter), 0)), 0)
    INTO number, hash FROM gone;
END
$$;

-- What raw heartbeats said that hours do not keep, for when they have expired.
CREATE TABLE device_days (
    device_id        integer NOT NULL,
    day              date    NOT NULL,
    counter_first    double precision,
    counter_last     double precision,
    counter_step_max double precision CHECK (counter_step_max >= 0),
    counter_falls    integer NOT NULL DEFAULT 0 CHECK (counter_falls >= 0),
    boot_first       bigint,
    boot_last        bigint,
    boots            integer NOT NULL DEFAULT 0 CHECK (boots >= 0),
    seq_repeats      integer NOT NULL DEFAULT 0 CHECK (seq_repeats >= 0),
    interval_s       integer CHECK (interval_s > 0),
    second           integer CHECK (second >= 0 AND second < interval_s),
    PRIMARY KEY (device_id, day),
    CHECK ((counter_first IS NULL) = (counter_last IS NULL)),
    CHECK ((interval_s IS NULL) = (second IS NULL))
);
COMMENT ON TABLE device_days IS 'Of days on which there is something to tell: a counter or a boot was sent, a seq came twice, or a spell of the device begins or ends.';
COMMENT ON COLUMN device_days.day IS 'Civil, Asia/Shanghai.';
COMMENT ON COLUMN device_days.counter_step_max IS 'The largest rise from one reading to the next; null: there are not two.';
COMMENT ON COLUMN device_days.counter_falls IS 'Readings below the one before, of the same boot; the first of the day is held against the last one before it.';
COMMENT ON COLUMN device_days.boots IS 'How many different ones.';
COMMENT ON COLUMN device_days.seq_repeats IS 'Heartbeats with a seq that the device had on this day already, of the same boot.';
COMMENT ON COLUMN device_days.interval_s IS 'The usual time between two heartbeats, and second the place in it where they usually stand: on the first and the last day of a spell only.';
CREATE INDEX device_days_by_day ON device_days (day);

-- The last day of a spell shows days later: then its interval is added, once.
CREATE FUNCTION complete_device_day() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    added text[] := ARRAY['interval_s', 'second'];
BEGIN
    IF OLD.interval_s IS NOT NULL OR to_jsonb(OLD) - added IS DISTINCT FROM to_jsonb(NEW) - added THEN
        RAISE EXCEPTION 'a day of a device is told once' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER device_days_are_completed_once BEFORE UPDATE ON device_days
    FOR EACH ROW EXECUTE FUNCTION complete_device_day();
CREATE TRIGGER device_days_are_for_good BEFORE DELETE OR TRUNCATE ON device_days
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE device_days_filled (
    day        date        PRIMARY KEY,
    filled_at  timestamptz NOT NULL DEFAULT now(),
    heartbeats bigint      NOT NULL CHECK (heartbeats >= 0)
);
COMMENT ON TABLE device_days_filled IS 'Days whose raw heartbeats were looked at for device_days. A day is looked at once nothing that counts can come for it any more.';
CREATE TRIGGER device_days_filled_are_for_good BEFORE UPDATE OR DELETE OR TRUNCATE ON device_days_filled
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
