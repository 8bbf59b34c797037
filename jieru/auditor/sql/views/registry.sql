-- The registry: who is connected to whom, since when, and which device stands for which enterprise.

CREATE VIEW audit.platforms AS
SELECT code AS platform, name, operator_uscc, ended_on FROM platforms;
COMMENT ON VIEW audit.platforms IS 'Which platforms are registered?';
COMMENT ON COLUMN audit.platforms.platform IS 'The code, by which every other view names it.';

CREATE VIEW audit.recognitions AS
SELECT p.code AS platform, r.level, r.recognised_on, r.revoked_on
FROM recognitions r JOIN platforms p ON p.id = r.platform_id;
COMMENT ON VIEW audit.recognitions IS 'At which level was a platform recognised, from when until when?';
COMMENT ON COLUMN audit.recognitions.revoked_on IS 'Exclusive; null: it still is.';

CREATE VIEW audit.enterprises AS
SELECT e.uscc, e.name, e.district, e.industry_code, e.ended_on, p.code AS kept_by_platform
FROM enterprises e LEFT JOIN platforms p ON p.id = e.kept_by_platform_id;
COMMENT ON VIEW audit.enterprises IS 'Which enterprises are registered?';
COMMENT ON COLUMN audit.enterprises.industry_code IS 'GB/T 4754: the first letter is the section.';
COMMENT ON COLUMN audit.enterprises.kept_by_platform IS 'The platform whose operator entered the record and may still change it; null: the bureau keeps it.';

CREATE VIEW audit.connections AS
SELECT p.code AS platform, e.uscc, e.name AS enterprise, c.contract_no, c.signed_on,
       c.from_date AS from_on, c.to_date AS to_on,
       (c.recorded_at AT TIME ZONE 'Asia/Shanghai')::date AS recorded_on
FROM connections c
JOIN platforms p ON p.id = c.platform_id
JOIN enterprises e ON e.id = c.enterprise_id;
COMMENT ON VIEW audit.connections IS 'Which enterprise was connected to which platform, from when until when?';
COMMENT ON COLUMN audit.connections.to_on IS 'Exclusive; null: it still is.';
COMMENT ON COLUMN audit.connections.recorded_on IS 'When the server was told of its first day.';

CREATE VIEW audit.connection_requests AS
SELECT r.id, p.code AS platform, r.uscc, e.name AS enterprise, r.contract_no, r.signed_on,
       r.from_date AS from_on, r.to_date AS to_on, r.requested_by, r.requested_at, r.status,
       r.decided_by, r.decided_at, r.reason, r.confirmation
FROM connection_requests r
JOIN platforms p ON p.id = r.platform_id
JOIN enterprises e ON e.uscc = r.uscc;
COMMENT ON VIEW audit.connection_requests IS 'Which platform asked to connect another one''s enterprise, and who decided what?';
COMMENT ON COLUMN audit.connection_requests.to_on IS 'Exclusive; null: open.';
COMMENT ON COLUMN audit.connection_requests.status IS 'open, confirmed (it is a connection), refused by the bureau, or withdrawn by the operator.';
COMMENT ON COLUMN audit.connection_requests.confirmation IS 'Whose word made it a connection: bureau or enterprise.';

CREATE VIEW audit.assignments AS
SELECT p.code AS platform, d.serial, e.uscc, e.name AS enterprise,
       a.from_date AS from_on, a.to_date AS to_on,
       (a.recorded_at AT TIME ZONE 'Asia/Shanghai')::date AS recorded_on
FROM assignments a
JOIN devices d ON d.id = a.device_id
JOIN platforms p ON p.id = d.platform_id
JOIN enterprises e ON e.id = a.enterprise_id;
COMMENT ON VIEW audit.assignments IS 'Which enterprise did a device stand for, from when until when?';
COMMENT ON COLUMN audit.assignments.to_on IS 'Exclusive; null: it still does.';
COMMENT ON COLUMN audit.assignments.recorded_on IS 'When the server was told of its first day.';

-- The rule of registry/device_status.py; a test holds the two together.
CREATE VIEW audit.devices AS
SELECT p.code AS platform, d.serial, d.kind, d.name, e.uscc, e.name AS enterprise,
       d.expected_interval_s, d.registered_at, d.ended_on, s.last_seen_at,
       CASE WHEN s.last_seen_at IS NULL THEN 'never'
            WHEN s.last_seen_at >= now() - (d.expected_interval_s * 2 + 30) * interval '1 s' THEN 'online'
            WHEN s.last_seen_at >= now() - (d.expected_interval_s * 5 + 30) * interval '1 s' THEN 'late'
            ELSE 'offline' END AS status,
       s.status::text AS reported
FROM devices d
JOIN platforms p ON p.id = d.platform_id
LEFT JOIN device_states s ON s.device_id = d.id
LEFT JOIN assignments a ON a.device_id = d.id
    AND a.from_date <= (now() AT TIME ZONE 'Asia/Shanghai')::date
    AND (a.to_date IS NULL OR a.to_date > (now() AT TIME ZONE 'Asia/Shanghai')::date)
LEFT JOIN enterprises e ON e.id = a.enterprise_id;
COMMENT ON VIEW audit.devices IS 'How does each device stand now, and which enterprise does it stand for today?';
COMMENT ON COLUMN audit.devices.uscc IS 'Null: it is assigned to nobody today.';
COMMENT ON COLUMN audit.devices.expected_interval_s IS 'Seconds between two heartbeats, by which the status is told.';
COMMENT ON COLUMN audit.devices.ended_on IS 'From this day on it is no device any more.';
COMMENT ON COLUMN audit.devices.status IS 'online until two intervals of silence, late until five, then offline; never: not heard yet. Half a minute is allowed for writing.';
COMMENT ON COLUMN audit.devices.reported IS 'What the device says of itself.';

CREATE VIEW audit.device_statuses AS
SELECT p.code AS platform, heard.status, heard.devices
FROM platforms p
JOIN (
    SELECT d.platform_id,
           CASE WHEN s.last_seen_at IS NULL THEN 'never'
                WHEN s.last_seen_at >= now() - (d.expected_interval_s * 2 + 30) * interval '1 s' THEN 'online'
                WHEN s.last_seen_at >= now() - (d.expected_interval_s * 5 + 30) * interval '1 s' THEN 'late'
                ELSE 'offline' END AS status,
           count(*) AS devices
    FROM devices d LEFT JOIN device_states s ON s.device_id = d.id
    WHERE d.ended_on IS NULL OR d.ended_on > (now() AT TIME ZONE 'Asia/Shanghai')::date
    GROUP BY d.platform_id, 2
) AS heard ON heard.platform_id = p.id;
COMMENT ON VIEW audit.device_statuses IS 'How many devices that are not ended have each status now, on each platform? A status that no device has is no row.';
