-- Counts as they are stored. A year has at most one count of stage `standing` (frozen, published,
-- payable or paid) and at most one of stage `draft` (not frozen yet): year and stage name a count.

CREATE VIEW audit.counts AS
SELECT c.id, c.year || '-' || c.revision AS count_id, c.year, c.revision,
       CASE WHEN c.state IN ('draft', 'in_review', 'returned') THEN 'draft'
            WHEN c.state IN ('superseded', 'discarded') THEN c.state
            ELSE 'standing' END AS stage,
       c.state, s.year || '-' || s.revision AS supersedes, c.opened_at, c.opened_by,
       c.policy_name, c.policy_sha256, c.as_of AS as_of_on, c.drafted_at, c.drafted_by,
       c.submitted_at, c.submitted_by, c.frozen_at, c.frozen_by, c.code_version, c.digest,
       c.published_at, c.published_by, c.notice_days, c.notice_ends_on, c.payable_at, c.payable_by,
       (d.head ->> 'simulation')::boolean AS is_simulation
FROM counts c
LEFT JOIN counts s ON s.id = c.supersedes_id
LEFT JOIN count_documents d ON d.count_id = c.id;
COMMENT ON VIEW audit.counts IS 'Which counts are there, and how far is each?';
COMMENT ON COLUMN audit.counts.id IS 'By which the database names it.';
COMMENT ON COLUMN audit.counts.count_id IS 'Year and revision, as people call it.';
COMMENT ON COLUMN audit.counts.stage IS 'standing: frozen and in force; draft: not frozen yet; superseded: corrected by a later revision; discarded: given up before it was frozen.';
COMMENT ON COLUMN audit.counts.as_of_on IS 'The last day whose evidence is used.';
COMMENT ON COLUMN audit.counts.digest IS 'SHA-256 of the frozen document.';

CREATE VIEW audit.count_steps AS
SELECT c.year || '-' || c.revision AS count_id, c.year, t.step, t.state, t.note, t.taken_by, t.taken_at
FROM count_steps t JOIN counts c ON c.id = t.count_id;
COMMENT ON VIEW audit.count_steps IS 'Who took which step of a count, and when?';
COMMENT ON COLUMN audit.count_steps.state IS 'In which the step left the count.';

-- A statement has one form in bytes: sorted keys, no spaces, instants in UTC. Whoever could write a row
-- past the system could put into it what is no JSON, which would fail as such: so the form is matched.
CREATE VIEW audit.count_statements AS
SELECT c.year || '-' || c.revision AS count_id, c.year, t.number, said.step, said.taken_by, said.taken_at,
       num_nulls(said.step, said.taken_by, said.taken_at) = 0 AS is_readable,
       encode(sha256(convert_to(t.content, 'UTF8')), 'hex') AS sha256, t.content,
       encode(t.public_key, 'base64') AS public_key
FROM count_statements t
JOIN counts c ON c.id = t.count_id
CROSS JOIN LATERAL (
    SELECT substring(t.content FROM '^\{.*"kind":"([a-z_]+)".*\}$') AS step,
           substring(t.content FROM '^\{(?:"amount_yuan":[0-9]+,)?"at":"[^"]*","by":"((?:[^"\\]|\\.)*)"') AS taken_by,
           substring(t.content FROM '^\{(?:"amount_yuan":[0-9]+,)?"at":"((?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?)\+00:00"') AS at
) AS found
CROSS JOIN LATERAL (
    SELECT found.step, found.taken_by,
           -- No month is asked for a day that it does not have.
           CASE WHEN found.at IS NOT NULL THEN
               CASE WHEN substr(found.at, 9, 2)::integer <= extract(day FROM
                        make_date(substr(found.at, 1, 4)::integer, substr(found.at, 6, 2)::integer, 1)
                        + interval '1 month - 1 day')
                    THEN (found.at || 'Z')::timestamptz END
           END AS taken_at
) AS said;
COMMENT ON VIEW audit.count_statements IS 'What was signed of the steps of a frozen count, one after another?';
COMMENT ON COLUMN audit.count_statements.is_readable IS 'No: the content is not what a step writes, so step, taken_by or taken_at are null.';
COMMENT ON COLUMN audit.count_statements.sha256 IS 'Of the statement; the next one names it as previous.';
COMMENT ON COLUMN audit.count_statements.content IS 'JSON: the very bytes that are signed.';
COMMENT ON COLUMN audit.count_statements.public_key IS 'Ed25519, base64; whether it is to be trusted the database cannot say.';

