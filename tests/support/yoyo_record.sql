-- What yoyo-migrations 9.0.0, with which the releases up to 0034 migrated, made in a new database.

CREATE TABLE yoyo_lock (
    locked integer DEFAULT 1,
    ctime  timestamp,
    pid    integer NOT NULL,
    PRIMARY KEY (locked));

CREATE TABLE _yoyo_log (
    id             varchar(36),
    migration_hash varchar(64),
    migration_id   varchar(255),
    operation      varchar(10),
    username       varchar(255),
    hostname       varchar(255),
    comment        varchar(255),
    created_at_utc timestamp,
    PRIMARY KEY (id));

CREATE TABLE _yoyo_version (
    version          integer NOT NULL PRIMARY KEY,
    installed_at_utc timestamp);
INSERT INTO _yoyo_version VALUES (2, now() AT TIME ZONE 'UTC');

CREATE TABLE schema_migrations (
    migration_hash varchar(64),
    migration_id   varchar(255),
    applied_at_utc timestamp,
    PRIMARY KEY (migration_hash));
