"""`verifier.evidence`: every bit stands on a heartbeat, and every heartbeat has its bit."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from archive.archiving import archive_expired
from archive.restoring import restore_heartbeats
from jieru.calendar import SHANGHAI
from jieru.database import connect
from jieru.errors import UserError
from tests.support.archives import ACTOR
from tests.support.heard import hear, run_ingester
from verifier.evidence.differences import DifferenceKind
from verifier.evidence.records import record_verification
from verifier.evidence.verifying import Source, VerifiedMonth, verify_month

_MARCH = date(2026, 3, 1)
_KEPT = timedelta(days=1_830)


def _verify(
    url: str,
    month: date = _MARCH,
    *,
    archive: Path | None = None,
    retention: timedelta = _KEPT,
) -> VerifiedMonth:
    with connect(url) as owner:
        owner.execute("UPDATE retention SET heartbeats_days = %s", (retention.days,))
    return verify_month(Source(url, archive, max_delay_hours=72), month)


def _hours(first: datetime, count: int) -> Iterator[datetime]:
    for hour in range(count):
        yield first + timedelta(hours=hour, minutes=7)


def _local(day: int, hour: int = 0, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=SHANGHAI).astimezone(UTC)


@pytest.fixture
def _heard(connection: psycopg.Connection) -> None:
    """Three devices: through both ends of the month, by two publishers, and late."""
    run_ingester(connection)
    hear(connection, 1, _hours(_local(28, 20, month=2), 31 * 24 + 8))
    hear(connection, 2, _hours(_local(5), 10))
    hear(connection, 2, _hours(_local(6), 10), publisher_id=7)
    hear(connection, 3, _hours(_local(9), 5), after=timedelta(hours=80))


def _found(verified: VerifiedMonth) -> list[tuple[DifferenceKind, int, int, int]]:
    return [
        (each.kind, each.device_id, each.publisher_id, each.bit)
        for each in verified.compared.listed()
    ]


@pytest.mark.usefixtures("_heard")
def test_what_ingesters_stored_is_clean(url: str) -> None:
    """Month's ends in Asia/Shanghai, several publishers and late heartbeats give no difference."""
    for month in (date(2026, 2, 1), _MARCH, date(2026, 4, 1)):
        verified = _verify(url, month)
        assert _found(verified) == []
        assert verified.is_clean
    assert _verify(url).heartbeats == 31 * 24 + 25


@pytest.mark.usefixtures("_heard")
@pytest.mark.parametrize("bit", [0, 7, 8, 23, 24, 743])
def test_one_flipped_bit_is_found(connection: psycopg.Connection, url: str, bit: int) -> None:
    """Wherever in the month it is: an hour that was heard and is not set."""
    connection.execute(
        "UPDATE presence SET hours = set_bit(hours, %s, 0) WHERE device_id = 1 AND month = %s",
        (bit, _MARCH),
    )
    assert _found(_verify(url)) == [(DifferenceKind.LOST, 1, 1, bit)]


@pytest.mark.usefixtures("_heard")
@pytest.mark.parametrize("bit", [0, 95, 107, 300, 743])
def test_one_invented_bit_is_found(connection: psycopg.Connection, url: str, bit: int) -> None:
    """Wherever in the month it is: an hour that counts and was not heard."""
    connection.execute(
        "UPDATE ONLY presence SET hours = set_bit(hours, %s, 1) WHERE device_id = 2", (bit,)
    )
    assert _found(_verify(url)) == [(DifferenceKind.INVENTED, 2, 1, bit)]


@pytest.mark.usefixtures("_heard")
def test_of_which_devices_hours_were_invented_is_kept(
    connection: psycopg.Connection, url: str
) -> None:
    """With how many and when, for the signals; what was lost is nobody's invention."""
    connection.execute(
        "UPDATE ONLY presence SET hours = set_bit(set_bit(set_bit(hours, 300, 1), 301, 1), 743, 1)"
        " WHERE device_id = 2"
    )
    connection.execute("UPDATE ONLY presence SET hours = 0::bit(744) WHERE device_id = 1")
    record_verification(connection, _verify(url), "test")
    kept = connection.execute(
        "SELECT device_id, invented_hours, from_on, to_on FROM evidence_differences"
    ).fetchall()
    assert kept == [(2, 3, date(2026, 3, 13), date(2026, 3, 31))]


