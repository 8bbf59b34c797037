"""`jieru simulate load` against a real broker, its books against what a real ingester stored."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess

import psycopg
import pytest

from jieru.errors import UserError
from jieru.wire import RejectionReason
from simulators.load.check import check_ledger
from simulators.load.devices import devices_by_pattern, devices_of_database
from simulators.load.ledger import Ledger
from simulators.load.payloads import SENDABLE_FAULTS
from simulators.load.run import Load, LoadPlan, run_load
from tests.support.command import jieru
from tests.support.fleet import PLATFORM, ingester, register_devices, wait_until
from tests.support.mosquitto import MosquittoBroker

_SERIALS = [f"CNC-{number:06d}" for number in range(50)]
_DEVICES = devices_by_pattern(PLATFORM, "CNC-%06d", len(_SERIALS))


@contextmanager
def _ingesting(database_url: str, broker: MosquittoBroker, folder: Path) -> Iterator[None]:
    """An ingester that is subscribed, over a database that has the devices."""
    log = folder / "ingester.log"
    with psycopg.connect(database_url) as connection:
        register_devices(connection, _SERIALS)
    with ingester(database_url, broker.url(), log):
        wait_until(lambda: log.exists() and '"subscribed"' in log.read_text(), "it is subscribed")
        yield


def _stored(connection: psycopg.Connection) -> int:
    connection.rollback()
    row = connection.execute(
        "SELECT (SELECT count(*) FROM heartbeats) + (SELECT count(*) FROM rejections)"
    ).fetchone()
    return int(row[0]) if row else 0


def test_the_command_sends_a_load_and_its_ledger_agrees_with_the_database(
    database_url: str, mosquitto: MosquittoBroker, tmp_path: Path
) -> None:
    """Two connections, one message in five bad in one of four ways; then a heartbeat vanishes."""
    mosquitto.add_user(PLATFORM)
    url, ledger = mosquitto.local_url(PLATFORM), tmp_path / "books"
    bad = ("malformed_payload", "payload_too_large", "unknown_device", "bad_topic")
    shares = [f"--bad={reason}=0.05" for reason in bad]
    with _ingesting(database_url, mosquitto, tmp_path), psycopg.connect(database_url) as connection:
        done = jieru(
            *("simulate", "load", "--messages=5000", "--connections=2", "--json"),
            *(f"--ledger={ledger}", *shares),
            database_url=database_url,
            mqtt_url=url,
        )
        sent = json.loads(done.stdout)
        assert (sent["sent"], sent["accepted"], sent["unknown"]) == (5000, 5000, 0)
        assert set(sent["accepted_bad"]) == set(bad)
        assert sent["accepted_good"] + sum(sent["accepted_bad"].values()) == 5000
        wait_until(lambda: _stored(connection) >= 5000, "everything is stored")
        assert _refused(connection) == sent["accepted_bad"]
        check = _checked(ledger, database_url)
        assert check.returncode == 0
        figures = json.loads(check.stdout)
        assert (figures["accepted"], figures["others"]) == (sent["accepted_good"], 0)
        assert figures["rejections"] == sent["accepted_bad"]
        connection.execute(
            'DELETE FROM heartbeats WHERE (device_id, "time") ='
            ' (SELECT device_id, "time" FROM heartbeats LIMIT 1)'
        )
        connection.execute("DELETE FROM rejections WHERE id = (SELECT max(id) FROM rejections)")
        connection.execute(
            "UPDATE presence SET hours = 0::bit(744), live_hours = 0::bit(744) WHERE device_id = 1"
        )
        connection.commit()
        broken = _checked(ledger, database_url)
    assert broken.returncode == 1
    figures = json.loads(broken.stdout)
    assert (figures["missing"], sum(figures["rejections_missing"].values())) == (1, 1)
    assert figures["hours_missing"] > 0


def _checked(ledger: Path, database_url: str) -> CompletedProcess[str]:
    return jieru("simulate", "check-ledger", str(ledger), "--json", database_url=database_url)


def _refused(connection: psycopg.Connection) -> dict[str, int]:
    rows = connection.execute("SELECT reason, count(*) FROM rejections GROUP BY 1").fetchall()
    return dict(rows)


@pytest.mark.parametrize("reason", SENDABLE_FAULTS)
def test_each_kind_of_bad_message_is_refused_for_its_reason(
    database_url: str, mosquitto: MosquittoBroker, tmp_path: Path, reason: RejectionReason
) -> None:
    """Nothing else is sent, and nothing else is stored."""
    url = mosquitto.add_user(PLATFORM)
    plan = LoadPlan(_DEVICES, messages=60, faults={reason: 1.0})
    with _ingesting(database_url, mosquitto, tmp_path), psycopg.connect(database_url) as connection:
        load = asyncio.run(run_load(plan, url))
        assert load.ledger.faults()[reason] == 60
        wait_until(lambda: _stored(connection) >= 60, "all are refused")
        assert _refused(connection) == {reason.value: 60}


async def test_a_lost_connection_is_made_again_and_no_message_is_counted_twice(
    database_url: str, mosquitto: MosquittoBroker, tmp_path: Path
) -> None:
    """The broker restarts in the middle; what was out is sent again and is in the books once."""
    url = mosquitto.add_user(PLATFORM)
    plan = LoadPlan(_DEVICES, pace="even", per_second=1000, messages=4000)
    with _ingesting(database_url, mosquitto, tmp_path), psycopg.connect(database_url) as connection:
        loading = asyncio.create_task(run_load(plan, url))
        await asyncio.sleep(1)
        await asyncio.to_thread(mosquitto.restart)
        load = await loading
        assert load.failure is None
        assert load.ledger.outcomes() == {0: 4000}
        assert len(load.latencies_s) == 4000
        wait_until(lambda: _stored(connection) >= 4000, "everything is stored")
        check = check_ledger(connection, load.ledger)
        assert check.is_whole
        assert (check.accepted, check.others) == (4000, 0)


async def test_a_broker_that_stays_away_leaves_unknown_messages_and_complete_books(
    mosquitto: MosquittoBroker, tmp_path: Path
) -> None:
    """What was out when it was killed is neither accepted nor lost."""
    url = mosquitto.add_user(PLATFORM)
    plan = LoadPlan(_DEVICES, pace="even", per_second=1000, seconds=60, patience_s=1)
    loading = asyncio.create_task(run_load(plan, url))
    await asyncio.sleep(1)
    await asyncio.to_thread(mosquitto.kill)
    load = await loading
    assert load.failure is not None
    assert len(load.ledger) == load.ledger.outcomes().total()
    load.ledger.save(tmp_path / "books")
    again = Ledger.load(tmp_path / "books")
    assert again.outcomes() == load.ledger.outcomes()
    assert again.devices == _DEVICES


async def test_a_burst_comes_at_the_full_interval_of_the_clock(mosquitto: MosquittoBroker) -> None:
    """Every device says an instant within the spread after it, and nothing is sent before."""
    url = mosquitto.add_user(PLATFORM)
    plan = LoadPlan(_DEVICES, pace="aligned", every_s=2, within_s=0.5, messages=2 * len(_DEVICES))
    load = await run_load(plan, url)
    instants = load.ledger.ts_ms
    assert set((instants % 2000 // 500).tolist()) == {0}
    assert len(set((instants // 2000).tolist())) == 2
    assert load.ledger.started_ms <= instants[0]


async def test_no_more_than_the_window_is_out_at_a_time(mosquitto: MosquittoBroker) -> None:
    """With a window of one the times to the acknowledgements do not overlap."""
    url = mosquitto.add_user(PLATFORM)
    load: Load = await run_load(LoadPlan(_DEVICES, messages=100, window=1), url)
    assert len(load.latencies_s) == 100
    assert sum(load.latencies_s) <= load.seconds


async def test_a_wrong_password_is_one_sentence(mosquitto: MosquittoBroker) -> None:
    """No waiting heals it."""
    url = mosquitto.add_user(PLATFORM).replace("@", "x@")
    with pytest.raises(UserError, match="JIERU_MQTT_URL"):
        await run_load(LoadPlan(_DEVICES, messages=1), url)


def test_the_devices_of_a_database_are_those_of_its_registry(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one platform or of all."""
    monkeypatch.setenv("JIERU_LANGUAGE", "en")
    with psycopg.connect(database_url) as connection:
        register_devices(connection, ["b", "a"])
        register_devices(connection, ["c"], platform="other")
    assert [d.serial for d in devices_of_database(database_url)] == ["b", "a", "c"]
    assert [d.serial for d in devices_of_database(database_url, "other")] == ["c"]
    with pytest.raises(UserError, match="no devices"):
        devices_of_database(database_url, "nobody")
