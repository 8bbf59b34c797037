"""A few schedules, and consoles broken on purpose, which must be found out."""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.stall.run import Outcome, play
from tests.stall.schedule import Event, Kind, Schedule, schedule_of
from tests.stall.seeds import EVERY_RUN
from tests.stall.stage import Servers
from tests.support.debian_root import DebianRoot

_LOSES_CHANGES: Final = """
from contextlib import contextmanager
from jieru import audit
from api.web import database
_changing = audit.changing
@contextmanager
def _forget(connection, actor):
    with _changing(connection, actor):
        yield
        if connection.execute("SELECT count(*) > 0 FROM audit_entries "
                              "WHERE record_kind = 'devices' AND record_id = "
                              "(SELECT max(id) FROM devices) AND changed_at > now()").fetchone()[0]:
            import psycopg
            raise psycopg.Rollback
database.changing = _forget
"""
"""What registers a device is answered as ever, and rolled back."""

_APPLIES_TWICE: Final = """
from api.registry.enterprises import queries
_change = queries.change_enterprise
def _change_thrice(connection, caller, uscc, change, expected, **others):
    record = _change(connection, caller, uscc, change, expected, **others)
    connection.execute("UPDATE enterprises SET name = name || 'x' WHERE uscc = %s", (uscc,))
    connection.execute("UPDATE enterprises SET name = %s WHERE uscc = %s", (record.name, uscc))
    return record
queries.change_enterprise = _change_thrice
"""
"""As if it had been sent twice: the second time after somebody else's change."""

_BLOCKS_HEALTH: Final = """
import asyncio
import time
from api.health.probe import HealthProbe
_find = HealthProbe.find
_from = time.monotonic() + 6.0
async def _wait(self):
    if time.monotonic() > _from:
        await asyncio.sleep(2.5)
    return await _find(self)
HealthProbe.find = _wait
"""


@pytest.fixture(scope="module")
def servers(debian_root: DebianRoot) -> Iterator[Servers]:
    """The server and the city of all these schedules."""
    with Servers(debian_root) as servers:
        yield servers


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", EVERY_RUN)
def test_whatever_one_caller_does_every_change_is_stored_once_or_not_at_all(
    servers: Servers, seed: int
) -> None:
    """As its answer said; the audit is whole and the console comes back. No timing decides."""
    outcome = play(servers, schedule_of(seed))
    if outcome.findings:
        pytest.fail(f"{outcome}\n{outcome.log}", pytrace=False)
    assert outcome.changes, "nobody changed anything"


@pytest.fixture(scope="module")
def broken(servers: Servers) -> Outcome:
    """What a busy little crowd finds out about a console that is broken in three ways."""
    prelude = _LOSES_CHANGES + _APPLIES_TWICE + _BLOCKS_HEALTH
    return play(servers, Schedule(1, 1, ()), prelude=prelude, people=12, thinking_s=0.5)


@pytest.mark.timeout(600)
def test_a_console_that_loses_what_it_says_is_stored_is_found_out(broken: Outcome) -> None:
    """By the books."""
    assert any(each.startswith("lost: ") for each in broken.findings), broken


@pytest.mark.timeout(600)
def test_a_console_that_applies_a_change_twice_is_found_out(broken: Outcome) -> None:
    """By the audit, since the registry has the right name in the end."""
    assert any(each.startswith("applied 2 times: ") for each in broken.findings), broken


@pytest.mark.timeout(600)
def test_health_that_waits_is_found_out(broken: Outcome) -> None:
    """Two and a half seconds are longer than one, however slow the machine is."""
    assert broken.health_late, broken
    assert any(each.startswith("health of serve 1 not answered") for each in broken.slow), broken


@pytest.mark.timeout(600)
def test_a_console_that_does_not_come_back_is_found_out(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for ever, and the verdict says which one it was."""
    monkeypatch.setattr("tests.stall.run._PATIENCE_S", 10.0)
    monkeypatch.setattr("tests.stall.stage.Serve.start_again", lambda _serve: None)
    schedule = Schedule(1, 1, (Event(Kind.KILL_SERVE, 0.1, 0.1),))
    found = play(servers, schedule, people=4).findings
    assert any(each.startswith("serve 1 works no more") for each in found), found