-- No query can verify a signature. What can be compared is whether the rows are still those that were
-- verified, and what was found then.
CREATE VIEW audit.count_verifications AS
SELECT c.id, c.count_id, c.year, c.stage,
       CASE WHEN c.frozen_at IS NULL THEN 'not_frozen'
            WHEN v.verified_at IS NULL THEN 'never'
            WHEN v.findings <> '[]' THEN 'not_as_signed'
            WHEN v.row_versions <> (SELECT n.row_versions FROM count_row_versions n WHERE n.count_id = c.id) THEN 'changed'
            ELSE 'as_signed' END AS verdict,
       v.verified_at
FROM audit.counts c
LEFT JOIN count_verifications v ON v.count_id = c.id;
COMMENT ON VIEW audit.count_verifications IS 'Is a frozen count as it was signed? As it was verified last, and whether its rows are still the same.';
COMMENT ON COLUMN audit.count_verifications.verdict IS 'as_signed; not_as_signed: audit.count_findings says what differs; changed: a row was written since it was verified; never: it was not verified yet; not_frozen: there is no signature.';
COMMENT ON COLUMN audit.count_verifications.verified_at IS 'By jieru serve or jieru procedure verify.';

CREATE VIEW audit.count_findings AS
SELECT c.count_id, c.year, c.stage, f.place::integer AS place, f.finding ->> 'code' AS code,
       f.finding ->> 'zh' AS finding_zh, f.finding ->> 'en' AS finding_en
FROM audit.counts c
JOIN count_verifications v ON v.count_id = c.id
CROSS JOIN LATERAL jsonb_array_elements(v.findings) WITH ORDINALITY AS f (finding, place);
COMMENT ON VIEW audit.count_findings IS 'What of a frozen count is not as it was signed? Nothing is to be decided or paid by such a count.';
COMMENT ON COLUMN audit.count_findings.finding_zh IS 'The sentence in Chinese, finding_en in English.';

CREATE VIEW audit.count_parameters AS
SELECT c.count_id, c.year, c.stage, f.place::integer AS place, f.parameter ->> 'name' AS name,
       f.parameter ->> 'value' AS value, f.parameter ->> 'unit' AS unit,
       f.parameter ->> 'clause' AS clause, f.parameter ->> 'basis' AS basis
FROM audit.counts c
JOIN count_documents d ON d.count_id = c.id
CROSS JOIN LATERAL jsonb_array_elements(d.head -> 'parameters') WITH ORDINALITY AS f (parameter, place);
COMMENT ON VIEW audit.count_parameters IS 'Under which parameters of the policy was a count made?';
COMMENT ON COLUMN audit.count_parameters.value IS 'A number, a word, a date or a JSON list.';
COMMENT ON COLUMN audit.count_parameters.basis IS 'text: the policy says so; decision: it is silent, and the municipality decided.';

