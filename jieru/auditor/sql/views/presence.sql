-- Presence, the evidence that is counted: a row of bits per device, civil month and publisher, bit
-- (day - 1) * 24 + hour set when the device was heard in that Asia/Shanghai hour. Every view here is
-- to be asked of few devices, one enterprise or one month, never of all of it.

CREATE VIEW audit.device_months AS
SELECT p.code AS platform, d.serial, r.month,
       r.month::timestamp AT TIME ZONE 'Asia/Shanghai' AS starts_at,
       bit_count(r.hours)::integer AS hours_heard,
       bit_count(r.late_hours & ~r.hours)::integer AS hours_late
FROM devices d
JOIN platforms p ON p.id = d.platform_id
CROSS JOIN LATERAL (
    SELECT month, bit_or(hours) AS hours, bit_or(late_hours) AS late_hours
    FROM presence WHERE device_id = d.id GROUP BY month
) AS r;
COMMENT ON VIEW audit.device_months IS 'In how many hours of a month was a device heard?';
COMMENT ON COLUMN audit.device_months.month IS 'Its first day.';
COMMENT ON COLUMN audit.device_months.starts_at IS 'The beginning of the month, for a time axis.';
COMMENT ON COLUMN audit.device_months.hours_heard IS 'In time: these count.';
COMMENT ON COLUMN audit.device_months.hours_late IS 'Only too late to count.';

CREATE VIEW audit.device_days AS
SELECT p.code AS platform, d.serial, e.uscc, e.name AS enterprise, r.month, r.month + n AS day_on,
       (r.month + n)::timestamp AT TIME ZONE 'Asia/Shanghai' AS starts_at,
       bit_count(substring(r.hours FROM n * 24 + 1 FOR 24))::integer AS hours_heard,
       bit_count(substring(r.late_hours & ~r.hours FROM n * 24 + 1 FOR 24))::integer AS hours_late
FROM devices d
JOIN platforms p ON p.id = d.platform_id
CROSS JOIN LATERAL (
    SELECT month, bit_or(hours) AS hours, bit_or(late_hours) AS late_hours
    FROM presence WHERE device_id = d.id GROUP BY month
) AS r
CROSS JOIN generate_series(0, 30) AS n
LEFT JOIN assignments a ON a.device_id = d.id AND a.from_date <= r.month + n
    AND (a.to_date IS NULL OR a.to_date > r.month + n)
LEFT JOIN enterprises e ON e.id = a.enterprise_id
WHERE bit_count(substring(r.hours | r.late_hours FROM n * 24 + 1 FOR 24)) > 0;
COMMENT ON VIEW audit.device_days IS 'In how many hours of a day was a device heard? Days without any are no rows. To be asked of one device or one enterprise.';
COMMENT ON COLUMN audit.device_days.uscc IS 'Of the enterprise that the device stood for on that day; null: of none.';
COMMENT ON COLUMN audit.device_days.month IS 'The first day of the month: a filter on it is a filter on what is read.';
COMMENT ON COLUMN audit.device_days.starts_at IS 'The beginning of the day, for a time axis.';
COMMENT ON COLUMN audit.device_days.hours_heard IS 'In time: these count.';
COMMENT ON COLUMN audit.device_days.hours_late IS 'Only too late to count.';

CREATE VIEW audit.device_hours AS
SELECT p.code AS platform, d.serial, e.uscc, e.name AS enterprise, r.month, r.month + n / 24 AS day_on,
       n % 24 AS hour,
       (r.month::timestamp + n * interval '1 hour') AT TIME ZONE 'Asia/Shanghai' AS starts_at,
       CASE get_bit(r.hours, n) WHEN 1 THEN 'in_time' ELSE 'late' END AS heard
FROM devices d
JOIN platforms p ON p.id = d.platform_id
CROSS JOIN LATERAL (
    SELECT month, bit_or(hours) AS hours, bit_or(late_hours) AS late_hours
    FROM presence WHERE device_id = d.id GROUP BY month
) AS r
CROSS JOIN generate_series(0, 743) AS n
LEFT JOIN assignments a ON a.device_id = d.id AND a.from_date <= r.month + n / 24
    AND (a.to_date IS NULL OR a.to_date > r.month + n / 24)
