-- Audit: every change of a record, who made it and from where, before and after, in a chain of
-- hashes. Triggers write it, so that no program and nobody at the database can forget to.

CREATE TABLE audit_entries (
    number        bigint      PRIMARY KEY,
    changed_at    timestamptz NOT NULL,
    actor         text        NOT NULL,
    origin        text        NOT NULL,
    action        text        NOT NULL CHECK (action IN ('create', 'change')),
    record_kind   text        NOT NULL,
    record_id     bigint      NOT NULL,
    platform_id   integer,
    before        jsonb,
    after         jsonb       NOT NULL,
    previous_hash bytea       NOT NULL CHECK (octet_length(previous_hash) = 32),
    hash          bytea       NOT NULL CHECK (octet_length(hash) = 32),
    CHECK ((action = 'create') = (before IS NULL))
);
COMMENT ON TABLE audit_entries IS 'One row per changed record; hash = SHA-256(previous_hash || audit_content(...)).';
COMMENT ON COLUMN audit_entries.actor IS 'user:NAME, key:ID, command:NAME, oidc:..., or database:ROLE for a change made past the programs.';
COMMENT ON COLUMN audit_entries.platform_id IS 'Whose operator may read the entry.';
CREATE INDEX audit_entries_by_record ON audit_entries (record_kind, record_id);
CREATE INDEX audit_entries_by_platform ON audit_entries (platform_id, number);
CREATE INDEX audit_entries_by_actor ON audit_entries (actor, number);
CREATE INDEX audit_entries_by_kind ON audit_entries (record_kind, number);
CREATE INDEX audit_entries_by_time ON audit_entries (changed_at);

-- The end of the chain. Whoever changes a record locks this row first and holds it until the
-- commit: numbers have no gaps, and two writers cannot wait for each other in a circle.
CREATE TABLE audit_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    number   bigint  NOT NULL,
    hash     bytea   NOT NULL CHECK (octet_length(hash) = 32)
) WITH (fillfactor = 50);
INSERT INTO audit_head (number, hash) VALUES (0, sha256('jieru audit chain, version 1'));

CREATE TRIGGER audit_entries_are_for_good BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_head_stays BEFORE DELETE OR TRUNCATE ON audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What an entry's hash covers. jsonb writes a value in one way only; times are whole microseconds.
CREATE FUNCTION audit_content(number bigint, changed_at timestamptz, actor text, origin text,
                              action text, record_kind text, record_id bigint,
                              platform_id integer, before jsonb, after jsonb)
RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT convert_to(jsonb_build_array(
        number, (extract(epoch FROM changed_at) * 1000000)::bigint, actor, origin, action,
        record_kind, record_id, platform_id, before, after)::text, 'UTF8')
$$;

-- A record as the audit keeps it: a secret column shows whether it changed, and nothing else.
CREATE FUNCTION audited(record jsonb, secret_columns text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN secret_columns = '{}' THEN record ELSE record || coalesce(
        (SELECT jsonb_object_agg(name, left(encode(sha256(convert_to(record ->> name, 'UTF8')), 'hex'), 8))
         FROM unnest(secret_columns) AS name WHERE record ->> name IS NOT NULL), '{}') END
$$;

-- The running hash of the chain, as a window aggregate: many rows are one statement.
CREATE FUNCTION extend_audit_chain(hash bytea, first_hash bytea, content bytea) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN sha256(coalesce(hash, first_hash) || content);
END
$$;
CREATE AGGREGATE audit_chain(first_hash bytea, content bytea) (SFUNC = extend_audit_chain, STYPE = bytea);

-- TG_ARGV: the columns that are secret.
CREATE FUNCTION write_audit_entries() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    head    audit_head;
    changes text := CASE TG_OP
        WHEN 'INSERT' THEN 'SELECT NULL::jsonb AS before, to_jsonb(new_rows) AS after FROM new_rows'
        ELSE 'SELECT to_jsonb(old_rows) AS before, to_jsonb(new_rows) AS after
              FROM old_rows JOIN new_rows USING (id)' END;
    platform text := CASE TG_TABLE_NAME
        WHEN 'platforms' THEN '(after ->> ''id'')::integer'
        WHEN 'assignments' THEN '(SELECT devices.platform_id FROM devices WHERE devices.id = (after ->> ''device_id'')::integer)'
        WHEN 'enterprises' THEN '(after ->> ''kept_by_platform_id'')::integer'
        ELSE '(after ->> ''platform_id'')::integer' END;
BEGIN
    SELECT * INTO head FROM audit_head FOR UPDATE;
    EXECUTE format($q$
        WITH changes AS MATERIALIZED (
            SELECT $1 + row_number() OVER (ORDER BY (after ->> 'id')::bigint) AS number,
                   (after ->> 'id')::bigint AS record_id, %2$s AS platform_id,
                   CASE WHEN $3 = '{}' THEN before ELSE audited(before, $3) END AS before,
                   CASE WHEN $3 = '{}' THEN after ELSE audited(after, $3) END AS after
            FROM (%1$s) AS changed
            WHERE before - 'revision' IS DISTINCT FROM after - 'revision'  -- a revision alone is no change
        ), chained AS (
            SELECT *, audit_chain($2, audit_content(number, $4, $5, $6, $7, $8, record_id, platform_id, before, after))
                      OVER (ORDER BY number ROWS UNBOUNDED PRECEDING) AS hash
            FROM changes
        ), written AS (
            INSERT INTO audit_entries
            SELECT number, $4, $5, $6, $7, $8, record_id, platform_id, before, after,
                   lag(hash, 1, $2) OVER (ORDER BY number), hash
            FROM chained
            RETURNING number, hash
        )
        SELECT number, hash FROM written ORDER BY number DESC LIMIT 1 $q$, changes, platform)
    INTO head.number, head.hash
    USING head.number, head.hash, coalesce(TG_ARGV::text[], '{}'), clock_timestamp(),
          coalesce(nullif(current_setting('jieru.actor', true), ''), 'database:' || session_user),
          coalesce(nullif(current_setting('jieru.origin', true), ''), host(inet_client_addr()), 'socket'),
          CASE TG_OP WHEN 'INSERT' THEN 'create' ELSE 'change' END, TG_TABLE_NAME::text;
    IF head.number IS NOT NULL THEN
        UPDATE audit_head SET number = head.number, hash = head.hash;
    END IF;
    RETURN NULL;
END
$$;
