"""Storms are few rows, and strangers take no room of users."""

from datetime import UTC, datetime, timedelta
from typing import Final

from jieru.broker_events.event import NAME_LIMIT, BrokerEvent, EventKind, legible
from jieru.broker_events.tally import Budget, Tally, bounded

_AT: Final = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)
_NOTHING: Final = Budget(frozenset(), {}, {})


def _refused(username: str, address: str = "", at: datetime = _AT) -> BrokerEvent:
    return BrokerEvent(at, EventKind.REFUSED, username, address=address)


def test_the_same_in_one_hour_is_one_row() -> None:
    """With its number, the first and the last."""
    tally = Tally()
    for minute in range(20):
        tally.add(_refused("xielian", at=_AT + timedelta(minutes=minute)))
    (told,) = tally.rows.values()
    assert (told.number, told.first_at, told.at) == (20, _AT, _AT + timedelta(minutes=19))


def test_names_that_nobody_has_share_a_bound_with_those_of_their_platform_alone() -> None:
    """However many are tried, a user's rows are written, and no event is lost from the number."""
    tally = Tally()
    for number in range(5_000):
        tally.add(_refused(f"xielian/own/{number}"))
        tally.add(_refused(f"stranger-{number}"))
    tally.add(_refused("xielian/own/real"))
    rows = bounded(
        tally.rows.items(), _NOTHING, users={"xielian/own/real"}, platforms={"xielian": 7}
    )
    assert len(rows) <= 2 * 101 + 1
    assert any(key.username == "xielian/own/real" for key, _platform in rows)
    assert sum(told.number for told in rows.values()) == 10_001
    assert {platform for _key, platform in rows} == {7, None}


def test_a_users_addresses_and_topics_are_bounded() -> None:
    """Beyond the bound its own name stays."""
    tally = Tally()
    for number in range(500):
        tally.add(_refused("xielian", address=f"10.0.{number // 250}.{number % 250}"))
    rows = bounded(tally.rows.items(), _NOTHING, users={"xielian"}, platforms={"xielian": 7})
    assert len(rows) == 21
    assert {key.username for key, _platform in rows} == {"xielian"}


def test_what_is_written_already_takes_no_more_room() -> None:
    """And what there was of an hour counts for the bound."""
    tally = Tally()
    tally.add(_refused("xielian", address="10.0.0.1"))
    tally.add(_refused("xielian", address="10.0.0.2"))
    written = next(iter(tally.rows))
    budget = Budget({written}, {(written.hour, "xielian"): 20}, {})
    rows = bounded(tally.rows.items(), budget, users={"xielian"}, platforms={})
    assert sorted(key.address for key, _platform in rows) == ["", "10.0.0.1"]


def test_memory_is_bounded_while_nobody_writes() -> None:
    """A day of strangers while the database is away."""
    tally = Tally()
    for number in range(60_000):
        tally.add(_refused(f"s{number}"))
    assert len(tally.rows) < 20_100
    assert sum(told.number for told in tally.rows.values()) == 60_000


def test_foreign_text_is_cut_and_steers_nothing() -> None:
    """No control character, no change of direction, no line of its own, 64 KiB or not."""
    shown = legible("a\x1b[2J\n\u202eb\ud800" + "x" * 65_536, NAME_LIMIT)
    assert shown.startswith("a\\u001b[2J\\u000a\\u202eb\\ud800x")
    assert len(shown) == NAME_LIMIT
    assert shown.isprintable()
