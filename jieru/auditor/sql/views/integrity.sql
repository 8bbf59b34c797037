-- What deserves a second look. Nothing here is proof of anything.

CREATE VIEW audit.shared_devices AS
SELECT extract(year FROM b.from_date)::integer AS year, p.code AS platform, d.serial,
       ea.uscc AS first_uscc, ea.name AS first_enterprise, a.from_date AS first_from_on, a.to_date AS first_to_on,
       eb.uscc AS then_uscc, eb.name AS then_enterprise, b.from_date AS then_from_on, b.to_date AS then_to_on,
       EXISTS (SELECT FROM audit.device_days h WHERE h.platform = p.code AND h.serial = d.serial AND h.uscc = ea.uscc
               AND h.day_on BETWEEN b.from_date - 366 AND b.from_date - 1) AS is_first_heard,
       EXISTS (SELECT FROM audit.device_days h WHERE h.platform = p.code AND h.serial = d.serial AND h.uscc = eb.uscc
               AND h.day_on BETWEEN b.from_date AND b.from_date + 365) AS is_then_heard,
       (b.recorded_at AT TIME ZONE 'Asia/Shanghai')::date AS then_recorded_on
FROM assignments a
JOIN assignments b ON b.device_id = a.device_id AND b.from_date >= a.to_date
    AND b.enterprise_id <> a.enterprise_id
    AND b.from_date < a.to_date + 366
JOIN devices d ON d.id = a.device_id
JOIN platforms p ON p.id = d.platform_id
JOIN enterprises ea ON ea.id = a.enterprise_id
JOIN enterprises eb ON eb.id = b.enterprise_id
WHERE a.to_date IS NOT NULL;
COMMENT ON VIEW audit.shared_devices IS 'Which devices stood for two enterprises within a year, over New Year too, and were they heard for both?';
COMMENT ON COLUMN audit.shared_devices.year IS 'In which the device began to stand for the other one.';
COMMENT ON COLUMN audit.shared_devices.first_to_on IS 'Exclusive.';
COMMENT ON COLUMN audit.shared_devices.then_to_on IS 'Exclusive; null: it still does.';
COMMENT ON COLUMN audit.shared_devices.is_first_heard IS 'In the 366 days before, on a day on which it stood for the first one.';
COMMENT ON COLUMN audit.shared_devices.is_then_heard IS 'In the 366 days from then on, on a day on which it stood for the other one.';
COMMENT ON COLUMN audit.shared_devices.then_recorded_on IS 'When the server was told of the second assignment''s first day.';

-- What the count makes of it is said in audit.determinations; here is all there is, whatever it makes.
CREATE VIEW audit.backdated AS
SELECT late.what, p.code AS platform, e.uscc, e.name AS enterprise, late.serial, late.from_on, late.to_on,
       late.recorded_on, late.recorded_on - late.from_on AS days_late,
       (SELECT min(x.id) FROM decisions x
        WHERE x.kind = 'backdate' AND x.platform_id = late.platform_id AND x.enterprise_id = late.enterprise_id
          AND x.withdrawn_at IS NULL AND (x.confirmed_at IS NOT NULL OR NOT x.needs_second)
          AND (late.recorded_at <= x.decided_at OR NOT x.needs_second)) AS decision,
       (SELECT min(o.id) FROM opening_stocks o
        WHERE (o.platform_id IS NULL OR o.platform_id = late.platform_id) AND late.recorded_on <= o.stood_on
          AND o.withdrawn_at IS NULL AND (o.confirmed_at IS NOT NULL OR NOT o.needs_second)
          AND (late.recorded_at <= o.decided_at OR NOT o.needs_second)) AS opening_stock
