-- Enterprises under review, what was done in it, and what was declared beforehand.

CREATE VIEW audit.cases AS
SELECT s.id, p.code AS platform, e.uscc, e.name AS enterprise, s.cause, s.run_id,
       CASE WHEN s.is_hard THEN 'hard' ELSE 'soft' END AS strength, s.state, s.is_concluded,
       s.opened_by, s.opened_at, (s.opened_at AT TIME ZONE 'Asia/Shanghai')::date AS opened_on,
       s.due_on, s.due_on < (now() AT TIME ZONE 'Asia/Shanghai')::date AS is_late,
       s.concluded_at, s.proposed_by
FROM case_states s
JOIN platforms p ON p.id = s.platform_id
JOIN enterprises e ON e.id = s.enterprise_id;
COMMENT ON VIEW audit.cases IS 'Which enterprises are or were under review, why, and where does each stand?';
COMMENT ON COLUMN audit.cases.cause IS 'signals, challenge, draw, verifier or confirmation.';
COMMENT ON COLUMN audit.cases.run_id IS 'Whose signals opened it.';
COMMENT ON COLUMN audit.cases.state IS 'open, asked, answered, visited, cleared or upheld.';
COMMENT ON COLUMN audit.cases.due_on IS 'The last day for an answer that is missing; null: none is.';
COMMENT ON COLUMN audit.cases.is_late IS 'Whether that day is over.';
COMMENT ON COLUMN audit.cases.proposed_by IS 'Whose proposal of a hold waits for another person.';

CREATE VIEW audit.case_steps AS
SELECT t.id, t.case_id, p.code AS platform, e.uscc, t.step, t.taken_by, t.taken_at, t.text, t.due_on,
       t.visited_on, jsonb_array_length(t.documents) AS documents, t.decision_id
FROM case_steps t
JOIN cases c ON c.id = t.case_id
JOIN platforms p ON p.id = c.platform_id
JOIN enterprises e ON e.id = c.enterprise_id;
COMMENT ON VIEW audit.case_steps IS 'What was asked, answered, seen and concluded in each case, by whom and when?';
COMMENT ON COLUMN audit.case_steps.documents IS 'How many files came with it.';
COMMENT ON COLUMN audit.case_steps.decision_id IS 'The decision to which it led.';

CREATE VIEW audit.declarations AS
SELECT d.id, p.code AS platform, e.uscc, e.name AS enterprise, v.serial, d.kind, d.from_date, d.to_date,
       d.reason, d.declared_by, d.declared_at, d.confirmed_by, d.confirmed_at, d.confirmation
FROM declarations d
JOIN platforms p ON p.id = d.platform_id
JOIN enterprises e ON e.id = d.enterprise_id
LEFT JOIN devices v ON v.id = d.device_id;
COMMENT ON VIEW audit.declarations IS 'Which stops and repairs were declared in time, and which did the enterprise confirm?';
COMMENT ON COLUMN audit.declarations.serial IS 'Null: all that the enterprise has on the platform.';
COMMENT ON COLUMN audit.declarations.to_date IS 'Inclusive.';
COMMENT ON COLUMN audit.declarations.confirmation IS 'How the enterprise confirmed it, as the bureau recorded it.';
