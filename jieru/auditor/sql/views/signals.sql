-- What runs of `jieru signals` found.

CREATE VIEW audit.signal_runs AS
SELECT id, as_of AS as_of_on, from_on, run_at, run_by, code_version, policy, policy_sha256, signals, sha256,
       id = max(id) OVER () AS is_latest
FROM signal_runs;
COMMENT ON VIEW audit.signal_runs IS 'When were signals looked for, in which days, by which rules and which program, and how many were found?';
COMMENT ON COLUMN audit.signal_runs.as_of_on IS 'The last day whose evidence was looked at; from_on the first.';
COMMENT ON COLUMN audit.signal_runs.sha256 IS 'Of what was found, as a checkpoint states it.';

CREATE VIEW audit.signals AS
SELECT s.run_id, r.is_latest, r.run_at, s.kind, s.strength, p.code AS platform, e.uscc, e.name AS enterprise,
       s.score, s.threshold, s.from_on, s.to_on, cardinality(s.serials) AS devices,
       array_to_string(s.serials, ', ') AS serials, s.detail ->> 'uscc' AS other_uscc,
       s.detail::text AS detail
FROM signals s
JOIN audit.signal_runs r ON r.id = s.run_id
JOIN platforms p ON p.id = s.platform_id
JOIN enterprises e ON e.id = s.enterprise_id;
COMMENT ON VIEW audit.signals IS 'What did a run find of each enterprise on each platform? A signal is a reason to look, and no finding; it changes no outcome.';
COMMENT ON COLUMN audit.signals.is_latest IS 'Of the latest run.';
COMMENT ON COLUMN audit.signals.devices IS 'In which it was seen; 0: of the enterprise as a whole.';
COMMENT ON COLUMN audit.signals.other_uscc IS 'Of a likeness whose machines are alike; of a hand-over or a counter that goes on, who had the machine before.';
COMMENT ON COLUMN audit.signals.detail IS 'What else is known of it, as JSON (docs/trust.md).';
