-- Long steps of a count (draft, submit, freeze) as every `jieru serve` sees them: who began which and
-- when, how far it is, when the server that takes it was last heard, and how it ended.

CREATE TABLE long_steps (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    year       integer     NOT NULL,
    step       text        NOT NULL CHECK (step IN ('draft', 'submit', 'freeze')),
    person     text        NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    heard_at   timestamptz NOT NULL DEFAULT now(),
    phase      text        NOT NULL,
    fraction   real        NOT NULL DEFAULT 0,
    ended_at   timestamptz,
    ending     text        CHECK (ending IN ('done', 'refused', 'failed', 'interrupted')),
    told       jsonb,
    CONSTRAINT long_steps_end_with_an_ending CHECK ((ended_at IS NULL) = (ending IS NULL))
);
COMMENT ON TABLE long_steps IS 'Steps of counts that run in the background of `jieru serve`, and how they ended.';
COMMENT ON COLUMN long_steps.heard_at IS 'The lease of the server that takes it: one that was not heard for half a minute is gone.';
COMMENT ON COLUMN long_steps.told IS 'Why it was not done: an untranslated sentence, its values, and what changed meanwhile.';
CREATE UNIQUE INDEX long_steps_running ON long_steps (year) WHERE ended_at IS NULL;
CREATE INDEX long_steps_year ON long_steps (year, id);

-- The broker's files as they were last written, so that one that vanishes is known to have been there
-- and told to people; and the entries that are not ours, which only the password file holds otherwise.
CREATE TABLE broker_files (
    path        text        PRIMARY KEY,
    kind        text        NOT NULL CHECK (kind IN ('passwords', 'acl')),
    others      text        NOT NULL DEFAULT '',
    noted_at    timestamptz NOT NULL DEFAULT now(),
    vanished_at timestamptz,
    back_at     timestamptz CHECK (back_at >= vanished_at)
);
COMMENT ON TABLE broker_files IS 'Files of Mosquitto that were written at least once.';
COMMENT ON COLUMN broker_files.others IS 'Lines of users that begin with an underscore, such as the ingesters'': names and hashes.';
COMMENT ON COLUMN broker_files.vanished_at IS 'When it was last found gone; gone still where back_at is null.';

-- Migrations of the last step of an upgrade, which takes away what programs of the release before use:
-- a program that does not know one of these does not run; any other that it does not know only adds.
CREATE TABLE last_steps (
    migration_id text        PRIMARY KEY,
    applied_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE last_steps IS 'Applied migrations that take away what programs of the release before use.';
