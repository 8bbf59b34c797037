"""What auditors see of draws and visits, held against the programs that draw."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Final

import psycopg
import pytest

from jieru.audit import changing
from jieru.database import connect
from tests.integration.verifier.conftest import WORKED_EXAMPLE
from tests.support.procedure import MAKER, submitted
from tests.support.registry_builder import RegistryBuilder
from verifier.trust.draws.drawing import read_list
from verifier.trust.draws.records import (
    Announcement,
    Draw,
    drawn_enterprises,
    publish_list,
    record_draw,
)
from verifier.trust.draws.results import Found
from verifier.trust.draws.visits import VisitReport, record_visit

_DRAWN_AT: Final = datetime(2027, 5, 9, 14, tzinfo=UTC)
_SELECT_DRAW: Final = "SELECT digest, listed, size, drawn, visited, amiss FROM audit.draws"
_SELECT_LIST: Final = """
    SELECT platform, uscc, stratum, ticket FROM audit.draw_lists ORDER BY platform, uscc
"""
_SELECT_KINDS: Final = """
    SELECT DISTINCT publisher, has_signals FROM audit.draw_lists
    WHERE is_drawn = (ticket IS NOT NULL)
"""


@pytest.fixture
def database(embedded_database_url: str) -> Iterator[psycopg.Connection]:
    """A year with six enterprises that count on two platforms, in review."""
    with connect(embedded_database_url) as connection:
        registry = RegistryBuilder(connection)
        for platform, numbers in (("alpha", range(1, 5)), ("beta", range(5, 7))):
            registry.platform(platform)
            for number in numbers:
                registry.served_enterprise(number, platform, WORKED_EXAMPLE)
        submitted(connection)
        yield connection


def _published(connection: psycopg.Connection) -> Draw:
    with changing(connection, MAKER.actor):
        return publish_list(
            connection,
            2026,
            size=3,
            announcement=Announcement("彩票", date(2027, 5, 9), "0", None),
            by="lin",
            at=MAKER.at,
        )


def _drawn(connection: psycopg.Connection) -> Draw:
    draw = _published(connection)
    with changing(connection, MAKER.actor):
        return record_draw(
            connection, draw, public_value="7", revealed=None, by="lin", at=_DRAWN_AT
        )


def test_a_list_that_waits_is_shown_with_nobody_drawn(database: psycopg.Connection) -> None:
    """All rows of it, and none with a ticket."""
    draw = _published(database)
    assert database.execute(_SELECT_DRAW).fetchall() == [(draw.digest, 6, 3, 0, 0, 0)]
    rows = database.execute(_SELECT_LIST).fetchall()
    assert [row[:3] for row in rows] == [tuple(each) for each in read_list(draw.content)]
    assert {row[3] for row in rows} == {None}


def test_who_was_drawn_stands_beside_who_could_be(database: psycopg.Connection) -> None:
    """With the ticket, and what the stratum's number means."""
    draw = _drawn(database)
    drawn = {(each.platform, each.uscc): each.ticket for each in drawn_enterprises(database, draw)}
    rows = database.execute(_SELECT_LIST).fetchall()
    assert {(row[0], row[1]): row[3] for row in rows if row[3]} == drawn
    assert database.execute(_SELECT_KINDS).fetchall() == [("cloud", False)]


def test_visits_are_counted_by_enterprise(database: psycopg.Connection) -> None:
    """Twice to one and not at all to another; what was amiss once stays so."""
    first, second, _third = drawn_enterprises(database, _drawn(database))
    for entry, found in (
        (first, Found.NOT_FOUND),
        (first, Found.AS_REGISTERED),
        (second, Found.REFUSED),
    ):
        report = VisitReport(
            2026, entry.platform, entry.uscc, date(2027, 5, 9), "林晓", "陈静", found, "已核对"
        )
        with changing(database, MAKER.actor):
            record_visit(database, report, by="lin", at=_DRAWN_AT)
    assert database.execute(_SELECT_DRAW).fetchall()[0][3:] == (3, 2, 1)
    shown = database.execute("SELECT uscc, found, case_id FROM audit.visits ORDER BY id")
    assert shown.fetchall() == [
        (first.uscc, "not_found", 1),
        (first.uscc, "as_registered", None),
        (second.uscc, "refused", None),
    ]
