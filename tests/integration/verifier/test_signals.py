"""Signals over a database: cheats are found, honest enterprises are not, twice the same."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

import numpy as np
import psycopg
import pytest

from tests.integration.verifier.conftest import Run as Jieru
from tests.support.recorded import extend_on
from tests.support.signal_city import AS_OF, DAYS, DEVICES, FIRST_DAY, SignalCity
from verifier.counting.opening_stocks import accept_opening_stock, confirm_opening_stock
from verifier.counting.reading import consistent_snapshot
from verifier.policy import load_policy
from verifier.trust import seeing
from verifier.trust.reading import read_gathered
from verifier.trust.records import latest_run, signals_of_run, store_run
from verifier.trust.run import Run
from verifier.trust.running import run_signals
from verifier.trust.signal import Kind, Signal

_POLICY = load_policy("putian-2026")
_CLONE, _VICTIM, _EFFORT, _STOPS, _BACKFILL, _LATE = 20, 7, 21, 22, 23, 24
_GIVER, _RECEIVER, _FELL, _INVENTED, _STOPPED = 8, 25, 26, 27, 28
_SHARING = (29, 30, 31, 32)
_PARK = (33, 34, 35, 36)
_RECORDED, _RANDOM = 9, 37


_GO_ON_CONNECTION: Final = """
    UPDATE connections SET extended_from = ARRAY[%(end)s::date],
                           extended_at = ARRAY[%(told)s::timestamptz]
    WHERE enterprise_id = (SELECT id FROM enterprises WHERE uscc = %(uscc)s)
"""
_GO_ON_ASSIGNMENTS: Final = """
    UPDATE assignments SET extended_from = ARRAY[%(end)s::date],
                           extended_at = ARRAY[%(told)s::timestamptz]
    WHERE enterprise_id = (SELECT id FROM enterprises WHERE uscc = %(uscc)s)