CREATE VIEW audit.count_rules AS
SELECT c.id, c.count_id, c.year, c.revision, c.stage, c.as_of_on, r.*
FROM audit.counts c
JOIN count_documents d ON d.count_id = c.id
CROSS JOIN LATERAL (
    SELECT max((f ->> 'value')::integer) FILTER (WHERE f ->> 'name' = 'active_hours_per_day_min') AS active_hours_per_day_min,
           max((f ->> 'value')::integer) FILTER (WHERE f ->> 'name' = 'active_devices_min') AS active_devices_min,
           max((f ->> 'value')::integer) FILTER (WHERE f ->> 'name' = 'window_days') AS window_days,
           max((f ->> 'value')::integer) FILTER (WHERE f ->> 'name' = 'active_days_min') AS active_days_min,
           max((f ->> 'value')::integer) FILTER (WHERE f ->> 'name' = 'longest_gap_days_max') AS longest_gap_days_max,
           max(f ->> 'value') FILTER (WHERE f ->> 'name' = 'count_year_of') AS count_year_of,
           max((f ->> 'value')::bigint) FILTER (WHERE f ->> 'name' = 'award_per_enterprise_yuan') AS award_per_enterprise_yuan,
           max((f ->> 'value')::bigint) FILTER (WHERE f ->> 'name' = 'award_cap_yuan') AS award_cap_yuan,
           max(f ->> 'clause') FILTER (WHERE f ->> 'name' = 'award_cap_yuan') AS award_cap_clause
    FROM jsonb_array_elements(d.head -> 'parameters') AS f
) AS r;
COMMENT ON VIEW audit.count_rules IS 'Which thresholds does a count apply? The numeric parameters of audit.count_parameters, one row for each count.';
COMMENT ON COLUMN audit.count_rules.count_year_of IS 'Whether a window counts for the year of its first day (window_start) or of its last (window_end).';
COMMENT ON COLUMN audit.count_rules.award_cap_clause IS 'The clause whose award the cap limits.';

CREATE VIEW audit.platform_results AS
SELECT c.id, c.count_id, c.year, c.stage, f.platform ->> 'platform' AS platform, f.platform ->> 'name' AS name,
       (f.platform ->> 'counted')::integer AS counted, (f.platform ->> 'pending')::integer AS pending,
       (SELECT sum(number::integer) FROM jsonb_each_text(f.platform -> 'outcomes') AS o (outcome, number))::integer AS listed,
       (f.platform ->> 'award_yuan')::bigint AS award_yuan
FROM audit.counts c
JOIN count_documents d ON d.count_id = c.id
CROSS JOIN LATERAL jsonb_array_elements(d.head -> 'platforms') AS f (platform);
COMMENT ON VIEW audit.platform_results IS 'How many enterprises does a count find on each platform, and what does the platform earn?';
COMMENT ON COLUMN audit.platform_results.listed IS 'Enterprises of every outcome.';

CREATE VIEW audit.platform_outcomes AS
SELECT c.count_id, c.year, c.stage, f.platform ->> 'platform' AS platform, o.outcome,
       o.number::integer AS enterprises
FROM audit.counts c
JOIN count_documents d ON d.count_id = c.id
CROSS JOIN LATERAL jsonb_array_elements(d.head -> 'platforms') AS f (platform)
CROSS JOIN LATERAL jsonb_each_text(f.platform -> 'outcomes') AS o (outcome, number);
COMMENT ON VIEW audit.platform_outcomes IS 'How many enterprises of a platform have each outcome in a count? Outcomes that none has are rows of 0.';

CREATE VIEW audit.awards AS
SELECT c.count_id, c.year, c.stage, f.platform ->> 'platform' AS platform, f.platform ->> 'name' AS name,
       l.line ->> 'clause' AS clause, (l.line ->> 'count')::integer AS number,
       (l.line ->> 'uncapped_yuan')::bigint AS uncapped_yuan,
       (l.line ->> 'amount_yuan')::bigint AS amount_yuan,
       CASE WHEN c.award_cap_clause = l.line ->> 'clause' THEN c.award_cap_yuan END AS cap_yuan
FROM audit.count_rules c
JOIN count_documents d ON d.count_id = c.id
CROSS JOIN LATERAL jsonb_array_elements(d.head -> 'platforms') AS f (platform)
CROSS JOIN LATERAL jsonb_array_elements(f.platform -> 'lines') AS l (line);
COMMENT ON VIEW audit.awards IS 'What does a platform earn in a year, clause by clause, against the cap?';
COMMENT ON COLUMN audit.awards.number IS 'Of enterprises or of titles that the clause pays for.';
COMMENT ON COLUMN audit.awards.uncapped_yuan IS 'Before the cap.';
COMMENT ON COLUMN audit.awards.cap_yuan IS 'Null: the clause has no cap.';

