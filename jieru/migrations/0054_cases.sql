-- An enterprise on a platform under review, from signals to a decision: what was asked, answered, seen
-- and concluded, each step for good.

CREATE TABLE cases (
    id            integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    platform_id   integer     NOT NULL REFERENCES platforms,
    enterprise_id integer     NOT NULL REFERENCES enterprises,
    opened_at     timestamptz NOT NULL DEFAULT now(),
    opened_by     text        NOT NULL,
    cause         text        NOT NULL CHECK (cause IN ('signals', 'challenge', 'draw', 'verifier')),
    run_id        integer     REFERENCES signal_runs,
    CHECK ((cause = 'signals') = (run_id IS NOT NULL))
);
COMMENT ON TABLE cases IS 'Enterprises on a platform under review.';
COMMENT ON COLUMN cases.run_id IS 'Whose signals opened it.';
CREATE INDEX cases_by_enterprise ON cases (platform_id, enterprise_id, id);
CREATE TRIGGER cases_are_for_good BEFORE UPDATE OR DELETE OR TRUNCATE ON cases
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER cases_audit_insert AFTER INSERT ON cases REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();

-- Files that people hand in. They lie in a folder outside of the database, each under its SHA-256.
CREATE TABLE documents (
    sha256      text        PRIMARY KEY CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    bytes       integer     NOT NULL CHECK (bytes > 0),
    media_type  text        NOT NULL,
    name        text        NOT NULL CHECK (name <> ''),
    uploaded_by text        NOT NULL,
    uploaded_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE documents IS 'Files that people handed in, which lie outside of the database.';
COMMENT ON COLUMN documents.media_type IS 'By the content, whatever its name says.';
COMMENT ON COLUMN documents.name IS 'As the first one who handed it in called it.';
CREATE TRIGGER documents_are_for_good BEFORE UPDATE OR DELETE OR TRUNCATE ON documents
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE case_steps (
    id          integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id     integer     NOT NULL REFERENCES cases,
    step        text        NOT NULL CHECK (step IN (
        'asked_operator', 'operator_answered', 'asked_enterprise', 'enterprise_answered', 'visited', 'noted',
        'hold_proposed', 'hold_decided', 'hold_declined', 'cleared', 'upheld', 'reopened')),
    taken_by    text        NOT NULL CHECK (taken_by <> ''),
    taken_at    timestamptz NOT NULL DEFAULT now(),
    text        text        NOT NULL CHECK (text <> ''),
    due_on      date,
    visited_on  date,
    documents   jsonb       NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(documents) = 'array'),
    decision_id integer,    -- of decisions, as the trigger below asks
    CHECK ((due_on IS NOT NULL) = (step IN ('asked_operator', 'asked_enterprise'))),
    CHECK ((visited_on IS NOT NULL) = (step = 'visited')),
    CHECK ((decision_id IS NOT NULL) = (step IN ('hold_decided', 'upheld')))
);
COMMENT ON TABLE case_steps IS 'What was asked, answered, seen and concluded in a case, in this order.';
COMMENT ON COLUMN case_steps.documents IS 'Each with sha256 and the name under which it was handed in.';
COMMENT ON COLUMN case_steps.decision_id IS 'What the step led to.';
CREATE INDEX case_steps_by_case ON case_steps (case_id, id);

-- Where a case stands follows from its steps, as verifier/trust/cases/states.py has it. It waits for those
-- who were asked until their day, and for the bureau from the day on which it was opened.
CREATE VIEW case_states AS
SELECT id, platform_id, enterprise_id, opened_at, opened_by, cause, run_id, state, due_on, concluded_at,
       proposed_by, is_hard, state IN ('cleared', 'upheld') AS is_concluded,
       (CASE WHEN state IN ('cleared', 'upheld') THEN date '9999-12-31'
             ELSE coalesce(due_on, (opened_at AT TIME ZONE 'Asia/Shanghai')::date) END - date '2000-01-01') AS due_key,
       CASE WHEN is_hard THEN 0 ELSE 1 END AS softness
