-- Who decided and changed what.

CREATE VIEW audit.decisions AS
SELECT d.id, d.kind, p.code AS platform, e.uscc, e.name AS enterprise, d.criterion, d.value, d.reason,
       d.attachment, d.decided_by, d.decided_at, d.withdrawn_reason, d.withdrawn_by, d.withdrawn_at,
       d.withdrawn_at IS NULL AS is_open, d.confirmed_by, d.confirmed_at,
       d.needs_second AND d.confirmed_at IS NULL AND d.withdrawn_at IS NULL AS waits
FROM decisions d
JOIN platforms p ON p.id = d.platform_id
JOIN enterprises e ON e.id = d.enterprise_id;
COMMENT ON VIEW audit.decisions IS 'Which enterprises did verifiers exclude, hold, grant a waiver, let count from their first day (backdate) or keep as they are, why, and does it still hold?';
COMMENT ON COLUMN audit.decisions.criterion IS 'Of a waiver: what it sets.';
COMMENT ON COLUMN audit.decisions.value IS 'Of a waiver: to what it sets it.';
COMMENT ON COLUMN audit.decisions.waits IS 'For a second person; it has no effect before.';
COMMENT ON COLUMN audit.decisions.attachment IS 'Where the document behind the decision is kept.';

CREATE VIEW audit.opening_stocks AS
SELECT o.id, p.code AS platform, o.stood_on, o.reason, o.attachment, o.decided_by, o.decided_at,
       o.confirmed_by, o.confirmed_at, o.withdrawn_reason, o.withdrawn_by, o.withdrawn_at,
       o.needs_second AND o.confirmed_at IS NULL AND o.withdrawn_at IS NULL AS waits
FROM opening_stocks o LEFT JOIN platforms p ON p.id = o.platform_id;
COMMENT ON VIEW audit.opening_stocks IS 'What was registered by which day counts from its first day, however late it was recorded, and who answers for that?';
COMMENT ON COLUMN audit.opening_stocks.platform IS 'Null: of all platforms.';
COMMENT ON COLUMN audit.opening_stocks.stood_on IS 'What was recorded later, or after the decision, is not accepted by it.';
COMMENT ON COLUMN audit.opening_stocks.waits IS 'For a second person; it has no effect before.';
COMMENT ON COLUMN audit.opening_stocks.attachment IS 'Where the document behind it is kept.';

CREATE VIEW audit.closings AS
SELECT c.id, c.year, p.code AS platform, e.uscc, e.name AS enterprise, c.reason, c.closed_by, c.closed_at,
       c.withdrawn_reason, c.withdrawn_by, c.withdrawn_at, c.withdrawn_at IS NULL AS is_open
FROM pending_closings c
JOIN platforms p ON p.id = c.platform_id
JOIN enterprises e ON e.id = c.enterprise_id;
COMMENT ON VIEW audit.closings IS 'For which pending enterprises does a year''s count not wait, and why?';

CREATE VIEW audit.audit_entries AS
SELECT a.number, a.changed_at, (a.changed_at AT TIME ZONE 'Asia/Shanghai')::date AS changed_on,
       a.actor, a.origin, a.action, a.record_kind, a.record_id, p.code AS platform,
       CASE a.record_kind WHEN 'platforms' THEN a.after ->> 'code'
                          WHEN 'enterprises' THEN a.after ->> 'uscc'
                          WHEN 'devices' THEN a.after ->> 'serial' END AS record_name,
       (SELECT string_agg(name, ', ' ORDER BY name)
        FROM jsonb_object_keys(a.before || a.after) AS name
        WHERE name <> 'revision' AND a.before -> name IS DISTINCT FROM a.after -> name) AS changed_fields
FROM audit_entries a LEFT JOIN platforms p ON p.id = a.platform_id;
COMMENT ON VIEW audit.audit_entries IS 'Who changed which fields of which record, when and from where? Not the values.';
COMMENT ON COLUMN audit.audit_entries.number IS 'Its place in the chain; there are no gaps.';
COMMENT ON COLUMN audit.audit_entries.actor IS 'user:NAME, oidc:..., key:ID, command:NAME, or database:ROLE for a change made past the programs.';
COMMENT ON COLUMN audit.audit_entries.origin IS 'An IP address, or ''command line''.';
COMMENT ON COLUMN audit.audit_entries.platform IS 'Whose record it is; null: of no platform.';
COMMENT ON COLUMN audit.audit_entries.record_name IS 'Of a platform, an enterprise or a device: code, uscc or serial.';
COMMENT ON COLUMN audit.audit_entries.changed_fields IS 'With commas between; null: the record was created.';

