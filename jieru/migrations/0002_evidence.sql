-- Evidence: what was heard, when, and what was refused.

CREATE TYPE device_status AS ENUM ('running', 'idle', 'fault', 'stopped', 'maintenance');

CREATE TABLE heartbeats (
    device_id   integer     NOT NULL,
    "time"      timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    seq         bigint,
    status      device_status,
    metrics     jsonb,
    -- A message that the broker delivers again is the same row.
    PRIMARY KEY (device_id, "time")
);
COMMENT ON TABLE heartbeats IS 'A hypertable by time where TimescaleDB is present, else a plain table with the same columns.';
COMMENT ON COLUMN heartbeats."time" IS 'The device''s own timestamp (ts of the wire contract).';

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        PERFORM create_hypertable('heartbeats', 'time', chunk_time_interval => INTERVAL '1 day',
                                  create_default_indexes => false);
    END IF;
END
$$;

CREATE TABLE presence (
    device_id  integer  NOT NULL,
    month      date     NOT NULL CHECK (extract(day FROM month) = 1),
    hours      bit(744) NOT NULL DEFAULT 0::bit(744),
    late_hours bit(744) NOT NULL DEFAULT 0::bit(744),
    PRIMARY KEY (device_id, month)
) WITH (fillfactor = 70);
COMMENT ON TABLE presence IS 'The evidence that is counted: bit (day-1)*24+hour is set when the device was heard in that Asia/Shanghai hour.';

CREATE TABLE device_states (
    device_id    integer       PRIMARY KEY,
    last_seen_at timestamptz   NOT NULL,
    status       device_status
) WITH (fillfactor = 70);

CREATE TABLE rejections (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at   timestamptz NOT NULL,
    reason        text        NOT NULL CHECK (reason IN ('bad_topic', 'retained', 'payload_too_large',
                                  'malformed_payload', 'unknown_device', 'future_timestamp', 'before_epoch')),
    topic         text        NOT NULL,
    payload       bytea       NOT NULL,
    payload_bytes integer     NOT NULL
);
COMMENT ON COLUMN rejections.payload IS 'The first 4096 bytes; payload_bytes is the whole length.';
CREATE INDEX rejections_by_time ON rejections (received_at);

CREATE TABLE evidence_rules (
    id                      integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    applied_at              timestamptz NOT NULL DEFAULT now(),
    policy                  text        NOT NULL,
    max_delay_hours         integer     NOT NULL,
    max_clock_ahead_minutes integer     NOT NULL,
    clock                   text        NOT NULL CHECK (clock IN ('receipt', 'event'))
);
COMMENT ON TABLE evidence_rules IS 'By which rules ingesters told late from on time; a row whenever one starts with rules other than the last.';
CREATE TRIGGER evidence_rules_are_for_good BEFORE UPDATE OR DELETE OR TRUNCATE ON evidence_rules
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
