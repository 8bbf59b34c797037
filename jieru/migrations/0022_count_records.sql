-- What stands beside a count: closings of pending enterprises, objections, payments, recoveries.

CREATE TABLE pending_closings (
    id               integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    year             integer     NOT NULL CHECK (year BETWEEN 2020 AND 2100),
    platform_id      integer     NOT NULL REFERENCES platforms,
    enterprise_id    integer     NOT NULL REFERENCES enterprises,
    reason           text        NOT NULL CHECK (reason <> ''),
    closed_by        text        NOT NULL CHECK (closed_by <> ''),
    closed_at        timestamptz NOT NULL DEFAULT now(),
    withdrawn_reason text        CHECK (withdrawn_reason <> ''),
    withdrawn_by     text        CHECK (withdrawn_by <> ''),
    withdrawn_at     timestamptz,
    CHECK (num_nulls(withdrawn_reason, withdrawn_by, withdrawn_at) IN (0, 3))
);
COMMENT ON TABLE pending_closings IS 'Pending enterprises for whose window a year''s count does not wait.';
CREATE UNIQUE INDEX one_open_closing_per_case ON pending_closings (year, platform_id, enterprise_id)
    WHERE withdrawn_at IS NULL;

CREATE FUNCTION pending_closings_only_withdraw() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.withdrawn_at IS NULL
       AND (OLD.id, OLD.year, OLD.platform_id, OLD.enterprise_id, OLD.reason, OLD.closed_by, OLD.closed_at)
           IS NOT DISTINCT FROM
           (NEW.id, NEW.year, NEW.platform_id, NEW.enterprise_id, NEW.reason, NEW.closed_by, NEW.closed_at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a closing may only be withdrawn, once' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER pending_closings_only_withdraw BEFORE UPDATE ON pending_closings
    FOR EACH ROW EXECUTE FUNCTION pending_closings_only_withdraw();

CREATE TABLE objections (
    id          integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    count_id    integer     NOT NULL REFERENCES counts,
    name        text        NOT NULL CHECK (name <> ''),
    statement   text        NOT NULL CHECK (statement <> ''),
    recorded_by text        NOT NULL CHECK (recorded_by <> ''),
    recorded_at timestamptz NOT NULL,
    outcome     text        CHECK (outcome IN ('upheld', 'dismissed')),
    resolution  text        CHECK (resolution <> ''),
    resolved_by text        CHECK (resolved_by <> ''),
    resolved_at timestamptz,
    CHECK (num_nulls(outcome, resolution, resolved_by, resolved_at) IN (0, 4))
);
COMMENT ON COLUMN objections.name IS 'Who objects.';
CREATE INDEX objections_by_count ON objections (count_id, id);

CREATE FUNCTION objections_only_resolve() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.resolved_at IS NULL
       AND (OLD.id, OLD.count_id, OLD.name, OLD.statement, OLD.recorded_by, OLD.recorded_at)
           IS NOT DISTINCT FROM
           (NEW.id, NEW.count_id, NEW.name, NEW.statement, NEW.recorded_by, NEW.recorded_at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'an objection may only be resolved, once' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER objections_only_resolve BEFORE UPDATE ON objections
    FOR EACH ROW EXECUTE FUNCTION objections_only_resolve();

CREATE TABLE count_payments (
    id          integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    count_id    integer     NOT NULL REFERENCES counts,
    platform_id integer     NOT NULL REFERENCES platforms,
    clause      text        NOT NULL CHECK (clause <> ''),
    amount_yuan bigint      NOT NULL CHECK (amount_yuan > 0),
    paid_on     date        NOT NULL,
    reference   text        NOT NULL CHECK (reference <> ''),
    recorded_by text        NOT NULL CHECK (recorded_by <> ''),
    recorded_at timestamptz NOT NULL,
    UNIQUE (count_id, platform_id, clause)
);
COMMENT ON COLUMN count_payments.reference IS 'Of the payment order at the treasury.';

CREATE FUNCTION pay_only_what_is_payable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT state FROM counts WHERE id = NEW.count_id) IS DISTINCT FROM 'payable' THEN
        RAISE EXCEPTION 'nothing is paid under a count that is not payable' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER count_payments_are_payable BEFORE INSERT ON count_payments
    FOR EACH ROW EXECUTE FUNCTION pay_only_what_is_payable();
CREATE TRIGGER count_payments_stay BEFORE UPDATE ON count_payments
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE recoveries (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    count_id    integer NOT NULL REFERENCES counts,
    platform_id integer NOT NULL REFERENCES platforms,
    clause      text    NOT NULL CHECK (clause <> ''),
    kind        text    NOT NULL CHECK (kind IN ('removed', 'added', 'title', 'unpaid', 'cap', 'policy')),
    uscc        text,
    amount_yuan bigint  NOT NULL,
    CHECK ((kind IN ('removed', 'added')) = (uscc IS NOT NULL))
);
COMMENT ON TABLE recoveries IS 'Money paid under earlier revisions that this one does not bear out; the lines of a platform and clause add up to what is claimed back.';
COMMENT ON COLUMN recoveries.kind IS 'What the line stands for: an enterprise that fell away, one that came in, a national title, what had not been paid yet, what the cap takes of it, another policy.';
CREATE INDEX recoveries_by_count ON recoveries (count_id, id);
CREATE TRIGGER recoveries_stay BEFORE UPDATE ON recoveries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['counts', 'pending_closings', 'objections', 'count_payments', 'recoveries'] LOOP
        EXECUTE format('CREATE TRIGGER %1$I BEFORE DELETE OR TRUNCATE ON %2$I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
                       name || '_are_for_good', name);
        EXECUTE format('CREATE TRIGGER %1$I AFTER UPDATE ON %2$I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries()',
                       name || '_audit_update', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['counts', 'count_steps', 'pending_closings', 'objections', 'count_payments', 'recoveries'] LOOP
        EXECUTE format('CREATE TRIGGER %1$I AFTER INSERT ON %2$I REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries()',
                       name || '_audit_insert', name);
    END LOOP;
END
$$;