CREATE VIEW audit.access_entries AS
SELECT number, at, (at AT TIME ZONE 'Asia/Shanghai')::date AS on_date, kind, actor, origin, record
FROM access_entries;
COMMENT ON VIEW audit.access_entries IS 'Who signed in or failed to, read what is personal or secret, or took a file away, when and from where?';
COMMENT ON COLUMN audit.access_entries.number IS 'Grows with each entry; there may be gaps.';
COMMENT ON COLUMN audit.access_entries.kind IS 'sign_in, sign_in_failed, code_failed, recovery_code_used, sign_out, read, secret or export.';
COMMENT ON COLUMN audit.access_entries.actor IS 'user:NAME, key:ID or command:NAME; null: nobody who is known.';
COMMENT ON COLUMN audit.access_entries.origin IS 'An IP address, or ''command line''.';
COMMENT ON COLUMN audit.access_entries.record IS 'The address of what was read or taken away.';

-- The newest entries are hashed here, by the server's own functions: those of the schema could be
-- changed by whoever could change an entry. For the others stands the last run of
-- `jieru audit verify --record`, and that the entry it ended with is still the same.
CREATE VIEW audit.audit_chain AS
WITH tail AS MATERIALIZED (
    SELECT number, previous_hash, hash,
           lag(number) OVER by_number AS number_before, lag(hash) OVER by_number AS hash_before,
           sha256(previous_hash || convert_to(jsonb_build_array(
               number,
               CASE WHEN isfinite(changed_at) THEN (extract(epoch FROM changed_at) * 1000000)::bigint END,
               actor, origin, action, record_kind, record_id, platform_id, before, after)::text, 'UTF8')) AS computed
    FROM (SELECT * FROM audit_entries ORDER BY number DESC LIMIT 500) AS newest
    WINDOW by_number AS (ORDER BY number)
), links AS (
    SELECT count(*)::integer AS entries,
           (count(*) FILTER (WHERE computed <> hash OR number_before <> number - 1 OR hash_before <> previous_hash
                OR number = 1 AND previous_hash <> sha256('jieru audit chain, version 1')))::integer AS broken
    FROM tail
)
SELECT *, NOT head_fits OR tail_broken > 0 OR coalesce(last_check_findings > 0 OR NOT last_check_fits, false) AS is_broken
FROM (
    SELECT head.number AS head_number,
           CASE WHEN links.entries = 0 THEN coalesce(head.number = 0, false)
                ELSE EXISTS (SELECT FROM tail WHERE (number, hash) = (head.number, head.hash)
                                 AND number = (SELECT max(number) FROM tail)) END AS head_fits,
           links.entries AS tail_entries, links.broken AS tail_broken,
           checked.checked_at AS last_checked_at, checked.last_number AS last_checked_number,
           checked.findings AS last_check_findings,
           checked.last_number = 0 OR EXISTS (
               SELECT FROM audit_entries WHERE number = checked.last_number AND hash = checked.last_hash
           ) AS last_check_fits
    FROM links
    LEFT JOIN audit_head AS head ON true
    LEFT JOIN (SELECT * FROM audit_checks ORDER BY id DESC LIMIT 1) AS checked ON true
) AS facts;
COMMENT ON VIEW audit.audit_chain IS 'Is the record of changes whole? One row: its newest 500 entries are checked now, the others as the last recorded run of `jieru audit verify` found them.';
COMMENT ON COLUMN audit.audit_chain.head_number IS 'The last entry, as the head of the chain says.';
COMMENT ON COLUMN audit.audit_chain.head_fits IS 'The head names the last entry that there is.';
COMMENT ON COLUMN audit.audit_chain.tail_entries IS 'Checked now.';
COMMENT ON COLUMN audit.audit_chain.tail_broken IS 'Of these, entries whose content does not give their hash, or that do not follow the one before.';
COMMENT ON COLUMN audit.audit_chain.last_checked_at IS 'The last recorded run over all entries; null: there was none.';
COMMENT ON COLUMN audit.audit_chain.last_checked_number IS 'The entry that it ended with.';
COMMENT ON COLUMN audit.audit_chain.last_check_findings IS 'What it found wrong.';
COMMENT ON COLUMN audit.audit_chain.last_check_fits IS 'The entry that it ended with is still there, and the same.';
COMMENT ON COLUMN audit.audit_chain.is_broken IS 'Any of this is wrong. A run that is long ago or missing is not counted as wrong.';

CREATE VIEW audit.evidence_verifications AS
SELECT v.month, v.verified_at, v.verified_by, v.code_version, v.heartbeats,
       jsonb_array_length(v.archives) AS archives, v.differences, v.unprovable,
       cardinality(v.unverifiable_days) AS unverifiable_days,
       v.id = max(v.id) OVER (PARTITION BY v.month) AS is_latest,
       EXISTS (SELECT FROM evidence_exceptions x
               WHERE x.month = v.month AND x.presence_sha256 = v.presence_sha256
                 AND x.confirmed_at IS NOT NULL AND x.days @> v.unverifiable_days) AS is_excepted