FROM (
    SELECT 'connection' AS what, c.platform_id, c.enterprise_id, NULL::text AS serial, told.from_on, told.to_on,
           told.recorded_at, (told.recorded_at AT TIME ZONE 'Asia/Shanghai')::date AS recorded_on
    FROM connections c CROSS JOIN LATERAL
        told_periods(c.from_date, c.to_date, c.recorded_at, c.extended_from, c.extended_at) AS told (from_on, to_on, recorded_at)
    UNION ALL
    SELECT 'assignment', d.platform_id, a.enterprise_id, d.serial, told.from_on, told.to_on,
           told.recorded_at, (told.recorded_at AT TIME ZONE 'Asia/Shanghai')::date
    FROM assignments a JOIN devices d ON d.id = a.device_id CROSS JOIN LATERAL
        told_periods(a.from_date, a.to_date, a.recorded_at, a.extended_from, a.extended_at) AS told (from_on, to_on, recorded_at)
) AS late
JOIN platforms p ON p.id = late.platform_id
JOIN enterprises e ON e.id = late.enterprise_id
WHERE late.recorded_on > late.from_on;
COMMENT ON VIEW audit.backdated IS 'Which connections and assignments were recorded later than they begin, or went on after they were over, by how many days, and does anybody answer for it?';
COMMENT ON COLUMN audit.backdated.what IS 'connection or assignment.';
COMMENT ON COLUMN audit.backdated.serial IS 'Of an assignment''s device.';
COMMENT ON COLUMN audit.backdated.to_on IS 'Exclusive; null: open.';
COMMENT ON COLUMN audit.backdated.days_late IS 'The policy says how many of them may count by themselves.';
COMMENT ON COLUMN audit.backdated.decision IS 'The number of the decision by which it counts from its first day.';
COMMENT ON COLUMN audit.backdated.opening_stock IS 'The number of the opening stock by which it does.';

-- Fewer than 40 hours in a month are too few to tell two machines apart. As bytes, for PostgreSQL
-- hashes those and can only sort bits.
CREATE VIEW audit.identical_rhythms AS
SELECT r.month, r.month::timestamp AT TIME ZONE 'Asia/Shanghai' AS starts_at,
       left(encode(sha256(r.bits), 'hex'), 12) AS rhythm, r.hours_heard,
       cardinality(r.device_ids) AS devices, of.enterprises, of.platforms
FROM (
    SELECT month, bit_send(hours) AS bits, max(bit_count(hours))::integer AS hours_heard,
           array_agg(device_id) AS device_ids
    FROM device_presence
    WHERE bit_count(hours) >= 40
    GROUP BY month, bit_send(hours)
    HAVING count(*) >= 2
) AS r
CROSS JOIN LATERAL (
    SELECT count(DISTINCT owner.enterprise_id)::integer AS enterprises,
           count(DISTINCT d.platform_id)::integer AS platforms
    FROM unnest(r.device_ids) AS heard (device_id)
    JOIN devices d ON d.id = heard.device_id
    LEFT JOIN LATERAL (
        SELECT a.enterprise_id FROM assignments a
        WHERE a.device_id = d.id AND a.from_date < r.month + interval '1 month'
          AND (a.to_date IS NULL OR a.to_date > r.month)
        ORDER BY a.from_date DESC LIMIT 1
    ) AS owner ON true
) AS of;
COMMENT ON VIEW audit.identical_rhythms IS 'Which devices were heard in exactly the same hours of a month? To be asked of one month. Machines of one workshop may well be; of several enterprises they should not.';
COMMENT ON COLUMN audit.identical_rhythms.month IS 'Its first day; hours heard in time only.';
COMMENT ON COLUMN audit.identical_rhythms.starts_at IS 'The beginning of the month, for a time axis.';
COMMENT ON COLUMN audit.identical_rhythms.rhythm IS 'The same for the same hours; audit.rhythm_devices says of which devices.';
COMMENT ON COLUMN audit.identical_rhythms.enterprises IS 'That the devices stood for at the end of the month.';

CREATE VIEW audit.rhythm_devices AS
SELECT b.month, left(encode(sha256(bit_send(b.hours)), 'hex'), 12) AS rhythm,
       p.code AS platform, d.serial, e.uscc, e.name AS enterprise
