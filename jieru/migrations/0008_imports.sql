-- Imports of registry files through API and console: what came, from whom, and what became of it.
-- What an import changed stands in the audit.

CREATE TABLE imports (
    id          integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text        NOT NULL CHECK (kind IN ('platforms', 'recognitions', 'enterprises', 'connections', 'devices')),
    file_name   text        NOT NULL CHECK (file_name <> ''),
    sha256      bytea       NOT NULL CHECK (octet_length(sha256) = 32),
    size_bytes  integer     NOT NULL,
    uploaded_at timestamptz NOT NULL DEFAULT now(),
    uploaded_by text        NOT NULL,
    platform_id integer     REFERENCES platforms,
    outcome     text        NOT NULL CHECK (outcome IN ('checked', 'rejected', 'applied')),
    created     integer     NOT NULL DEFAULT 0,
    changed     integer     NOT NULL DEFAULT 0,
    unchanged   integer     NOT NULL DEFAULT 0,
    refusal     jsonb,
    error_count integer     NOT NULL DEFAULT 0,
    errors      bytea,
    failed_rows bytea,
    content     bytea,
    applied_at  timestamptz,
    applied_by  text,
    CHECK ((outcome = 'rejected') = (refusal IS NOT NULL)),
    CHECK ((outcome = 'applied') = (applied_at IS NOT NULL)),
    CHECK ((outcome = 'applied') = (applied_by IS NOT NULL)),
    CHECK (content IS NULL OR outcome = 'checked')
);
-- They come compressed: the server need not try again.
ALTER TABLE imports ALTER errors SET STORAGE EXTERNAL, ALTER failed_rows SET STORAGE EXTERNAL,
    ALTER content SET STORAGE EXTERNAL;
COMMENT ON COLUMN imports.platform_id IS 'Of the operator who sent it; null: of somebody who sees every platform.';
COMMENT ON COLUMN imports.outcome IS 'checked: a dry run that found no error, to be applied while its content is kept.';
COMMENT ON COLUMN imports.refusal IS 'The sentence that sums up why it was rejected: {message, values}.';
COMMENT ON COLUMN imports.errors IS 'Compressed JSON: every row error, untranslated. Forgotten after a month.';
COMMENT ON COLUMN imports.failed_rows IS 'Compressed JSON: the header and the rows that have errors, as they came. Forgotten after a month.';
COMMENT ON COLUMN imports.content IS 'The file of a dry run, compressed, until it is applied or a day old.';
CREATE INDEX imports_by_platform ON imports (platform_id, id);
CREATE INDEX imports_to_forget ON imports (uploaded_at)
    WHERE content IS NOT NULL OR errors IS NOT NULL OR failed_rows IS NOT NULL;

CREATE TRIGGER imports_are_for_good BEFORE DELETE OR TRUNCATE ON imports
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The same rule as before at a quarter of its cost, which was half of an import's: an assignment is
-- a line of days in the device's place, and no two lines of a place may meet.
ALTER TABLE assignments DROP CONSTRAINT assignments_int4range_daterange_excl,
    ADD CONSTRAINT assignments_may_not_overlap EXCLUDE USING gist (
        box(point(device_id, from_date - date '2000-01-01'),
            point(device_id, coalesce(to_date - date '2000-01-01', 10000000) - 1)) WITH &&);
