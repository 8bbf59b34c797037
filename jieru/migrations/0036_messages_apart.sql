-- Messages that one batch cannot hold: acknowledged, durable here, and stored one after the other
-- behind everybody else's.

CREATE TABLE messages_apart (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at timestamptz NOT NULL,
    topic       text        NOT NULL,
    payload     bytea       NOT NULL,
    -- How often it was tried alone and failed.
    tries       smallint    NOT NULL DEFAULT 0
);
COMMENT ON TABLE messages_apart IS 'Acknowledged messages on their way into heartbeats: too many days, or rows at fault, for one transaction. Empty when all is well.';

ALTER TABLE rejections DROP CONSTRAINT rejections_reason_check;
ALTER TABLE rejections ADD CONSTRAINT rejections_reason_check
    CHECK (reason IN ('bad_topic', 'retained', 'payload_too_large', 'malformed_payload',
                      'unknown_device', 'future_timestamp', 'before_epoch', 'unstorable')) NOT VALID;
