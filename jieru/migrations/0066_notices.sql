-- What people are told: an event once, who hears of it, by which ways, and which message brought it.

CREATE TABLE notices (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_key   text        NOT NULL UNIQUE CHECK (event_key <> ''),
    kind        text        NOT NULL CHECK (kind ~ '^[a-z_]{1,40}$'),
    platform_id integer     REFERENCES platforms,
    said        jsonb       NOT NULL CHECK (jsonb_typeof(said) = 'object'),
    path        text        NOT NULL CHECK (path ~ '^/' AND path !~ '^//'),
    happened_at timestamptz NOT NULL,
    told_at     timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE notices IS 'Events that people are told of, each once.';
COMMENT ON COLUMN notices.event_key IS 'What happened: the same found twice, by whomever, is one notice.';
COMMENT ON COLUMN notices.said IS 'What the sentence of its kind is filled with.';
COMMENT ON COLUMN notices.path IS 'The page of the console where one does something about it.';
CREATE INDEX notices_by_platform ON notices (kind, platform_id, told_at);
CREATE TRIGGER notices_are_for_good BEFORE UPDATE OR DELETE OR TRUNCATE ON notices
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Who hears of it in the console, whatever ways out there are.
CREATE TABLE notice_readers (
    notice_id bigint      NOT NULL REFERENCES notices,
    user_id   integer     NOT NULL REFERENCES users,
    read_at   timestamptz,
    PRIMARY KEY (user_id, notice_id)
);
COMMENT ON TABLE notice_readers IS 'Whose bell a notice rings, and since when it is read.';
CREATE INDEX notice_readers_unread ON notice_readers (user_id) WHERE read_at IS NULL;

CREATE TABLE notice_channels (
    id          integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id     integer     NOT NULL REFERENCES users,
    channel     text        NOT NULL CHECK (channel IN ('email', 'webhook')),
    address     text        NOT NULL CHECK (address <> ''),
    shape       text        CHECK (shape IN ('standard', 'wecom', 'dingtalk', 'feishu')),
    sealed      text,
    kinds       text[]      NOT NULL,
    frequency   text        NOT NULL CHECK (frequency IN ('at_once', 'daily', 'weekly')),
    quiet_from  smallint    CHECK (quiet_from BETWEEN 0 AND 23),
    quiet_to    smallint    CHECK (quiet_to BETWEEN 0 AND 23),
    leave_code  text        NOT NULL UNIQUE CHECK (length(leave_code) >= 22),
    entered_at  timestamptz NOT NULL DEFAULT now(),
    left_at     timestamptz,
    CHECK ((channel = 'webhook') = (shape IS NOT NULL)),
    CHECK ((channel = 'webhook') = (sealed IS NOT NULL)),
    CHECK (num_nulls(quiet_from, quiet_to) IN (0, 2)),
    CHECK (quiet_from <> quiet_to)
);
COMMENT ON TABLE notice_channels IS 'By which ways people want to hear of what, how often, and when not.';
COMMENT ON COLUMN notice_channels.address IS 'Of mail; of a webhook its host, for the rest of its address is a secret.';
COMMENT ON COLUMN notice_channels.sealed IS 'Address and secret of a webhook, under a key that lies outside of the database.';
COMMENT ON COLUMN notice_channels.quiet_from IS 'Hour of Asia/Shanghai from which nothing is sent, until quiet_to.';
COMMENT ON COLUMN notice_channels.leave_code IS 'In the links by which one leaves without signing in: 128 random bits.';
CREATE INDEX notice_channels_by_user ON notice_channels (user_id) WHERE left_at IS NULL;
CREATE TRIGGER notice_channels_are_for_good BEFORE DELETE OR TRUNCATE ON notice_channels
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER notice_channels_audit_insert AFTER INSERT ON notice_channels REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries('-address', '-sealed', '-leave_code');

CREATE FUNCTION keep_notice_channel() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    choosing constant text[] := ARRAY['kinds', 'frequency', 'quiet_from', 'quiet_to', 'left_at'];
BEGIN
    IF OLD.left_at IS NOT NULL
       OR to_jsonb(OLD) - choosing IS DISTINCT FROM to_jsonb(NEW) - choosing THEN
        RAISE EXCEPTION 'a channel that was left stays so, and is nobody else''s' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER notice_channels_stay BEFORE UPDATE ON notice_channels
    FOR EACH ROW EXECUTE FUNCTION keep_notice_channel();
CREATE TRIGGER notice_channels_audit_update AFTER UPDATE ON notice_channels
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries('-address', '-sealed', '-leave_code');

-- The outbox brings more than mail.
ALTER TABLE outbox DROP CONSTRAINT outbox_channel_check,
    ADD CONSTRAINT outbox_channel_check CHECK (channel IN ('email', 'webhook')),
    DROP CONSTRAINT outbox_dropped_check,
    ADD CONSTRAINT outbox_dropped_check CHECK (dropped IN ('expired', 'another_contact', 'left')),
    ADD COLUMN notice_channel_id integer REFERENCES notice_channels,
    ADD CHECK (channel <> 'webhook' OR notice_channel_id IS NOT NULL);
COMMENT ON COLUMN outbox.notice_channel_id IS 'Whose channel it goes by, where it brings notices.';

CREATE INDEX outbox_by_notice_channel ON outbox (notice_channel_id, id DESC) WHERE notice_channel_id IS NOT NULL;

CREATE TABLE notice_deliveries (
    notice_id  bigint  NOT NULL REFERENCES notices,
    channel_id integer NOT NULL REFERENCES notice_channels,
    outbox_id  bigint  REFERENCES outbox,
    PRIMARY KEY (channel_id, notice_id)
);
COMMENT ON TABLE notice_deliveries IS 'Which notices go by which channel, and the message that brought them.';
CREATE INDEX notice_deliveries_waiting ON notice_deliveries (channel_id, notice_id) WHERE outbox_id IS NULL;

-- Which silence of a device was told, so that a long one is told once.
CREATE TABLE told_silences (
    device_id    integer     PRIMARY KEY,
    last_seen_at timestamptz NOT NULL,
    told_at      timestamptz NOT NULL
);
COMMENT ON TABLE told_silences IS 'Of each device, the last heartbeat before the silence that was told.';

-- Nothing that was before is told.
CREATE TABLE notice_following (
    is_only  boolean     PRIMARY KEY DEFAULT true CHECK (is_only),
    since_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE notice_following IS 'From when on events are told: what was before is history.';
INSERT INTO notice_following DEFAULT VALUES;
