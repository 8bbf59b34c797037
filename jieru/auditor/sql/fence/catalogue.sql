-- What leaves something behind among that which PostgreSQL and TimescaleDB let everybody call, taken
-- from everybody and given to those who have rights on our tables. Only a superuser can: it is his.

DO $$
DECLARE
    thing  record;
    keeper record;
    ours   oid;
BEGIN
    -- Nobody else's function of a better matching kind may be called here, perhaps by a superuser.
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    ours := (SELECT c.oid FROM pg_class c JOIN pg_class other ON other.relnamespace = c.relnamespace AND other.relname = 'installation'
             WHERE c.relname = 'platforms' AND c.relkind = 'r' ORDER BY c.oid LIMIT 1);
    FOR thing IN
        WITH things AS (
            -- Large objects fill the disk. Advisory locks stand in the way of ours, and fill the table
            -- of all locks. A logical message is written to the log, an exported snapshot to a file.
            SELECT 'pg_proc'::regclass AS class, oid, 'FUNCTION ' || oid::regprocedure AS name,
                   'EXECUTE' AS privilege, proacl AS acl, acldefault('f', proowner) AS default_acl,
                   false AS is_timescale
            FROM pg_proc
            WHERE pronamespace = 'pg_catalog'::regnamespace
              AND proname ~ '^(lo_creat|lo_create|lo_from_bytea|pg_(try_)?advisory_(xact_)?lock(_shared)?|pg_logical_emit_message|pg_export_snapshot)$'
            UNION ALL
            -- Without it nobody has loops, or code that goes on after an error.
            SELECT 'pg_language'::regclass, oid, 'LANGUAGE plpgsql', 'USAGE', lanacl, acldefault('l', lanowner), false
            FROM pg_language WHERE lanname = 'plpgsql'
            UNION ALL
            SELECT 'pg_namespace'::regclass, oid, 'SCHEMA ' || oid::regnamespace, 'USAGE', nspacl, acldefault('n', nspowner), true
            FROM pg_namespace WHERE nspname ~ '^timescaledb_'
            UNION ALL
            -- TimescaleDB's inner schemas must stay open, for it looks names up in them whoever asks;
            -- what is in them need not.
            SELECT 'pg_class'::regclass, oid, 'TABLE ' || oid::regclass, 'SELECT', relacl, acldefault('r', relowner), true
            FROM pg_class
            WHERE relkind IN ('r', 'v', 'S')
              AND relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^_timescaledb_')
            UNION ALL
            SELECT 'pg_proc'::regclass, oid, 'ROUTINE ' || oid::regprocedure, 'EXECUTE', proacl, acldefault('f', proowner), true
            FROM pg_proc
            WHERE pronamespace IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^_timescaledb_')
        )
        SELECT name, privilege, coalesce(acl, default_acl) AS acl, is_timescale
        FROM things
        -- What everybody may, or might when it was installed: nobody is given more than that.
        WHERE EXISTS (SELECT FROM aclexplode(coalesce(acl, default_acl)) WHERE grantee = 0)
           OR EXISTS (SELECT FROM aclexplode(coalesce((SELECT initprivs FROM pg_init_privs
                                                       WHERE classoid = class AND objoid = oid AND objsubid = 0),
                                                      default_acl))
                      WHERE grantee = 0)
    LOOP
        FOR keeper IN
            SELECT DISTINCT r.oid, r.rolname
            FROM pg_class c, LATERAL (SELECT c.relowner UNION SELECT grantee FROM aclexplode(c.relacl)) AS held (by), pg_roles r
            WHERE c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = ours)
              AND r.oid = held.by AND r.rolname <> 'jieru_auditor' AND NOT r.rolsuper
              AND r.rolname NOT IN ('jieru_api', 'jieru_ingest', 'jieru_verifier', 'jieru_broker', 'jieru_archive', 'jieru_audit_writer')
            UNION
            -- Processes store and read in hypertables; archive and verification of evidence take turns by a
            -- lock, and the latter reads by several connections at one moment; nothing else.
            SELECT r.oid, r.rolname FROM pg_roles r
            WHERE r.rolname IN ('jieru_api', 'jieru_ingest', 'jieru_verifier', 'jieru_archive') AND thing.is_timescale
               OR r.rolname IN ('jieru_archive', 'jieru_verifier')
                  AND (thing.name LIKE '%advisory%' OR thing.name LIKE '%export_snapshot%')
        LOOP
            IF NOT EXISTS (SELECT FROM aclexplode(thing.acl)
                           WHERE grantee = keeper.oid AND privilege_type = thing.privilege) THEN
                EXECUTE format('GRANT %s ON %s TO %I', thing.privilege, thing.name, keeper.rolname);
            END IF;
        END LOOP;
        IF EXISTS (SELECT FROM aclexplode(thing.acl) WHERE grantee = 0) THEN
            EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', thing.name);
        END IF;
    END LOOP;
END
$$;