"""


@pytest.fixture
def city(database: psycopg.Connection) -> SignalCity:
    """Drawn and registered, not yet stored."""
    city = SignalCity(database)
    city.register()
    return city


def _run(city: SignalCity) -> Run:
    city.connection.commit()
    return run_signals(city.connection, _POLICY, AS_OF, FIRST_DAY)


def _by_kind(city: SignalCity, run: Run) -> dict[Kind, set[int]]:
    found: dict[Kind, set[int]] = {}
    for each in run.signals:
        found.setdefault(each.kind, set()).add(city.uscc.index(each.uscc))
    return found


def _of(run: Run, kind: Kind, uscc: str) -> Signal:
    (found,) = (each for each in run.signals if (each.kind, each.uscc) == (kind, uscc))
    return found


def test_honest_enterprises_have_no_signal(city: SignalCity) -> None:
    """Forty enterprises, 200 days, holidays, outages, breakdowns."""
    city.store()
    assert _run(city).signals == ()


def _cheat(city: SignalCity) -> None:
    """One enterprise for each way; what each does is said where it is found."""
    copied = city.hours[city.of(_VICTIM)].copy()
    copied[:, :50] = False
    city.set_hours(_CLONE, copied)
    effort = np.zeros((DEVICES, DAYS, 24), dtype=np.bool_)
    effort[:, :, 8:12] = True
    city.set_hours(_EFFORT, effort)
    stops = city.hours[city.of(_STOPS)].copy()
    stops[:, :90, 8:14] = True
    stops[:, 90:] = False
    city.set_hours(_STOPS, stops)
    city.set_hours(_BACKFILL, city.hours[city.of(_BACKFILL)], is_live=False)
    given, received = city.hours[city.of(_GIVER)].copy(), city.hours[city.of(_RECEIVER)].copy()
    given[:, :95, 9:15] = True
    given[:, 100:] = False
    received[:, :102] = False
    received[:, 102] = True
    city.set_hours(_GIVER, given)
    city.set_hours(_RECEIVER, received)
    city.gateway("box-1", _SHARING)
    city.gateway("park", _PARK, site="Hanjiang industrial park, hall 3")
    city.store()
    city.recorded_late(_LATE, FIRST_DAY + timedelta(days=120))
    last_given = FIRST_DAY + timedelta(days=int(np.flatnonzero(given.any(axis=(0, 2)))[-1]))
    for place in range(DEVICES):
        giver, receiver = city.ids[_GIVER][place], city.ids[_RECEIVER][place]
        city.told(giver, last_given, counter=(100.0, 5_000.0 + place * 100, 2.0), beat=(60, place))
        city.told(
            receiver,
            FIRST_DAY + timedelta(days=102),
            counter=(5_001.0 + place * 100, 5_050.0, 2.0),
            beat=(60, place),
        )
    city.told(city.ids[_FELL][0], FIRST_DAY + timedelta(days=60), counter=(9, 12, 1), falls=2)
    city.connection.execute(
        "INSERT INTO declarations (platform_id, enterprise_id, kind, from_date, to_date,"
        " declared_by) SELECT p.id, e.id, 'stop', %s, %s, 'operator'"
        " FROM platforms p, enterprises e WHERE e.uscc = %s",
        (FIRST_DAY + timedelta(days=30), FIRST_DAY + timedelta(days=60), city.uscc[_STOPPED]),
    )
    row = city.connection.execute(
        "INSERT INTO evidence_verifications (month, verified_by, code_version, presence_sha256,"
        " heartbeats, archives, differences, unprovable, unverifiable_days)"
        " VALUES ('2026-03-01', 'test', '1', %s, 1, '[]', 5, 0, '{}') RETURNING id",
        ("0" * 64,),
    ).fetchone()
    assert row is not None
    city.connection.execute(
        "INSERT INTO evidence_differences VALUES (%s, %s, 5, '2026-03-04', '2026-03-09')",
        (row[0], city.ids[_INVENTED][1]),
    )
    random = np.random.default_rng(5)
    for enterprise in (1, 2):
        for device in city.ids[enterprise]:
            city.measured(device, np.round(60 + np.cumsum(random.normal(0, 0.4, 170)), 1))
    recorded = np.round(60 + np.cumsum(random.normal(0, 0.4, 170)), 1)
    for device in city.ids[_RECORDED]:
        city.measured(device, recorded)
    for device in city.ids[_RANDOM]:
        city.measured(device, random.random(170))


def test_each_way_to_cheat_is_found_and_nobody_else(city: SignalCity) -> None:
    """One signal kind for each, and for a copy the one that was copied too."""
    city.hours[:, -1, 9:12] = True  # everybody is heard on the last morning
    city.live[:, -1, 9:12] = True
    _cheat(city)
    run = _run(city)
    assert _by_kind(city, run) == {
        Kind.RHYTHM_ALIKE: {_CLONE, _VICTIM},
        Kind.REQUIRED_HOURS: {_EFFORT},
        Kind.SILENT_WHEN_FULL: {_STOPS},
        Kind.NOT_LIVE: {_BACKFILL},
        Kind.RECORDED_LATE: {_LATE},
        Kind.COUNTER_CONTINUED: {_RECEIVER},
        Kind.HANDED_OVER: {_RECEIVER},
        Kind.COUNTER_FELL: {_FELL},
        Kind.NO_HEARTBEATS: {_INVENTED},
        Kind.HEARD_WHILE_STOPPED: {_STOPPED},
        Kind.GATEWAY_SHARED: set(_SHARING),
        Kind.METRICS_REPEAT: {_RECORDED},
        Kind.METRICS_WITHOUT_MEMORY: {_RANDOM},
    }
    later = _of(run, Kind.RHYTHM_ALIKE, city.uscc[_CLONE])
    assert later.detail["came_later"] == "self"
    assert later.detail["uscc"] == city.uscc[_VICTIM]
    assert later.devices == tuple(f"m{_CLONE}-{place}" for place in range(DEVICES))
    assert _of(run, Kind.RHYTHM_ALIKE, city.uscc[_VICTIM]).detail["came_later"] == "other"
    gave = _of(run, Kind.HANDED_OVER, city.uscc[_RECEIVER])
    assert gave.detail["uscc"] == city.uscc[_GIVER]
    assert _of(run, Kind.RECORDED_LATE, city.uscc[_LATE]).score == 120
    invented = _of(run, Kind.NO_HEARTBEATS, city.uscc[_INVENTED])
    assert (invented.score, invented.devices) == (5, (f"m{_INVENTED}-1",))
    assert (invented.from_on, invented.to_on) == (date(2026, 3, 4), date(2026, 3, 9))


def test_what_goes_on_after_it_was_over_is_recorded_late_as_well(city: SignalCity) -> None:
    """Registered for a day in time, and for months afterwards: that is written down too late."""
    city.store()
    values = {
        "uscc": city.uscc[_LATE],
        "end": FIRST_DAY + timedelta(days=10),
        "told": FIRST_DAY + timedelta(days=120),
    }
    city.connection.execute("SET session_replication_role = replica")
    for statement in (_GO_ON_CONNECTION, _GO_ON_ASSIGNMENTS):
        city.connection.execute(statement, values)
    city.connection.execute("SET session_replication_role = origin")
    assert _by_kind(city, _run(city)) == {Kind.RECORDED_LATE: {_LATE}}


def test_what_people_answer_for_is_no_late_registration(city: SignalCity) -> None:
    """An accepted opening stock excuses what stood on its day, and nothing that came after it."""
    city.store()
    city.recorded_late(_LATE, FIRST_DAY + timedelta(days=120))
    city.recorded_late(_RECORDED, FIRST_DAY + timedelta(days=140))
    stood_on = FIRST_DAY + timedelta(days=130)
    number = accept_opening_stock(
        city.connection, None, stood_on, reason="系统升级前的登记", decided_by="Lin"
    )
    assert len(_run(city).signals) == 2
    confirm_opening_stock(city.connection, number, by="Chen")
    (found,) = _run(city).signals
    assert (found.kind, found.uscc) == (Kind.RECORDED_LATE, city.uscc[_RECORDED])


def test_what_was_over_and_goes_on_was_recorded_when_it_was_extended(city: SignalCity) -> None:
    """From the day from which it goes on, as evidence follows it."""
    ends_on = FIRST_DAY + timedelta(days=20)
    device = city.registry.device("alpha", "again", city.uscc[_LATE], FIRST_DAY, ends_on)
    city.store()
    ((number,),) = city.connection.execute(
        "UPDATE assignments SET to_date = NULL WHERE device_id = %s RETURNING id", (device,)
    ).fetchall()
    extend_on(city.connection, "assignments", number, FIRST_DAY + timedelta(days=100))
    (found,) = _run(city).signals
    assert (found.kind, found.score, found.from_on) == (Kind.RECORDED_LATE, 80, ends_on)
    assert found.devices == ("again",)


def test_no_operator_decides_how_much_a_run_has_to_read(city: SignalCity) -> None:
    """Of hundreds of names a few are looked at, and numbers beyond all measure are none."""
    city.hours[:, -1, 9:12] = True
    city.live[:, -1, 9:12] = True
    city.store()
    for device in (*city.ids[_RECORDED], *city.ids[_RANDOM]):
        city.measured(device, np.arange(170.0) % 20)
    city.connection.execute(
        """UPDATE heartbeats SET metrics = (
               SELECT jsonb_object_agg('name' || number,
                                       (metrics ->> 'temperature')::numeric * scale)
               FROM generate_series(1, 300) AS number,
                    LATERAL (SELECT CASE number % 3 WHEN 0 THEN 1e500 WHEN 1 THEN 1e-500
                             ELSE 1 END) AS s (scale))
           WHERE metrics IS NOT NULL"""
    )
    city.connection.commit()
    with consistent_snapshot(city.connection):
        gathered = read_gathered(city.connection, _POLICY, as_of=AS_OF, from_on=FIRST_DAY)
    names = {(each.member, each.name) for each in gathered.series}
    assert len(names) == len(gathered.series) == 2 * DEVICES * 6
    assert {each.kind for each in _run(city).signals} == {Kind.METRICS_REPEAT}


def test_a_kind_of_signal_that_fails_loses_none_of_the_others(
    city: SignalCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was found is kept; the fault is heard of."""
    city.set_hours(_CLONE, city.hours[city.of(_VICTIM)])
    city.store()
    city.connection.commit()

    def fail(_gathered: object, _thresholds: object) -> Iterator[Signal]:
        raise MemoryError

    monkeypatch.setattr(seeing, "_EVERYWHERE", (fail, *seeing._EVERYWHERE[1:]))
    failures: list[Exception] = []
    run = run_signals(city.connection, _POLICY, AS_OF, FIRST_DAY, failures=failures)
    assert {each.kind for each in run.signals} == {Kind.RHYTHM_ALIKE}
    assert [type(each) for each in failures] == [MemoryError]
    with pytest.raises(MemoryError):
        run_signals(city.connection, _POLICY, AS_OF, FIRST_DAY)


