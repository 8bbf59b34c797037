-- What this database is, which years it speaks of, and how large it has grown.

CREATE VIEW audit.installation AS
SELECT is_simulation, created_at,
       -- Simulated evidence may lie ahead of the clock.
       CASE WHEN is_simulation
            THEN (SELECT (max(last_seen_at) AT TIME ZONE 'Asia/Shanghai')::date FROM device_states)
       END AS simulated_until_on
FROM installation;
COMMENT ON VIEW audit.installation IS 'Is this evidence or a simulation? One row.';
COMMENT ON COLUMN audit.installation.is_simulation IS 'Nothing in a simulation is evidence; the mark is for good.';
COMMENT ON COLUMN audit.installation.simulated_until_on IS 'Of a simulation: the day of the last heartbeat.';

-- From connections and counts: to look for the first month of presence would be to read all of it.
CREATE VIEW audit.years AS
SELECT year
FROM generate_series(
    (SELECT extract(year FROM min(from_date))::integer FROM connections),
    greatest(extract(year FROM now() AT TIME ZONE 'Asia/Shanghai')::integer,
             extract(year FROM (SELECT simulated_until_on FROM audit.installation))::integer,
             (SELECT max(year) FROM counts),
             (SELECT extract(year FROM max(as_of))::integer FROM counts))) AS year;
COMMENT ON VIEW audit.years IS 'Which years can be looked at? From the first connection''s to this one, or to the last that is counted.';

CREATE VIEW audit.storage AS
SELECT now() AS measured_at, 'database' AS name, pg_database_size(current_database()) AS bytes, NULL::bigint AS chunks
UNION ALL
SELECT now(), relname::text, pg_total_relation_size(oid), NULL
FROM pg_class
WHERE relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'heartbeats'::regclass)
  AND relkind = 'r' AND oid <> 'heartbeats'::regclass
UNION ALL
-- Of a hypertable the rows are in its chunks, compressed or not, which have a schema of their own.
SELECT now(), 'heartbeats',
       (pg_total_relation_size('heartbeats'::regclass)
        + coalesce((SELECT sum(pg_total_relation_size(oid)) FROM pg_class
                    WHERE relnamespace = to_regnamespace('_timescaledb_internal') AND relkind = 'r'
                      AND relname ~ '^(_hyper_|compress_hyper_|_compressed_hypertable_)'), 0))::bigint,
       (SELECT count(*) FROM pg_inherits WHERE inhparent = 'heartbeats'::regclass);
COMMENT ON VIEW audit.storage IS 'How large are the database and its tables now? One row for the whole database, one for each table.';
COMMENT ON COLUMN audit.storage.name IS 'The table, or ''database'' for all of it.';
COMMENT ON COLUMN audit.storage.bytes IS 'With indexes.';
COMMENT ON COLUMN audit.storage.chunks IS 'Of heartbeats: TimescaleDB''s chunks; 0 where heartbeats are a plain table.';
