-- What came in and what was refused. No view shows a payload.

CREATE VIEW audit.ingest_hours AS
SELECT p.code AS platform, h.hour AS starts_at, (h.hour AT TIME ZONE 'Asia/Shanghai')::date AS received_on,
       date_trunc('month', h.hour AT TIME ZONE 'Asia/Shanghai')::date AS month, h.ingester,
       h.heartbeats, h.late
FROM ingest_hours h JOIN platforms p ON p.id = h.platform_id;
COMMENT ON VIEW audit.ingest_hours IS 'How many heartbeats came in each hour from the devices of each platform, and how many of them too late to count?';
COMMENT ON COLUMN audit.ingest_hours.starts_at IS 'The beginning of the hour of receipt.';
COMMENT ON COLUMN audit.ingest_hours.received_on IS 'The day of receipt.';
COMMENT ON COLUMN audit.ingest_hours.late IS 'Of the heartbeats.';

CREATE VIEW audit.device_excess AS
SELECT p.code AS platform, d.serial, e.hour AS starts_at,
       (e.hour AT TIME ZONE 'Asia/Shanghai')::date AS received_on,
       extract(hour FROM e.hour AT TIME ZONE 'Asia/Shanghai')::integer AS hour,
       e.ingester, e.heartbeats
FROM device_excess e
JOIN devices d ON d.id = e.device_id
JOIN platforms p ON p.id = d.platform_id;
COMMENT ON VIEW audit.device_excess IS 'Which devices sent more than their rate, and how many of their heartbeats were only counted? Every hour in which such a device was heard has a heartbeat that was kept, and counts.';
COMMENT ON COLUMN audit.device_excess.starts_at IS 'The beginning of the hour of receipt.';
COMMENT ON COLUMN audit.device_excess.received_on IS 'The day of receipt.';
COMMENT ON COLUMN audit.device_excess.hour IS 'Of the day in Asia/Shanghai, 0 to 23.';
COMMENT ON COLUMN audit.device_excess.heartbeats IS 'Counted and not kept, second deliveries included.';

CREATE VIEW audit.ingest_minutes AS
SELECT ingester, minute AS starts_at, received, committed, duplicates, late, rejected, batches,
       CASE WHEN batches > 0 THEN commit_ms_sum::double precision / batches END AS commit_ms_mean,
       commit_ms_max, behind_s_max, unacknowledged_max, session_troubles
FROM ingest_minutes;
COMMENT ON VIEW audit.ingest_minutes IS 'How did each ingester fare, minute by minute? Operational figures, no evidence; a minute without a row is one in which it did not run or could not write.';
COMMENT ON COLUMN audit.ingest_minutes.starts_at IS 'The beginning of the minute, by the ingester''s clock.';
COMMENT ON COLUMN audit.ingest_minutes.committed IS 'Heartbeats, duplicates included.';
COMMENT ON COLUMN audit.ingest_minutes.commit_ms_mean IS 'From the first try to write a batch to its commit.';
COMMENT ON COLUMN audit.ingest_minutes.behind_s_max IS 'How far it was behind at most.';
COMMENT ON COLUMN audit.ingest_minutes.unacknowledged_max IS 'Messages that it held unacknowledged at most.';
COMMENT ON COLUMN audit.ingest_minutes.session_troubles IS 'Times that its session at the broker was lost, or taken over by another client.';

CREATE VIEW audit.ingesters AS
SELECT last.ingester, last.minute AS last_minute_at,
       extract(epoch FROM now() - last.minute)::double precision AS silent_s,
       last.behind_s_max, last.committed, last.received, last.rejected
FROM (
    SELECT DISTINCT ON (ingester) * FROM ingest_minutes
    WHERE minute > now() - interval '7 days' ORDER BY ingester, minute DESC
) AS last;
COMMENT ON VIEW audit.ingesters IS 'When did each ingester report last, and how far behind was it? Those that reported within a week.';
COMMENT ON COLUMN audit.ingesters.last_minute_at IS 'The beginning of the last minute reported.';
COMMENT ON COLUMN audit.ingesters.silent_s IS 'Seconds since then; a running ingester reports about once a minute.';
COMMENT ON COLUMN audit.ingesters.committed IS 'Heartbeats in that minute.';

