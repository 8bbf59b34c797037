-- Registry: who is connected to whom, since when, and which device stands for which enterprise.

CREATE TABLE installation (
    only_row      boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    is_simulation boolean     NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE installation IS 'One row: whether this database holds simulated evidence. Set once, for good.';

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% may not be changed or deleted', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER installation_is_for_good BEFORE UPDATE OR DELETE OR TRUNCATE ON installation
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE platforms (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code          text    NOT NULL UNIQUE CHECK (code ~ '^[a-z0-9-]{2,32}$'),
    name          text    NOT NULL CHECK (name <> ''),
    operator_uscc text    CHECK (operator_uscc ~ '^[0-9A-HJ-NP-RTUWXY]{18}$')
);

CREATE TABLE recognitions (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    platform_id   integer NOT NULL REFERENCES platforms,
    level         text    NOT NULL CHECK (level IN ('municipal', 'provincial', 'national')),
    recognised_on date    NOT NULL,
    revoked_on    date    CHECK (revoked_on > recognised_on),
    UNIQUE (platform_id, level, recognised_on),
    -- A range of one integer stands for equality, so that no extension is needed.
    EXCLUDE USING gist (int4range(platform_id, platform_id, '[]') WITH &&,
                        (CASE level WHEN 'municipal' THEN int4range(1, 1, '[]')
                                    WHEN 'provincial' THEN int4range(2, 2, '[]')
                                    ELSE int4range(3, 3, '[]') END) WITH &&,
                        daterange(recognised_on, revoked_on) WITH &&)
);

CREATE TABLE enterprises (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uscc          text    NOT NULL UNIQUE CHECK (uscc ~ '^[0-9A-HJ-NP-RTUWXY]{18}$'),
    name          text    NOT NULL CHECK (name <> ''),
    district      text    NOT NULL,
    industry_code text    CHECK (industry_code ~ '^[A-T][0-9]{0,4}$')
);

CREATE TABLE connections (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    platform_id   integer NOT NULL REFERENCES platforms,
    enterprise_id integer NOT NULL REFERENCES enterprises,
    contract_no   text,
    signed_on     date,
    from_date     date    NOT NULL,
    to_date       date    CHECK (to_date > from_date),
    UNIQUE (platform_id, enterprise_id, from_date),
    EXCLUDE USING gist (int4range(platform_id, platform_id, '[]') WITH &&,
                        int4range(enterprise_id, enterprise_id, '[]') WITH &&,
                        daterange(from_date, to_date) WITH &&)
);
CREATE INDEX connections_by_enterprise ON connections (enterprise_id);

CREATE TABLE devices (
    id            integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    platform_id   integer     NOT NULL REFERENCES platforms,
    serial        text        NOT NULL CHECK (serial ~ '^[A-Za-z0-9._-]{1,64}$'),
    kind          text,
    name          text,
    registered_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (platform_id, serial)
);

CREATE TABLE assignments (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id     integer NOT NULL REFERENCES devices,
    enterprise_id integer NOT NULL REFERENCES enterprises,
    from_date     date    NOT NULL,
    to_date       date    CHECK (to_date > from_date),
    UNIQUE (device_id, from_date),
    EXCLUDE USING gist (int4range(device_id, device_id, '[]') WITH &&,
                        daterange(from_date, to_date) WITH &&)
);
CREATE INDEX assignments_by_enterprise ON assignments (enterprise_id);

-- Ingesters hold the registry in memory and listen on this channel.
CREATE FUNCTION announce_registry_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('jieru_registry', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER devices_announce AFTER INSERT OR UPDATE OR DELETE ON devices
    FOR EACH STATEMENT EXECUTE FUNCTION announce_registry_change();
