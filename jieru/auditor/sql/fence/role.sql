-- The role under which auditors read. `jieru migrate` runs this where its own user may make roles;
-- where not, a superuser runs it in the database once:
--   psql --dbname=DATABASE --file=role.sql --file=database.sql --file=catalogue.sql
--
-- Roles belong to the whole server, and several databases may be migrated at once: what is as it
-- should be is left alone.

DO $$
BEGIN
    -- Nobody else's function of a better matching kind may be called here, perhaps by a superuser.
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'jieru_auditor') THEN
        CREATE ROLE jieru_auditor NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;  -- another database was faster
END
$$;

DO $$
DECLARE
    setting text[];
    owner   pg_roles;
BEGIN
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    SELECT r.* INTO owner
    FROM pg_roles r JOIN pg_class c ON c.relowner = r.oid
         JOIN pg_class other ON other.relnamespace = c.relnamespace AND other.relname = 'installation'
    WHERE c.relname = 'platforms' AND c.relkind = 'r' ORDER BY c.oid LIMIT 1;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'jieru_auditor'
               AND (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)) THEN
        -- Only a superuser may say so, even where it changes nothing.
        ALTER ROLE jieru_auditor NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'jieru_auditor'
               AND (rolinherit OR NOT rolcanlogin OR rolconnlimit <> 20)) THEN
        ALTER ROLE jieru_auditor LOGIN NOINHERIT CONNECTION LIMIT 20;
    END IF;
    -- Defaults of a session, which it can change: against mistakes, not against ill will. Only
    -- temp_file_limit holds against anybody, and only a superuser can set it. Compiling takes longer
    -- than it saves in queries as short as those of panels.
    FOREACH setting SLICE 1 IN ARRAY ARRAY[
        ['search_path', 'audit'],
        ['default_transaction_read_only', 'on'],
        ['statement_timeout', '30s'],
        ['lock_timeout', '5s'],
        ['idle_in_transaction_session_timeout', '1min'],
        ['jit', 'off'],
        ['work_mem', '32MB'],
        ['temp_file_limit', '1GB']
    ] LOOP
        CONTINUE WHEN setting[1] = 'temp_file_limit'
            AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);
        IF NOT EXISTS (SELECT FROM pg_db_role_setting
                       WHERE setrole = 'jieru_auditor'::regrole AND setdatabase = 0
                         AND setting[1] || '=' || setting[2] = ANY (setconfig)) THEN
            EXECUTE format('ALTER ROLE jieru_auditor SET %I = %L', setting[1], setting[2]);
        END IF;
    END LOOP;
    -- Whoever is logged in as the role may give it settings of his own, `role` among them: they go, here and
    -- for all databases. What only a superuser may set, a superuser has set.
    FOR setting IN
        SELECT ARRAY[split_part(each, '=', 1), CASE setdatabase WHEN 0 THEN '' ELSE format('IN DATABASE %I', current_database()) END]
        FROM pg_db_role_setting, unnest(setconfig) AS each
        WHERE setrole = 'jieru_auditor'::regrole
          AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
          AND (setdatabase <> 0 OR split_part(each, '=', 1) NOT IN ('search_path', 'default_transaction_read_only',
               'statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'jit', 'work_mem'))
          AND NOT EXISTS (SELECT FROM pg_settings WHERE name = split_part(each, '=', 1) AND context LIKE 'superuser%')
    LOOP
        EXECUTE format('ALTER ROLE jieru_auditor %s RESET %I', setting[2], setting[1]);
    END LOOP;
    -- So that whoever owns the tables can read as auditors do.
    -- (Before PostgreSQL 16 every membership is one that may SET ROLE.)
    IF NOT owner.rolsuper
       AND NOT EXISTS (SELECT FROM pg_auth_members m
                       WHERE m.roleid = 'jieru_auditor'::regrole AND m.member = owner.oid
                         AND coalesce((to_jsonb(m) ->> 'set_option')::boolean, true)) THEN
        EXECUTE format('GRANT jieru_auditor TO %I', owner.rolname);
    END IF;
END
$$;
