-- Maker, checker and payer are three people, and what gives money takes two. Not on a database of
-- simulated data, where one name suffices.

-- Two spellings of one name are one person; the programs compare in the same way.
CREATE FUNCTION person_key(name text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT lower(regexp_replace(regexp_replace(normalize(name, NFKC), '\s+', '', 'g'), '^user:', '', 'i'))
$$;

-- The second person of a decision. What was recorded before was asked of one person alone, and
-- keeps its effect.
ALTER TABLE decisions
    ADD needs_second boolean NOT NULL DEFAULT false,
    ADD confirmed_by text CHECK (confirmed_by <> ''),
    ADD confirmed_at timestamptz,
    ADD CHECK (num_nulls(confirmed_by, confirmed_at) IN (0, 2)),
    ADD CHECK (confirmed_at IS NULL OR needs_second),
    ADD CONSTRAINT decisions_second_is_another CHECK (person_key(confirmed_by) <> person_key(decided_by));
COMMENT ON COLUMN decisions.needs_second IS 'Whether it has no effect before another person confirmed it.';

-- Set by the database alone, so that nobody records a waiver that needs no second person.
CREATE FUNCTION decisions_ask_for_a_second() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.needs_second := NEW.kind IN ('waive', 'backdate')
        AND NOT EXISTS (SELECT FROM installation WHERE is_simulation);
    IF NEW.confirmed_at IS NOT NULL THEN
        RAISE EXCEPTION 'a decision is confirmed after it was recorded' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER decisions_ask_for_a_second BEFORE INSERT ON decisions
    FOR EACH ROW EXECUTE FUNCTION decisions_ask_for_a_second();

-- A decision may be confirmed once and withdrawn once; nothing else of it ever changes.
CREATE OR REPLACE FUNCTION decisions_only_withdraw() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.withdrawn_at IS NOT NULL
       OR (OLD.id, OLD.kind, OLD.platform_id, OLD.enterprise_id, OLD.criterion, OLD.value,
           OLD.reason, OLD.attachment, OLD.decided_by, OLD.decided_at, OLD.needs_second)
          IS DISTINCT FROM
          (NEW.id, NEW.kind, NEW.platform_id, NEW.enterprise_id, NEW.criterion, NEW.value,
           NEW.reason, NEW.attachment, NEW.decided_by, NEW.decided_at, NEW.needs_second)
       OR OLD.confirmed_at IS NOT NULL AND
          (OLD.confirmed_by, OLD.confirmed_at) IS DISTINCT FROM (NEW.confirmed_by, NEW.confirmed_at) THEN
        RAISE EXCEPTION 'a decision may only be confirmed and withdrawn, once' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;

-- What people did in a count stands in the view `count_deeds`, which 0056 makes: an exception of evidence
-- is one of these deeds.

-- Looked at when somebody freezes, approves or pays; what was done before stays as it is. After the
-- row is written, so that the checks of 0021, which hold on every database, speak first.
CREATE FUNCTION counts_are_checked_by_others() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    checker text;
BEGIN
    IF EXISTS (SELECT FROM installation WHERE is_simulation) THEN
        RETURN NULL;
    END IF;
    FOREACH checker IN ARRAY ARRAY[
        CASE WHEN TG_OP = 'INSERT' OR OLD.frozen_by IS NULL THEN NEW.frozen_by END,
        CASE WHEN TG_OP = 'INSERT' OR OLD.payable_by IS NULL THEN NEW.payable_by END] LOOP
        IF person_key(checker) IN (person_key(NEW.drafted_by), person_key(NEW.submitted_by))
           OR EXISTS (SELECT FROM count_deeds WHERE count_id = NEW.id AND deed NOT IN ('froze', 'approved')
                      AND person_key(person) = person_key(checker)) THEN
            RAISE EXCEPTION '% had a part in making this count: another person must check it', checker
                USING ERRCODE = 'check_violation', CONSTRAINT = 'counts_makers_do_not_check';
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
CREATE TRIGGER counts_are_checked_by_others AFTER INSERT OR UPDATE ON counts
    FOR EACH ROW WHEN (NEW.frozen_by IS NOT NULL OR NEW.payable_by IS NOT NULL)
    EXECUTE FUNCTION counts_are_checked_by_others();

CREATE FUNCTION count_payments_are_by_others() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM installation WHERE is_simulation)
       AND EXISTS (SELECT FROM counts WHERE id = NEW.count_id
                   AND person_key(NEW.recorded_by) IN (person_key(frozen_by), person_key(payable_by))) THEN
        RAISE EXCEPTION '% checked this count: another person must record its payments', NEW.recorded_by
            USING ERRCODE = 'check_violation', CONSTRAINT = 'count_payments_checker_does_not_pay';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER count_payments_are_by_others AFTER INSERT ON count_payments
    FOR EACH ROW EXECUTE FUNCTION count_payments_are_by_others();

-- People are told apart by the name of their account, whatever pages call them: it is never given
-- again (accounts are not deleted, names are unique) and never changed.
CREATE FUNCTION users_keep_their_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.id, OLD.name) IS DISTINCT FROM (NEW.id, NEW.name) THEN
        RAISE EXCEPTION 'the name of an account may not be changed' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER users_keep_their_name BEFORE UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION users_keep_their_name();

-- By the same rule as the other checks: every maker of the count, whatever the spelling of a name.
CREATE OR REPLACE FUNCTION overrides_need_two_people() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND num_nonnulls(NEW.confirmed_at, NEW.withdrawn_at) > 0 THEN
        RAISE EXCEPTION 'an override is confirmed after it was proposed' USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'UPDATE' AND (num_nonnulls(OLD.confirmed_at, OLD.withdrawn_at) > 0
       OR (OLD.id, OLD.objection_id, OLD.reason, OLD.proposed_by, OLD.proposed_at)
          IS DISTINCT FROM
          (NEW.id, NEW.objection_id, NEW.reason, NEW.proposed_by, NEW.proposed_at)) THEN
        RAISE EXCEPTION 'an override may only be confirmed or withdrawn, once' USING ERRCODE = 'restrict_violation';
    END IF;
    IF person_key(NEW.withdrawn_by) <> person_key(NEW.proposed_by)
       AND NOT EXISTS (SELECT FROM installation WHERE is_simulation) THEN
        RAISE EXCEPTION 'an override is withdrawn by whoever proposed it' USING ERRCODE = 'restrict_violation';
    END IF;
    IF EXISTS (SELECT FROM objections WHERE id = NEW.objection_id AND outcome IS DISTINCT FROM 'upheld')
       OR NOT EXISTS (SELECT FROM installation WHERE is_simulation)
          AND (person_key(NEW.proposed_by) = person_key(NEW.confirmed_by)
               -- Of whoever acts now: what the proposer did later does not undo the proposal.
               OR EXISTS (SELECT FROM objections o JOIN count_deeds d ON d.count_id = o.count_id
                          WHERE o.id = NEW.objection_id AND d.deed NOT IN ('froze', 'approved')
                            AND person_key(d.person) = person_key(
                                CASE TG_OP WHEN 'INSERT' THEN NEW.proposed_by ELSE NEW.confirmed_by END))) THEN
        RAISE EXCEPTION 'an upheld objection is overridden by two people who did not make the count'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
