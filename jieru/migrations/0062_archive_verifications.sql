-- What a verification of the whole archive found, so that damage is told to somebody.

CREATE TABLE archive_verifications (
    id          integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    verified_at timestamptz NOT NULL DEFAULT now(),
    files       integer     NOT NULL CHECK (files >= 0),
    heartbeats  bigint      NOT NULL CHECK (heartbeats >= 0),
    findings    integer     NOT NULL CHECK (findings >= 0)
);
COMMENT ON TABLE archive_verifications IS 'Runs of `jieru archive verify --record` over the whole archive.';
COMMENT ON COLUMN archive_verifications.files IS 'That the manifest lists.';
COMMENT ON COLUMN archive_verifications.heartbeats IS 'In those files that are whole.';
CREATE TRIGGER archive_verifications_are_for_good BEFORE UPDATE OR DELETE OR TRUNCATE ON archive_verifications
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
