-- Gateways are registered and changed by hand, as other records are: each has a revision.

ALTER TABLE publishers ADD COLUMN revision integer NOT NULL DEFAULT 1;
CREATE TRIGGER publishers_raise_revision BEFORE UPDATE ON publishers
    FOR EACH ROW EXECUTE FUNCTION raise_revision();
