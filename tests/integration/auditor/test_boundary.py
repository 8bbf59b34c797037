"""All that an auditor with SQL of his own can reach: privileges are the boundary, not settings."""

from fnmatch import fnmatchcase
from typing import Final, LiteralString

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from jieru.schema import migrate
from tests.support.auditors import SECRET, auditor_address

REFUSED: Final = psycopg.errors.InsufficientPrivilege

READS: Final[tuple[LiteralString, ...]] = (
    "SELECT * FROM public.users",
    "SELECT password_hash FROM public.users",
    "SELECT * FROM public.sessions",
    "SELECT * FROM public.sign_in_failures",
    "SELECT * FROM public.known_browsers",
    "SELECT secret FROM public.second_factors",
    "SELECT * FROM public.second_factor_uses",
    "SELECT * FROM public.recovery_codes",
    "SELECT * FROM public.pending_sign_ins",
    "SELECT * FROM public.access_entries",
    "SELECT * FROM public.syslog_cursors",
    "SELECT * FROM public.api_keys",
    "SELECT * FROM public.api_key_uses",
    "SELECT * FROM public.processes",
    "SELECT * FROM public.account_changes",
    "SELECT * FROM public.credentials",
    "SELECT * FROM public.broker_users",
    "SELECT * FROM public.broker_permissions",
    "SELECT * FROM public.broker_events",
    "SELECT * FROM public.broker_sessions",
    "SELECT * FROM public.broker_log_positions",
    "SELECT payload FROM public.rejections",
    "SELECT payload FROM public.source_messages",
    "SELECT format FROM public.sources",
    "SELECT * FROM public.heartbeats",
    "SELECT * FROM public.presence",
    "SELECT * FROM public.device_states",
    "SELECT * FROM public.imports",
    "SELECT * FROM public.audit_entries",
    "SELECT * FROM public.objections",
    "SELECT revealed FROM public.draws",
    "SELECT * FROM public.case_steps",
    "SELECT * FROM public.documents",
    "SELECT * FROM public.enterprise_contacts",
    "SELECT * FROM public.outbox",
    "SELECT * FROM public.notices",
    "SELECT * FROM public.notice_channels",
    "SELECT * FROM public.notice_readers",
    "SELECT * FROM public.notice_deliveries",
    "SELECT * FROM public.confirmations",
    "SELECT * FROM public.challenges",
    "SELECT count(*) FROM public.platforms",
    "TABLE public.installation",
    "COPY public.users TO STDOUT",
    "SELECT * FROM pg_authid",
    "SELECT * FROM pg_shadow",
    "SELECT * FROM pg_statistic",
    "SELECT * FROM pg_user_mapping",
    "SELECT * FROM pg_largeobject",
    "SELECT * FROM pg_hba_file_rules",
    "SELECT lo_get(oid) FROM pg_largeobject_metadata",
    "SELECT lo_open(oid, 262144) FROM pg_largeobject_metadata",
    "SELECT lo_export(oid, '/tmp/jieru-auditor') FROM pg_largeobject_metadata",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT pg_read_binary_file('PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "SELECT pg_stat_file('PG_VERSION')",
    "SELECT pg_ls_logdir()",
    "SELECT query_to_xml('SELECT * FROM public.users', true, true, '')",
    "SELECT table_to_xml('public.users', true, true, '')",
    "SELECT ts_stat('SELECT password_hash::tsvector FROM public.users')",
    "EXPLAIN ANALYZE SELECT * FROM public.users",
    "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM public.users",
    "PREPARE p AS SELECT * FROM public.users",
)
WRITES: Final[tuple[LiteralString, ...]] = (
    "INSERT INTO audit.platforms (platform, name) VALUES ('beta', 'B')",
    "UPDATE audit.platforms SET name = 'B'",
    "DELETE FROM audit.evidence_rules",
    "MERGE INTO audit.platforms p USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
    "SELECT * FROM audit.platforms FOR UPDATE",
    "TRUNCATE public.platforms",
    "UPDATE public.users SET role = 'admin'",
    "INSERT INTO public.sessions DEFAULT VALUES",
    "BEGIN; LOCK TABLE audit.platforms IN EXCLUSIVE MODE",
    "BEGIN; LOCK TABLE public.platforms IN ACCESS SHARE MODE",
    "CREATE TABLE public.mine (id integer)",
    "CREATE TABLE audit.mine (id integer)",
    "CREATE TEMP TABLE mine (id integer)",
    "CREATE TEMP VIEW mine AS SELECT 1",
    "CREATE TEMP SEQUENCE mine",
    "SELECT 1 INTO TEMP mine",
    "CREATE VIEW audit.mine AS SELECT 1",
    "CREATE SCHEMA mine",
    "CREATE SCHEMA AUTHORIZATION CURRENT_USER",
    "CREATE FUNCTION audit.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION pg_temp.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE TYPE audit.mine AS (id integer)",
    "CREATE EXTENSION IF NOT EXISTS dblink",
    "CREATE DATABASE mine",
    "CREATE TABLESPACE mine LOCATION '/tmp'",
    "CREATE ROLE mine",
    "CREATE PUBLICATION mine FOR ALL TABLES",
    "CREATE EVENT TRIGGER mine ON ddl_command_start EXECUTE FUNCTION public.refuse_change()",
    "CREATE FOREIGN DATA WRAPPER mine",
    "CREATE LANGUAGE mine HANDLER plpgsql_call_handler",
    "COMMENT ON VIEW audit.platforms IS 'mine'",
    "COMMENT ON ROLE jieru_auditor IS 'mine'",
    "ALTER VIEW audit.platforms RENAME TO mine",
    "DROP VIEW audit.platforms",
    "DROP SCHEMA audit CASCADE",
    "ALTER SCHEMA audit OWNER TO jieru_auditor",
    "ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT SELECT ON TABLES TO PUBLIC",
    "DO $$ BEGIN PERFORM 1; END $$",
    "COPY (SELECT 1) TO '/tmp/jieru-auditor'",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY audit.platforms FROM '/etc/passwd'",
    "COPY audit.platforms FROM PROGRAM 'true'",
    "LOAD 'auto_explain'",
    "ALTER SYSTEM SET work_mem = '1GB'",
    "CHECKPOINT",
    "SET session_replication_role = replica",
    "SET temp_file_limit = -1",
    "SET log_statement = 'none'",
    "SET session_preload_libraries = 'auto_explain'",
    "ALTER ROLE jieru_auditor SET temp_file_limit = -1",
    "ALTER ROLE jieru_auditor RESET temp_file_limit",
    "ALTER ROLE jieru_auditor SUPERUSER",
    "ALTER ROLE jieru_auditor CREATEROLE",
    "ALTER ROLE jieru_auditor CONNECTION LIMIT -1",
    "ALTER ROLE jieru_auditor VALID UNTIL 'infinity'",
    "ALTER ROLE ALL SET statement_timeout = 1",
    "ALTER ROLE postgres PASSWORD 'mine'",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION postgres",
    "GRANT postgres TO jieru_auditor",
    "GRANT pg_read_all_data TO jieru_auditor",
    "REASSIGN OWNED BY postgres TO jieru_auditor",
    "SELECT nextval('public.platforms_id_seq')",
    "SELECT setval('public.platforms_id_seq', 1)",
    "SELECT lo_create(0)",
    "SELECT lo_creat(-1)",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_put(oid, 0, 'x') FROM pg_largeobject_metadata",
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_try_advisory_lock(1, 2)",
    "SELECT pg_advisory_xact_lock_shared(1)",
    "SELECT pg_try_advisory_xact_lock(hashtext('jieru heartbeat retention'))",
    "SELECT pg_logical_emit_message(false, 'x', 'x')",
    "SELECT pg_export_snapshot()",
    "SELECT pg_create_physical_replication_slot('mine')",
    "SELECT pg_drop_replication_slot('mine')",
    "SELECT pg_replication_origin_create('mine')",
    "SELECT pg_switch_wal()",
    "SELECT pg_create_restore_point('mine')",
    "SELECT pg_backup_start('mine')",
    "SELECT pg_promote()",
    "SELECT pg_reload_conf()",
    "SELECT pg_rotate_logfile()",
    "SELECT pg_stat_reset()",
    "SELECT pg_import_system_collations('pg_catalog')",
    "SELECT pg_log_backend_memory_contexts(pg_backend_pid())",
)
"""Refused for want of a privilege, whatever the transaction may do."""

_SELECT_FUNCTIONS: Final = """
    SELECT DISTINCT proname FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace OR prosecdef ORDER BY 1
"""
_SELECT_RELATIONS: Final = """
    SELECT n.nspname || '.' || c.relname, array_agg(p.name ORDER BY p.name)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
         unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES',
                      'TRIGGER']) AS p (name)
    WHERE c.relkind <> 'S'
      AND (has_table_privilege('jieru_auditor', c.oid, p.name)
           OR p.name IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
              AND has_any_column_privilege('jieru_auditor', c.oid, p.name))
      AND (n.nspname NOT IN ('pg_catalog', 'information_schema') OR p.name <> 'SELECT')
      AND (n.nspname = 'public' OR has_schema_privilege('jieru_auditor', n.oid, 'USAGE'))
    GROUP BY 1 ORDER BY 1
"""
_SELECT_SEQUENCES: Final = """
    SELECT oid::regclass::text FROM pg_class
    WHERE CASE WHEN relkind = 'S'
               THEN has_sequence_privilege('jieru_auditor', oid, 'SELECT, USAGE, UPDATE') END
"""
_SELECT_SCHEMAS: Final = """
    SELECT nspname, array_agg(p.name ORDER BY p.name)
    FROM pg_namespace, unnest(array['USAGE', 'CREATE']) AS p (name)
    WHERE has_schema_privilege('jieru_auditor', oid, p.name) GROUP BY 1
"""
_SELECT_ROUTINES: Final = """
    SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
      AND has_schema_privilege('jieru_auditor', n.oid, 'USAGE')
      AND has_function_privilege('jieru_auditor', p.oid, 'EXECUTE')
"""
_SELECT_VOLATILE: Final = """
    SELECT DISTINCT proname FROM pg_proc
    WHERE pronamespace = 'pg_catalog'::regnamespace AND provolatile = 'v'
      AND has_function_privilege('jieru_auditor', oid, 'EXECUTE') ORDER BY 1
"""
_SELECT_OTHER_RIGHTS: Final = """
    SELECT 'database ' || p.name
    FROM pg_database, unnest(array['CREATE', 'TEMPORARY', 'CONNECT']) AS p (name)
    WHERE datname = current_database() AND has_database_privilege('jieru_auditor', oid, p.name)
    UNION ALL SELECT 'language ' || lanname FROM pg_language
    WHERE lanpltrusted AND has_language_privilege('jieru_auditor', oid, 'USAGE')
    UNION ALL SELECT 'member of ' || roleid::regrole FROM pg_auth_members
    WHERE member = 'jieru_auditor'::regrole
    UNION ALL SELECT 'owner of ' || classid::regclass || ' ' || objid FROM pg_shdepend
    WHERE refobjid = 'jieru_auditor'::regrole AND deptype = 'o'
    UNION ALL SELECT 'tablespace ' || spcname FROM pg_tablespace
    WHERE has_tablespace_privilege('jieru_auditor', oid, 'CREATE')
    UNION ALL SELECT 'foreign server ' || srvname FROM pg_foreign_server
    WHERE has_server_privilege('jieru_auditor', oid, 'USAGE')
    UNION ALL SELECT 'foreign data wrapper ' || fdwname FROM pg_foreign_data_wrapper
    WHERE has_foreign_data_wrapper_privilege('jieru_auditor', oid, 'USAGE')
    UNION ALL SELECT 'parameter ' || parname FROM pg_parameter_acl
    WHERE has_parameter_privilege('jieru_auditor', parname, 'SET, ALTER SYSTEM')
    UNION ALL SELECT 'large object ' || oid FROM pg_largeobject_metadata
    WHERE EXISTS (SELECT FROM aclexplode(lomacl) WHERE grantee IN (0, 'jieru_auditor'::regrole))
    UNION ALL SELECT 'default privilege in ' || defaclnamespace FROM pg_default_acl
    WHERE defaclrole <> 'jieru_auditor'::regrole
      AND EXISTS (SELECT FROM aclexplode(defaclacl) WHERE grantee IN (0, 'jieru_auditor'::regrole))
    UNION ALL SELECT 'attribute ' || a.name
    FROM pg_roles r, jsonb_each(to_jsonb(r)) AS a (name, value)
    WHERE rolname = 'jieru_auditor' AND a.value = 'true'
    ORDER BY 1
"""
_SELECT_ACL: Final = """
    SELECT relacl::text FROM pg_class WHERE oid = 'audit.platforms'::regclass
    UNION ALL SELECT nspacl::text FROM pg_namespace WHERE nspname = 'audit'
"""
_SELECT_COLUMNS_READ: Final = """
    SELECT t.relname, array_agg(DISTINCT a.attname ORDER BY a.attname)
    FROM pg_depend d
    JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
    JOIN pg_class v ON v.oid = r.ev_class AND v.relnamespace = 'audit'::regnamespace
    JOIN pg_class t ON d.refclassid = 'pg_class'::regclass AND t.oid = d.refobjid
        AND t.relnamespace <> 'audit'::regnamespace
    JOIN pg_attribute a ON a.attrelid = t.oid AND (a.attnum = d.refobjsubid
        -- A row as a whole would be all of its columns; the size of heartbeats is none of them.
        OR d.refobjsubid = 0 AND a.attnum > 0 AND t.oid <> 'heartbeats'::regclass)
    GROUP BY 1
"""
_SELECT_VIEWS: Final = """
    SELECT relname FROM pg_class WHERE relnamespace = 'audit'::regnamespace ORDER BY 1
"""

HARMLESS: Final = {
    "the session's own": """
        clock_timestamp timeofday current_query random random_normal setseed gen_random_uuid uuidv?
        array_sample array_shuffle pg_sleep pg_sleep_for pg_sleep_until pg_jit_available""",
    "what SET may": "set_config",
    "as NOTIFY, from which nobody can be kept": "pg_notify",
    "asks for a right on the sequence": """
        nextval setval currval lastval pg_sequence_last_value pg_get_sequence_data""",
    "runs a query with the caller's own rights": """
        cursor_to_xml cursor_to_xmlschema query_to_xml query_to_xmlschema
        query_to_xml_and_xmlschema ts_stat ts_rewrite""",
    "asks for a right on the large object, and none can be made": """
        lo_close lo_get lo_lseek* lo_open lo_put lo_tell* lo_truncate* lo_unlink loread lowrite""",
    "of the session's own locks, and it can take none": "pg_advisory_unlock*",
    "sessions of the same role only": "pg_cancel_backend pg_terminate_backend",
    "asks for the attribute REPLICATION": """
        pg_copy_*_replication_slot pg_create_*_replication_slot pg_drop_replication_slot
        pg_replication_slot_advance pg_sync_replication_slots pg_logical_slot_*""",
    "asks for the table": """
        pg_clear_*_stats pg_restore_*_stats pg_set_*_stats brin_*summarize_* gin_clean_pending_list
        currtid2""",
    "for superusers, for scripts of extensions, for pg_upgrade": """
        pg_import_system_collations pg_nextoid pg_stop_making_pinned_objects
        pg_extension_config_dump binary_upgrade_*""",
    "reads sizes": """
        pg_database_size pg_tablespace_size pg_relation_size pg_table_size pg_indexes_size
        pg_total_relation_size""",
    "reads what the server is doing, without the statements of others": """
        pg_stat_get_* pg_stat_clear_snapshot pg_stat_force_next_flush pg_lock_status
        pg_blocking_pids
        pg_safe_snapshot_blocking_pids pg_isolation_test_session_is_blocked pg_prepared_xact
        pg_notification_queue_usage pg_partition_ancestors pg_partition_tree txid_status
        pg_xact_status pg_xact_commit_timestamp* pg_last_committed_xact
        pg_get_multixact_members pg_get_multixact_stats""",
    "reads how the server is set up": """
        pg_control_* pg_current_wal_* pg_is_in_recovery pg_is_wal_replay_paused pg_last_wal_*
        pg_last_xact_replay_timestamp pg_get_wal_* pg_available_wal_summaries
        pg_wal_summary_contents pg_get_wait_events pg_get_loaded_modules
        pg_collation_actual_version pg_database_collation_actual_version""",
    "for the server's own use: a query has no argument to give it": """
        *handler *_validator amvalidate dsnowball_* bernoulli system RI_FKey_* unique_key_recheck
        suppress_redundant_updates_trigger tsvector_update_trigger*""",
}
"""Volatile functions of the catalogue that auditors may call, and why they may.

A new release of PostgreSQL may bring others: look at them before they are added here.
"""


READ_BY_VIEWS: Final = {
    # Whether there is an address, and not which.
    "enterprise_contacts": "email enterprise_id id",
    "broker_files": "back_at kind vanished_at",
    "challenges": (
        "acknowledged_at connection_id device_id ends_at ground id issued_at issued_by judged_at "
        "result"
    ),
    "confirmations": (
        "answer answered_at asked_at asked_by connection_id contract_no expires_at from_date id "
        "request_id sent_by"
    ),
    "access_entries": "actor at kind number origin record",
    "archive_verifications": "findings id verified_at",
    "assignments": "device_id enterprise_id extended_at extended_from from_date recorded_at"
    " to_date",
    "audit_checks": "checked_at findings id last_hash last_number",
    # Values are hashed, or compared to name the fields that changed.
    "audit_entries": "action actor after before changed_at hash number origin platform_id"
    " previous_hash record_id record_kind",
    "audit_head": "hash number",
    # How many, and not whose.
    "broker_events": "hour is_user kind number platform_id",
    "connection_requests": "confirmation contract_no decided_at decided_by from_date id platform_id"
    " reason requested_at requested_by signed_on status to_date uscc",
    "case_states": "cause concluded_at due_on enterprise_id id is_concluded is_hard opened_at"
    " opened_by platform_id proposed_by run_id state",
    "case_steps": "case_id decision_id documents due_on id step taken_at taken_by text visited_on",
    "cases": "enterprise_id id platform_id",
    "checkpoints": "cosigned findings number occasion sha256 witnesses written_at",
    "connections": "contract_no enterprise_id extended_at extended_from from_date id platform_id"
    " recorded_at signed_on to_date",
    "count_determinations": "connected_on count_id district entry name outcome platform uscc",
    "count_documents": "count_id head",
    "count_payments": "amount_yuan clause count_id paid_on platform_id recorded_at recorded_by"
    " reference",
    "count_row_versions": "count_id row_versions",
    "count_statements": "content count_id number public_key",
    "count_steps": "count_id note state step taken_at taken_by",
    "count_verifications": "count_id findings row_versions verified_at",
    "counts": "as_of code_version digest drafted_at drafted_by frozen_at frozen_by id notice_days"
    " notice_ends_on opened_at opened_by payable_at payable_by policy_name policy_sha256"
    " published_at published_by revision state submitted_at submitted_by supersedes_id year",
    "decisions": "attachment confirmed_at confirmed_by criterion decided_at decided_by"
    " enterprise_id id kind needs_second platform_id reason value withdrawn_at withdrawn_by"
    " withdrawn_reason",
    "declarations": "confirmation confirmed_at confirmed_by declared_at declared_by device_id"
    " enterprise_id from_date id kind platform_id reason to_date",
    "device_excess": "device_id heartbeats hour ingester",
    "device_states": "device_id last_seen_at status",
    "device_presence": "device_id hours late_hours month",
    "devices": "ended_on expected_interval_s id kind name platform_id registered_at serial",
    "draw_entries": "draw_id enterprise_id id platform_id ticket",
    "draws": "announced_on announced_source as_of commitment digest drawn_at drawn_by id list_csv"
    " listed public_value published_at published_by seed size strata value_form year",
    "enterprises": "district ended_on id industry_code kept_by_platform_id name uscc",
    "evidence_exceptions": "confirmed_at confirmed_by days id month named_at named_by"
    " presence_sha256 reason",
    "evidence_rules": "applied_at clock live_within_minutes max_clock_ahead_minutes max_delay_hours"
    " policy",
    "evidence_verifications": "archives code_version differences heartbeats id month"
    " presence_sha256 unprovable unverifiable_days verified_at verified_by",
    "heartbeat_archives": "archived_at",
    "ingest_hours": "heartbeats hour ingester late platform_id",
    "ingest_minutes": "batches behind_s_max commit_ms_max commit_ms_sum committed duplicates"
    " ingester late minute received rejected session_troubles unacknowledged_max",
    "installation": "created_at is_simulation",
    "opening_stocks": "attachment confirmed_at confirmed_by decided_at decided_by id needs_second"
    " platform_id reason stood_on withdrawn_at withdrawn_by withdrawn_reason",
    "pending_closings": "closed_at closed_by enterprise_id id platform_id reason withdrawn_at"
    " withdrawn_by withdrawn_reason year",
    "platforms": "code ended_on id name operator_uscc",
    "presence": "device_id hours late_hours month",
    "recognitions": "level platform_id recognised_on revoked_on",
    "recoveries": "amount_yuan clause count_id kind platform_id uscc",
    "rejection_hours": "hour ingester platform_id reason rejections",
    "rejections": "id payload_bytes reason received_at topic",
    "visits": "case_id documents draw_id enterprise_id first_visitor found id notes platform_id"
    " recorded_at recorded_by second_visitor visited_on year",
    "signal_runs": "as_of code_version from_on id policy policy_sha256 run_at run_by sha256"
    " signals",
    "signals": "detail enterprise_id from_on kind platform_id run_id score serials strength"
    " threshold to_on",
}
"""Every column that any view reads. Think twice before another is added: is it for everybody who
can open a dashboard?"""


@pytest.mark.parametrize("statement", READS)
def test_nothing_but_the_views_can_be_read(
    auditor: psycopg.Connection, statement: LiteralString
) -> None:
    """Tables, columns, files and large objects are refused by name, in any wrapping."""
    with pytest.raises(REFUSED):
        auditor.execute(statement)


@pytest.mark.parametrize("statement", WRITES)
def test_nothing_can_be_written_made_or_locked(
    auditor: psycopg.Connection, statement: LiteralString
) -> None:
    """Though the session took the read-only setting of its role away."""
    with pytest.raises(REFUSED):
        auditor.execute(statement)


def test_no_function_of_ours_or_of_timescaledb_can_be_called(
    owner: psycopg.Connection, auditor: psycopg.Connection
) -> None:
    """They cannot even be named; nor can any that runs with its owner's rights."""
    names = [name for (name,) in owner.execute(_SELECT_FUNCTIONS)]
    assert "write_audit_entries" in names
    for name in names:
        for call in ("SELECT public.{}()", "CALL public.{}(NULL)"):
            with pytest.raises(REFUSED, match="permission denied for schema public"):
                auditor.execute(SQL(call).format(Identifier(name)))


def test_what_the_role_may_not_do_it_cannot_give_away(
    owner: psycopg.Connection, auditor: psycopg.Connection
) -> None:
    """PostgreSQL answers with a warning, and nobody has more than before."""
    before = owner.execute(_SELECT_ACL).fetchall()
    auditor.execute("GRANT ALL ON audit.platforms TO PUBLIC")
    auditor.execute("GRANT ALL ON SCHEMA audit TO PUBLIC")
    assert owner.execute(_SELECT_ACL).fetchall() == before


def test_sessions_of_others_cannot_be_ended(
    owner: psycopg.Connection, auditor: psycopg.Connection
) -> None:
    """Nor can what they are doing be read."""
    for function in ("pg_terminate_backend", "pg_cancel_backend"):
        with pytest.raises(REFUSED):
            auditor.execute(
                SQL("SELECT {}(%s)").format(Identifier(function)), (owner.info.backend_pid,)
            )
    others = auditor.execute(
        "SELECT query FROM pg_stat_activity WHERE pid = %s", (owner.info.backend_pid,)
    )
    assert others.fetchall() == [("<insufficient privilege>",)]


def test_rights_on_relations_are_select_on_the_views(owner: psycopg.Connection) -> None:
    """Every relation and column of the database, whatever a migration adds; no sequence."""
    expected = {f"audit.{name}": ["SELECT"] for (name,) in owner.execute(_SELECT_VIEWS)}
    # A rule of PostgreSQL's makes SET of an UPDATE.
    expected["pg_catalog.pg_settings"] = ["UPDATE"]
    assert dict(owner.execute(_SELECT_RELATIONS).fetchall()) == expected
    assert owner.execute(_SELECT_SEQUENCES).fetchall() == []


def test_rights_on_schemas_are_use_of_one(owner: psycopg.Connection) -> None:
    """Besides the catalogues, and the schemas in which TimescaleDB looks things up by itself."""
    rights: dict[str, list[str]] = dict(owner.execute(_SELECT_SCHEMAS).fetchall())
    assert all(granted == ["USAGE"] for granted in rights.values())
    ours = {name for name in rights if not name.startswith("_timescaledb_")}
    assert ours == {"audit", "pg_catalog", "information_schema"}


def test_no_routine_outside_the_catalogue_can_be_called(owner: psycopg.Connection) -> None:
    """Neither ours nor one of an extension, in whatever schema."""
    assert owner.execute(_SELECT_ROUTINES).fetchall() == []


def test_every_volatile_function_of_the_catalogue_was_looked_at(owner: psycopg.Connection) -> None:
    """Those that leave something behind are refused; the others are listed with a reason."""
    patterns = " ".join(HARMLESS.values()).split()
    names = [name for (name,) in owner.execute(_SELECT_VOLATILE)]
    assert [
        name for name in names if not any(fnmatchcase(name, pattern) for pattern in patterns)
    ] == []


def test_no_other_right_is_held(owner: psycopg.Connection) -> None:
    """To connect, to write functions in SQL where there is no place for them, and to log in."""
    assert [right for (right,) in owner.execute(_SELECT_OTHER_RIGHTS)] == [
        "attribute rolcanlogin",
        "database CONNECT",
        "language sql",
    ]


def test_no_view_shows_what_is_secret(
    owner: psycopg.Connection, auditor: psycopg.Connection
) -> None:
    """Every secret in the database is marked, and no row of any view carries the mark."""
    views = [name for (name,) in owner.execute(_SELECT_VIEWS)]
    for name in views:
        query = SQL("SELECT v::text FROM audit.{} AS v").format(Identifier(name))
        rows = [row for (row,) in auditor.execute(query)]
        assert [row for row in rows if SECRET in row or SECRET.encode().hex() in row] == [], name
    filled = auditor.execute("SELECT changed_fields FROM audit_entries WHERE action = 'change'")
    assert filled.fetchall() == [("display_name, password_hash",)]


def test_the_columns_that_views_read_were_chosen_one_by_one(owner: psycopg.Connection) -> None:
    """By what the catalogue says that each view depends on."""
    read = {table: " ".join(columns) for table, columns in owner.execute(_SELECT_COLUMNS_READ)}
    assert read == READ_BY_VIEWS


def test_what_auditors_may_say_changes_nothing(
    owner: psycopg.Connection, auditor: psycopg.Connection
) -> None:
    """PostgreSQL keeps nobody from LISTEN and NOTIFY; nobody of ours says anything there."""
    before = owner.execute("SELECT pg_notification_queue_usage()").fetchone()
    for channel in ("jieru_registry", "jieru_credentials"):
        auditor.execute(SQL("LISTEN {}").format(Identifier(channel)))
    owner.execute("INSERT INTO devices (platform_id, serial) VALUES (1, 'CNC-02')")
    auditor.execute("SELECT 1")  # with whose answer comes what was said before it
    assert list(auditor.notifies(timeout=0)) == []
    assert owner.execute("SELECT pg_notification_queue_usage()").fetchone() == before
    auditor.execute("NOTIFY jieru_registry")


def test_the_role_can_change_settings_of_its_own_but_no_limit(
    guarded_url: str, auditor: psycopg.Connection
) -> None:
    """PostgreSQL lets every role; the next migration sets them back."""
    auditor.execute("ALTER ROLE jieru_auditor SET statement_timeout = 0")
    auditor.execute("ALTER ROLE jieru_auditor RESET ALL")
    with psycopg.connect(auditor_address(guarded_url)) as again:
        assert again.execute("SHOW search_path").fetchone() == ('"$user", public',)
        assert again.execute("SHOW temp_file_limit").fetchone() == ("1GB",)
    migrate(guarded_url)
    with psycopg.connect(auditor_address(guarded_url)) as again:
        assert again.execute("SHOW search_path").fetchone() == ("audit",)
