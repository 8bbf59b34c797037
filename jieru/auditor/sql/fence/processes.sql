-- The roles under which the processes of Jieru work, and jieru_audit_writer, which nobody logs in as and
-- which owns the audit. What each may do is granted by `jieru migrate` (jieru/roles/grants.txt); here they
-- are made, for whoever may make roles. Where `jieru migrate` may not, a superuser runs it once.
--
-- Roles belong to the whole server, and several databases may be migrated at once: what is as it
-- should be is left alone.

DO $$
DECLARE
    role  text;
    owner pg_roles;
BEGIN
    -- Nobody else's function of a better matching kind may be called here, perhaps by a superuser.
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    FOREACH role IN ARRAY '{jieru_api,jieru_ingest,jieru_verifier,jieru_broker,jieru_archive,jieru_audit_writer}'::text[] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
                EXECUTE format('CREATE ROLE %I %s NOINHERIT', role,
                               CASE role WHEN 'jieru_audit_writer' THEN 'NOLOGIN' ELSE 'LOGIN' END);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- another database was faster
        END;
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = role
                   AND (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)) THEN
            -- Only a superuser may say so, even where it changes nothing.
            EXECUTE format('ALTER ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS', role);
        END IF;
        IF role = 'jieru_audit_writer' AND EXISTS (SELECT FROM pg_roles WHERE rolname = role AND rolcanlogin) THEN
            EXECUTE format('ALTER ROLE %I NOLOGIN', role);
        END IF;
    END LOOP;
    SELECT r.* INTO owner
    FROM pg_roles r JOIN pg_class c ON c.relowner = r.oid
         JOIN pg_class other ON other.relnamespace = c.relnamespace AND other.relname = 'installation'
    WHERE c.relname = 'platforms' AND c.relkind = 'r' ORDER BY c.oid LIMIT 1;
    -- So that the owner can give the audit away, and change its tables with a later release.
    IF NOT owner.rolsuper AND NOT pg_has_role(owner.oid, 'jieru_audit_writer', 'USAGE') THEN
        EXECUTE format('GRANT jieru_audit_writer TO %I', owner.rolname);
    END IF;
    -- So that the console can read as auditors do.
    IF to_regrole('jieru_auditor') IS NOT NULL AND NOT pg_has_role('jieru_api', 'jieru_auditor', 'MEMBER') THEN
        GRANT jieru_auditor TO jieru_api;
    END IF;
END
$$;
