-- How each ingester fares, minute by minute: what panels and alerts read without asking an ingester.

CREATE TABLE ingest_minutes (
    ingester             text        NOT NULL CHECK (ingester <> ''),
    minute               timestamptz NOT NULL CHECK (date_trunc('minute', minute, 'UTC') = minute),
    received             integer     NOT NULL CHECK (received >= 0),
    committed            integer     NOT NULL CHECK (committed >= 0),
    duplicates           integer     NOT NULL CHECK (duplicates >= 0),
    late                 integer     NOT NULL CHECK (late >= 0),
    rejected             integer     NOT NULL CHECK (rejected >= 0),
    batches              integer     NOT NULL CHECK (batches >= 0),
    commit_ms_sum        bigint      NOT NULL CHECK (commit_ms_sum >= 0),
    commit_ms_max        integer     NOT NULL CHECK (commit_ms_max >= 0),
    behind_s_max         real        NOT NULL CHECK (behind_s_max >= 0),
    unacknowledged_max   integer     NOT NULL CHECK (unacknowledged_max >= 0),
    PRIMARY KEY (ingester, minute)
);
COMMENT ON TABLE ingest_minutes IS 'Written by the ingester itself, about once a minute, after the fact: operational figures, no evidence. A minute without a row is one in which that ingester did not run or could not write.';
COMMENT ON COLUMN ingest_minutes.minute IS 'Start of the minute, by the ingester''s clock.';
COMMENT ON COLUMN ingest_minutes.committed IS 'Heartbeats committed in it, duplicates included.';
COMMENT ON COLUMN ingest_minutes.commit_ms_sum IS 'From the first try to write a batch to its commit, over all batches of the minute.';
COMMENT ON COLUMN ingest_minutes.behind_s_max IS 'As jieru_ingest_seconds_behind: the largest value seen.';
CREATE INDEX ingest_minutes_by_minute ON ingest_minutes (minute);
