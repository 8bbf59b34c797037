-- What may not be changed is told by what may be: everything else of a row stays, also a column that
-- a later migration adds. The functions of before listed what stays, and forgot what they did not know.

CREATE OR REPLACE FUNCTION decisions_only_withdraw() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    steps constant text[] := ARRAY['confirmed_by', 'confirmed_at', 'withdrawn_reason', 'withdrawn_by', 'withdrawn_at'];
BEGIN
    IF OLD.withdrawn_at IS NOT NULL
       OR to_jsonb(OLD) - steps IS DISTINCT FROM to_jsonb(NEW) - steps
       OR OLD.confirmed_at IS NOT NULL AND
          (OLD.confirmed_by, OLD.confirmed_at) IS DISTINCT FROM (NEW.confirmed_by, NEW.confirmed_at) THEN
        RAISE EXCEPTION 'a decision may only be confirmed and withdrawn, once' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION pending_closings_only_withdraw() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    withdrawing constant text[] := ARRAY['withdrawn_reason', 'withdrawn_by', 'withdrawn_at'];
BEGIN
    IF OLD.withdrawn_at IS NOT NULL
       OR to_jsonb(OLD) - withdrawing IS DISTINCT FROM to_jsonb(NEW) - withdrawing THEN
        RAISE EXCEPTION 'a closing may only be withdrawn, once' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION objections_only_resolve() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    resolving constant text[] := ARRAY['outcome', 'resolution', 'resolved_by', 'resolved_at'];
BEGIN
    IF OLD.resolved_at IS NOT NULL
       OR to_jsonb(OLD) - resolving IS DISTINCT FROM to_jsonb(NEW) - resolving THEN
        RAISE EXCEPTION 'an objection may only be resolved, once' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION heartbeat_archives_only_move() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moving constant text[] := ARRAY['dropped_at', 'kept_until'];
BEGIN
    IF to_jsonb(OLD) - moving IS DISTINCT FROM to_jsonb(NEW) - moving THEN
        RAISE EXCEPTION 'what an archive file holds may not be changed' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION overrides_need_two_people() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    steps constant text[] := ARRAY['confirmed_by', 'confirmed_at', 'withdrawn_reason', 'withdrawn_by', 'withdrawn_at'];
BEGIN
    IF TG_OP = 'INSERT' AND num_nonnulls(NEW.confirmed_at, NEW.withdrawn_at) > 0 THEN
        RAISE EXCEPTION 'an override is confirmed after it was proposed' USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'UPDATE' AND (num_nonnulls(OLD.confirmed_at, OLD.withdrawn_at) > 0
       OR to_jsonb(OLD) - steps IS DISTINCT FROM to_jsonb(NEW) - steps) THEN
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

CREATE OR REPLACE FUNCTION counts_follow_the_procedure() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    unsettled text[] := ARRAY['state'];
BEGIN
    IF NEW.state <> OLD.state AND OLD.state || ' ' || NEW.state NOT IN
       ('draft in_review', 'returned in_review', 'in_review returned', 'in_review frozen',
        'draft discarded', 'in_review discarded', 'returned discarded',
        'frozen published', 'published payable', 'payable paid', 'frozen superseded',
        'published superseded', 'payable superseded', 'paid superseded') THEN
        RAISE EXCEPTION 'a count that is % does not become %', OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state IN ('draft', 'returned') THEN
        unsettled := unsettled || ARRAY['policy_name', 'policy_sha256', 'as_of', 'drafted_at', 'drafted_by',
                                        'content_sha256', 'drafted_change'];
    END IF;
    IF OLD.frozen_at IS NULL AND OLD.state <> 'discarded' THEN
        unsettled := unsettled || ARRAY['submitted_at', 'submitted_by', 'frozen_at', 'frozen_by',
                                        'code_version', 'digest', 'signature', 'public_key'];
    END IF;
    IF OLD.published_at IS NULL THEN
        unsettled := unsettled || ARRAY['published_at', 'published_by', 'notice_days', 'notice_ends_on'];
    END IF;
    IF OLD.payable_at IS NULL THEN
        unsettled := unsettled || ARRAY['payable_at', 'payable_by'];
    END IF;
    IF to_jsonb(OLD) - unsettled IS DISTINCT FROM to_jsonb(NEW) - unsettled THEN
        RAISE EXCEPTION 'what a step of a count has settled may not be changed'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
