-- Heartbeats of devices without a clock, taken over HTTPS with the time of their receipt where the policy
-- allows it: in which hours there are such. As small as presence, and kept as long.

CREATE TABLE receipt_hours (
    device_id integer  NOT NULL REFERENCES devices,
    month     date     NOT NULL CHECK (month = date_trunc('month', month)),
    hours     bit(744) NOT NULL,
    PRIMARY KEY (device_id, month)
);
COMMENT ON TABLE receipt_hours IS 'Hours in which a heartbeat of a device was given the time of its receipt, for it had none. Such a heartbeat is one of these hours whose time is its received_at.';
COMMENT ON COLUMN receipt_hours.hours IS 'As presence.hours: bit (day - 1) * 24 + hour, Asia/Shanghai.';
CREATE TRIGGER receipt_hours_only_grow BEFORE UPDATE ON receipt_hours FOR EACH ROW
    WHEN ((NEW.hours & OLD.hours) <> OLD.hours OR (NEW.device_id, NEW.month) <> (OLD.device_id, OLD.month))
    EXECUTE FUNCTION refuse_presence();
CREATE TRIGGER receipt_hours_are_for_good BEFORE DELETE OR TRUNCATE ON receipt_hours
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The same bytes hold other heartbeats each time they come, where these have the time of receipt. So of
-- such a message each moment is kept, or its heartbeats could not be made again from it.
CREATE TABLE source_receipts (
    message_id  bigint      NOT NULL REFERENCES source_messages ON DELETE CASCADE,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (message_id, received_at)
);
COMMENT ON TABLE source_receipts IS 'When messages came whose rows were given the time of their receipt: each time, the first included.';
CREATE INDEX source_receipts_by_time ON source_receipts (received_at);
CREATE TRIGGER source_receipts_stay BEFORE UPDATE OR TRUNCATE ON source_receipts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What `jieru ingest --http` holds secrets against: of open credentials alone, however it is asked.
CREATE VIEW open_credentials WITH (security_barrier) AS
    SELECT username, salt, password_hash FROM credentials WHERE revoked_at IS NULL;
COMMENT ON VIEW open_credentials IS 'The equipment''s credentials that are taken, for whoever takes heartbeats over HTTP.';

-- Whether one heartbeat has the time of its receipt.
CREATE FUNCTION has_receipt_time(device integer, heard timestamptz, received timestamptz) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT heard = received AND EXISTS (
        SELECT FROM receipt_hours,
               LATERAL (SELECT heard AT TIME ZONE 'Asia/Shanghai' AS civil) AS at
        WHERE device_id = device AND month = date_trunc('month', civil)::date
          AND get_bit(hours, (extract(day FROM civil)::integer - 1) * 24 + extract(hour FROM civil)::integer) = 1)
$$;
