-- Which enterprises are visited, drawn so that nobody can choose them and everybody can repeat it; and
-- what visits found. A list is published by its digest before the public value exists, is drawn once,
-- and nothing of it changes afterwards.

CREATE TABLE draws (
    id               integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    year             integer     NOT NULL CHECK (year BETWEEN 2020 AND 2100),
    as_of            date        NOT NULL,
    list_csv         text        NOT NULL,
    digest           text        NOT NULL CHECK (digest = encode(sha256(convert_to(list_csv, 'UTF8')), 'hex')),
    strata           jsonb       NOT NULL CHECK (jsonb_typeof(strata) = 'array'),
    listed           integer     NOT NULL CHECK (listed >= 1),
    size             integer     NOT NULL CHECK (size BETWEEN 1 AND listed),
    announced_source text        NOT NULL CHECK (announced_source <> ''),
    announced_on     date        NOT NULL CHECK (announced_on > (published_at AT TIME ZONE 'Asia/Shanghai')::date),
    value_form       text        NOT NULL CHECK (value_form COLLATE "C" ~ '^[!-/0:-~]([ -/0:-~]*[!-/0:-~])?$' AND value_form ~ '0'),
    commitment       text        CHECK (commitment ~ '^[0-9a-f]{64}$'),
    published_at     timestamptz NOT NULL,
    published_by     text        NOT NULL CHECK (published_by <> ''),
    public_value     text        CHECK (regexp_replace(public_value COLLATE "C", '[0-9]', '0', 'g') = value_form),
    revealed         bytea       CHECK (encode(sha256(revealed), 'hex') = commitment),
    seed             text        CHECK (seed = encode(sha256(convert_to(digest || public_value, 'UTF8') || coalesce(revealed, '')), 'hex')),
    drawn_at         timestamptz CHECK ((drawn_at AT TIME ZONE 'Asia/Shanghai')::date >= announced_on),
    drawn_by         text        CHECK (drawn_by <> ''),
    CHECK (num_nulls(public_value, seed, drawn_at, drawn_by) IN (0, 4)),
    CHECK (CASE WHEN drawn_at IS NULL THEN revealed IS NULL
                ELSE (revealed IS NULL) = (commitment IS NULL) END)
);
COMMENT ON TABLE draws IS 'Lists of enterprises that were published for a draw, and with which values they were drawn.';
COMMENT ON COLUMN draws.as_of IS 'Last day of the evidence by which they are listed.';
COMMENT ON COLUMN draws.list_csv IS 'Byte by byte as it was published: platform, uscc, stratum.';
COMMENT ON COLUMN draws.strata IS 'What those of a stratum have in common, which the list does not say: platform, number, publisher, has_signals.';
COMMENT ON COLUMN draws.announced_source IS 'Where the public value comes from, such as a lottery''s round.';
COMMENT ON COLUMN draws.announced_on IS 'The day on which that value comes to be: after the publication.';
COMMENT ON COLUMN draws.value_form IS 'How that value is spelled, in visible ASCII characters: each 0 stands for one digit, all else for itself. With a second spelling one would choose between samples.';
COMMENT ON COLUMN draws.commitment IS 'SHA-256 of what is kept sealed until the draw; null: nothing is.';
COMMENT ON COLUMN draws.revealed IS 'What was sealed.';
-- Whoever could publish a second list once the value is known would draw until the sample pleases.
CREATE UNIQUE INDEX draws_wait_one_by_one ON draws (year) WHERE drawn_at IS NULL;

-- When something was done is said by the database's clock, whatever a program writes. The owner of the
-- tables is not held to it, and a simulation plays years in minutes.
CREATE FUNCTION date_by_the_clock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE')
       OR (SELECT is_simulation FROM installation) THEN
        RETURN NEW;
    END IF;
    RETURN jsonb_populate_record(NEW, jsonb_build_object(TG_ARGV[0], now()));
END
$$;

CREATE FUNCTION publish_undrawn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.drawn_at IS NOT NULL THEN
        RAISE EXCEPTION 'a list is published before it is drawn' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER draws_are_published_undrawn BEFORE INSERT ON draws
    FOR EACH ROW EXECUTE FUNCTION publish_undrawn();
CREATE TRIGGER draws_date_published BEFORE INSERT ON draws
    FOR EACH ROW EXECUTE FUNCTION date_by_the_clock('published_at');
