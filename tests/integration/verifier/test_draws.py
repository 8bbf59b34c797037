"""Draws and visits on a real database: published, drawn once, and said by the count."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final

import psycopg
import pytest

from jieru.audit import changing
from jieru.errors import UserError
from tests.integration.verifier.conftest import WORKED_EXAMPLE
from tests.support.procedure import (
    CHECKER,
    KEY,
    MAKER,
    POLICY,
    TRUSTED,
    drafted,
    later,
    submitted,
)
from tests.support.registry_builder import RegistryBuilder
from verifier.procedure.freezing import export_count, freeze_count
from verifier.procedure.overview import count_summary
from verifier.procedure.recheck import recheck_count
from verifier.procedure.records import CountRecord, read_document
from verifier.procedure.steps import return_count
from verifier.procedure.verifying import faults
from verifier.trust.draws.drawing import read_list
from verifier.trust.draws.records import (
    Announcement,
    Draw,
    draw_by_id,
    drawn_enterprises,
    list_draws,
    publish_list,
    record_draw,
    results_of_year,
    waiting_draw,
)
from verifier.trust.draws.results import Found
from verifier.trust.draws.visits import (
    Visit,
    VisitReport,
    list_visits,
    record_visit,
    visits_of_draw,
)

_SEED: Final = b"6f1d2b0c\n"
_COMMITMENT: Final = hashlib.sha256(_SEED).hexdigest()
_PUBLISHED_AT: Final = MAKER.at
_ANNOUNCED: Final = Announcement(
    "双色球 2027050 期", date(2027, 5, 9), "00 00 00 00 00 00 + 00", _COMMITMENT
)
_DRAWN_AT: Final = datetime(2027, 5, 9, 14, tzinfo=UTC)
_VALUE: Final = "03 07 12 18 25 31 + 09"


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


@pytest.fixture
def city(registry: RegistryBuilder) -> RegistryBuilder:
    """Two platforms with four enterprises and two, all of which count."""
    for platform, numbers in (("alpha", range(1, 5)), ("beta", range(5, 7))):
        registry.platform(platform)
        for number in numbers:
            registry.served_enterprise(number, platform, WORKED_EXAMPLE)
    return registry


def _publish(
    connection: psycopg.Connection,
    *,
    size: int = 3,
    announcement: Announcement = _ANNOUNCED,
) -> Draw:
    connection.commit()
    with changing(connection, MAKER.actor):
        return publish_list(
            connection,
            2026,
            size=size,
            announcement=announcement,
            by=MAKER.name,
            at=_PUBLISHED_AT,
        )


def _draw(
    connection: psycopg.Connection,
    draw: Draw,
    *,
    value: str = _VALUE,
    revealed: bytes | None = _SEED,
    at: datetime = _DRAWN_AT,
) -> Draw:
    connection.commit()
    with changing(connection, MAKER.actor):
        return record_draw(
            connection, draw, public_value=value, revealed=revealed, by=MAKER.name, at=at
        )


def _visit(
    connection: psycopg.Connection,
    platform: str,
    uscc: str,
    found: Found,
    **said: Any,  # noqa: ANN401 - of a report
) -> Visit:
    report = VisitReport(
        year=2026,
        platform=platform,
        uscc=uscc,
        visited_on=date(2027, 5, 10),
        first_visitor="林晓",
        second_visitor="陈静",
        found=found,
        notes="三台机床在产，铭牌已核对",
    )
    with changing(connection, CHECKER.actor):
        return record_visit(
            connection, replace(report, **said), by="chen", at=datetime(2027, 5, 10, 9, tzinfo=UTC)
        )


@pytest.fixture
def published(city: RegistryBuilder, database: psycopg.Connection) -> Draw:
    """The list of the submitted count of 2026, published, of whom three are to be visited."""
    del city
    submitted(database)
    return _publish(database)


def test_a_list_holds_whom_the_count_would_pay_for(
    published: Draw, database: psycopg.Connection
) -> None:
    """With its digest, and without a word of what its strata have in common."""
    rows = read_list(published.content)
    assert [row.platform for row in rows] == ["alpha"] * 4 + ["beta"] * 2
    assert published.digest == hashlib.sha256(published.content).hexdigest()
    assert (published.listed, published.size) == (6, 3)
    assert [each["publisher"] for each in published.strata] == ["cloud", "cloud"]
    assert b"cloud" not in published.content
    assert list_draws(database, 2025) == []


@pytest.mark.usefixtures("city")
def test_whoever_publishes_through_a_gateway_or_shows_signals_is_drawn_among_his_like(
    database: psycopg.Connection,
) -> None:
    """By most of the hours heard, and by the last run of the signals."""
    submitted(database)
    uscc = [row[0] for row in database.execute("SELECT uscc FROM enterprises ORDER BY id")]
    database.execute(
        """INSERT INTO signal_runs (as_of, from_on, run_by, code_version, policy, policy_sha256,
                                    signals, sha256)
           VALUES ('2027-04-05', '2026-01-01', 't', 't', 'p', repeat('0', 64), 1,
                   repeat('0', 64))"""
    )
    database.execute(
        """INSERT INTO signals (run_id, kind, platform_id, enterprise_id, strength, score,
                                threshold, from_on, to_on, serials)
           SELECT 1, 'required_hours', p.id, e.id, 'soft', 1, 0.8, '2026-03-01', '2026-06-01', '{}'
           FROM platforms p, enterprises e WHERE p.code = 'alpha' AND e.uscc = %s""",
        (uscc[2],),
    )
    database.execute(
        """WITH gone AS (
               DELETE FROM ONLY presence p USING assignments a, enterprises e
               WHERE p.device_id = a.device_id AND a.enterprise_id = e.id AND e.uscc = %s
               RETURNING p.*)
           INSERT INTO presence_by_others (device_id, month, hours, late_hours, publisher_id)
           SELECT device_id, month, hours, late_hours, 2 FROM gone""",
        (uscc[5],),
    )
    draw = _publish(database, size=4)
    numbers = {row.uscc: row.number for row in read_list(draw.content)}
    assert numbers == {**dict.fromkeys(uscc, 1), uscc[2]: 2, uscc[5]: 2}
    kinds = {
        (each["platform"], each["number"]): (each["publisher"], each["has_signals"])
        for each in draw.strata
    }
    assert kinds == {
        ("alpha", 1): ("cloud", False),
        ("alpha", 2): ("cloud", True),
        ("beta", 1): ("cloud", False),
        ("beta", 2): ("device", False),
    }


@pytest.mark.usefixtures("city")
def test_a_draft_that_is_not_submitted_is_not_published(database: psycopg.Connection) -> None:
    """Who is listed may still change."""
    with pytest.raises(UserError, match="not submitted yet"):
        _publish(database)
    drafted(database)
    with pytest.raises(UserError, match="not submitted yet"):
        _publish(database)


@pytest.mark.usefixtures("city")
@pytest.mark.parametrize(
    ("announcement", "message"),
    [
        (replace(_ANNOUNCED, on=date(2027, 5, 6)), "not after today"),
        (replace(_ANNOUNCED, source="  "), "text of 1 to 200"),
        (replace(_ANNOUNCED, form="双色球"), "a 0 for each digit"),
        (replace(_ANNOUNCED, commitment=_COMMITMENT.upper()), "64 hexadecimal digits"),
    ],
)
def test_the_value_is_announced_for_a_later_day(
    database: psycopg.Connection,
    announcement: Announcement,
    message: str,
) -> None:
    """And is named, and what is sealed by a digest; else nothing is published."""
    submitted(database)
    with pytest.raises(UserError, match=message):
        _publish(database, announcement=announcement)


def test_a_second_list_waits_until_the_first_is_drawn(
    published: Draw, database: psycopg.Connection
) -> None:
    """Else one would publish until the sample pleases."""
    with pytest.raises(UserError, match="draw that first"):
        _publish(database)
    _draw(database, published)
    again = _publish(database)
    assert [each.id for each in list_draws(database, 2026)] == [again.id, published.id]
    assert waiting_draw(database, 2026) == again


def test_a_sample_follows_from_the_list_that_was_published(
    published: Draw, database: psycopg.Connection
) -> None:
    """Whatever became of the registry since."""
    database.execute("UPDATE enterprises SET name = '改名', revision = revision + 1")
    drawn = _draw(database, published)
    sample = published.sample(_VALUE, _SEED)
    entries = drawn_enterprises(database, drawn)
    assert [each.listed for each in entries] == [each.listed for each in sample.drawn]
    assert {each.platform for each in entries} == {"alpha", "beta"}
    assert (drawn.list_csv, drawn.seed) == (published.list_csv, sample.seed)
    with pytest.raises(UserError, match="No list of 2026 waits"):
        waiting_draw(database, 2026)
    with pytest.raises(UserError, match="drawn already"):
        _draw(database, drawn)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"at": datetime(2027, 5, 8, 15, 59, tzinfo=UTC)}, "announced for 2027-05-09"),
        ({"value": " "}, "spell it so"),
        ({"value": "03  07 12 18 25 31 + 09"}, "spell it so"),
        ({"value": "3 07 12 18 25 31 + 09"}, "spell it so"),
        ({"value": "03 07 12 18 25 31 09"}, "spell it so"),
        ({"value": "０３ 07 12 18 25 31 + 09"}, "spell it so"),
        ({"revealed": b"6f1d2b0c"}, "not what was sealed"),
        ({"revealed": None}, "is needed to draw"),
    ],
)
def test_what_does_not_fit_the_announcement_draws_nobody(
    published: Draw, database: psycopg.Connection, changed: dict[str, Any], message: str
) -> None:
    """Too early, without a value, spelled otherwise, or with another seed than the sealed one."""
    with pytest.raises(UserError, match=message):
        _draw(database, published, **changed)
    assert draw_by_id(database, published.id).drawn_at is None


@pytest.mark.usefixtures("city")
def test_nothing_is_revealed_that_was_not_sealed(database: psycopg.Connection) -> None:
    """A draw without a sealed seed rests on the public value alone."""
    submitted(database)
    draw = _publish(database, announcement=replace(_ANNOUNCED, commitment=None))
    with pytest.raises(UserError, match="Nothing was sealed"):
        _draw(database, draw)
    assert _draw(database, draw, revealed=None).seed == draw.sample(_VALUE).seed


_REFUSED: Final = (
    "UPDATE draws SET list_csv = list_csv",
    "UPDATE draws SET list_csv = list_csv || 'x', digest = digest",
    "UPDATE draws SET size = 2",
    "UPDATE draws SET announced_source = 'other'",
    "UPDATE draws SET public_value = '2'",
    "DELETE FROM draws",
    "UPDATE draw_entries SET stratum = 9",
    "DELETE FROM draw_entries",
    "DELETE FROM visits",
    "UPDATE visits SET found = 'as_registered'",
    """INSERT INTO draw_entries (draw_id, platform_id, enterprise_id, stratum, ticket)
       SELECT 1, p.id, e.id, 1, repeat('0', 64) FROM platforms p, enterprises e LIMIT 1""",
)


@pytest.mark.parametrize("statement", _REFUSED)
def test_the_database_keeps_a_draw_as_it_is(
    published: Draw, database: psycopg.Connection, statement: str
) -> None:
    """Whoever writes past the programs changes no list, no sample and no finding."""
    drawn = _draw(database, published)
    entry = drawn_enterprises(database, drawn)[0]
    _visit(database, entry.platform, entry.uscc, Found.NOT_FOUND)
    with pytest.raises(psycopg.errors.RestrictViolation), database.transaction():
        database.execute(statement.encode())


def _drawing(value: str, *, on: str = "2027-05-10", hashed: str = _SEED.decode()) -> str:
    """A statement that draws past the programs."""
    return f"""
        UPDATE draws SET public_value = '{value}', drawn_by = 'x', drawn_at = '{on}',
                         revealed = decode(nullif('{hashed.encode().hex()}', ''), 'hex'),
                         seed = encode(sha256(convert_to(digest || '{value}{hashed}', 'UTF8')),
                                       'hex')"""  # noqa: S608 - values of this file


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    "statement",
    [
        _drawing(_VALUE) + " || '0'",
        """UPDATE draws SET public_value = '03 07 12 18 25 31 + 09', drawn_by = 'x',
           drawn_at = '2027-05-10'""",
        _drawing(_VALUE, on="2027-05-08"),
        _drawing(_VALUE, hashed=""),
        _drawing(f"{_VALUE} "),
        _drawing("3 7 12 18 25 31 + 9"),
    ],
)
def test_the_database_takes_no_draw_of_other_values(
    database: psycopg.Connection, statement: str
) -> None:
    """A seed that does not follow, none, a day too early, nothing revealed, another spelling."""
    with pytest.raises(psycopg.errors.CheckViolation), database.transaction():
        database.execute(statement.encode())


@pytest.mark.usefixtures("published")
def test_the_database_takes_no_draw_that_leaves_somebody_out(database: psycopg.Connection) -> None:
    """Nobody drawn, too few of a stratum, or others than those with the smallest tickets."""
    entry = """
        INSERT INTO draw_entries (draw_id, platform_id, enterprise_id, stratum, ticket)
        SELECT d.id, p.id, e.id, l.stratum,
               encode(sha256(convert_to('draw' || d.seed || p.code || '/' || e.uscc, 'UTF8')),
                      'hex')
        FROM draws d, listed_for_draw(d.list_csv) l
        JOIN platforms p ON p.code = l.platform JOIN enterprises e ON e.uscc = l.uscc
        ORDER BY 5 {order} LIMIT {limit}"""
    for entries in ("SELECT", entry.format(order="", limit=1), entry.format(order="DESC", limit=3)):
        statements = (_drawing(_VALUE), entries, "SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(psycopg.errors.RestrictViolation), database.transaction():
            database.execute(";".join(statements).encode())
    assert [each.drawn_at for each in list_draws(database, 2026)] == [None]


def test_a_process_says_nothing_of_when_a_list_was_published_or_drawn(
    published: Draw, database: psycopg.Connection
) -> None:
    """The database's clock does; and no list is published with its draw in it."""
    copied = """
        INSERT INTO draws (year, as_of, list_csv, digest, strata, listed, size, announced_source,
                           announced_on, value_form, published_at, published_by)
        SELECT 2030, as_of, list_csv, digest, strata, listed, size, announced_source,
               (now() AT TIME ZONE 'Asia/Shanghai')::date + 1, '0', '2020-01-01', 'x'
        FROM draws RETURNING published_at = now()"""
    database.commit()
    with database.transaction(force_rollback=True):
        database.execute("SET LOCAL ROLE jieru_api")
        assert database.execute(copied).fetchone() == (True,)
        with pytest.raises(psycopg.errors.CheckViolation), database.transaction():
            database.execute(
                """UPDATE draws SET public_value = '1', drawn_by = 'x', drawn_at = '2099-01-01',
                          seed = encode(sha256(convert_to(digest || '1', 'UTF8')), 'hex')
                   WHERE year = 2030"""
            )
    drawn = _draw(database, published)
    already = """
        INSERT INTO draws (year, as_of, list_csv, digest, strata, listed, size, announced_source,
                           announced_on, value_form, commitment, published_at, published_by,
                           public_value, revealed, seed, drawn_at, drawn_by)
        SELECT year, as_of, list_csv, digest, strata, listed, size, announced_source,
               announced_on, value_form, commitment, published_at, published_by,
               public_value, revealed, seed, drawn_at, drawn_by FROM draws WHERE id = %s"""
    with pytest.raises(psycopg.errors.RestrictViolation), database.transaction():
        database.execute(already, (drawn.id,))