@pytest.mark.usefixtures("_heard")
@pytest.mark.parametrize("bit", [300, 743])
def test_a_bit_in_a_second_row_of_the_same_key_is_found(
    connection: psycopg.Connection, url: str, bit: int
) -> None:
    """In a further table that counts as presence, as the owner of the tables could make one."""
    connection.execute("CREATE TABLE more () INHERITS (presence_by_others)")
    connection.execute(
        "INSERT INTO more (device_id, month, publisher_id, hours)"
        " VALUES (2, %s, 7, set_bit(0::bit(744), %s, 1))",
        (_MARCH, bit),
    )
    assert _found(_verify(url)) == [(DifferenceKind.INVENTED, 2, 7, bit)]


@pytest.mark.usefixtures("_heard")
def test_a_row_that_nobody_heard_and_a_row_that_is_missing_are_found(
    connection: psycopg.Connection, url: str
) -> None:
    """A device of which there is presence alone, and one of which there are heartbeats alone."""
    connection.execute(
        "INSERT INTO presence (device_id, month, hours)"
        " VALUES (99, '2026-03-01', set_bit(0::bit(744), 500, 1))"
    )
    connection.execute("DELETE FROM presence WHERE device_id = 2 AND publisher_id = 7")
    found = _found(_verify(url))
    assert [each for each in found if each[0] is DifferenceKind.INVENTED] == [
        (DifferenceKind.INVENTED, 99, 1, 500)
    ]
    assert [each for each in found if each[0] is DifferenceKind.LOST] == [
        (DifferenceKind.LOST, 2, 7, 5 * 24 + hour) for hour in range(10)
    ]


@pytest.fixture
def _heard_live(connection: psycopg.Connection) -> None:
    """By ingesters with a rule: live through the first days, and with an old rule's delay after."""
    run_ingester(connection, live_within_minutes=30, at=_local(1, month=1))
    run_ingester(connection, live_within_minutes=60, at=_local(2, month=1))
    hear(connection, 1, _hours(_local(1), 30), is_live=True)
    hear(connection, 1, _hours(_local(3), 5), after=timedelta(minutes=45), is_live=True)
    hear(connection, 1, _hours(_local(4), 5), after=timedelta(minutes=45))
    hear(connection, 1, _hours(_local(5), 5), after=timedelta(minutes=60), publisher_id=7)
    hear(connection, 2, _hours(_local(5), 5), after=timedelta(minutes=61))


@pytest.mark.usefixtures("_heard_live")
def test_live_hours_are_recomputed(connection: psycopg.Connection, url: str) -> None:
    """What one rule takes for live and another does not may stand either way."""
    assert _found(_verify(url)) == []
    connection.execute(
        "UPDATE presence SET live_hours = set_bit(live_hours, 25, 0) WHERE device_id = 1"
        " AND publisher_id = 1"
    )
    connection.execute("UPDATE presence SET live_hours = hours WHERE device_id = 2")
    assert _found(_verify(url)) == [
        *((DifferenceKind.INVENTED_LIVE, 2, 1, 4 * 24 + hour) for hour in range(5)),
        (DifferenceKind.LOST_LIVE, 1, 1, 25),
    ]


