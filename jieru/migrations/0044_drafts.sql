-- A draft knows what it saw and can be discarded; a decision can say that both platforms stay.

ALTER TABLE counts
    ADD COLUMN drafted_change bigint CHECK (drafted_change >= 0),
    DROP CONSTRAINT counts_state_check,
    DROP CONSTRAINT counts_check,
    DROP CONSTRAINT counts_check6,
    DROP CONSTRAINT counts_check7;
ALTER TABLE counts
    ADD CONSTRAINT counts_state_check CHECK (state IN ('draft', 'in_review', 'returned', 'discarded',
        'frozen', 'published', 'payable', 'paid', 'superseded')),
    -- A number is never given twice: where the first was discarded, the second corrects nothing.
    ADD CONSTRAINT counts_first_supersedes_nothing CHECK (revision > 1 OR supersedes_id IS NULL),
    ADD CONSTRAINT counts_reviewed_were_submitted CHECK (state IN ('draft', 'discarded')
        OR (drafted_at IS NOT NULL AND submitted_at IS NOT NULL)),
    ADD CONSTRAINT counts_unfrozen_are_not_frozen CHECK (
        (state IN ('draft', 'in_review', 'returned', 'discarded')) = (frozen_at IS NULL));
COMMENT ON COLUMN counts.drafted_change IS 'Number of the last audit entry that the last draft run saw; null for those of earlier releases.';

CREATE OR REPLACE FUNCTION counts_follow_the_procedure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> OLD.state AND OLD.state || ' ' || NEW.state NOT IN
       ('draft in_review', 'returned in_review', 'in_review returned', 'in_review frozen',
        'draft discarded', 'in_review discarded', 'returned discarded',
        'frozen published', 'published payable', 'payable paid', 'frozen superseded',
        'published superseded', 'payable superseded', 'paid superseded') THEN
        RAISE EXCEPTION 'a count that is % does not become %', OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF (OLD.id, OLD.year, OLD.revision, OLD.supersedes_id, OLD.opened_at, OLD.opened_by)
       IS DISTINCT FROM
       (NEW.id, NEW.year, NEW.revision, NEW.supersedes_id, NEW.opened_at, NEW.opened_by)
    OR OLD.state NOT IN ('draft', 'returned') AND
       (OLD.policy_name, OLD.policy_sha256, OLD.as_of, OLD.drafted_at, OLD.drafted_by, OLD.content_sha256,
        OLD.drafted_change)
       IS DISTINCT FROM
       (NEW.policy_name, NEW.policy_sha256, NEW.as_of, NEW.drafted_at, NEW.drafted_by, NEW.content_sha256,
        NEW.drafted_change)
    OR (OLD.frozen_at IS NOT NULL OR OLD.state = 'discarded') AND
       (OLD.submitted_at, OLD.submitted_by, OLD.frozen_at, OLD.frozen_by, OLD.code_version, OLD.digest,
        OLD.signature, OLD.public_key)
       IS DISTINCT FROM
       (NEW.submitted_at, NEW.submitted_by, NEW.frozen_at, NEW.frozen_by, NEW.code_version, NEW.digest,
        NEW.signature, NEW.public_key)
    OR OLD.published_at IS NOT NULL AND
       (OLD.published_at, OLD.published_by, OLD.notice_days, OLD.notice_ends_on)
       IS DISTINCT FROM
       (NEW.published_at, NEW.published_by, NEW.notice_days, NEW.notice_ends_on)
    OR OLD.payable_at IS NOT NULL AND
       (OLD.payable_at, OLD.payable_by) IS DISTINCT FROM (NEW.payable_at, NEW.payable_by) THEN
        RAISE EXCEPTION 'what a step of a count has settled may not be changed'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;

-- Nobody pays a year a second time by a count that claims to be its first.
CREATE FUNCTION counts_correct_what_is_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.supersedes_id IS NULL AND EXISTS (
        SELECT FROM counts WHERE year = NEW.year AND revision < NEW.revision AND frozen_at IS NOT NULL) THEN
        RAISE EXCEPTION 'a count of % is frozen already: another one corrects it', NEW.year
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER counts_correct_what_is_frozen BEFORE INSERT ON counts
    FOR EACH ROW EXECUTE FUNCTION counts_correct_what_is_frozen();

ALTER TABLE count_steps DROP CONSTRAINT count_steps_step_check;
ALTER TABLE count_steps ADD CONSTRAINT count_steps_step_check CHECK (step IN ('open', 'draft', 'submit',
    'return', 'discard', 'freeze', 'publish', 'object', 'resolve', 'propose_override', 'withdraw_override', 'override',
    'approve_payment', 'pay', 'finish_payment', 'supersede'));

-- What was discarded stays to be read.
CREATE OR REPLACE FUNCTION refuse_change_of_frozen_content() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM counts WHERE (frozen_at IS NOT NULL OR state = 'discarded')
               AND id IN (OLD.count_id, NEW.count_id)) THEN
        RAISE EXCEPTION 'the content of a frozen or discarded count may not be changed'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END
$$;

-- `keep`: seen in review, and nothing is to be changed.
ALTER TABLE decisions DROP CONSTRAINT decisions_kind_check;
ALTER TABLE decisions ADD CONSTRAINT decisions_kind_check CHECK (kind IN ('exclude', 'waive', 'hold', 'keep'));