def test_what_a_visit_finds_amiss_opens_a_case(
    published: Draw, database: psycopg.Connection
) -> None:
    """And what is as it is registered opens none; a visit belongs to the draw that drew it."""
    drawn = _draw(database, published)
    first, second, third = drawn_enterprises(database, drawn)
    missing = _visit(database, first.platform, first.uscc, Found.NOT_FOUND)
    assert (missing.draw_id, missing.enterprise) == (drawn.id, first.enterprise)
    cases = "SELECT id, cause, opened_by FROM cases"
    assert database.execute(cases).fetchall() == [(missing.case_id, "draw", "chen")]
    again = _visit(database, first.platform, first.uscc, Found.DIFFERS, case_id=missing.case_id)
    assert again.case_id == missing.case_id
    for entry, found in ((second, Found.AS_REGISTERED), (third, Found.REFUSED)):
        assert _visit(database, entry.platform, entry.uscc, found).case_id is None
    assert len(database.execute(cases).fetchall()) == 1
    assert [each.found for each in list_visits(database, 2026)] == [
        "not_found",
        "differs",
        "as_registered",
        "refused",
    ]


def test_a_visit_before_the_draw_says_nothing_of_the_list(
    published: Draw, database: psycopg.Connection
) -> None:
    """Whom one had chosen would stand for whom the draw chose, and the database refuses it too."""
    drawn = _draw(database, published)
    first = drawn_enterprises(database, drawn)[0]
    early = _visit(
        database, first.platform, first.uscc, Found.AS_REGISTERED, visited_on=date(2027, 5, 8)
    )
    assert early.draw_id is None
    assert visits_of_draw(drawn, [first], [early]) == []
    assert drawn_enterprises(database, drawn)[0].found == []
    with pytest.raises(psycopg.errors.RestrictViolation), database.transaction():
        database.execute(
            """INSERT INTO visits (year, draw_id, platform_id, enterprise_id, visited_on,
                                   first_visitor, second_visitor, found, notes, recorded_by,
                                   recorded_at)
               SELECT year, %s, platform_id, enterprise_id, visited_on, first_visitor,
                      second_visitor, found, notes, recorded_by, recorded_at FROM visits""",
            (drawn.id,),
        )