FROM evidence_verifications v;
COMMENT ON VIEW audit.evidence_verifications IS 'Which months of presence were held against their heartbeats, and what was found? A row for each run of `jieru verify-evidence` and month.';
COMMENT ON COLUMN audit.evidence_verifications.heartbeats IS 'That were read, of the database and of archives.';
COMMENT ON COLUMN audit.evidence_verifications.archives IS 'Files that were read.';
COMMENT ON COLUMN audit.evidence_verifications.differences IS 'Hours with no heartbeat behind them, or heartbeats without their hour.';
COMMENT ON COLUMN audit.evidence_verifications.unprovable IS 'Hours that rest on the row of another delivery of the same heartbeat.';
COMMENT ON COLUMN audit.evidence_verifications.unverifiable_days IS 'Whose heartbeats are gone and in no archive.';
COMMENT ON COLUMN audit.evidence_verifications.is_latest IS 'Of its month: the one that counts.';
COMMENT ON COLUMN audit.evidence_verifications.is_excepted IS 'Two people said why the month counts though heartbeats are gone.';

-- A timer of each night has verified a month within two days of its beginning.
CREATE VIEW audit.evidence_months AS
SELECT month, verified_at, differences, unverifiable_days, heartbeats
FROM audit.evidence_verifications WHERE is_latest
UNION ALL
SELECT m.month::date, NULL, NULL, NULL, NULL
FROM generate_series(
         (SELECT date_trunc('month', min(hour) AT TIME ZONE 'Asia/Shanghai') FROM ingest_hours),
         (now() - interval '2 days') AT TIME ZONE 'Asia/Shanghai', interval '1 month') AS m (month)
WHERE NOT EXISTS (SELECT FROM installation WHERE is_simulation)
  AND NOT EXISTS (SELECT FROM evidence_verifications v WHERE v.month = m.month::date)
  AND EXISTS (SELECT FROM ingest_hours h
              WHERE h.hour >= m.month AT TIME ZONE 'Asia/Shanghai'
                AND h.hour < (m.month + interval '1 month') AT TIME ZONE 'Asia/Shanghai');
COMMENT ON VIEW audit.evidence_months IS 'What did the last verification of each month find, and which months were never verified though heartbeats came in them? Months of a simulation need no verification.';
COMMENT ON COLUMN audit.evidence_months.month IS 'Its first day.';
COMMENT ON COLUMN audit.evidence_months.verified_at IS 'Null: never.';
COMMENT ON COLUMN audit.evidence_months.differences IS 'Hours with no heartbeat behind them, or heartbeats without their hour.';
COMMENT ON COLUMN audit.evidence_months.unverifiable_days IS 'Whose heartbeats are gone and in no archive.';
COMMENT ON COLUMN audit.evidence_months.heartbeats IS 'That were read, of the database and of archives.';

CREATE VIEW audit.archive_state AS
SELECT recorded.files, recorded.first_archived_at, verified.verified_at, verified.findings
FROM (SELECT count(*) AS files, min(archived_at) AS first_archived_at FROM heartbeat_archives) AS recorded
LEFT JOIN (SELECT verified_at, findings FROM archive_verifications ORDER BY id DESC LIMIT 1) AS verified ON true;
COMMENT ON VIEW audit.archive_state IS 'Is the archive of heartbeats whole? One row: what the last recorded run of `jieru archive verify` found.';
COMMENT ON COLUMN audit.archive_state.files IS 'That the database knows.';
COMMENT ON COLUMN audit.archive_state.first_archived_at IS 'Null: nothing was archived.';
COMMENT ON COLUMN audit.archive_state.verified_at IS 'Null: never.';
COMMENT ON COLUMN audit.archive_state.findings IS 'Files that are missing or changed, and whatever else was not as it was archived; null: it was never verified.';

CREATE VIEW audit.evidence_exceptions AS
SELECT id, month, cardinality(days) AS days, reason, named_by, named_at, confirmed_by, confirmed_at
FROM evidence_exceptions;
COMMENT ON VIEW audit.evidence_exceptions IS 'For which months did people say why they count though heartbeats are gone?';
COMMENT ON COLUMN audit.evidence_exceptions.days IS 'Whose heartbeats are gone.';
COMMENT ON COLUMN audit.evidence_exceptions.confirmed_by IS 'Another person; null: nobody yet, and so it has no effect.';

CREATE VIEW audit.checkpoints AS
SELECT number, written_at, occasion, sha256, findings, cosigned, witnesses FROM checkpoints;
COMMENT ON VIEW audit.checkpoints IS 'Which signed statements of the record were written outside of the database? Proof are the statements, not this list.';
COMMENT ON COLUMN audit.checkpoints.occasion IS 'day, or the step of money after which it was made.';
COMMENT ON COLUMN audit.checkpoints.findings IS 'What no longer was as the statements before have it.';
COMMENT ON COLUMN audit.checkpoints.cosigned IS 'Witnesses that had signed all statements by then, of so many.';
