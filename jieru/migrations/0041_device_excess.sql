-- How many heartbeats of a device were beyond its rate, and so counted instead of kept.

-- Written as the other counts by hour are: in the transaction of the batch, a row for each ingester.
-- No foreign key, as with the evidence itself.
CREATE TABLE device_excess (
    hour       timestamptz NOT NULL,
    device_id  integer     NOT NULL,
    ingester   text        NOT NULL,
    heartbeats bigint      NOT NULL,
    PRIMARY KEY (device_id, hour, ingester)
) WITH (fillfactor = 70);
COMMENT ON TABLE device_excess IS 'Heartbeats beyond a device''s rate (JIERU_INGEST_DEVICE_RATE), which were counted and not kept. Each hour in which the device was heard has a heartbeat that was kept all the same, and counts.';
COMMENT ON COLUMN device_excess.hour IS 'The hour of receipt.';
COMMENT ON COLUMN device_excess.heartbeats IS 'Second deliveries included: a heartbeat that is not kept cannot be known again.';
