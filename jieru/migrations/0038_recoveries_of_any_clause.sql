-- Clauses other than those of enterprises and of national titles pay too: what is claimed back under
-- one of them is a kind of its own. Recoveries are a few lines a year, so the check takes no time.

ALTER TABLE recoveries DROP CONSTRAINT recoveries_kind_check;
ALTER TABLE recoveries ADD CONSTRAINT recoveries_kind_check
    CHECK (kind IN ('removed', 'added', 'title', 'award', 'unpaid', 'cap', 'policy'));
COMMENT ON COLUMN recoveries.kind IS 'What the line stands for: an enterprise that fell away, one that came in, a national title, less of another clause''s award, what had not been paid yet, what the cap takes of it, another policy.';
