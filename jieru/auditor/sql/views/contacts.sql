-- What enterprises say for themselves, without who says it: neither contacts nor their words nor their
-- addresses are here.

CREATE VIEW audit.confirmations AS
SELECT f.id, p.code AS platform, e.uscc, e.name AS enterprise, f.contract_no, f.from_date AS from_on,
       f.request_id, f.sent_by, f.asked_by, f.asked_at, f.expires_at, f.answer, f.answered_at
FROM confirmations f
LEFT JOIN connections c ON c.id = f.connection_id
LEFT JOIN connection_requests r ON r.id = f.request_id
JOIN platforms p ON p.id = coalesce(c.platform_id, r.platform_id)
JOIN enterprises e ON e.id = c.enterprise_id OR (c.id IS NULL AND e.uscc = r.uscc);
COMMENT ON VIEW audit.confirmations IS 'Which enterprises were asked whether a connection is so, and what did they say?';
COMMENT ON COLUMN audit.confirmations.contract_no IS 'As the enterprise read it.';
COMMENT ON COLUMN audit.confirmations.request_id IS 'Of a question about a connection request.';
COMMENT ON COLUMN audit.confirmations.sent_by IS 'email or letter.';
COMMENT ON COLUMN audit.confirmations.answer IS 'confirmed or denied; null: none yet.';

CREATE VIEW audit.challenges AS
SELECT c.id, p.code AS platform, e.uscc, e.name AS enterprise, d.serial, c.issued_by, c.issued_at, c.ends_at,
       c.acknowledged_at, c.result, c.ground, c.judged_at
FROM challenges c
JOIN connections n ON n.id = c.connection_id
JOIN platforms p ON p.id = n.platform_id
JOIN enterprises e ON e.id = n.enterprise_id
JOIN devices d ON d.id = c.device_id;
COMMENT ON VIEW audit.challenges IS 'Which enterprises were asked to let a machine stand still, and was it seen?';
COMMENT ON COLUMN audit.challenges.acknowledged_at IS 'When somebody at the enterprise said that the message came.';
COMMENT ON COLUMN audit.challenges.result IS 'seen, missed, unanswered or not_judged; null: not judged yet.';
COMMENT ON COLUMN audit.challenges.ground IS 'What the result rests on.';

CREATE VIEW audit.challenge_reach AS
SELECT p.code AS platform, e.uscc, e.name AS enterprise,
       coalesce((SELECT k.email IS NOT NULL FROM enterprise_contacts k WHERE k.enterprise_id = n.enterprise_id
                 ORDER BY k.id DESC LIMIT 1), false) AS has_mail,
       EXISTS (SELECT FROM assignments a
               JOIN devices d ON d.id = a.device_id AND d.platform_id = n.platform_id
               JOIN presence h ON h.device_id = d.id
                               AND h.month >= date_trunc('month', (now() AT TIME ZONE 'Asia/Shanghai') - interval '30 days')::date
               WHERE a.enterprise_id = n.enterprise_id
                 AND (a.to_date IS NULL OR a.to_date > (now() AT TIME ZONE 'Asia/Shanghai')::date)
                 AND h.hours & repeat('000000001110001110000000', 31)::bit(744) <> 0::bit(744)) AS heard_in_working_hours,
       s.challenges, s.seen, s.missed, s.unanswered, s.not_judged, s.not_judged_grounds, s.last_issued_at
FROM (SELECT DISTINCT platform_id, enterprise_id FROM connections
      WHERE to_date IS NULL OR to_date > (now() AT TIME ZONE 'Asia/Shanghai')::date) n
JOIN platforms p ON p.id = n.platform_id
JOIN enterprises e ON e.id = n.enterprise_id
CROSS JOIN LATERAL (
    SELECT count(*) AS challenges, count(*) FILTER (WHERE c.result = 'seen') AS seen,
           count(*) FILTER (WHERE c.result = 'missed') AS missed,
           count(*) FILTER (WHERE c.result = 'unanswered') AS unanswered,
           count(*) FILTER (WHERE c.result = 'not_judged') AS not_judged,
           string_agg(DISTINCT c.ground, ', ' ORDER BY c.ground) FILTER (WHERE c.result = 'not_judged') AS not_judged_grounds,
           max(c.issued_at) AS last_issued_at
    FROM challenges c JOIN connections o ON o.id = c.connection_id
    WHERE o.platform_id = n.platform_id AND o.enterprise_id = n.enterprise_id) s;
COMMENT ON VIEW audit.challenge_reach IS 'Which connected enterprises can be challenged at all, and what came of it? Whoever never can, or is never judged, is for a visit.';
COMMENT ON COLUMN audit.challenge_reach.has_mail IS 'Whether its contact has a mail address: without one it is not challenged.';
COMMENT ON COLUMN audit.challenge_reach.heard_in_working_hours IS 'Whether a machine was heard, this month or in the 30 days before, between 8 and 11 or 14 and 17 o''clock. Others are challenged between 7 and 20 o''clock of working days; who is heard at night only never is.';
COMMENT ON COLUMN audit.challenge_reach.not_judged_grounds IS 'Why it was not judged: machines that report too rarely, gaps that are usual, mail that was late, ...';
