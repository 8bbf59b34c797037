-- In which hours a device was heard while they passed; and of a day what its heartbeats told besides.

ALTER TABLE presence ADD COLUMN live_hours bit(744) NOT NULL DEFAULT 0::bit(744);
COMMENT ON COLUMN presence.live_hours IS 'Hours of which a heartbeat arrived while it was fresh.';

CREATE OR REPLACE VIEW device_presence AS
SELECT device_id, month, hours, late_hours, live_hours FROM ONLY presence AS p
WHERE NOT EXISTS (SELECT FROM presence_by_others o WHERE o.device_id = p.device_id AND o.month = p.month)
UNION ALL
SELECT device_id, month, bit_or(hours), bit_or(late_hours), bit_or(live_hours) FROM presence
WHERE (device_id, month) IN (SELECT device_id, month FROM presence_by_others)
GROUP BY device_id, month;

ALTER TABLE heartbeats ADD COLUMN boot bigint, ADD COLUMN counter double precision;

CREATE TABLE device_days (
    device_id        integer NOT NULL,
    day              date    NOT NULL,
    counter_first    double precision,
    counter_last     double precision,
    counter_step_max double precision,
    counter_falls    integer NOT NULL DEFAULT 0,
    boots            integer NOT NULL DEFAULT 0,
    seq_repeats      integer NOT NULL DEFAULT 0,
    interval_s       integer,
    second           integer,
    PRIMARY KEY (device_id, day)
);
COMMENT ON TABLE device_days IS 'What heartbeats of a day told beyond presence, where there was something to tell.';
