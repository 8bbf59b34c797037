"""What is told of the year: each silence and each window once, by what the count itself says."""

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from command.year_notices import tell_of_the_year
from jieru.database import connect
from tests.support.registry_files import uscc_of
from tests.support.roles import API, as_role
from tests.support.year_city import AS_OF, AT_RISK, COUNTED, NOW, build_year_city
from verifier.policy import load_policy

_POLICY = load_policy("putian-2026")
_TOLD = "SELECT kind, path, said, platform_id IS NOT NULL FROM notices ORDER BY id"


@pytest.fixture
def work(database_url: str) -> Iterator[psycopg.Connection]:
    """A city of six enterprises, as the follower sees it."""
    with connect(database_url) as connection:
        build_year_city(connection)
    with connect(as_role(database_url, API), autocommit=True) as connection:
        yield connection


def _tell(work: psycopg.Connection, *, days: int = 0) -> int:
    passed = timedelta(days=days)
    return tell_of_the_year(work, _POLICY, as_of=AS_OF + passed, now=NOW + passed)


def test_an_enterprise_at_risk_is_told_once_for_each_silence(work: psycopg.Connection) -> None:
    """The next day it is still silent, with a day less: nobody is told again."""
    assert _tell(work) >= 1
    found = work.execute(_TOLD).fetchall()
    ((_kind, path, said, has_platform),) = (each for each in found if each[0] == "at_risk")
    assert path == f"/enterprises/{uscc_of(AT_RISK)}"
    assert said["days"] > 0
    assert has_platform
    assert _tell(work) == 0
    _tell(work, days=1)
    again = [each for each in work.execute(_TOLD).fetchall() if each[0] == "at_risk"]
    assert sum(each[1] == path for each in again) == 1


def test_a_window_is_told_in_the_week_after_its_last_day(work: psycopg.Connection) -> None:
    """One that was complete long ago is history."""
    _tell(work)
    told: list[str] = []
    assert _complete(work) == told
    for days in range(-40, 0):
        _tell(work, days=days)
        if told := _complete(work):
            break
    assert told == [f"/enterprises/{uscc_of(COUNTED)}"]
    for further in range(days, days + 9):
        _tell(work, days=further)
    assert _complete(work) == told


def _complete(work: psycopg.Connection) -> list[str]:
    return [each[1] for each in work.execute(_TOLD).fetchall() if each[0] == "window_complete"]
