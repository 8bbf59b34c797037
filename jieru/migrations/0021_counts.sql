-- The annual count as a procedure: one row for each revision of a year's count, and its steps.

CREATE TABLE counts (
    id             integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    year           integer     NOT NULL CHECK (year BETWEEN 2020 AND 2100),
    revision       integer     NOT NULL CHECK (revision >= 1),
    state          text        NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'in_review', 'returned',
                                   'frozen', 'published', 'payable', 'paid', 'superseded')),
    supersedes_id  integer     REFERENCES counts,
    opened_at      timestamptz NOT NULL DEFAULT now(),
    opened_by      text        NOT NULL CHECK (opened_by <> ''),

    policy_name    text,
    policy_sha256  text        CHECK (policy_sha256 ~ '^[0-9a-f]{64}$'),
    as_of          date,
    drafted_at     timestamptz,
    drafted_by     text        CHECK (drafted_by <> ''),
    content_sha256 text        CHECK (content_sha256 ~ '^[0-9a-f]{64}$'),

    submitted_at   timestamptz,
    submitted_by   text        CHECK (submitted_by <> ''),

    frozen_at      timestamptz,
    frozen_by      text        CHECK (frozen_by <> ''),
    code_version   text,
    digest         text        CHECK (digest ~ '^[0-9a-f]{64}$'),
    signature      bytea       CHECK (octet_length(signature) = 64),
    public_key     bytea       CHECK (octet_length(public_key) = 32),

    published_at   timestamptz,
    published_by   text        CHECK (published_by <> ''),
    notice_days    integer     CHECK (notice_days >= 1),
    notice_ends_on date,

    payable_at     timestamptz,
    payable_by     text        CHECK (payable_by <> ''),

    UNIQUE (year, revision),
    CHECK ((revision = 1) = (supersedes_id IS NULL)),
    CHECK (num_nulls(policy_name, policy_sha256, as_of, drafted_at, drafted_by, content_sha256) IN (0, 6)),
    CHECK (num_nulls(submitted_at, submitted_by) IN (0, 2)),
    CHECK (num_nulls(frozen_at, frozen_by, code_version, digest, signature, public_key) IN (0, 6)),
    CHECK (num_nulls(published_at, published_by, notice_days, notice_ends_on) IN (0, 4)),
    CHECK (num_nulls(payable_at, payable_by) IN (0, 2)),
    CHECK (state = 'draft' OR (drafted_at IS NOT NULL AND submitted_at IS NOT NULL)),
    CHECK ((state IN ('draft', 'in_review', 'returned')) = (frozen_at IS NULL)),
    CHECK (state NOT IN ('published', 'payable', 'paid') OR published_at IS NOT NULL),
    CHECK (state NOT IN ('payable', 'paid') OR payable_at IS NOT NULL),
    -- Whoever makes a count does not check it.
    CONSTRAINT counts_maker_is_not_checker CHECK (lower(submitted_by) <> lower(frozen_by)),
    CONSTRAINT counts_maker_does_not_approve_payment CHECK (lower(submitted_by) <> lower(payable_by))
);
COMMENT ON COLUMN counts.content_sha256 IS 'Of what the last draft run found; what is frozen must be what was reviewed.';
COMMENT ON COLUMN counts.digest IS 'SHA-256 of the canonical bytes of the frozen document.';
COMMENT ON COLUMN counts.signature IS 'Ed25519 over the same bytes, by the key beside it.';
CREATE UNIQUE INDEX one_running_count_per_year ON counts (year)
    WHERE state IN ('draft', 'in_review', 'returned');
CREATE UNIQUE INDEX one_standing_count_per_year ON counts (year)
    WHERE state IN ('frozen', 'published', 'payable', 'paid');

