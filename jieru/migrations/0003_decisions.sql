-- Decisions of verifiers on one enterprise of one platform: recorded, withdrawn, never deleted.

CREATE TABLE decisions (
    id               integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind             text        NOT NULL CHECK (kind IN ('exclude', 'waive', 'hold')),
    platform_id      integer     NOT NULL REFERENCES platforms,
    enterprise_id    integer     NOT NULL REFERENCES enterprises,
    criterion        text,
    value            integer     CHECK (value >= 0),
    reason           text        NOT NULL CHECK (reason <> ''),
    decided_by       text        NOT NULL CHECK (decided_by <> ''),
    decided_at       timestamptz NOT NULL DEFAULT now(),
    withdrawn_reason text        CHECK (withdrawn_reason <> ''),
    withdrawn_by     text        CHECK (withdrawn_by <> ''),
    withdrawn_at     timestamptz,
    CHECK ((kind = 'waive') = (criterion IS NOT NULL)),
    CHECK ((kind = 'waive') = (value IS NOT NULL)),
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CHECK ((withdrawn_at IS NULL) = (withdrawn_reason IS NULL))
);
CREATE INDEX decisions_by_subject ON decisions (platform_id, enterprise_id);
CREATE UNIQUE INDEX one_open_waiver_per_criterion ON decisions (platform_id, enterprise_id, criterion)
    WHERE kind = 'waive' AND withdrawn_at IS NULL;

-- A decision may be withdrawn once; nothing else of it ever changes.
CREATE FUNCTION decisions_only_withdraw() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.withdrawn_at IS NULL
       AND (OLD.id, OLD.kind, OLD.platform_id, OLD.enterprise_id, OLD.criterion, OLD.value,
            OLD.reason, OLD.decided_by, OLD.decided_at)
           IS NOT DISTINCT FROM
           (NEW.id, NEW.kind, NEW.platform_id, NEW.enterprise_id, NEW.criterion, NEW.value,
            NEW.reason, NEW.decided_by, NEW.decided_at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a decision may only be withdrawn, once' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER decisions_only_withdraw BEFORE UPDATE ON decisions
    FOR EACH ROW EXECUTE FUNCTION decisions_only_withdraw();
CREATE TRIGGER decisions_are_for_good BEFORE DELETE OR TRUNCATE ON decisions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
