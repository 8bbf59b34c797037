-- How much came in each hour, so that nobody has to count heartbeats or rejections.

-- Each ingester has rows of its own, so that two of them never wait for one another; written in the
-- transaction that stores the heartbeats, so that one delivered twice is counted once. No foreign
-- keys, as with the evidence itself.
CREATE TABLE ingest_hours (
    hour        timestamptz NOT NULL,
    platform_id integer     NOT NULL,
    ingester    text        NOT NULL,
    heartbeats  bigint      NOT NULL,
    late        bigint      NOT NULL,
    PRIMARY KEY (hour, platform_id, ingester)
) WITH (fillfactor = 70);
COMMENT ON COLUMN ingest_hours.hour IS 'The hour of receipt.';
COMMENT ON COLUMN ingest_hours.late IS 'Of the heartbeats, those that came too late to count.';

CREATE TABLE rejection_hours (
    hour        timestamptz NOT NULL,
    platform_id integer,
    reason      text        NOT NULL,
    ingester    text        NOT NULL,
    rejections  bigint      NOT NULL,
    UNIQUE NULLS NOT DISTINCT (hour, platform_id, reason, ingester)
) WITH (fillfactor = 70);
COMMENT ON COLUMN rejection_hours.platform_id IS 'The platform that the topic names; null where it names none that is registered.';