CREATE VIEW audit.budget AS
SELECT c.count_id, c.year, c.stage, c.state, (d.head ->> 'total_yuan')::bigint AS total_yuan,
       (d.head ->> 'budget_yuan')::bigint AS budget_yuan,
       (d.head ->> 'budget_yuan')::bigint - (d.head ->> 'total_yuan')::bigint AS left_yuan,
       coalesce((SELECT sum(amount_yuan) FROM count_payments WHERE count_id = c.id), 0)::bigint AS paid_yuan,
       coalesce((SELECT sum(amount_yuan) FROM recoveries WHERE count_id = c.id), 0)::bigint AS recovery_yuan
FROM audit.counts c
JOIN count_documents d ON d.count_id = c.id;
COMMENT ON VIEW audit.budget IS 'What does a count cost, against the year''s budget?';
COMMENT ON COLUMN audit.budget.left_yuan IS 'Below 0: the awards exceed the budget.';
COMMENT ON COLUMN audit.budget.recovery_yuan IS 'What this count claims back of money paid under earlier revisions.';

CREATE VIEW audit.payments AS
SELECT c.year || '-' || c.revision AS count_id, c.year, p.code AS platform, y.clause, y.amount_yuan,
       y.paid_on, y.reference, y.recorded_by, y.recorded_at
FROM count_payments y
JOIN counts c ON c.id = y.count_id
JOIN platforms p ON p.id = y.platform_id;
COMMENT ON VIEW audit.payments IS 'What was paid to whom, under which count?';
COMMENT ON COLUMN audit.payments.reference IS 'Of the payment order at the treasury.';

CREATE VIEW audit.recoveries AS
SELECT c.year || '-' || c.revision AS count_id, c.year, p.code AS platform, r.clause, r.kind, r.uscc,
       r.amount_yuan
FROM recoveries r
JOIN counts c ON c.id = r.count_id
JOIN platforms p ON p.id = r.platform_id;
COMMENT ON VIEW audit.recoveries IS 'What does a correction claim back of money that was paid, and why?';
COMMENT ON COLUMN audit.recoveries.kind IS 'An enterprise removed or added, a national title, less of another clause''s award (award), what had not been paid yet (unpaid), what the cap takes of it (cap), another policy.';

CREATE VIEW audit.determinations AS
SELECT c.count_id, c.year, c.stage, d.platform, d.uscc, d.name AS enterprise, d.district, d.outcome,
       d.connected_on::date AS connected_on,
       d.connected_on::timestamp AT TIME ZONE 'Asia/Shanghai' AS connected_at,
       (d.entry ->> 'window_last_day')::date AS window_last_on,
       (d.entry ->> 'window_active_days')::integer AS window_active_days,
       (d.entry ->> 'window_longest_gap_days')::integer AS window_longest_gap_days,
       (d.entry ->> 'year_counted')::integer AS year_counted,
       (d.entry ->> 'pending_until')::date AS pending_until_on,
       d.entry ->> 'industry_code' AS industry_code,
       -- In the order of the document: a function is scanned in one order only, and sorting would
       -- take longer than all the rest.
       (SELECT string_agg(reason, ', ') FROM jsonb_array_elements_text(d.entry -> 'reasons') AS reason) AS reasons,
       (SELECT string_agg(contract_no, ', ') FROM jsonb_array_elements_text(d.entry -> 'contract_nos') AS contract_no) AS contract_nos,
       d.entry -> 'closing' ->> 'reason' AS closing_reason
FROM audit.counts c
JOIN count_determinations d ON d.count_id = c.id;
COMMENT ON VIEW audit.determinations IS 'What does a count say of each enterprise on each platform, and on which window does it rest?';
COMMENT ON COLUMN audit.determinations.connected_on IS 'The first day of its effective window; null: it has none.';
COMMENT ON COLUMN audit.determinations.connected_at IS 'The beginning of that day, for a time axis.';
COMMENT ON COLUMN audit.determinations.window_last_on IS 'The last day of the window, inclusive.';
COMMENT ON COLUMN audit.determinations.year_counted IS 'The year that its window counts for.';
COMMENT ON COLUMN audit.determinations.pending_until_on IS 'Of a pending one: the earliest last day of a window that it could still have.';
COMMENT ON COLUMN audit.determinations.reasons IS 'The criteria that are not met, with commas between.';
COMMENT ON COLUMN audit.determinations.closing_reason IS 'Of a pending one: why the count does not wait for it.';

