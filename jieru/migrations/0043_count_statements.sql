-- Signed statements of what is done with a frozen count, overriding of upheld objections, and what
-- the last verification of each frozen count found.

CREATE TABLE count_statements (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    count_id   integer NOT NULL REFERENCES counts,
    number     integer NOT NULL CHECK (number >= 1),
    content    text    NOT NULL CHECK (content <> ''),
    signature  bytea   NOT NULL CHECK (octet_length(signature) = 64),
    public_key bytea   NOT NULL CHECK (octet_length(public_key) = 32),
    UNIQUE (count_id, number)
);
COMMENT ON TABLE count_statements IS 'What was done with a frozen count, each step signed by the bureau and naming the statement before it.';
COMMENT ON COLUMN count_statements.content IS 'Canonical JSON: the very bytes that are signed, in UTF-8.';
CREATE TRIGGER count_statements_are_for_good BEFORE UPDATE OR DELETE OR TRUNCATE ON count_statements
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER count_statements_audit_insert AFTER INSERT ON count_statements
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();

CREATE TABLE objection_overrides (
    id           integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    objection_id integer     NOT NULL REFERENCES objections,
    reason       text        NOT NULL CHECK (reason <> ''),
    proposed_by  text        NOT NULL CHECK (proposed_by <> ''),
    proposed_at  timestamptz NOT NULL,
    confirmed_by text        CHECK (confirmed_by <> ''),
    confirmed_at timestamptz,
    withdrawn_reason text    CHECK (withdrawn_reason <> ''),
    withdrawn_by text        CHECK (withdrawn_by <> ''),
    withdrawn_at timestamptz,
    CHECK (num_nulls(confirmed_by, confirmed_at) IN (0, 2)),
    CHECK (num_nulls(withdrawn_reason, withdrawn_by, withdrawn_at) IN (0, 3)),
    CHECK (confirmed_at IS NULL OR withdrawn_at IS NULL)
);
CREATE UNIQUE INDEX one_override_of_an_objection ON objection_overrides (objection_id)
    WHERE withdrawn_at IS NULL;
COMMENT ON TABLE objection_overrides IS 'Payment in spite of an objection that was upheld: one person proposes it with a reason, another confirms it.';

CREATE FUNCTION overrides_need_two_people() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (OLD.confirmed_at IS NOT NULL
       OR (OLD.id, OLD.objection_id, OLD.reason, OLD.proposed_by, OLD.proposed_at)
          IS DISTINCT FROM
          (NEW.id, NEW.objection_id, NEW.reason, NEW.proposed_by, NEW.proposed_at)) THEN
        RAISE EXCEPTION 'an override may only be confirmed, once' USING ERRCODE = 'restrict_violation';
    END IF;
    IF EXISTS (SELECT FROM objections o JOIN counts c ON c.id = o.count_id
               WHERE o.id = NEW.objection_id
                 AND (o.outcome IS DISTINCT FROM 'upheld' OR NOT (SELECT is_simulation FROM installation)
                      AND (lower(NEW.proposed_by) IN (lower(c.drafted_by), lower(c.submitted_by), lower(NEW.confirmed_by))
                           OR lower(NEW.confirmed_by) IN (lower(c.drafted_by), lower(c.submitted_by))))) THEN
        RAISE EXCEPTION 'an upheld objection is overridden by two people who did not make the count'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER objection_overrides_need_two_people BEFORE INSERT OR UPDATE ON objection_overrides
    FOR EACH ROW EXECUTE FUNCTION overrides_need_two_people();
CREATE TRIGGER objection_overrides_are_for_good BEFORE DELETE OR TRUNCATE ON objection_overrides
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER objection_overrides_audit_insert AFTER INSERT ON objection_overrides
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();
CREATE TRIGGER objection_overrides_audit_update AFTER UPDATE ON objection_overrides
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();