CREATE VIEW audit.rejection_hours AS
SELECT p.code AS platform, h.hour AS starts_at, (h.hour AT TIME ZONE 'Asia/Shanghai')::date AS received_on,
       h.reason, h.ingester, h.rejections
FROM rejection_hours h LEFT JOIN platforms p ON p.id = h.platform_id;
COMMENT ON VIEW audit.rejection_hours IS 'How many messages were refused in each hour, and why?';
COMMENT ON COLUMN audit.rejection_hours.platform IS 'That the topic names; null: it names none that is registered.';
COMMENT ON COLUMN audit.rejection_hours.starts_at IS 'The beginning of the hour of receipt.';

-- In three parts, each with a condition that its index has.
CREATE VIEW audit.rejections AS
SELECT id, received_at, (received_at AT TIME ZONE 'Asia/Shanghai')::date AS received_on, reason,
       split_part(topic, '/', 3) AS platform, split_part(topic, '/', 4) AS serial, topic, payload_bytes
FROM rejections WHERE topic LIKE 'jieru/v1/%/%'
UNION ALL
SELECT id, received_at, (received_at AT TIME ZONE 'Asia/Shanghai')::date, reason,
       split_part(split_part(topic, '/', 2), '.', 1), split_part(topic, '/', 5), topic, payload_bytes
FROM rejections WHERE topic LIKE 'spBv1.0/%/%'
UNION ALL
SELECT id, received_at, (received_at AT TIME ZONE 'Asia/Shanghai')::date, reason, NULL, NULL, topic,
       payload_bytes
FROM rejections WHERE topic NOT LIKE 'jieru/v1/%/%' AND topic NOT LIKE 'spBv1.0/%/%';
COMMENT ON VIEW audit.rejections IS 'Which messages were refused, when and why? Not what was in them.';
COMMENT ON COLUMN audit.rejections.platform IS 'As the topic names it, registered or not; null: it names none.';
COMMENT ON COLUMN audit.rejections.serial IS 'As the topic names it, registered or not.';
COMMENT ON COLUMN audit.rejections.payload_bytes IS 'How long the message was.';

CREATE VIEW audit.broker_files AS
SELECT kind, vanished_at, back_at FROM broker_files;
COMMENT ON VIEW audit.broker_files IS 'Did a file by which the broker knows its users vanish?';
COMMENT ON COLUMN audit.broker_files.kind IS 'passwords: who may connect; acl: who may do what.';
COMMENT ON COLUMN audit.broker_files.vanished_at IS 'When it was last found gone; null: never.';
COMMENT ON COLUMN audit.broker_files.back_at IS 'When it was back, or written anew; null: it is gone, or never was.';

CREATE VIEW audit.broker_refusals AS
SELECT p.code AS platform, e.hour AS starts_at, (e.hour AT TIME ZONE 'Asia/Shanghai')::date AS happened_on,
       e.kind, e.is_user, sum(e.number)::bigint AS refusals
FROM broker_events e LEFT JOIN platforms p ON p.id = e.platform_id
WHERE e.kind IN ('refused', 'denied')
GROUP BY p.code, e.hour, e.kind, e.is_user;
COMMENT ON VIEW audit.broker_refusals IS 'How many connections did the broker refuse in each hour, and how many messages did it drop, as far as it is followed? Not whose: names and addresses are for operators and administrators.';
COMMENT ON COLUMN audit.broker_refusals.platform IS 'That the username names; null: it names none that is registered.';
COMMENT ON COLUMN audit.broker_refusals.kind IS 'refused: a connection; denied: a message.';
COMMENT ON COLUMN audit.broker_refusals.is_user IS 'Whether a credential of the name was ever issued.';

CREATE VIEW audit.evidence_rules AS
SELECT applied_at, policy, max_delay_hours, max_clock_ahead_minutes, clock, live_within_minutes
FROM evidence_rules;
COMMENT ON VIEW audit.evidence_rules IS 'By which rules did ingesters tell late from in time, since when?';
COMMENT ON COLUMN audit.evidence_rules.live_within_minutes IS 'Null: live hours were told from others by no rule.';
COMMENT ON COLUMN audit.evidence_rules.clock IS 'receipt; or event, in simulations: the device''s own time stamp is taken for the time of receipt.';