FROM (
    SELECT c.*,
           CASE WHEN s.concluded > s.reopened AND s.upheld = s.concluded THEN 'upheld'
                WHEN s.concluded > s.reopened THEN 'cleared'
                WHEN s.asked_operator > s.operator_answered OR s.asked_enterprise > s.enterprise_answered THEN 'asked'
                WHEN s.visited > greatest(s.operator_answered, s.enterprise_answered) THEN 'visited'
                WHEN greatest(s.operator_answered, s.enterprise_answered) > 0 THEN 'answered'
                ELSE 'open' END AS state,
           (SELECT min(q.due_on) FROM case_steps q
            WHERE q.case_id = c.id AND s.concluded <= s.reopened
              AND (q.step = 'asked_operator' AND q.id > s.operator_answered
                   OR q.step = 'asked_enterprise' AND q.id > s.enterprise_answered)) AS due_on,
           (SELECT q.taken_at FROM case_steps q WHERE q.id = s.concluded AND s.concluded > s.reopened) AS concluded_at,
           (SELECT q.taken_by FROM case_steps q WHERE q.id = s.proposed AND s.proposed > greatest(s.settled, s.concluded)) AS proposed_by,
           c.cause = 'challenge' OR EXISTS (
               SELECT FROM signals g WHERE g.platform_id = c.platform_id AND g.enterprise_id = c.enterprise_id
                                       AND g.run_id >= c.run_id AND g.strength = 'hard') AS is_hard
    FROM cases c CROSS JOIN LATERAL (
        SELECT coalesce(max(id) FILTER (WHERE step = 'asked_operator'), 0) AS asked_operator,
               coalesce(max(id) FILTER (WHERE step = 'operator_answered'), 0) AS operator_answered,
               coalesce(max(id) FILTER (WHERE step = 'asked_enterprise'), 0) AS asked_enterprise,
               coalesce(max(id) FILTER (WHERE step = 'enterprise_answered'), 0) AS enterprise_answered,
               coalesce(max(id) FILTER (WHERE step = 'visited'), 0) AS visited,
               coalesce(max(id) FILTER (WHERE step = 'hold_proposed'), 0) AS proposed,
               coalesce(max(id) FILTER (WHERE step IN ('hold_decided', 'hold_declined')), 0) AS settled,
               coalesce(max(id) FILTER (WHERE step = 'upheld'), 0) AS upheld,
               coalesce(max(id) FILTER (WHERE step IN ('cleared', 'upheld')), 0) AS concluded,
               coalesce(max(id) FILTER (WHERE step = 'reopened'), 0) AS reopened
        FROM case_steps WHERE case_id = c.id) AS s
) AS found;
COMMENT ON VIEW case_states IS 'Where each case stands.';

-- One case of an enterprise on a platform at a time, whoever opens it. By its name it comes after the
-- audit's trigger, which lets one write after the other: so it sees what was opened meanwhile.
CREATE FUNCTION cases_open_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM case_states s WHERE NOT s.is_concluded
                 AND (s.platform_id, s.enterprise_id) IN (SELECT platform_id, enterprise_id FROM new_rows)
               GROUP BY s.platform_id, s.enterprise_id HAVING count(*) > 1) THEN
        RAISE EXCEPTION 'there is an open case of this enterprise on this platform'
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'cases_open_once';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER cases_open_once AFTER INSERT ON cases REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION cases_open_once();

-- A hold takes two people, and a conclusion against an enterprise the decision that it leads to. What is
-- concluded stays, until somebody opens the case anew. Only the API may add steps, and it takes the
-- audit's turn first: so no two are looked at at once.
CREATE FUNCTION case_steps_follow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    found case_states;
BEGIN
    SELECT * INTO found FROM case_states WHERE id = NEW.case_id;
    IF found.is_concluded AND NEW.step NOT IN ('noted', 'reopened') OR NOT found.is_concluded AND NEW.step = 'reopened' THEN
        RAISE EXCEPTION 'a case that is % takes no step %', found.state, NEW.step USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.step = 'reopened' AND EXISTS (
        SELECT FROM case_states WHERE platform_id = found.platform_id AND enterprise_id = found.enterprise_id
                                  AND NOT is_concluded) THEN
        RAISE EXCEPTION 'there is an open case of this enterprise on this platform'
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'cases_open_once';
    END IF;
    IF NEW.step IN ('operator_answered', 'enterprise_answered') AND NOT EXISTS (
        SELECT FROM case_steps WHERE case_id = NEW.case_id
           AND step = CASE NEW.step WHEN 'operator_answered' THEN 'asked_operator' ELSE 'asked_enterprise' END) THEN
        RAISE EXCEPTION 'an answer follows a question' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.step = 'hold_proposed' AND found.proposed_by IS NOT NULL THEN
        RAISE EXCEPTION 'a hold is proposed already' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.step IN ('hold_decided', 'hold_declined') THEN
        IF found.proposed_by IS NULL THEN
            RAISE EXCEPTION 'no hold is proposed' USING ERRCODE = 'restrict_violation';
        END IF;
        IF NEW.step = 'hold_decided' AND person_key(NEW.taken_by) = person_key(found.proposed_by)
           AND NOT EXISTS (SELECT FROM installation WHERE is_simulation) THEN
            RAISE EXCEPTION '% proposed this hold: another person decides it', found.proposed_by
                USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    IF NEW.decision_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM decisions WHERE id = NEW.decision_id AND withdrawn_at IS NULL
           AND platform_id = found.platform_id AND enterprise_id = found.enterprise_id
           AND (kind = 'hold' OR kind = 'exclude' AND NEW.step = 'upheld')) THEN
        RAISE EXCEPTION 'decision % does not follow from this case', NEW.decision_id USING ERRCODE = 'restrict_violation';
    END IF;
    IF EXISTS (SELECT FROM jsonb_array_elements(NEW.documents) AS each
               WHERE coalesce(each ->> 'name', '') = ''
                  OR NOT EXISTS (SELECT FROM documents WHERE sha256 = each ->> 'sha256')) THEN
        RAISE EXCEPTION 'a document of this step is not kept' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER case_steps_follow BEFORE INSERT ON case_steps
    FOR EACH ROW EXECUTE FUNCTION case_steps_follow();
