"""A contact is asked to let a machine stand still, and the heartbeats show whether it did."""

from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from api.access.roles import Role
from jieru.audit import Actor, changing
from jieru.calendar import civil_hour_of
from tests.integration.contacts.conftest import Post
from tests.support.registry_files import uscc_of
from verifier.trust.challenges.records import candidates, judge_due

_MORNING = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
_TIMER = Actor("command:challenge", "command line")
_INSERT_BEATS = """
    INSERT INTO heartbeats (device_id, "time", received_at, status, publisher_id)
    SELECT %(device)s, at, at, 'running', 1
    FROM generate_series(%(first)s, %(last)s, interval '30 seconds') AS at
    WHERE NOT at BETWEEN %(silent_from)s AND %(silent_to)s
"""
_INSERT_MINUTES = """
    INSERT INTO ingest_minutes
        (ingester, minute, received, committed, duplicates, late, rejected, batches, commit_ms_sum,
         commit_ms_max, behind_s_max, unacknowledged_max)
    SELECT 'one', at, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0
    FROM generate_series(%(first)s, %(last)s, interval '1 minute') AS at ON CONFLICT DO NOTHING
"""
_SEEN_NOW = """
    INSERT INTO device_states (device_id, last_seen_at, status) VALUES (%s, %s, 'running')
    ON CONFLICT (device_id) DO UPDATE SET last_seen_at = excluded.last_seen_at
"""


class _Factory:
    """One enterprise with one machine, and time that passes there."""

    def __init__(self, post: Post) -> None:
        self.post = post
        post.now = _MORNING
        build = post.api.build
        build.platform("alpha")
        uscc = build.enterprise(1)
        build.connection("alpha", uscc)
        self.device = build.device("alpha", "CNC-1", uscc)
        post.contact(uscc)

    def beat(self, *, stops: bool, beats: bool = True) -> None:
        """From three hours before now until two hours after; stopping after twenty minutes."""
        connection, now = self.post.api.connection, self.post.now
        silent = now + timedelta(minutes=20 if stops else 600)
        span = {
            "device": self.device,
            "first": now - timedelta(hours=3),
            "last": now + timedelta(hours=2),
            "silent_from": silent,
            "silent_to": silent + timedelta(minutes=11),
        }
        if beats:
            connection.execute(_INSERT_BEATS, span)
        first = {**span, "first": (now - timedelta(hours=3)).replace(second=0, microsecond=0)}
        connection.execute(_INSERT_MINUTES, first)
        connection.execute(_SEEN_NOW, (self.device, now))
        connection.commit()

    async def challenge(self) -> str:
        """Issue one; its link."""
        issued = await self.post.api.ask(
            "POST", "/challenges", json={"connection_id": 1}, by=Role.VERIFIER
        )
        assert issued.status_code == 201, issued.text
        # Written by the database's clock, which is not that of this test.
        self.post.deliver()
        return [each for each in self.post.links() if each.startswith("/challenge/")][-1]

    def judge(self) -> list[str]:
        """Two hours later: the results."""
        self.post.later(hours=2, minutes=1)
        connection = self.post.work
        with changing(connection, _TIMER):
            found = judge_due(connection, by=_TIMER.name, now=self.post.now)
        return [each.result for _number, each in found]


@pytest.fixture
def factory(post: Post, monkeypatch: pytest.MonkeyPatch) -> _Factory:
    """In the morning of a working day."""
    monkeypatch.setattr("verifier.trust.challenges.records._was_told", lambda *_given: True)
    return _Factory(post)


async def test_a_machine_that_is_stopped_is_seen(factory: _Factory) -> None:
    """The contact reads the mail on a telephone, says so, and stops the machine."""
    factory.beat(stops=True)
    link = await factory.challenge()
    page = await factory.post.visit(link)
    assert page.status_code == 200
    assert "CNC-1" in page.text
    assert (await factory.post.visit(link, {})).status_code == 303
    assert "this message came" in (await factory.post.visit(link)).text
    assert factory.judge() == ["seen"]
    listed = await factory.post.api.ask("GET", "/challenges", by=Role.AUDITOR)
    (found,) = listed.json()["items"]
    assert (found["result"], found["ground"]) == ("seen", "gap")


async def test_two_misses_open_a_case(factory: _Factory) -> None:
    """One may be a mischance."""
    for cases in (0, 1):
        factory.beat(stops=False)
        await factory.post.visit(await factory.challenge(), {})
        assert factory.judge() == ["missed"]
        assert len(factory.post.rows("SELECT FROM cases WHERE cause = 'challenge'")) == cases
        factory.post.now = _MORNING + timedelta(days=1)


async def test_misses_are_noted_in_a_case_that_is_open(factory: _Factory) -> None:
    """Whatever opened it: no second one opens, and the timer goes on with the others."""
    factory.post.api.connection.execute(
        "INSERT INTO cases (platform_id, enterprise_id, opened_by, cause)"
        " SELECT platform_id, enterprise_id, 'lin', 'verifier' FROM connections"
    )
    for _day in range(2):
        factory.beat(stops=False)
        await factory.post.visit(await factory.challenge(), {})
        assert factory.judge() == ["missed"]
        factory.post.now = _MORNING + timedelta(days=1)
    assert factory.post.rows("SELECT cause FROM cases") == [("verifier",)]
    noted = factory.post.rows("SELECT step, taken_by, text LIKE '%2%' FROM case_steps")
    assert noted == [("noted", _TIMER.name, True)]