def test_whoever_runs_again_finds_the_same_bytes(city: SignalCity) -> None:
    """And what is kept is read as it was found."""
    city.set_hours(_CLONE, city.hours[city.of(_VICTIM)])
    city.store()
    one, two = _run(city), _run(city)
    assert one == two
    assert one.sha256() == two.sha256()
    run_id = store_run(city.connection, one, by="test")
    kept = latest_run(city.connection)
    assert kept is not None
    assert (kept.id, kept.sha256, kept.signals) == (run_id, one.sha256(), len(one.signals))
    assert signals_of_run(city.connection, run_id) == list(one.signals)


def test_the_command_prints_what_is_relied_on(city: SignalCity, jieru: Jieru) -> None:
    """JSON of design section 8, and a run that is kept."""
    city.set_hours(_CLONE, city.hours[city.of(_VICTIM)])
    city.store()
    arguments = ("signals", "--as-of", AS_OF)
    code, output, _errors = jieru(*arguments, "--json")
    assert code == 0
    found = json.loads(output)["signals"]
    assert {each["kind"] for each in found} == {"rhythm_alike"}
    assert list(found[0]) == [
        "kind",
        "platform",
        "uscc",
        "strength",
        "score",
        "threshold",
        "from_on",
        "to_on",
        "devices",
    ]
    assert latest_run(city.connection) is None
    city.connection.commit()
    code, output, _errors = jieru(*arguments, "--record")
    assert code == 0
    assert "Kept as run 1." in output
    kept = latest_run(city.connection)
    assert kept is not None
    assert kept.signals == len(found)
    assert kept.run_by.startswith("command:")
