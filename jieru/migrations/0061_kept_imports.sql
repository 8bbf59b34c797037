-- What is kept of imports has room of its own for each person and platform: where it is full, the
-- oldest goes, and both it and what took its place say so.

ALTER TABLE imports ADD COLUMN displaced_by integer REFERENCES imports;
COMMENT ON COLUMN imports.displaced_by IS 'The later import for which its file, or its errors and failed rows, went before their time.';
CREATE INDEX imports_displaced ON imports (displaced_by) WHERE displaced_by IS NOT NULL;
CREATE INDEX imports_kept ON imports (platform_id, id)
    WHERE content IS NOT NULL OR errors IS NOT NULL OR failed_rows IS NOT NULL;
