-- The enterprise speaks for itself: contacts that no operator reads, what is sent to them, and what they
-- answered: whether a connection is so, and whether a machine stood still when they were asked to stop it.

-- A column whose name begins with `-` is personal, and its entry has nothing of it: eight digits of a
-- digest would tell a telephone number to whoever tries them all.
CREATE OR REPLACE FUNCTION audited(record jsonb, secret_columns text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN secret_columns = '{}' THEN record ELSE
        (record - coalesce((SELECT array_agg(substr(name, 2)) FROM unnest(secret_columns) AS name
                            WHERE name LIKE '-%'), '{}'))
        || coalesce(
            (SELECT jsonb_object_agg(name, left(encode(sha256(convert_to(record ->> name, 'UTF8')), 'hex'), 8))
             FROM unnest(secret_columns) AS name WHERE record ->> name IS NOT NULL), '{}') END
$$;

CREATE TABLE enterprise_contacts (
    id             integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    enterprise_id  integer     NOT NULL REFERENCES enterprises,
    name           text        NOT NULL CHECK (name <> ''),
    email          text        CHECK (email <> ''),
    telephone      text        CHECK (telephone <> ''),
    postal_address text        CHECK (postal_address <> ''),
    entered_by     text        NOT NULL,
    entered_at     timestamptz NOT NULL DEFAULT now(),
    CHECK (num_nonnulls(email, telephone, postal_address) > 0)
);
COMMENT ON TABLE enterprise_contacts IS 'Whom the bureau asks at an enterprise. The newest row of an enterprise is its contact, those before are its history; no operator reads any.';
CREATE INDEX enterprise_contacts_by_enterprise ON enterprise_contacts (enterprise_id, id DESC);
CREATE TRIGGER enterprise_contacts_are_for_good BEFORE UPDATE OR DELETE OR TRUNCATE ON enterprise_contacts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER enterprise_contacts_audit_insert AFTER INSERT ON enterprise_contacts REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries('-name', '-email', '-telephone', '-postal_address');

-- What waits to be sent, one row for each event and recipient. Not in the audit: what is sent stands in
-- the record that it is about.
CREATE TABLE outbox (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_key       text        NOT NULL UNIQUE CHECK (event_key <> ''),
    channel         text        NOT NULL DEFAULT 'email' CHECK (channel IN ('email')),
    recipient       text        NOT NULL CHECK (recipient <> ''),
    subject         text        NOT NULL CHECK (subject !~ '[\r\n]'),
    body            text        NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    attempts        integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    sent_at         timestamptz,
    last_error      text,
    dead            boolean     NOT NULL DEFAULT false,
    expires_at      timestamptz,
    contact_id      integer     REFERENCES enterprise_contacts,
    dropped         text        CHECK (dropped IN ('expired', 'another_contact')),
    CHECK (NOT dead OR sent_at IS NULL),
    CHECK (sent_at IS NULL OR body = ''),
    CHECK (dropped IS NULL OR sent_at IS NULL AND NOT dead AND body = '')
);
COMMENT ON TABLE outbox IS 'Messages that `jieru notify` sends, at least once each, repeated until they are taken or dead.';
COMMENT ON COLUMN outbox.event_key IS 'What is told, to whom: the same twice is one message.';
COMMENT ON COLUMN outbox.body IS 'Gone as soon as it is sent, for it may hold a link that stands for whoever has it.';
COMMENT ON COLUMN outbox.dead IS 'Given up: it was refused, or tried as often as is sensible.';
COMMENT ON COLUMN outbox.expires_at IS 'From when on it would only mislead, and is not sent.';
COMMENT ON COLUMN outbox.contact_id IS 'To whom it is written: where the enterprise has another contact by now, it is not sent.';
COMMENT ON COLUMN outbox.dropped IS 'Why it was not sent and never will be; its text is gone.';
CREATE INDEX outbox_waiting ON outbox (next_attempt_at) WHERE sent_at IS NULL AND NOT dead AND dropped IS NULL;
CREATE INDEX outbox_dead ON outbox (id) WHERE dead;
CREATE FUNCTION keep_message() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sending text[] := ARRAY['body', 'next_attempt_at', 'attempts', 'sent_at', 'last_error', 'dead', 'dropped'];
BEGIN
    IF OLD.sent_at IS NOT NULL OR OLD.dropped IS NOT NULL OR to_jsonb(OLD) - sending IS DISTINCT FROM to_jsonb(NEW) - sending
       OR NEW.body NOT IN (OLD.body, '') THEN
        RAISE EXCEPTION 'a message does not change, and is sent once' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER outbox_stays BEFORE UPDATE ON outbox FOR EACH ROW EXECUTE FUNCTION keep_message();
CREATE TRIGGER outbox_is_for_good BEFORE DELETE OR TRUNCATE ON outbox
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- One question to the contact of an enterprise: is this connection so? What was read in it is kept beside
-- the answer, for a contract can be changed afterwards.
CREATE TABLE confirmations (
    id            integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connection_id integer     REFERENCES connections,
    request_id    integer     REFERENCES connection_requests,
    contact_id    integer     NOT NULL REFERENCES enterprise_contacts,
    sent_by       text        NOT NULL CHECK (sent_by IN ('email', 'letter')),
    contract_no   text,
    from_date     date        NOT NULL,
    token_sha256  bytea       NOT NULL UNIQUE CHECK (octet_length(token_sha256) = 32),
    asked_by      text        NOT NULL,
    asked_at      timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL CHECK (expires_at > asked_at),
    answer        text        CHECK (answer IN ('confirmed', 'denied')),
    reason        text        CHECK (reason <> ''),
    answered_at   timestamptz,
    answered_from text,
    CHECK (num_nonnulls(connection_id, request_id) > 0),
    CHECK (num_nulls(answer, answered_at, answered_from) IN (0, 3)),
    CHECK (reason IS NULL OR answer IS NOT NULL),
    CHECK (answer IS DISTINCT FROM 'denied' OR reason IS NOT NULL)
);
COMMENT ON TABLE confirmations IS 'What enterprises were asked of their connections, by a mail or a letter, and what they answered.';
COMMENT ON COLUMN confirmations.request_id IS 'Of a question about a request; its connection follows when the enterprise confirms.';
COMMENT ON COLUMN confirmations.token_sha256 IS 'SHA-256 of the code: 100 random bits, which no dictionary holds.';
COMMENT ON COLUMN confirmations.answered_from IS 'The address from which it was answered.';
CREATE INDEX confirmations_by_connection ON confirmations (connection_id, id DESC);
CREATE INDEX confirmations_by_request ON confirmations (request_id, id DESC) WHERE request_id IS NOT NULL;

CREATE FUNCTION answer_confirmation_once() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    answering text[] := ARRAY['answer', 'reason', 'answered_at', 'answered_from'];
BEGIN
    IF OLD.request_id IS NOT NULL AND OLD.connection_id IS NULL THEN
        answering := answering || 'connection_id'::text;
    END IF;
    IF OLD.answer IS NOT NULL OR NEW.answer IS NULL
       OR to_jsonb(OLD) - answering IS DISTINCT FROM to_jsonb(NEW) - answering THEN
        RAISE EXCEPTION 'a confirmation is answered once, and nothing else of it changes'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER confirmations_are_answered_once BEFORE UPDATE ON confirmations
    FOR EACH ROW EXECUTE FUNCTION answer_confirmation_once();
CREATE TRIGGER confirmations_are_for_good BEFORE DELETE OR TRUNCATE ON confirmations
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER confirmations_audit_insert AFTER INSERT ON confirmations REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries('-token_sha256', '-reason');
CREATE TRIGGER confirmations_audit_update AFTER UPDATE ON confirmations REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries('-token_sha256', '-reason');

-- How each connection stands. A "yes" holds for the contract that was read; a "no" for the connection.
CREATE VIEW connection_confirmations AS
SELECT connections.id AS connection_id,
       coalesce(said.answer,
                CASE WHEN asked.asked_at IS NOT NULL THEN 'asked'
                     WHEN EXISTS (SELECT FROM enterprise_contacts AS contacts
                                  WHERE contacts.enterprise_id = connections.enterprise_id) THEN 'unasked'
                     ELSE 'no_contact' END) AS state,
       coalesce(said.answered_at, asked.asked_at) AS since
FROM connections
LEFT JOIN LATERAL (
    SELECT answer, answered_at FROM confirmations
    WHERE connection_id = connections.id AND answer IS NOT NULL
      AND (answer = 'denied' OR contract_no IS NOT DISTINCT FROM connections.contract_no)
    ORDER BY answered_at DESC, id DESC LIMIT 1) AS said ON true
LEFT JOIN LATERAL (
    SELECT asked_at FROM confirmations
    WHERE connection_id = connections.id AND answer IS NULL AND expires_at > now()
    ORDER BY id DESC LIMIT 1) AS asked ON true;
COMMENT ON VIEW connection_confirmations IS 'What the enterprise says of each connection: confirmed, denied, asked, unasked or no_contact, and since when.';

-- What enterprises denied, and whether another contact said since that it is so: then nobody but the two
-- who hold the contacts knows which of them is right.
CREATE VIEW denials AS
SELECT coalesce(n.platform_id, r.platform_id) AS platform_id, e.id AS enterprise_id, f.answered_at AS denied_at,
       yes.answered_at AS undone_at, yes.entered_by, yes.asked_by
FROM confirmations f
LEFT JOIN connections n ON n.id = f.connection_id
LEFT JOIN connection_requests r ON r.id = f.request_id
JOIN enterprises e ON e.id = n.enterprise_id OR n.id IS NULL AND e.uscc = r.uscc
LEFT JOIN LATERAL (
    SELECT y.answered_at, k.entered_by, CASE WHEN y.sent_by = 'letter' THEN y.asked_by END AS asked_by
    FROM confirmations y
    JOIN connections c ON c.id = y.connection_id
    JOIN enterprise_contacts k ON k.id = y.contact_id
    WHERE y.answer = 'confirmed' AND y.answered_at > f.answered_at AND y.contact_id <> f.contact_id
      AND c.platform_id = coalesce(n.platform_id, r.platform_id) AND c.enterprise_id = e.id
    ORDER BY y.answered_at DESC, y.id DESC LIMIT 1) AS yes ON true
WHERE f.answer = 'denied';
COMMENT ON VIEW denials IS 'Connections that enterprises denied; undone_at: when another contact confirmed it since, who was entered by entered_by and, by letter, asked by asked_by.';

-- What people did in a count: who made it, what they decided in it, who checked it. Whoever names an
-- exception has a part in making each count that has a window in that month, whoever accepted an opening
-- stock in each in which something counts by it. Whoever cleared a case took what hindered a count out of its way: that is a part in making it. (What
-- a case that was upheld led to is a decision, which is one anyhow.) The same is so of whoever entered the
-- contact by whom an enterprise confirmed, or printed the letter and so held its code, and of whoever kept
-- an enterprise that had denied.
CREATE VIEW count_deeds AS
SELECT s.count_id, CASE s.step WHEN 'draft' THEN 'drafted' WHEN 'submit' THEN 'submitted'
                               WHEN 'freeze' THEN 'froze' ELSE 'approved' END AS deed,
       s.taken_by AS person, s.taken_at AS done_at, NULL::integer AS number,
       NULL::text AS platform, NULL::text AS uscc, NULL::text AS name
FROM count_steps s WHERE s.step IN ('draft', 'submit', 'freeze', 'approve_payment')
UNION
SELECT c.id, own.deed, own.person, own.done_at, NULL, NULL, NULL, NULL
FROM counts c CROSS JOIN LATERAL (VALUES
    ('drafted', c.drafted_by, c.drafted_at), ('submitted', c.submitted_by, c.submitted_at),
    ('froze', c.frozen_by, c.frozen_at), ('approved', c.payable_by, c.payable_at)
) AS own (deed, person, done_at)
WHERE own.person IS NOT NULL
UNION
-- A decision counts in every count that lists its enterprise, unless it was withdrawn before the
-- year began. That all stays as it is, is no decision of anything.
SELECT c.id, own.deed, own.person, own.done_at, d.id, p.code, e.uscc, e.name
FROM counts c
JOIN count_determinations f ON f.count_id = c.id
JOIN platforms p ON p.code = f.platform
JOIN enterprises e ON e.uscc = f.uscc
JOIN decisions d ON d.platform_id = p.id AND d.enterprise_id = e.id
CROSS JOIN LATERAL (VALUES
    ('decided', d.decided_by, d.decided_at), ('withdrew', d.withdrawn_by, d.withdrawn_at)
) AS own (deed, person, done_at)
WHERE own.person IS NOT NULL AND d.kind <> 'keep'
  AND (d.withdrawn_at IS NULL
       OR d.withdrawn_at AT TIME ZONE 'Asia/Shanghai' >= make_date(c.year, 1, 1))
UNION
SELECT c.id, own.deed, own.person, own.done_at, l.id, p.code, e.uscc, e.name
FROM counts c
JOIN pending_closings l ON l.year = c.year
JOIN platforms p ON p.id = l.platform_id
JOIN enterprises e ON e.id = l.enterprise_id
CROSS JOIN LATERAL (VALUES
    ('closed', l.closed_by, l.closed_at), ('reopened', l.withdrawn_by, l.withdrawn_at)
) AS own (deed, person, done_at)
WHERE own.person IS NOT NULL
UNION
SELECT c.id, 'named', x.named_by, x.named_at, x.id, NULL, NULL, NULL
FROM counts c JOIN evidence_exceptions x ON EXISTS (
    SELECT FROM count_determinations f
    WHERE f.count_id = c.id AND f.outcome = 'counted'
      AND x.month BETWEEN date_trunc('month', (f.entry ->> 'window_first_day')::timestamp)
                      AND (f.entry ->> 'window_last_day')::timestamp)
UNION
SELECT c.id, 'accepted', o.decided_by, o.decided_at, o.id, NULL, NULL, NULL
FROM counts c JOIN opening_stocks o ON EXISTS (
    SELECT FROM count_determinations f
    WHERE f.count_id = c.id
      AND f.entry -> 'backdated' @> jsonb_build_array(jsonb_build_object('opening_stock', o.id)))
UNION
SELECT c.id, 'cleared', t.taken_by, t.taken_at, k.id, p.code, e.uscc, e.name
FROM counts c
JOIN count_determinations f ON f.count_id = c.id
JOIN platforms p ON p.code = f.platform
JOIN enterprises e ON e.uscc = f.uscc
JOIN cases k ON k.platform_id = p.id AND k.enterprise_id = e.id
JOIN case_steps t ON t.case_id = k.id AND t.step = 'cleared'
WHERE t.taken_at AT TIME ZONE 'Asia/Shanghai' >= make_date(c.year, 1, 1)
UNION
SELECT c.id, own.deed, own.person, own.done_at, NULL, p.code, e.uscc, e.name
FROM counts c
JOIN count_determinations f ON f.count_id = c.id AND f.entry ->> 'confirmation' = 'confirmed'
JOIN platforms p ON p.code = f.platform
JOIN enterprises e ON e.uscc = f.uscc
JOIN connections n ON n.platform_id = p.id AND n.enterprise_id = e.id
JOIN confirmations y ON y.connection_id = n.id AND y.answer = 'confirmed'
JOIN enterprise_contacts k ON k.id = y.contact_id
CROSS JOIN LATERAL (VALUES
    ('contacted', k.entered_by, k.entered_at),
    ('asked', CASE WHEN y.sent_by = 'letter' THEN y.asked_by END, y.asked_at)
) AS own (deed, person, done_at)
WHERE own.person IS NOT NULL
UNION
SELECT c.id, 'decided', d.decided_by, d.decided_at, d.id, p.code, e.uscc, e.name
FROM counts c
JOIN count_determinations f ON f.count_id = c.id
JOIN platforms p ON p.code = f.platform
JOIN enterprises e ON e.uscc = f.uscc
JOIN decisions d ON d.platform_id = p.id AND d.enterprise_id = e.id AND d.kind = 'keep' AND d.withdrawn_at IS NULL
JOIN denials n ON n.platform_id = p.id AND n.enterprise_id = e.id AND d.decided_at >= n.denied_at
WHERE f.entry ? 'confirmation';
COMMENT ON VIEW count_deeds IS 'What each person did in each count, which keeps the same person from checking or paying it.';

-- A contact was asked to stop one machine, or to set it to maintenance, within an hour. No column names the
-- platform: an operator reads the audit of the own platform, and must not read of this.
CREATE TABLE challenges (
    id                integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connection_id     integer     NOT NULL REFERENCES connections,
    device_id         integer     NOT NULL REFERENCES devices,
    contact_id        integer     NOT NULL REFERENCES enterprise_contacts,
    token_sha256      bytea       NOT NULL UNIQUE CHECK (octet_length(token_sha256) = 32),
    issued_by         text        NOT NULL,
    issued_at         timestamptz NOT NULL DEFAULT now(),
    ends_at           timestamptz NOT NULL CHECK (ends_at > issued_at),
    acknowledged_at   timestamptz,
    acknowledged_from text,
    result            text        CHECK (result IN ('seen', 'missed', 'unanswered', 'not_judged')),
    ground            text        CHECK (ground <> ''),
    judged_at         timestamptz,
    CHECK (num_nulls(acknowledged_at, acknowledged_from) IN (0, 2)),
    CHECK (num_nulls(result, ground, judged_at) IN (0, 3))
);
COMMENT ON TABLE challenges IS 'Contacts who were asked to let a machine stand still, and whether its heartbeats showed it.';
COMMENT ON COLUMN challenges.ground IS 'What the result rests on: gap, maintenance, went_on, slow_device, silent_before, gaps_usual, heartbeats_gone, ingesters_away, mail_late.';
CREATE INDEX challenges_by_connection ON challenges (connection_id, id DESC);
CREATE INDEX challenges_to_judge ON challenges (ends_at) WHERE result IS NULL;
CREATE FUNCTION judge_challenge_once() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    acknowledging text[] := ARRAY['acknowledged_at', 'acknowledged_from'];
    judging       text[] := ARRAY['result', 'ground', 'judged_at'];
BEGIN
    IF OLD.result IS NOT NULL
       OR to_jsonb(OLD) - acknowledging - judging IS DISTINCT FROM to_jsonb(NEW) - acknowledging - judging
       OR OLD.acknowledged_at IS NOT NULL
          AND (OLD.acknowledged_at, OLD.acknowledged_from) IS DISTINCT FROM (NEW.acknowledged_at, NEW.acknowledged_from) THEN
        RAISE EXCEPTION 'a challenge is acknowledged once and judged once' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER challenges_are_judged_once BEFORE UPDATE ON challenges
    FOR EACH ROW EXECUTE FUNCTION judge_challenge_once();
CREATE TRIGGER challenges_are_for_good BEFORE DELETE OR TRUNCATE ON challenges
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER challenges_audit_insert AFTER INSERT ON challenges REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries('-token_sha256');
CREATE TRIGGER challenges_audit_update AFTER UPDATE ON challenges REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries('-token_sha256');

ALTER TABLE cases DROP CONSTRAINT cases_cause_check,
    ADD CONSTRAINT cases_cause_check CHECK (cause IN ('signals', 'challenge', 'draw', 'verifier', 'confirmation'));

-- What was said when decides what counts, so it is the database's clock that says it: a program could
-- have had a connection requested, a question asked or answered, or a contact entered long ago.
CREATE TRIGGER connection_requests_date_requested BEFORE INSERT ON connection_requests
    FOR EACH ROW EXECUTE FUNCTION date_by_the_clock('requested_at');
CREATE TRIGGER connection_requests_date_decided BEFORE UPDATE ON connection_requests
    FOR EACH ROW WHEN (NEW.decided_at IS NOT NULL) EXECUTE FUNCTION date_by_the_clock('decided_at');
CREATE TRIGGER enterprise_contacts_date_entered BEFORE INSERT ON enterprise_contacts
    FOR EACH ROW EXECUTE FUNCTION date_by_the_clock('entered_at');
CREATE TRIGGER confirmations_date_asked BEFORE INSERT ON confirmations
    FOR EACH ROW EXECUTE FUNCTION date_by_the_clock('asked_at');
CREATE TRIGGER confirmations_date_answered BEFORE UPDATE ON confirmations
    FOR EACH ROW WHEN (OLD.answered_at IS NULL AND NEW.answered_at IS NOT NULL)
    EXECUTE FUNCTION date_by_the_clock('answered_at');

CREATE FUNCTION request_undecided() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> 'open'
       AND NOT pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE')
       AND NOT (SELECT is_simulation FROM installation) THEN
        RAISE EXCEPTION 'a connection is requested before anybody decides' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER connection_requests_are_undecided BEFORE INSERT ON connection_requests
    FOR EACH ROW EXECUTE FUNCTION request_undecided();