LEFT JOIN enterprises e ON e.id = a.enterprise_id
WHERE get_bit(r.hours, n) = 1 OR get_bit(r.late_hours, n) = 1;
COMMENT ON VIEW audit.device_hours IS 'In which hours was a device heard? Hours without are no rows. To be asked of one device or one enterprise.';
COMMENT ON COLUMN audit.device_hours.uscc IS 'Of the enterprise that the device stood for on that day; null: of none.';
COMMENT ON COLUMN audit.device_hours.month IS 'The first day of the month: a filter on it is a filter on what is read.';
COMMENT ON COLUMN audit.device_hours.hour IS 'Of the day in Asia/Shanghai, 0 to 23.';
COMMENT ON COLUMN audit.device_hours.starts_at IS 'The beginning of the hour, for a time axis.';
COMMENT ON COLUMN audit.device_hours.heard IS 'in_time: it counts; late: heard only too late to count.';

CREATE VIEW audit.enterprise_days AS
SELECT p.code AS platform, e.uscc, e.name AS enterprise, y.year AS count_year, s.stage, r.count_id,
       found.day_on, found.day_on::timestamp AT TIME ZONE 'Asia/Shanghai' AS starts_at,
       found.devices_assigned, found.devices_heard, found.devices_active, found.hours_heard,
       found.hours_late, w.active_hours_per_day_min, w.active_devices_min, covered.is_covered,
       CASE WHEN w.active_devices_min IS NOT NULL
            THEN found.devices_active >= w.active_devices_min AND covered.is_covered END AS is_active,
       found.day_on <= r.as_of_on AS is_evidence
