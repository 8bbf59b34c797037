-- Gives a database with all that is Jieru's in it to a user, as after a restore by somebody else. A
-- superuser runs it in the database, where jieru/ is:
--   psql --set=ON_ERROR_STOP=1 --dbname=DATABASE --set=owner=USER --file=take_over.sql
-- Where the tables are another ordinary role's, REASSIGN OWNED does the same; what belongs to
-- `postgres` it does not take.

\set QUIET on
\pset format unaligned
\pset tuples_only on
BEGIN;
-- Whoever may make functions in the database could otherwise have one of his called here, with a
-- superuser's rights: so every name is PostgreSQL's own, and ours are found in its catalogue.
SET LOCAL search_path = pg_catalog, pg_temp;

SELECT count(*) > 0 AS is_ours, min(c.relnamespace::bigint) AS home
FROM pg_class c JOIN pg_class other ON other.relnamespace = c.relnamespace AND other.relname = 'installation'
WHERE c.relname = 'schema_migrations' AND c.relkind = 'r'
\gset
\if :is_ours
\else
DO $$ BEGIN RAISE EXCEPTION 'this database has no tables of Jieru'; END $$;
\endif

-- Tables before views, since a table brings along its own sequences, its indexes and its chunks.
SELECT format('ALTER %s %s OWNER TO %I',
              CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                             WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
              c.oid::regclass, :'owner')
FROM pg_class c
WHERE c.relnamespace IN (:home, to_regnamespace('audit'))
  AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                  AND (d.deptype = 'e' OR c.relkind = 'S' AND d.deptype IN ('a', 'i')))
ORDER BY c.relkind NOT IN ('r', 'p'), c.oid \gexec

SELECT format('ALTER ROUTINE %s OWNER TO %I', p.oid::regprocedure, :'owner')
FROM pg_proc p
WHERE p.pronamespace IN (:home, to_regnamespace('audit'))
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
\gexec

SELECT format('ALTER TYPE %s OWNER TO %I', t.oid::regtype, :'owner')
FROM pg_type t
WHERE t.typnamespace = :home AND t.typtype IN ('e', 'd')
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
\gexec

SELECT format('ALTER SCHEMA audit OWNER TO %I', :'owner') WHERE to_regnamespace('audit') IS NOT NULL
\gexec
SELECT format('GRANT USAGE, CREATE ON SCHEMA %I TO %I', n.nspname, :'owner')
FROM pg_namespace n WHERE n.oid = :home
\gexec
SELECT format('ALTER DATABASE %I OWNER TO %I', current_database(), :'owner')
\gexec
COMMIT;

-- What was taken from everybody and given to the owner of the tables by name, for the new one.
\ir auditor/sql/fence/role.sql
\ir auditor/sql/fence/processes.sql
\ir auditor/sql/fence/database.sql
\ir auditor/sql/fence/catalogue.sql