@pytest.mark.usefixtures("_heard_live")
def test_live_hours_are_recomputed_from_archives(
    connection: psycopg.Connection, url: str, tmp_path: Path
) -> None:
    """Where the heartbeats have left the database."""
    archive_expired(
        connection, tmp_path, ACTOR, older_than=timedelta(days=100), report=lambda _step: None
    )
    assert _found(_verify(url, archive=tmp_path)) == []
    connection.execute("UPDATE presence SET live_hours = hours WHERE device_id = 2")
    connection.execute(
        "UPDATE presence SET live_hours = 0::bit(744) WHERE device_id = 1 AND publisher_id = 1"
    )
    found = _found(_verify(url, archive=tmp_path))
    assert found == [
        *((DifferenceKind.INVENTED_LIVE, 2, 1, 4 * 24 + hour) for hour in range(5)),
        *((DifferenceKind.LOST_LIVE, 1, 1, hour) for hour in range(30)),
    ]


@pytest.mark.usefixtures("_heard")
def test_where_no_ingester_had_a_rule_no_hour_is_live(
    connection: psycopg.Connection, url: str
) -> None:
    """None is missed, and whatever is set was invented."""
    assert _found(_verify(url)) == []
    connection.execute(
        "UPDATE presence SET live_hours = set_bit(0::bit(744), 97, 1)"
        " WHERE device_id = 2 AND publisher_id = 1"
    )
    assert _found(_verify(url)) == [(DifferenceKind.INVENTED_LIVE, 2, 1, 97)]


@pytest.mark.usefixtures("_heard")
def test_a_late_hour_that_is_made_to_count_is_found(
    connection: psycopg.Connection, url: str
) -> None:
    """There is a heartbeat of that hour, and it came too late to count."""
    connection.execute("UPDATE presence SET hours = late_hours WHERE device_id = 3")
    found = _found(_verify(url))
    assert found == [(DifferenceKind.INVENTED, 3, 1, 8 * 24 + hour) for hour in range(5)]


@pytest.mark.usefixtures("_heard")
def test_a_late_hour_that_nobody_heard_or_that_is_gone_is_found(
    connection: psycopg.Connection, url: str
) -> None:
    """Late hours do not count, and are recomputed all the same."""
    connection.execute(
        "UPDATE presence SET late_hours = set_bit(set_bit(late_hours, 192, 0), 700, 1)"
        " WHERE device_id = 3"
    )
    assert _found(_verify(url)) == [
        (DifferenceKind.INVENTED_LATE, 3, 1, 700),
        (DifferenceKind.LOST_LATE, 3, 1, 192),
    ]


@pytest.mark.usefixtures("_heard")
def test_the_same_heartbeat_by_two_publishers_is_told_apart(
    connection: psycopg.Connection, url: str
) -> None:
    """One row is kept and both have the hour: said apart; an hour without any row is invented."""
    hear(connection, 2, _hours(_local(5), 10), publisher_id=8)
    verified = _verify(url)
    assert (_found(verified), verified.compared.unprovable) == ([], 10)
    connection.execute(
        "UPDATE presence_by_others SET hours = set_bit(hours, 700, 1) WHERE publisher_id = 8"
    )
    assert _found(_verify(url)) == [(DifferenceKind.INVENTED, 2, 8, 700)]


@pytest.mark.usefixtures("_heard")
def test_a_repeat_that_came_late_is_no_difference(connection: psycopg.Connection, url: str) -> None:
    """The row is that of the first delivery; the repeat left its hour among the late ones."""
    hear(connection, 2, _hours(_local(5), 3), after=timedelta(hours=100))
    verified = _verify(url)
    assert (_found(verified), verified.compared.unprovable) == ([], 3)


def test_between_two_rules_a_heartbeat_may_stand_in_either_place(
    connection: psycopg.Connection, url: str
) -> None:
    """Which ingester took it is not kept; in neither place it is lost."""
    run_ingester(connection)
    run_ingester(connection, max_delay_hours=48)
    hear(connection, 1, _hours(_local(9), 4), after=timedelta(hours=60))
    hear(connection, 1, _hours(_local(10), 4), after=timedelta(hours=90))
    assert _found(_verify(url)) == []
    connection.execute("UPDATE presence SET hours = 0::bit(744), late_hours = late_hours | hours")
    assert _found(_verify(url)) == []
    connection.execute("UPDATE presence SET late_hours = set_bit(late_hours, 192, 0)")
    assert len(_found(_verify(url))) == 1


