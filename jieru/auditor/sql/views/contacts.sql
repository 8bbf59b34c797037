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