CREATE TRIGGER draws_date_drawn BEFORE UPDATE ON draws
    FOR EACH ROW WHEN (OLD.drawn_at IS NULL AND NEW.drawn_at IS NOT NULL)
    EXECUTE FUNCTION date_by_the_clock('drawn_at');

CREATE FUNCTION draw_once() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    drawing text[] := ARRAY['public_value', 'revealed', 'seed', 'drawn_at', 'drawn_by'];
BEGIN
    IF OLD.drawn_at IS NOT NULL OR to_jsonb(OLD) - drawing IS DISTINCT FROM to_jsonb(NEW) - drawing THEN
        RAISE EXCEPTION 'a list that is published does not change, and is drawn once'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER draws_are_drawn_once BEFORE UPDATE ON draws
    FOR EACH ROW EXECUTE FUNCTION draw_once();
CREATE TRIGGER draws_are_for_good BEFORE DELETE OR TRUNCATE ON draws
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER draws_audit_insert AFTER INSERT ON draws REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();
CREATE TRIGGER draws_audit_update AFTER UPDATE ON draws REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();

CREATE TABLE draw_entries (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    draw_id       integer NOT NULL REFERENCES draws,
    platform_id   integer NOT NULL REFERENCES platforms,
    enterprise_id integer NOT NULL REFERENCES enterprises,
    stratum       integer NOT NULL CHECK (stratum >= 1),
    ticket        text    NOT NULL CHECK (ticket ~ '^[0-9a-f]{64}$'),
    UNIQUE (draw_id, platform_id, enterprise_id)
);
COMMENT ON TABLE draw_entries IS 'The enterprises that were drawn.';
COMMENT ON COLUMN draw_entries.ticket IS 'Of its stratum those with the smallest were drawn.';

CREATE FUNCTION listed_for_draw(list_csv text) RETURNS TABLE (platform text, uscc text, stratum integer)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT split_part(line, ',', 1), split_part(line, ',', 2), split_part(line, ',', 3)::integer
    FROM string_to_table(rtrim(list_csv, E'\n'), E'\n') WITH ORDINALITY AS lines (line, number)
    WHERE number > 1
$$;

-- The ticket is worked out once more, so that nobody is drawn who was not.
CREATE FUNCTION draw_entries_are_drawn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM draws d, platforms p, enterprises e
        WHERE d.id = NEW.draw_id AND p.id = NEW.platform_id AND e.id = NEW.enterprise_id
          AND NEW.ticket = encode(sha256(convert_to('draw' || d.seed || p.code || '/' || e.uscc, 'UTF8')), 'hex')
          AND strpos(d.list_csv, E'\n' || p.code || ',' || e.uscc || ',' || NEW.stratum || E'\n') > 0
          AND d.size > (SELECT count(*) FROM draw_entries o WHERE o.draw_id = d.id)) THEN
        RAISE EXCEPTION 'draw % has drawn no such enterprise', NEW.draw_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER draw_entries_are_drawn BEFORE INSERT ON draw_entries
    FOR EACH ROW EXECUTE FUNCTION draw_entries_are_drawn();
CREATE TRIGGER draw_entries_are_for_good BEFORE UPDATE OR DELETE OR TRUNCATE ON draw_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER draw_entries_audit_insert AFTER INSERT ON draw_entries REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();

-- Once a draw is made, all who had to be drawn are: of each stratum so many as docs/draw.md has it, with
-- the smallest tickets.
CREATE FUNCTION draw_is_whole() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    codes    text[];
    numbers  integer[];
    members  bigint[];
    seats    bigint[];
    neediest integer;