FROM device_presence b
JOIN devices d ON d.id = b.device_id
JOIN platforms p ON p.id = d.platform_id
LEFT JOIN LATERAL (
    SELECT a.enterprise_id FROM assignments a
    WHERE a.device_id = b.device_id AND a.from_date < b.month + interval '1 month'
      AND (a.to_date IS NULL OR a.to_date > b.month)
    ORDER BY a.from_date DESC LIMIT 1
) AS owner ON true
LEFT JOIN enterprises e ON e.id = owner.enterprise_id
WHERE bit_count(b.hours) >= 40;
COMMENT ON VIEW audit.rhythm_devices IS 'Which devices had a rhythm of audit.identical_rhythms? To be asked of one month and one rhythm.';
COMMENT ON COLUMN audit.rhythm_devices.uscc IS 'Of the enterprise that it stood for at the end of the month.';

CREATE VIEW audit.presence_months AS
SELECT p.code AS platform, r.month, r.month::timestamp AT TIME ZONE 'Asia/Shanghai' AS starts_at,
       r.devices, r.hours_heard, r.hours_late
FROM (
    SELECT d.platform_id, b.month, count(*)::integer AS devices, sum(bit_count(b.hours))::bigint AS hours_heard,
           sum(bit_count(b.late_hours & ~b.hours))::bigint AS hours_late
    FROM device_presence b JOIN devices d ON d.id = b.device_id
    GROUP BY d.platform_id, b.month
) AS r
JOIN platforms p ON p.id = r.platform_id;
COMMENT ON VIEW audit.presence_months IS 'How much evidence does each platform have in a month, and how much of it came too late to count?';
COMMENT ON COLUMN audit.presence_months.month IS 'Its first day.';
COMMENT ON COLUMN audit.presence_months.starts_at IS 'The beginning of the month, for a time axis.';
COMMENT ON COLUMN audit.presence_months.devices IS 'Heard, in time or late.';
COMMENT ON COLUMN audit.presence_months.hours_heard IS 'Hours of devices heard in time.';
COMMENT ON COLUMN audit.presence_months.hours_late IS 'Hours of devices heard only too late to count.';

CREATE VIEW audit.registration_days AS
SELECT p.code AS platform, extract(year FROM r.day_on)::integer AS year, r.day_on,
       r.day_on::timestamp AT TIME ZONE 'Asia/Shanghai' AS starts_at,
       r.devices_registered, r.devices_assigned, r.connections_begun
FROM (
    SELECT platform_id, day_on, sum(registered)::integer AS devices_registered,
           sum(assigned)::integer AS devices_assigned, sum(begun)::integer AS connections_begun
    FROM (
        SELECT platform_id, (registered_at AT TIME ZONE 'Asia/Shanghai')::date AS day_on,
               1 AS registered, 0 AS assigned, 0 AS begun
        FROM devices
        UNION ALL
        SELECT d.platform_id, (a.recorded_at AT TIME ZONE 'Asia/Shanghai')::date, 0, 1, 0
        FROM assignments a JOIN devices d ON d.id = a.device_id
        UNION ALL
        SELECT platform_id, (recorded_at AT TIME ZONE 'Asia/Shanghai')::date, 0, 0, 1 FROM connections
    ) AS each
    GROUP BY platform_id, day_on
) AS r
JOIN platforms p ON p.id = r.platform_id;
COMMENT ON VIEW audit.registration_days IS 'On which days did a platform register devices, assignments and connections, whenever those begin: was there a rush?';
COMMENT ON COLUMN audit.registration_days.starts_at IS 'The beginning of the day, for a time axis.';
COMMENT ON COLUMN audit.registration_days.devices_registered IS 'Devices recorded on the day.';
COMMENT ON COLUMN audit.registration_days.devices_assigned IS 'Assignments recorded on the day.';
COMMENT ON COLUMN audit.registration_days.connections_begun IS 'Connections recorded on the day.';