CREATE TRIGGER case_steps_are_for_good BEFORE UPDATE OR DELETE OR TRUNCATE ON case_steps
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER case_steps_audit_insert AFTER INSERT ON case_steps REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();

-- An operator says in time that machines stand still or are repaired; the bureau records that the
-- enterprise confirmed it.
CREATE TABLE declarations (
    id            integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    platform_id   integer     NOT NULL REFERENCES platforms,
    enterprise_id integer     NOT NULL REFERENCES enterprises,
    device_id     integer     REFERENCES devices,
    kind          text        NOT NULL CHECK (kind IN ('stop', 'repair')),
    from_date     date        NOT NULL,
    to_date       date        NOT NULL CHECK (to_date >= from_date),
    reason        text        CHECK (reason <> ''),
    declared_by   text        NOT NULL,
    declared_at   timestamptz NOT NULL DEFAULT now(),
    confirmed_by  text,
    confirmed_at  timestamptz,
    confirmation  text        CHECK (confirmation <> ''),
    CHECK (num_nulls(confirmed_by, confirmed_at) IN (0, 2))
);
COMMENT ON TABLE declarations IS 'Stops and repairs of machines, as operators declared them in time.';
COMMENT ON COLUMN declarations.device_id IS 'Null: all that the enterprise has on the platform.';
COMMENT ON COLUMN declarations.to_date IS 'Inclusive.';
COMMENT ON COLUMN declarations.confirmation IS 'How the enterprise confirmed it, as the bureau recorded it.';
CREATE INDEX declarations_by_enterprise ON declarations (enterprise_id, platform_id, from_date, id);

-- No process chooses when it was told, nor is told too late; the owner puts in what is simulated.
CREATE FUNCTION declarations_are_made_in_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RETURN NEW;
    END IF;
    NEW.declared_at := now();
    IF NEW.confirmed_at IS NOT NULL OR NEW.from_date < (now() AT TIME ZONE 'Asia/Shanghai')::date - 1 THEN
        RAISE EXCEPTION 'a stop or a repair is declared in time, and confirmed afterwards'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER declarations_are_made_in_time BEFORE INSERT ON declarations
    FOR EACH ROW EXECUTE FUNCTION declarations_are_made_in_time();

CREATE FUNCTION declarations_are_confirmed_once() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    confirming text[] := ARRAY['confirmed_by', 'confirmed_at', 'confirmation'];
BEGIN
    IF OLD.confirmed_at IS NOT NULL OR NEW.confirmed_at IS NULL
       OR to_jsonb(OLD) - confirming IS DISTINCT FROM to_jsonb(NEW) - confirming THEN
        RAISE EXCEPTION 'a declaration is confirmed once, and what it says does not change'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER declarations_are_confirmed_once BEFORE UPDATE ON declarations
    FOR EACH ROW EXECUTE FUNCTION declarations_are_confirmed_once();
CREATE TRIGGER declarations_are_for_good BEFORE DELETE OR TRUNCATE ON declarations
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER declarations_audit_insert AFTER INSERT ON declarations REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();
CREATE TRIGGER declarations_audit_update AFTER UPDATE ON declarations REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();
