-- Who was drawn to be visited, and what was found.

CREATE VIEW audit.draws AS
SELECT d.id, d.year, d.as_of, d.digest, d.listed, d.size, d.announced_source, d.announced_on,
       d.value_form, d.commitment, d.published_at, d.published_by, d.public_value, d.seed,
       d.drawn_at, d.drawn_by,
       count(DISTINCT t.id)::integer AS drawn,
       count(DISTINCT t.id) FILTER (WHERE v.id IS NOT NULL)::integer AS visited,
       count(DISTINCT t.id) FILTER (WHERE v.found IN ('differs', 'not_found'))::integer AS amiss
FROM draws d
LEFT JOIN draw_entries t ON t.draw_id = d.id
LEFT JOIN visits v ON (v.year, v.platform_id, v.enterprise_id) = (d.year, t.platform_id, t.enterprise_id)
      AND v.visited_on >= (d.drawn_at AT TIME ZONE 'Asia/Shanghai')::date
GROUP BY d.id;
COMMENT ON VIEW audit.draws IS 'Which lists were published for a draw, by which values were they drawn, and how far are the visits?';
COMMENT ON COLUMN audit.draws.as_of IS 'Last day of the evidence by which they are listed.';
COMMENT ON COLUMN audit.draws.digest IS 'SHA-256 of the list, byte by byte.';
COMMENT ON COLUMN audit.draws.size IS 'How many are to be drawn of the listed.';
COMMENT ON COLUMN audit.draws.announced_source IS 'Where the public value comes from, on announced_on.';
COMMENT ON COLUMN audit.draws.value_form IS 'How the public value is spelled; each 0 stands for one digit.';
COMMENT ON COLUMN audit.draws.commitment IS 'SHA-256 of what was sealed until the draw; null: nothing was.';
COMMENT ON COLUMN audit.draws.drawn IS 'So many were drawn; 0: not drawn yet.';
COMMENT ON COLUMN audit.draws.visited IS 'Of the drawn, on the day of the draw or later.';
COMMENT ON COLUMN audit.draws.amiss IS 'Of the visited, those where something was not as registered or not found at any visit.';

CREATE VIEW audit.draw_lists AS
SELECT d.id AS draw_id, d.year, listed.platform, listed.uscc, listed.stratum,
       s.kind ->> 'publisher' AS publisher, (s.kind ->> 'has_signals')::boolean AS has_signals,
       t.ticket, t.id IS NOT NULL AS is_drawn
FROM draws d
CROSS JOIN LATERAL (
    SELECT split_part(line, ',', 1) AS platform, split_part(line, ',', 2) AS uscc,
           split_part(line, ',', 3)::integer AS stratum
    FROM string_to_table(rtrim(d.list_csv, E'\n'), E'\n') WITH ORDINALITY AS lines (line, number)
    WHERE number > 1) AS listed
LEFT JOIN LATERAL jsonb_array_elements(d.strata) AS s (kind)
       ON (s.kind ->> 'platform', (s.kind ->> 'number')::integer) = (listed.platform, listed.stratum)
LEFT JOIN platforms p ON p.code = listed.platform
LEFT JOIN enterprises e ON e.uscc = listed.uscc
LEFT JOIN draw_entries t ON (t.draw_id, t.platform_id, t.enterprise_id) = (d.id, p.id, e.id);
COMMENT ON VIEW audit.draw_lists IS 'Who could be drawn, among whom, and who was?';
COMMENT ON COLUMN audit.draw_lists.stratum IS 'Its number on the platform, as the published list has it.';
COMMENT ON COLUMN audit.draw_lists.publisher IS 'Who published most of the stratum''s hours: cloud, gateway or device.';
COMMENT ON COLUMN audit.draw_lists.has_signals IS 'Of the stratum, when the list was published.';
COMMENT ON COLUMN audit.draw_lists.ticket IS 'Of those that were drawn.';

CREATE VIEW audit.visits AS
SELECT v.id, v.year, v.draw_id, p.code AS platform, e.uscc, e.name AS enterprise, v.visited_on,
       v.first_visitor, v.second_visitor, v.found, v.notes, cardinality(v.documents) AS documents,
       v.case_id, v.recorded_by, v.recorded_at
FROM visits v
JOIN platforms p ON p.id = v.platform_id
JOIN enterprises e ON e.id = v.enterprise_id;
COMMENT ON VIEW audit.visits IS 'Who went to which enterprise, and what did they find?';
COMMENT ON COLUMN audit.visits.draw_id IS 'The last draw that had drawn it by then; null: none had.';
COMMENT ON COLUMN audit.visits.found IS 'as_registered, differs, not_found or refused.';
COMMENT ON COLUMN audit.visits.documents IS 'Photographs and papers, each kept by its SHA-256.';
COMMENT ON COLUMN audit.visits.case_id IS 'The case that it opened, or belongs to.';