CREATE FUNCTION counts_follow_the_procedure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> OLD.state AND OLD.state || ' ' || NEW.state NOT IN
       ('draft in_review', 'returned in_review', 'in_review returned', 'in_review frozen',
        'frozen published', 'published payable', 'payable paid', 'frozen superseded',
        'published superseded', 'payable superseded', 'paid superseded') THEN
        RAISE EXCEPTION 'a count that is % does not become %', OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF (OLD.id, OLD.year, OLD.revision, OLD.supersedes_id, OLD.opened_at, OLD.opened_by)
       IS DISTINCT FROM
       (NEW.id, NEW.year, NEW.revision, NEW.supersedes_id, NEW.opened_at, NEW.opened_by)
    OR OLD.state NOT IN ('draft', 'returned') AND
       (OLD.policy_name, OLD.policy_sha256, OLD.as_of, OLD.drafted_at, OLD.drafted_by, OLD.content_sha256)
       IS DISTINCT FROM
       (NEW.policy_name, NEW.policy_sha256, NEW.as_of, NEW.drafted_at, NEW.drafted_by, NEW.content_sha256)
    OR OLD.frozen_at IS NOT NULL AND
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
CREATE TRIGGER counts_follow_the_procedure BEFORE UPDATE ON counts
    FOR EACH ROW EXECUTE FUNCTION counts_follow_the_procedure();

CREATE TABLE count_steps (
    id       integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    count_id integer     NOT NULL REFERENCES counts,
    step     text        NOT NULL CHECK (step IN ('open', 'draft', 'submit', 'return', 'freeze', 'publish',
                             'object', 'resolve', 'approve_payment', 'pay', 'finish_payment', 'supersede')),
    state    text        NOT NULL,
    note     text        CHECK (note <> ''),
    taken_by text        NOT NULL CHECK (taken_by <> ''),
    taken_at timestamptz NOT NULL
);
COMMENT ON COLUMN count_steps.state IS 'In which the step left the count.';
CREATE INDEX count_steps_by_count ON count_steps (count_id, id);
CREATE TRIGGER count_steps_are_for_good BEFORE UPDATE OR DELETE OR TRUNCATE ON count_steps
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The content: the document without its enterprises, and each enterprise of each platform. A draft
-- run replaces the one before; what is frozen stays. The programs write it, no person does, and
-- its digest stands in `counts`, so it has no audit of its own.
CREATE TABLE count_documents (
    count_id      integer PRIMARY KEY REFERENCES counts,
    head          jsonb   NOT NULL,
    policy_source text    NOT NULL
);
CREATE TABLE count_determinations (
    count_id     integer NOT NULL REFERENCES counts,
    platform     text    NOT NULL,
    entry        jsonb   NOT NULL,
    uscc         text    NOT NULL GENERATED ALWAYS AS (entry ->> 'uscc') STORED,
    name         text    NOT NULL GENERATED ALWAYS AS (entry ->> 'name') STORED,
    district     text    NOT NULL GENERATED ALWAYS AS (entry ->> 'district') STORED,
    outcome      text    NOT NULL GENERATED ALWAYS AS (entry ->> 'outcome') STORED,
    connected_on text    GENERATED ALWAYS AS (entry ->> 'connected_on') STORED,
    PRIMARY KEY (count_id, platform, uscc)
);
CREATE INDEX count_determinations_by_enterprise ON count_determinations (uscc);

CREATE FUNCTION refuse_change_of_frozen_content() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM counts WHERE frozen_at IS NOT NULL
               AND id IN (OLD.count_id, NEW.count_id)) THEN
        RAISE EXCEPTION 'the content of a frozen count may not be changed' USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER count_documents_stay BEFORE INSERT OR UPDATE OR DELETE ON count_documents
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_frozen_content();
CREATE TRIGGER count_determinations_stay BEFORE INSERT OR UPDATE OR DELETE ON count_determinations
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_frozen_content();
CREATE TRIGGER count_documents_are_for_good BEFORE TRUNCATE ON count_documents
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER count_determinations_are_for_good BEFORE TRUNCATE ON count_determinations
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
