-- Who decided and changed what.

CREATE VIEW audit.decisions AS
SELECT d.id, d.kind, p.code AS platform, e.uscc, e.name AS enterprise, d.criterion, d.value, d.reason,
       d.attachment, d.decided_by, d.decided_at, d.withdrawn_reason, d.withdrawn_by, d.withdrawn_at,
       d.withdrawn_at IS NULL AS is_open, d.confirmed_by, d.confirmed_at,
       d.needs_second AND d.confirmed_at IS NULL AND d.withdrawn_at IS NULL AS waits
FROM decisions d
JOIN platforms p ON p.id = d.platform_id
JOIN enterprises e ON e.id = d.enterprise_id;
COMMENT ON VIEW audit.decisions IS 'Which enterprises did verifiers exclude, hold or grant a waiver, why, and does it still hold?';
COMMENT ON COLUMN audit.decisions.criterion IS 'Of a waiver: what it sets.';
COMMENT ON COLUMN audit.decisions.value IS 'Of a waiver: to what it sets it.';
COMMENT ON COLUMN audit.decisions.waits IS 'For a second person; it has no effect before.';
COMMENT ON COLUMN audit.decisions.attachment IS 'Where the document behind the decision is kept.';

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