@pytest.mark.usefixtures("_heard")
def test_archived_heartbeats_are_read(
    connection: psycopg.Connection, url: str, tmp_path: Path
) -> None:
    """With the raw rows dropped the files give the same, differences too; restored as well."""
    archive_expired(
        connection, tmp_path, ACTOR, older_than=timedelta(days=30), report=lambda _progress: None
    )
    assert connection.execute("SELECT count(*) FROM heartbeats").fetchone() == (0,)
    verified = _verify(url, archive=tmp_path)
    assert _found(verified) == []
    assert len(verified.archives) == 32
    assert verified.heartbeats == 31 * 24 + 25
    connection.execute("UPDATE presence SET hours = set_bit(hours, 743, 1) WHERE device_id = 3")
    assert _found(_verify(url, archive=tmp_path)) == [(DifferenceKind.INVENTED, 3, 1, 743)]
    restore_heartbeats(
        connection,
        tmp_path,
        ACTOR,
        start=None,
        end=None,
        kept_for=timedelta(days=1),
        report=lambda _restored: None,
    )
    assert _found(_verify(url)) == [(DifferenceKind.INVENTED, 3, 1, 743)]


@pytest.mark.usefixtures("_heard")
def test_an_archive_that_is_not_there_or_was_changed_is_said(
    connection: psycopg.Connection, url: str, tmp_path: Path
) -> None:
    """Nothing is verified against a file that is not the one that was archived."""
    archive_expired(
        connection, tmp_path, ACTOR, older_than=timedelta(days=30), report=lambda _progress: None
    )
    with pytest.raises(UserError, match="set JIERU_ARCHIVE_DIR"):
        _verify(url)
    file = sorted(tmp_path.glob("*.parquet"))[5]
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(UserError, match=f"{file.name} is missing or damaged"):
        _verify(url, archive=tmp_path)


@pytest.mark.usefixtures("_heard")
def test_days_whose_heartbeats_went_for_their_age_cannot_be_verified(
    connection: psycopg.Connection, url: str
) -> None:
    """The oldest went, as retention takes them: said with their days, and no difference."""
    connection.execute(
        "DELETE FROM heartbeats WHERE \"time\" < timestamptz '2026-03-04 00:00Z'",
    )
    age = datetime.now(UTC) - datetime(2026, 3, 5, tzinfo=UTC)
    verified = _verify(url, retention=age)
    assert [day.day for day in verified.unverifiable_days] == [1, 2, 3, 4]
    assert (_found(verified), verified.is_clean) == ([], False)


@pytest.mark.usefixtures("_heard")
def test_heartbeats_that_had_not_to_go_are_missed(connection: psycopg.Connection, url: str) -> None:
    """Younger than the retention, or younger than others that are there: those were taken away."""
    connection.execute(
        "DELETE FROM heartbeats WHERE device_id = 1"
        " AND \"time\" >= timestamptz '2026-03-11 00:00Z' AND \"time\" < '2026-03-12 00:00Z'",
    )
    for retention in (_KEPT, timedelta(days=30)):
        verified = _verify(url, retention=retention)
        assert len(_found(verified)) == 24
        assert verified.unverifiable_days == ()


@pytest.mark.usefixtures("_heard")
def test_writes_go_on_meanwhile(connection: psycopg.Connection, url: str) -> None:
    """One moment is seen: an hour that is heard while a month is verified is no difference."""
    with ThreadPoolExecutor(1) as pool:
        verifying = [pool.submit(_verify, url) for _run in range(5)]
        with connection.transaction():
            hear(connection, 4, _hours(_local(12), 48))
        for hour in range(40):
            with connection.transaction():
                hear(connection, 5, [_local(13) + timedelta(hours=hour)])
        assert [_found(each.result()) for each in verifying] == [[]] * 5
