-- What a decision rests on: a file number, a protocol of a visit, a place in the archive.

ALTER TABLE decisions ADD attachment text CHECK (attachment <> '');
COMMENT ON COLUMN decisions.attachment IS 'Where the document behind the decision is kept.';

CREATE OR REPLACE FUNCTION decisions_only_withdraw() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.withdrawn_at IS NULL
       AND (OLD.id, OLD.kind, OLD.platform_id, OLD.enterprise_id, OLD.criterion, OLD.value,
            OLD.reason, OLD.attachment, OLD.decided_by, OLD.decided_at)
           IS NOT DISTINCT FROM
           (NEW.id, NEW.kind, NEW.platform_id, NEW.enterprise_id, NEW.criterion, NEW.value,
            NEW.reason, NEW.attachment, NEW.decided_by, NEW.decided_at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a decision may only be withdrawn, once' USING ERRCODE = 'restrict_violation';
END
$$;