async def test_one_that_cannot_be_judged_holds_up_no_other(
    factory: _Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays due, and the log tells of it."""
    factory.beat(stops=False)
    await factory.challenge()
    with monkeypatch.context() as broken:
        broken.setattr(
            "verifier.trust.challenges.records._JUDGE",
            "UPDATE challenges SET result = %s, ground = %s, judged_at = %s, issued_by = 'x'"
            " WHERE id = %s",
        )
        with capture_logs() as logs:
            assert factory.judge() == []
    assert [each["event"] for each in logs] == ["challenge_not_judged"]
    assert factory.judge() == ["unanswered"]


async def test_operators_see_nothing_of_challenges(factory: _Factory) -> None:
    """Neither the list nor the audit: whoever makes heartbeats up would stop them."""
    factory.beat(stops=False)
    await factory.challenge()
    refused = await factory.post.api.ask("GET", "/challenges", by=Role.OPERATOR, of="alpha")
    assert refused.status_code == 403
    told = await factory.post.api.ask("GET", "/audit-entries", by=Role.OPERATOR, of="alpha")
    kinds = {each["record_kind"] for each in told.json()["items"]}
    assert not kinds & {"challenges", "confirmations", "enterprise_contacts"}


async def test_nobody_is_challenged_at_night(factory: _Factory) -> None:
    """Nor twice at once."""
    factory.beat(stops=False)
    await factory.challenge()
    again = await factory.post.api.ask("POST", "/challenges", json={"connection_id": 1})
    assert again.status_code == 409
    factory.post.later(hours=12)
    refused = await factory.post.api.ask("POST", "/challenges", json={"connection_id": 1})
    assert refused.json()["detail"] == "Nobody is challenged outside of working hours."


_HEAR: str = """
    INSERT INTO presence AS p (device_id, month, hours)
    VALUES (%s, %s, set_bit(0::bit(744), %s, 1))
    ON CONFLICT (device_id, month) DO UPDATE SET hours = p.hours | excluded.hours
"""


def _hear(factory: _Factory, at: datetime) -> None:
    values = (factory.device, *civil_hour_of(round(at.timestamp() * 1000)))
    factory.post.api.connection.execute(_HEAR.encode(), values)
    factory.post.api.connection.commit()


async def test_machines_of_the_evening_are_challenged_in_the_evening(factory: _Factory) -> None:
    """Nobody is safe by never working when offices are open; others are left in peace then."""
    factory.post.now = _MORNING.replace(hour=10, minute=30)  # half past six in Putian
    factory.beat(stops=True)
    _hear(factory, factory.post.now)
    assert (await factory.challenge()).startswith("/challenge/")
    assert factory.judge() == ["seen"]
    factory.post.now = _MORNING.replace(hour=10, minute=30) + timedelta(days=1)
    factory.beat(stops=True)
    _hear(factory, _MORNING)
    refused = await factory.post.api.ask(
        "POST", "/challenges", json={"connection_id": 1}, by=Role.VERIFIER
    )
    assert refused.status_code == 409


async def test_where_one_machine_cannot_be_judged_another_is_asked(factory: _Factory) -> None:
    """A machine that reports every five minutes and a second is no shield for the others."""
    build, connection = factory.post.api.build, factory.post.api.connection
    other = build.device("alpha", "CNC-2", uscc_of(1))
    factory.beat(stops=False)
    connection.execute(_SEEN_NOW, (other, factory.post.now))
    connection.execute(
        "INSERT INTO challenges (connection_id, device_id, contact_id, token_sha256, issued_by,"
        " issued_at, ends_at, result, ground, judged_at)"
        " SELECT 1, %s, 1, sha256('x'), 'x', %s, %s, 'not_judged', 'slow_device', %s",
        (
            factory.device,
            factory.post.now - timedelta(days=40),
            factory.post.now - timedelta(days=39),
            factory.post.now - timedelta(days=39),
        ),
    )
    connection.commit()
    found = {candidates(factory.post.work, factory.post.now)[0].device_id for _try in range(20)}
    assert found == {other}


async def test_auditors_see_who_can_never_be_challenged(factory: _Factory) -> None:
    """And whose challenges were never judged, and why; nothing of the contact."""
    reach = "SELECT has_mail, heard_in_working_hours, challenges, not_judged_grounds"
    reach += " FROM audit.challenge_reach"
    assert factory.post.rows(reach) == [(True, False, 0, None)]
    factory.post.now = datetime.now(UTC)
    at = factory.post.now.replace(hour=2)
    _hear(factory, at)
    factory.post.api.connection.execute(
        "INSERT INTO challenges (connection_id, device_id, contact_id, token_sha256, issued_by,"
        " issued_at, ends_at, result, ground, judged_at)"
        " SELECT 1, %s, 1, sha256('x'), 'x', %s, %s, 'not_judged', 'slow_device', %s",
        (factory.device, at, at + timedelta(hours=1), at + timedelta(hours=2)),
    )
    assert factory.post.rows(reach) == [(True, True, 1, "slow_device")]