def test_a_visit_counts_for_every_draw_that_had_drawn_its_enterprise(
    published: Draw, database: psycopg.Connection
) -> None:
    """A second draw of the year takes no visit from the first."""
    drawn = _draw(database, published)
    again = _draw(database, _publish(database, size=6))
    for entry in drawn_enterprises(database, again):
        visit = _visit(database, entry.platform, entry.uscc, Found.AS_REGISTERED)
        assert visit.draw_id == again.id
    assert [(each.drawn, each.visited) for each in results_of_year(database, 2026)] == [
        (3, 3),
        (6, 6),
    ]
    for each in (drawn, again):
        sample = drawn_enterprises(database, each)
        assert len(visits_of_draw(each, sample, list_visits(database, 2026))) == len(sample)


def test_an_enterprise_that_was_not_drawn_may_be_visited_too(
    published: Draw, database: psycopg.Connection
) -> None:
    """It belongs to no draw, and says nothing of the list."""
    drawn = _draw(database, published)
    sampled = {each.uscc for each in drawn_enterprises(database, drawn)}
    other = next(row for row in read_list(drawn.content) if row.uscc not in sampled)
    visit = _visit(database, other.platform, other.uscc, Found.DIFFERS)
    assert visit.draw_id is None
    assert visit.case_id is not None
    (result,) = results_of_year(database, 2026)
    assert (result.visited, result.differs) == (0, 0)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"platform": "nobody"}, "never connected"),
        ({"visited_on": date(2027, 5, 11)}, "is to come"),
        ({"second_visitor": " "}, "both names"),
        ({"second_visitor": "林晓 "}, "another one"),
        ({"notes": " "}, "what was seen"),
        ({"documents": ("abc",)}, "64 hexadecimal"),
        ({"case_id": 77}, "Case 77"),
    ],
)
def test_a_visit_is_of_two_people_to_an_enterprise_that_was_connected(
    published: Draw, database: psycopg.Connection, said: dict[str, Any], message: str
) -> None:
    """On a day that has come, with what was seen; else nothing is recorded."""
    row = read_list(published.content)[0]
    values = {"platform": row.platform, "uscc": row.uscc, **said}
    with pytest.raises(UserError, match=message):
        _visit(database, values.pop("platform"), values.pop("uscc"), Found.REFUSED, **values)
    assert list_visits(database) == []