FROM platforms p
CROSS JOIN enterprises e
CROSS JOIN audit.years y
CROSS JOIN (VALUES ('standing'), ('draft')) AS s (stage)
CROSS JOIN audit.installation i
LEFT JOIN audit.count_rules r ON r.year = y.year AND r.stage = s.stage
-- What a waiver set for this enterprise stands in its criteria.
LEFT JOIN LATERAL (
    SELECT max((f ->> 'required')::integer) FILTER (WHERE f ->> 'name' = 'active_hours_per_day_min') AS hours,
           max((f ->> 'required')::integer) FILTER (WHERE f ->> 'name' = 'active_devices_min') AS devices,
           max((f ->> 'required')::integer) FILTER (WHERE f ->> 'name' = 'window_days') AS days
    FROM count_determinations d CROSS JOIN LATERAL jsonb_array_elements(d.entry -> 'criteria') AS f
    WHERE d.count_id = r.id AND d.platform = p.code AND d.uscc = e.uscc
) AS waived ON true
CROSS JOIN LATERAL (
    SELECT coalesce(waived.hours, r.active_hours_per_day_min) AS active_hours_per_day_min,
           coalesce(waived.devices, r.active_devices_min) AS active_devices_min,
           make_date(y.year, 1, 1) - CASE r.count_year_of WHEN 'window_end'
               THEN coalesce(waived.days, r.window_days) - 1 ELSE 0 END AS first_on,
           least(make_date(y.year, 12, 31) + CASE r.count_year_of WHEN 'window_start'
                     THEN coalesce(waived.days, r.window_days) - 1 ELSE 0 END,
                 greatest((now() AT TIME ZONE 'Asia/Shanghai')::date, r.as_of_on, i.simulated_until_on)) AS last_on
) AS w
CROSS JOIN LATERAL (
    SELECT day_on, count(device_id)::integer AS devices_assigned,
           (count(*) FILTER (WHERE heard > 0))::integer AS devices_heard,
           CASE WHEN w.active_hours_per_day_min IS NOT NULL
                THEN (count(*) FILTER (WHERE heard >= w.active_hours_per_day_min AND device_id IS NOT NULL))::integer
           END AS devices_active,
           sum(heard)::integer AS hours_heard, sum(late)::integer AS hours_late
    FROM (
        -- Every day is a row, whether or not a device was assigned or heard.
        SELECT w.first_on + n AS day_on, NULL::integer AS device_id, 0 AS heard, 0 AS late
        FROM generate_series(0, w.last_on - w.first_on) AS n
        UNION ALL
        SELECT m.month + n, a.device_id,
               coalesce(bit_count(substring(b.hours FROM n * 24 + 1 FOR 24)), 0)::integer,
               coalesce(bit_count(substring(b.late_hours & ~b.hours FROM n * 24 + 1 FOR 24)), 0)::integer
        FROM assignments a
        JOIN devices d ON d.id = a.device_id AND d.platform_id = p.id
        CROSS JOIN LATERAL (
            SELECT month::date AS month
            FROM generate_series(date_trunc('month', greatest(w.first_on, a.from_date)::timestamp),
                                 least(w.last_on, a.to_date - 1)::timestamp, interval '1 month') AS month
        ) AS m
        CROSS JOIN LATERAL (
            -- Over nothing an aggregate is one row of nulls.
            SELECT bit_or(hours) AS hours, bit_or(late_hours) AS late_hours
            FROM presence WHERE device_id = a.device_id AND month = m.month
        ) AS b
        CROSS JOIN generate_series(0, 30) AS n
        WHERE a.enterprise_id = e.id
          AND m.month + n BETWEEN greatest(w.first_on, a.from_date) AND least(w.last_on, a.to_date - 1)
          AND m.month + n < m.month + interval '1 month'
    ) AS days
    GROUP BY day_on
) AS found
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM connections c
        WHERE c.platform_id = p.id AND c.enterprise_id = e.id AND c.from_date <= found.day_on
          AND (c.to_date IS NULL OR c.to_date > found.day_on)
    ) AS is_covered
) AS covered
WHERE EXISTS (SELECT FROM connections c WHERE c.platform_id = p.id AND c.enterprise_id = e.id);
COMMENT ON VIEW audit.enterprise_days IS 'Was an enterprise active on a platform on a day, by the thresholds of a count? A row for every day on which a window of the count''s year can lie; to be asked of one enterprise, one platform, one count_year and one stage.';
COMMENT ON COLUMN audit.enterprise_days.count_year IS 'The year of the count; windows reach beyond it, so the same day has a row under two years.';
COMMENT ON COLUMN audit.enterprise_days.stage IS 'standing or draft: both have rows, whether or not there is such a count.';
COMMENT ON COLUMN audit.enterprise_days.count_id IS 'Null: no such count is stored, so nothing says what is active.';
COMMENT ON COLUMN audit.enterprise_days.starts_at IS 'The beginning of the day, for a time axis.';
COMMENT ON COLUMN audit.enterprise_days.devices_heard IS 'Assigned devices of the platform that were heard in time in any hour.';
COMMENT ON COLUMN audit.enterprise_days.devices_active IS 'Of these, those heard in at least active_hours_per_day_min hours.';
COMMENT ON COLUMN audit.enterprise_days.hours_heard IS 'Over all assigned devices.';
COMMENT ON COLUMN audit.enterprise_days.hours_late IS 'Over all assigned devices, hours heard only too late to count.';
COMMENT ON COLUMN audit.enterprise_days.active_hours_per_day_min IS 'What the count requires of this enterprise, waivers included.';
COMMENT ON COLUMN audit.enterprise_days.active_devices_min IS 'What the count requires of this enterprise, waivers included.';
COMMENT ON COLUMN audit.enterprise_days.is_covered IS 'A connection of the two covers the day.';
COMMENT ON COLUMN audit.enterprise_days.is_active IS 'Enough active devices on a covered day; null: no count says what is enough.';
COMMENT ON COLUMN audit.enterprise_days.is_evidence IS 'The count uses the day: it is not after the last day of its evidence.';

CREATE VIEW audit.enterprise_gaps AS
SELECT platform, uscc, enterprise, count_year, stage, min(day_on) AS first_on, max(day_on) AS last_on,
       min(starts_at) AS starts_at, max(starts_at) + interval '1 day' AS ends_at, count(*)::integer AS days
FROM (
    SELECT *, day_on - (row_number() OVER (
                  PARTITION BY platform, uscc, enterprise, count_year, stage, is_active ORDER BY day_on))::integer AS run
    FROM audit.enterprise_days
    WHERE is_evidence
) AS day
WHERE NOT is_active
GROUP BY platform, uscc, enterprise, count_year, stage, run;
COMMENT ON VIEW audit.enterprise_gaps IS 'In which runs of days was an enterprise not active on a platform, up to the last day of the count''s evidence? To be asked as audit.enterprise_days is.';
COMMENT ON COLUMN audit.enterprise_gaps.ends_at IS 'The end of the last day.';
