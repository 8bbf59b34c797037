"""Forms that register what begins long ago: they say what it costs, and take it the second time."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import pytest
from psycopg.sql import SQL, Identifier

from jieru.calendar import civil_date
from jieru.database import connect
from tests.integration.test_procedure_api import Bureau, opened
from tests.support.registry_builder import RegistryBuilder
from tests.support.registry_files import uscc_of

_KNOWN: Final = re.compile(r'name="known_from_date" value="([^"]*)"')
_FORMS: Final[Mapping[str, tuple[str, Mapping[str, str], str, str]]] = {
    "a connection": (
        "/connections/new",
        {"platform": "xielian", "uscc": uscc_of(1)},
        "from_date",
        "connections",
    ),
    "a connection of an enterprise": (
        f"/enterprises/{uscc_of(1)}/connections/new",
        {"platform": "xielian"},
        "from_date",
        "connections",
    ),
    "a hand-over": (
        "/devices/xielian/CNC-1/hand-over",
        {"uscc": uscc_of(1)},
        "from_date",
        "assignments",
    ),
    "a new device": (
        "/devices/new",
        {
            "platform": "xielian",
            "serial": "CNC-2",
            "expected_interval_s": "300",
            "uscc": uscc_of(1),
        },
        "assigned_from",
        "assignments",
    ),
}


def _opened(url: str) -> Iterator[Bureau]:
    with connect(url) as connection:
        build = RegistryBuilder(connection)
        build.platform("xielian")
        build.enterprise(1)
        build.device("xielian", "CNC-1")
        connection.commit()
    with opened(url) as bureau:
        bureau.now = datetime.now(UTC)
        yield bureau


@pytest.fixture
def bureau(database_url: str) -> Iterator[Bureau]:
    """On a real registry."""
    yield from _opened(database_url)


@pytest.fixture
def simulated(embedded_simulation_url: str) -> Iterator[Bureau]:
    """On a registry of simulated data."""
    yield from _opened(embedded_simulation_url)


def _days_ago(bureau: Bureau, days: int) -> date:
    return civil_date(bureau.now) - timedelta(days=days)


def _first_days(bureau: Bureau, table: str) -> list[Any]:
    with connect(bureau.url) as connection:
        statement = SQL("SELECT from_date FROM {}").format(Identifier(table))
        rows = connection.execute(statement).fetchall()
    return [day for (day,) in rows]


@pytest.mark.parametrize("form", _FORMS)
async def test_what_begins_long_ago_is_registered_by_the_second_click(
    bureau: Bureau, form: str
) -> None:
    """The first one is answered with what it costs; another day in between is told anew."""
    address, said, field, table = _FORMS[form]
    long_ago = _days_ago(bureau, 60)
    sent = {**said, field: str(long_ago)}
    first = await bureau.send(address, sent)
    assert first.status_code == 422, first.text
    assert f'id="mistake-{field}"' in first.text
    assert "lies 60 days back" in first.text
    assert str(_days_ago(bureau, 7)) in first.text
    assert _first_days(bureau, table) == []
    known = _KNOWN.findall(first.text)
    assert known == [str(long_ago)]
    elsewhere = {**sent, "known_from_date": known[0], field: str(_days_ago(bureau, 90))}
    other = await bureau.send(address, elsewhere)
    assert (other.status_code, "lies 90 days back" in other.text) == (422, True)
    second = await bureau.send(address, {**sent, "known_from_date": known[0]})
    assert second.status_code == 303, second.text
    assert _first_days(bureau, table) == [long_ago]


@pytest.mark.parametrize("form", _FORMS)
async def test_what_begins_a_week_ago_is_registered_at_once(bureau: Bureau, form: str) -> None:
    """All of its evidence counts, so there is nothing to say."""
    address, said, field, table = _FORMS[form]
    sent = await bureau.send(address, {**said, field: str(_days_ago(bureau, 7))})
    assert sent.status_code == 303, sent.text
    assert _first_days(bureau, table) == [_days_ago(bureau, 7)]


async def test_a_device_that_is_assigned_to_nobody_is_asked_about_no_day(bureau: Bureau) -> None:
    """What is wrong with the rest of a form is said with the first click."""
    address, said, field, _table = _FORMS["a new device"]
    unassigned = {**said, "uscc": "", field: str(_days_ago(bureau, 60))}
    refused = await bureau.send(address, unassigned)
    assert (refused.status_code, "days back" in refused.text) == (422, False)
    registered = await bureau.send(address, {**unassigned, field: ""})
    assert registered.status_code == 303, registered.text


@pytest.mark.parametrize("form", _FORMS)
async def test_a_simulation_knows_no_late(simulated: Bureau, form: str) -> None:
    """It is recorded on its first day, as a simulated city plays another time."""
    address, said, field, table = _FORMS[form]
    sent = await simulated.send(address, {**said, field: "2025-03-01"})
    assert sent.status_code == 303, sent.text
    assert _first_days(simulated, table) == [date(2025, 3, 1)]
