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

-- Whether one heartbeat has the time of its receipt.
CREATE FUNCTION has_receipt_time(device integer, heard timestamptz, received timestamptz) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT heard = received AND EXISTS (
        SELECT FROM receipt_hours,
               LATERAL (SELECT heard AT TIME ZONE 'Asia/Shanghai' AS civil) AS at
        WHERE device_id = device AND month = date_trunc('month', civil)::date
          AND get_bit(hours, (extract(day FROM civil)::integer - 1) * 24 + extract(hour FROM civil)::integer) = 1)
$$;
