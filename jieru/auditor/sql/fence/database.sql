-- What PostgreSQL lets everybody do in a database and its first schema, taken from everybody and given
-- to those who have rights on our tables: to make temporary tables, and to name what is in the schema
-- (and so to call TimescaleDB's functions, which live there too). For the owner of the database.

DO $$
DECLARE
    thing     record;
    keeper    record;
    is_public boolean;
    ours      oid;
BEGIN
    -- Nobody else's function of a better matching kind may be called here, perhaps by a superuser.
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    ours := (SELECT c.oid FROM pg_class c JOIN pg_class other ON other.relnamespace = c.relnamespace AND other.relname = 'installation'
             WHERE c.relname = 'platforms' AND c.relkind = 'r' ORDER BY c.oid LIMIT 1);
    FOR thing IN
        SELECT 'SCHEMA ' || quote_ident(n.nspname) AS name, coalesce(n.nspacl, acldefault('n', n.nspowner)) AS acl,
               p.privilege, p.is_needed
        FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid AND c.oid = ours,
             (VALUES ('USAGE', true), ('CREATE', false)) AS p (privilege, is_needed)
        UNION ALL
        SELECT 'DATABASE ' || quote_ident(d.datname), coalesce(d.datacl, acldefault('d', d.datdba)),
               p.privilege, p.is_needed
        FROM pg_database d, (VALUES ('TEMPORARY', true), ('CREATE', false)) AS p (privilege, is_needed)
        WHERE d.datname = current_database()
    LOOP
        is_public := EXISTS (SELECT FROM aclexplode(thing.acl)
                             WHERE grantee = 0 AND privilege_type = thing.privilege);
        FOR keeper IN
            SELECT DISTINCT r.oid, r.rolname
            FROM pg_class c, LATERAL (SELECT c.relowner UNION SELECT grantee FROM aclexplode(c.relacl)) AS held (by), pg_roles r
            WHERE c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = ours)
              AND r.oid = held.by AND r.rolname <> 'jieru_auditor'
              -- Of these `jieru migrate` says itself what they need.
              AND r.rolname NOT IN ('jieru_api', 'jieru_ingest', 'jieru_verifier', 'jieru_broker', 'jieru_archive', 'jieru_audit_writer')
        LOOP
            IF (thing.is_needed OR is_public)
               AND NOT EXISTS (SELECT FROM aclexplode(thing.acl)
                               WHERE grantee = keeper.oid AND privilege_type = thing.privilege) THEN
                EXECUTE format('GRANT %s ON %s TO %I', thing.privilege, thing.name, keeper.rolname);
            END IF;
        END LOOP;
        IF is_public THEN
            EXECUTE format('REVOKE %s ON %s FROM PUBLIC', thing.privilege, thing.name);
        END IF;
    END LOOP;
    IF EXISTS (SELECT FROM pg_database d
               WHERE datname = current_database() AND to_regrole('jieru_auditor') IS NOT NULL
                 AND NOT EXISTS (SELECT FROM aclexplode(d.datacl)
                                 WHERE grantee = to_regrole('jieru_auditor') AND privilege_type = 'CONNECT')) THEN
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO jieru_auditor', current_database());
    END IF;
END
$$;
