-- What an honest fleet rarely shows: runs over the evidence, and what each of them found. A signal opens
-- a case, and changes no outcome.

CREATE TABLE signal_runs (
    id            integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    as_of         date        NOT NULL,
    from_on       date        NOT NULL CHECK (from_on <= as_of),
    run_at        timestamptz NOT NULL DEFAULT now(),
    run_by        text        NOT NULL,
    code_version  text        NOT NULL,
    policy        text        NOT NULL,
    policy_sha256 text        NOT NULL CHECK (policy_sha256 ~ '^[0-9a-f]{64}$'),
    signals       integer     NOT NULL CHECK (signals >= 0),
    sha256        text        NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$')
);
COMMENT ON TABLE signal_runs IS 'Runs of `jieru signals`.';
COMMENT ON COLUMN signal_runs.as_of IS 'The last civil day whose evidence was looked at; from_on the first.';
COMMENT ON COLUMN signal_runs.sha256 IS 'Of the canonical JSON of what was found, as a checkpoint states it.';
CREATE TRIGGER signal_runs_are_for_good BEFORE UPDATE OR DELETE OR TRUNCATE ON signal_runs
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER signal_runs_audit_insert AFTER INSERT ON signal_runs REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();

CREATE TABLE signals (
    id            bigint           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id        integer          NOT NULL REFERENCES signal_runs,
    kind          text             NOT NULL,
    platform_id   integer          NOT NULL REFERENCES platforms,
    enterprise_id integer          NOT NULL REFERENCES enterprises,
    strength      text             NOT NULL CHECK (strength IN ('soft', 'hard')),
    score         double precision NOT NULL,
    threshold     double precision NOT NULL,
    from_on       date             NOT NULL,
    to_on         date             NOT NULL CHECK (to_on >= from_on),
    serials       text[]           NOT NULL,
    detail        jsonb            NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE signals IS 'What a run found, of one enterprise on one platform.';
COMMENT ON COLUMN signals.detail IS 'What a case shows of it: for a likeness the other platform, enterprise, serials and lag_days; for a hand-over who gave.';
CREATE INDEX signals_by_run ON signals (run_id, platform_id, enterprise_id);
CREATE INDEX signals_by_enterprise ON signals (platform_id, enterprise_id, run_id);
CREATE TRIGGER signals_are_for_good BEFORE UPDATE OR DELETE OR TRUNCATE ON signals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Without these a verification says that evidence was made up, and not whose.
CREATE TABLE evidence_differences (
    verification_id integer NOT NULL REFERENCES evidence_verifications,
    device_id       integer NOT NULL,
    invented_hours  integer NOT NULL CHECK (invented_hours > 0),
    from_on         date    NOT NULL,
    to_on           date    NOT NULL CHECK (to_on >= from_on),
    PRIMARY KEY (verification_id, device_id)
);
COMMENT ON TABLE evidence_differences IS 'Devices of which a verification found hours that count and have no heartbeat behind them.';
COMMENT ON COLUMN evidence_differences.from_on IS 'The first day with such an hour; to_on the last.';
CREATE TRIGGER evidence_differences_are_for_good BEFORE UPDATE OR DELETE OR TRUNCATE ON evidence_differences
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