BEGIN
    SELECT array_agg(platform ORDER BY platform COLLATE "C", stratum),
           array_agg(stratum ORDER BY platform COLLATE "C", stratum),
           array_agg(listed ORDER BY platform COLLATE "C", stratum),
           array_agg((place = 1)::integer ORDER BY platform COLLATE "C", stratum)
    INTO codes, numbers, members, seats
    FROM (SELECT platform, stratum, count(*) AS listed,
                 row_number() OVER (PARTITION BY platform ORDER BY count(*) DESC, stratum) AS place
          FROM listed_for_draw(NEW.list_csv)
          GROUP BY platform, stratum) AS strata;
    FOR seat IN (SELECT sum(each) FROM unnest(seats) AS each) + 1 .. NEW.size LOOP
        SELECT i INTO neediest FROM generate_subscripts(members, 1) AS i
        ORDER BY NEW.size * members[i] - NEW.listed * seats[i] DESC, i LIMIT 1;
        seats[neediest] := seats[neediest] + 1;
    END LOOP;
    IF EXISTS (
        SELECT FROM (
            SELECT l.platform, l.uscc, s.due,
                   row_number() OVER (PARTITION BY l.platform, l.stratum ORDER BY encode(sha256(convert_to(
                       'draw' || NEW.seed || l.platform || '/' || l.uscc, 'UTF8')), 'hex') COLLATE "C") AS place
            FROM listed_for_draw(NEW.list_csv) l
            JOIN unnest(codes, numbers, seats) AS s (platform, stratum, due) USING (platform, stratum)
        ) AS ranked
        WHERE (ranked.place <= ranked.due) <> EXISTS (
            SELECT FROM draw_entries t JOIN platforms p ON p.id = t.platform_id JOIN enterprises e ON e.id = t.enterprise_id
            WHERE t.draw_id = NEW.id AND p.code = ranked.platform AND e.uscc = ranked.uscc)) THEN
        RAISE EXCEPTION 'draw % has not drawn those whose tickets are the smallest', NEW.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER draws_are_whole AFTER UPDATE ON draws DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.drawn_at IS NOT NULL) EXECUTE FUNCTION draw_is_whole();

CREATE TABLE visits (
    id             integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    year           integer     NOT NULL CHECK (year BETWEEN 2020 AND 2100),
    draw_id        integer,
    platform_id    integer     NOT NULL REFERENCES platforms,
    enterprise_id  integer     NOT NULL REFERENCES enterprises,
    visited_on     date        NOT NULL,
    first_visitor  text        NOT NULL CHECK (first_visitor <> ''),
    second_visitor text        NOT NULL CHECK (second_visitor <> '' AND lower(second_visitor) <> lower(first_visitor)),
    found          text        NOT NULL CHECK (found IN ('as_registered', 'differs', 'not_found', 'refused')),
    notes          text        NOT NULL CHECK (notes <> ''),
    documents      text[]      NOT NULL DEFAULT '{}' CHECK (array_to_string(documents, ',') ~ '^([0-9a-f]{64}(,[0-9a-f]{64})*)?$'),
    case_id        integer     REFERENCES cases,
    recorded_by    text        NOT NULL CHECK (recorded_by <> ''),
    recorded_at    timestamptz NOT NULL CHECK ((recorded_at AT TIME ZONE 'Asia/Shanghai')::date >= visited_on),
    FOREIGN KEY (draw_id, platform_id, enterprise_id) REFERENCES draw_entries (draw_id, platform_id, enterprise_id)
);
COMMENT ON TABLE visits IS 'What people found who went to an enterprise, drawn or not.';
COMMENT ON COLUMN visits.draw_id IS 'The last draw that had drawn it by then; null: none had. It counts for every draw of the year that had.';
COMMENT ON COLUMN visits.found IS 'as_registered: the machines are there and the enterprise works; differs: not as registered; not_found: no such enterprise or machines; refused: nobody let them in.';
COMMENT ON COLUMN visits.documents IS 'SHA-256 of photographs and papers.';
COMMENT ON COLUMN visits.case_id IS 'The case that it opened, or belongs to.';
CREATE INDEX visits_by_enterprise ON visits (platform_id, enterprise_id, id);
-- Whoever is visited before a draw is not visited because of it.
CREATE FUNCTION visit_after_draw() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.visited_on < (SELECT (d.drawn_at AT TIME ZONE 'Asia/Shanghai')::date FROM draws d WHERE d.id = NEW.draw_id) THEN
        RAISE EXCEPTION 'the visit of % was made before draw %', NEW.visited_on, NEW.draw_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER visits_follow_draws BEFORE INSERT ON visits
    FOR EACH ROW EXECUTE FUNCTION visit_after_draw();
CREATE TRIGGER visits_date_recorded BEFORE INSERT ON visits
    FOR EACH ROW EXECUTE FUNCTION date_by_the_clock('recorded_at');
CREATE TRIGGER visits_are_for_good BEFORE UPDATE OR DELETE OR TRUNCATE ON visits
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER visits_audit_insert AFTER INSERT ON visits REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries();