def _frozen_with(
    database: psycopg.Connection, visits: Callable[[Draw], None] | None
) -> CountRecord:
    record = submitted(database)
    if visits is not None:
        visits(_draw(database, _publish(database)))
    database.commit()
    return freeze_count(database, record, later(database, CHECKER), KEY, trusted=TRUSTED)


@pytest.mark.usefixtures("city")
def test_a_frozen_count_says_what_was_found(database: psycopg.Connection) -> None:
    """As known when it was frozen, under its signature; a later visit changes nothing of it."""

    def visits(drawn: Draw) -> None:
        first, second, _third = drawn_enterprises(database, drawn)
        _visit(database, first.platform, first.uscc, Found.NOT_FOUND)
        _visit(database, second.platform, second.uscc, Found.AS_REGISTERED)
        # What was not found opened a case, without whose outcome no count is frozen.
        database.execute(
            "INSERT INTO case_steps (case_id, step, taken_by, text)"
            " SELECT id, 'cleared', 'user:he', 'It moved next door.' FROM cases"
        )

    record = _frozen_with(database, visits)
    (said,) = read_document(database, record)["visits"]
    assert (said["listed"], said["drawn"], said["visited"]) == (6, 3, 2)
    assert (said["not_found"], said["as_registered"], said["refused"]) == (1, 1, 0)
    third = drawn_enterprises(database, draw_by_id(database, said["draw"]))[2]
    _visit(database, third.platform, third.uscc, Found.AS_REGISTERED)
    assert read_document(database, record)["visits"] == [said]
    database.commit()
    assert not faults(database, record, TRUSTED)
    summary = count_summary(database, record)
    assert summary is not None
    assert summary.visits == (said,)
    database.commit()
    recheck = recheck_count(database, record, POLICY)
    assert recheck.is_document_intact
    assert not recheck.has_difference
    assert b'"visits":' in export_count(database, record)


def test_a_count_that_grew_since_its_list_says_how_many_nobody_could_draw(
    city: RegistryBuilder, database: psycopg.Connection
) -> None:
    """The bound is of the list, and two enterprises came to be counted after it was drawn."""
    record = submitted(database)
    _draw(database, _publish(database))
    database.commit()
    return_count(database, record, later(database, CHECKER), reason="补录")
    for number in (7, 8):
        city.served_enterprise(number, "beta", WORKED_EXAMPLE)
    again = submitted(database, maker=later(database, MAKER))
    frozen = freeze_count(database, again, later(database, CHECKER), KEY, trusted=TRUSTED)
    document = read_document(database, frozen)
    assert document["visits_not_listed"] == 2
    assert [each["listed"] for each in document["visits"]] == [6]


@pytest.mark.usefixtures("city")
def test_a_count_without_a_draw_is_frozen_as_before(database: psycopg.Connection) -> None:
    """No word of visits, and a recheck finds nothing."""
    record = _frozen_with(database, None)
    assert "visits" not in read_document(database, record)
    database.commit()
    assert not recheck_count(database, record, POLICY).has_difference