ALTER TABLE count_steps DROP CONSTRAINT count_steps_step_check;
ALTER TABLE count_steps ADD CONSTRAINT count_steps_step_check
    CHECK (step IN ('open', 'draft', 'submit', 'return', 'freeze', 'publish', 'object', 'resolve',
                    'propose_override', 'withdraw_override', 'override', 'approve_payment', 'pay', 'finish_payment',
                    'supersede'));

-- Which versions of its rows a count is made of, with those of the year's counts before it, and by
-- how many frozen counts it is superseded: PostgreSQL gives a row that is written another `xmin`. Whoever verified a count keeps this; as long as it is the
-- same, so is what was verified.
CREATE VIEW count_row_versions AS
SELECT n.id AS count_id, concat_ws(' ',
    (SELECT count(*) || '/' || sum(hashtextextended(c.xmin::text || c.ctid::text, c.id))
     FROM counts c WHERE c.year = n.year AND c.revision <= n.revision),
    (SELECT count(*) || '/' || sum(hashtextextended(d.xmin::text || d.ctid::text, d.count_id))
     FROM count_documents d JOIN counts c ON c.id = d.count_id WHERE c.year = n.year AND c.revision <= n.revision),
    (SELECT count(*) || '/' || sum(hashtextextended(d.xmin::text || d.ctid::text, d.count_id))
     FROM count_determinations d JOIN counts c ON c.id = d.count_id WHERE c.year = n.year AND c.revision <= n.revision),
    (SELECT count(*) || '/' || sum(hashtextextended(y.xmin::text || y.ctid::text || p.code, y.count_id))
     FROM count_payments y JOIN platforms p ON p.id = y.platform_id
     JOIN counts c ON c.id = y.count_id WHERE c.year = n.year AND c.revision <= n.revision),
    (SELECT count(*) || '/' || sum(hashtextextended(r.xmin::text || r.ctid::text || p.code, r.count_id))
     FROM recoveries r JOIN platforms p ON p.id = r.platform_id
     JOIN counts c ON c.id = r.count_id WHERE c.year = n.year AND c.revision <= n.revision),
    (SELECT count(*) || '/' || sum(hashtextextended(t.xmin::text || t.ctid::text, t.count_id))
     FROM count_steps t JOIN counts c ON c.id = t.count_id WHERE c.year = n.year AND c.revision <= n.revision),
    (SELECT count(*) || '/' || sum(hashtextextended(t.xmin::text || t.ctid::text, t.count_id))
     FROM count_statements t JOIN counts c ON c.id = t.count_id WHERE c.year = n.year AND c.revision <= n.revision),
    (SELECT count(*) || '/' || sum(hashtextextended(o.xmin::text || o.ctid::text, o.count_id))
     FROM objections o JOIN counts c ON c.id = o.count_id WHERE c.year = n.year AND c.revision <= n.revision),
    (SELECT count(*) || '/' || sum(hashtextextended(v.xmin::text || v.ctid::text, o.count_id))
     FROM objection_overrides v JOIN objections o ON o.id = v.objection_id
     JOIN counts c ON c.id = o.count_id WHERE c.year = n.year AND c.revision <= n.revision),
    (SELECT count(*) FROM counts c WHERE c.supersedes_id = n.id AND c.frozen_at IS NOT NULL)) AS row_versions
FROM counts n;
COMMENT ON VIEW count_row_versions IS 'By which versions of its rows is a count as it is?';

CREATE TABLE count_verifications (
    count_id     integer     PRIMARY KEY REFERENCES counts,
    verified_at  timestamptz NOT NULL,
    row_versions text        NOT NULL,
    findings     jsonb       NOT NULL CHECK (jsonb_typeof(findings) = 'array')
);
COMMENT ON TABLE count_verifications IS 'What the last verification of a frozen count found, and of which versions of its rows; for panels, which cannot verify a signature.';
COMMENT ON COLUMN count_verifications.row_versions IS 'As count_row_versions had it.';
COMMENT ON COLUMN count_verifications.findings IS 'For each thing that is not as it was signed: code, and the sentence in Chinese and English; empty: all is.';