CREATE VIEW audit.determination_criteria AS
SELECT c.count_id, c.year, c.stage, d.platform, d.uscc, d.name AS enterprise, d.outcome,
       f.place::integer AS place, f.criterion ->> 'name' AS criterion,
       (f.criterion ->> 'is_met')::boolean AS is_met, f.criterion ->> 'measured' AS measured,
       f.criterion ->> 'required' AS required, f.criterion ->> 'clause' AS clause,
       f.criterion ->> 'basis' AS basis, (f.criterion ->> 'waiver_id')::integer AS waiver_id
FROM audit.counts c
JOIN count_determinations d ON d.count_id = c.id
CROSS JOIN LATERAL jsonb_array_elements(d.entry -> 'criteria') WITH ORDINALITY AS f (criterion, place);
COMMENT ON VIEW audit.determination_criteria IS 'Criterion by criterion, what was measured of an enterprise and what is required? To be asked of one enterprise.';
COMMENT ON COLUMN audit.determination_criteria.is_met IS 'Null: it cannot be measured, because there is no window.';
COMMENT ON COLUMN audit.determination_criteria.waiver_id IS 'The decision that set what is required, where one did.';

CREATE VIEW audit.determination_devices AS
SELECT c.count_id, c.year, c.stage, d.platform, d.uscc, d.name AS enterprise,
       f.device ->> 'serial' AS serial, f.device ->> 'name' AS name, f.device ->> 'kind' AS kind,
       (f.device ->> 'assigned_from')::date AS from_on, (f.device ->> 'assigned_to')::date AS to_on,
       (f.device ->> 'active_days')::integer AS active_days,
       (f.device ->> 'first_active_on')::date AS first_active_on,
       (f.device ->> 'last_active_on')::date AS last_active_on
FROM audit.counts c
JOIN count_determinations d ON d.count_id = c.id
CROSS JOIN LATERAL jsonb_array_elements(d.entry -> 'devices') AS f (device);
COMMENT ON VIEW audit.determination_devices IS 'On which devices does a counted enterprise rest? To be asked of one enterprise; others than counted ones have no rows.';
COMMENT ON COLUMN audit.determination_devices.active_days IS 'Within the effective window.';

CREATE VIEW audit.platform_months AS
SELECT c.count_id, c.year, c.stage, m.platform, m.name, m.month,
       m.month::timestamp AT TIME ZONE 'Asia/Shanghai' AS starts_at,
       m.enterprises AS newly_connected,
       (sum(m.enterprises) OVER (
           PARTITION BY c.count_id, c.year, c.stage, m.platform, m.name ORDER BY m.month))::integer AS cumulative
FROM audit.count_rules c
CROSS JOIN LATERAL (
    SELECT platform, max(name) AS name, month, sum(enterprises)::integer AS enterprises
    FROM (
        SELECT p.platform, p.name, (make_date(c.year, 1, 1) + make_interval(months => n))::date AS month, 0 AS enterprises
        FROM audit.platform_results p CROSS JOIN generate_series(0, 11) AS n
        WHERE p.id = c.id
        UNION ALL
        -- The day that decides for which year a window counts.
        SELECT d.platform, NULL, date_trunc('month', CASE c.count_year_of
                   WHEN 'window_end' THEN d.entry ->> 'window_last_day' ELSE d.connected_on END::timestamp)::date, 1
        FROM count_determinations d
        WHERE d.count_id = c.id AND d.outcome = 'counted'
    ) AS found
    GROUP BY platform, month
) AS m
WHERE m.month <= c.as_of_on;
COMMENT ON VIEW audit.platform_months IS 'How many enterprises of a platform are counted as newly connected in each month of a count''s year, and how many until then? No month after the evidence ends.';
COMMENT ON COLUMN audit.platform_months.month IS 'Its first day.';
COMMENT ON COLUMN audit.platform_months.starts_at IS 'The beginning of the month, for a time axis.';
COMMENT ON COLUMN audit.platform_months.newly_connected IS 'Counted enterprises whose effective window begins in the month (ends in it, where the policy says window_end).';
COMMENT ON COLUMN audit.platform_months.cumulative IS 'The same from January on.';
