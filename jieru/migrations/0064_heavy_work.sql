-- Heavy work of the console stands in one line, however many processes serve it: whoever has a place
-- in it holds a lease here, which runs out where nobody renews it.


CREATE TABLE heavy_work (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    line       text        NOT NULL CHECK (line IN ('small', 'large')),
    caller     text        NOT NULL CHECK (length(caller) BETWEEN 1 AND 200),
    kind       text        NOT NULL CHECK (length(kind) BETWEEN 1 AND 200),
    queued_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,
    ended_at   timestamptz,
    leased_until timestamptz NOT NULL,
    done       real        CHECK (done BETWEEN 0 AND 1),
    cancelled_at timestamptz
);
COMMENT ON TABLE heavy_work IS 'Heavy work of the console that waits, runs, or ended within the last minutes.';
COMMENT ON COLUMN heavy_work.line IS 'Small work does not wait for large work.';
COMMENT ON COLUMN heavy_work.caller IS 'Whose places it takes: a person, a key, or all of an operator''s platform.';
COMMENT ON COLUMN heavy_work.kind IS 'What it is: method and route.';
COMMENT ON COLUMN heavy_work.leased_until IS 'Until then the process that does it is taken to live.';
COMMENT ON COLUMN heavy_work.done IS 'The part of it that is done; null: not told.';
COMMENT ON COLUMN heavy_work.cancelled_at IS 'When its caller asked for its end.';

-- One row: whoever has locked it hands out places. Nobody waits for it.
CREATE TABLE heavy_work_line (
    the_only boolean PRIMARY KEY DEFAULT true CHECK (the_only)
);
COMMENT ON TABLE heavy_work_line IS 'One row, locked by whoever hands out the places of heavy work.';
INSERT INTO heavy_work_line DEFAULT VALUES;

-- Renews leases and hands out the places that are free, to whichever process: to the
-- caller who has fewest, of those to the one who was served longest ago, then by the order of arrival.
-- It is one statement for its client, so that one that stops in the middle keeps no lock.
CREATE FUNCTION hand_out_heavy_work(
    held_ids bigint[], lease interval, its_line text, places integer, places_of_caller integer
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    next_id bigint;
BEGIN
    UPDATE heavy_work SET leased_until = clock_timestamp() + lease
    WHERE id = ANY (held_ids) AND ended_at IS NULL;
    PERFORM FROM heavy_work_line FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    DELETE FROM heavy_work
    WHERE CASE WHEN ended_at IS NULL THEN leased_until < clock_timestamp()
               ELSE ended_at < clock_timestamp() - interval '10 minutes' END;
    WHILE places > (
        SELECT count(*) FROM heavy_work WHERE line = its_line AND started_at IS NOT NULL AND ended_at IS NULL
    ) LOOP
        SELECT waiting.id INTO next_id
        FROM heavy_work AS waiting
        CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE ended_at IS NULL) AS held, max(started_at) AS served_at
            FROM heavy_work AS of_caller
            WHERE of_caller.caller = waiting.caller AND of_caller.line = its_line
              AND of_caller.started_at IS NOT NULL
        ) AS before
        WHERE waiting.line = its_line AND waiting.started_at IS NULL AND waiting.ended_at IS NULL
          AND waiting.cancelled_at IS NULL AND held < places_of_caller
        ORDER BY held, served_at NULLS FIRST, waiting.id
        LIMIT 1;
        EXIT WHEN next_id IS NULL;
        UPDATE heavy_work SET started_at = clock_timestamp() WHERE id = next_id;
    END LOOP;
END
$$;
COMMENT ON FUNCTION hand_out_heavy_work IS 'Renews leases on places of heavy work, and hands out those that are free.';
