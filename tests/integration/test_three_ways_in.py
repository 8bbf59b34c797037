"""The same month by MQTT, over HTTPS and in another's format is the same evidence."""

import asyncio
import json
import os
import re
import signal
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
import psycopg

import verifier.policy
from api.access.roles import Role
from api.app import create_app
from jieru.database import connect, open_pool
from jieru.settings import Settings
from jieru.wire import DeviceStatus, encode_payload
from tests.support.archives import archive, restore
from tests.support.callers import bearer
from tests.support.credentials import issue_to
from tests.support.fleet import PLATFORM, Publisher, ingester, wait_until
from tests.support.http_ingester import http_ingester
from tests.support.messages import topic_of
from tests.support.mosquitto import MosquittoBroker
from tests.support.registry_builder import RegistryBuilder
from tests.support.registry_files import uscc_of
from tests.support.roles import API, as_role
from tests.support.sources import declare
from verifier.counting.explain import explain
from verifier.counting.run import count_year
from verifier.evidence.verifying import Source, verify_month
from verifier.policy import Policy, load_policy

_NATIVE, _HTTPS, _SOURCE = _WAYS = ("BY-MQTT", "BY-HTTPS", "BY-SOURCE")
_AS_OF: Final = date(2026, 4, 30)
_MONTH: Final = date(2026, 3, 1)
_FORMAT: Final = {
    "format": "json",
    "rows": [
        {
            "each": "$[*]",
            "serial": ["@.id"],
            "ts": {"unit": "s", "at": ["@.t"]},
            "seq": ["@.n"],
            "status": {"at": ["@.state"], "map": {"RUN": "running"}},
            "metrics": {"object": "@.v"},
        }
    ],
}
_HOURS_OF_MARCH: Final = "/presence?from=2026-03-01&to=2026-03-31"
_RECORDED: Final = re.compile(r'"(?:recorded_at|created_at|id|revision)": ?(?:"[^"]*"|[0-9]+)')
"""Of the registration, and not of what was heard."""
_HEARTBEATS: Final = """
    SELECT time, received_at, publisher_id, seq, status, metrics, boot, counter
    FROM heartbeats JOIN devices ON devices.id = device_id WHERE serial = %s ORDER BY time
"""
_PRESENCE: Final = """
    SELECT month, publisher_id, hours, late_hours, live_hours, last_seen_at, status
    FROM presence JOIN devices ON devices.id = device_id
    JOIN device_states USING (device_id) WHERE serial = %s ORDER BY month, publisher_id
"""


def _times() -> list[int]:
    """Every forty minutes of the working hours of March."""
    start = datetime(2026, 3, 1, 0, 0, 7, tzinfo=UTC)
    return [
        int((start + timedelta(days=day, minutes=40 * turn)).timestamp())
        for day in range(31)
        for turn in range(12)
    ]


def _policy(folder: Path) -> Policy:
    """One machine for twenty days of a month will do."""
    text = (Path(verifier.policy.__file__).parent / "putian-2026.yaml").read_text(encoding="utf-8")
    for name, value, less in (
        ("active_devices_min", 3, 1),
        ("window_days", 90, 30),
        ("active_days_min", 60, 20),
    ):
        text = text.replace(f"  {name}:\n    value: {value}\n", f"  {name}:\n    value: {less}\n")
    path = folder / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return load_policy(str(path))


def _assert_counted_alike(connection: psycopg.Connection, policy: Policy) -> None:
    """The three enterprises have one outcome, and one explanation but for their names."""
    shown = []
    for number, serial in enumerate(_WAYS, start=1):
        connection.rollback()
        explained = explain(
            connection, 2026, PLATFORM, uscc_of(number), as_of=_AS_OF, policy=policy
        ).to_json_object()
        text = json.dumps(explained, ensure_ascii=False, default=str)
        for own in (uscc_of(number), uscc_of(number)[-4:], serial, f"第{number}鞋厂"):
            text = text.replace(own, "…")
        shown.append(text)
    assert '"outcome": "counted"' in shown[0]
    assert shown[0] == shown[1] == shown[2]
    connection.rollback()
    count = count_year(connection, 2026, as_of=_AS_OF, policy=policy)
    assert count.total_yuan == 3 * 10_000


def _stored(connection: psycopg.Connection) -> int:
    connection.rollback()
    return len(connection.execute(_HEARTBEATS, (_NATIVE,)).fetchall())


def test_the_same_month_three_ways_is_the_same_evidence(
    simulation_database_url: str, mosquitto: MosquittoBroker, tmp_path: Path
) -> None:
    """Heartbeats, presence and states are equal column by column, and all of it stands."""
    times = _times()
    with closing(psycopg.connect(simulation_database_url)) as connection:
        registry = RegistryBuilder(connection)
        registry.platform(PLATFORM)
        for number, serial in enumerate(_WAYS, start=1):
            uscc = registry.enterprise(number)
            registry.connection(PLATFORM, uscc)
            registry.device(PLATFORM, serial, uscc)
        connection.commit()
        declare(connection, "plain-json", _FORMAT)
        issued = issue_to(connection, PLATFORM)
        cloud = Publisher(mosquitto.add_user(PLATFORM))
        log = tmp_path / "mqtt.log"
        url = simulation_database_url
        with (
            closing(cloud),
            ingester(url, mosquitto.url(), log, ingest_clock="event") as subscribed,
            http_ingester(url, tmp_path / "http.log", ingest_clock="event") as posting,
            posting.equipment(issued) as poster,
        ):
            wait_until(lambda: log.exists() and '"subscribed"' in log.read_text(), "it listens")
            for number, second in enumerate(times):
                payload = encode_payload(
                    second * 1000, number, DeviceStatus.RUNNING, {"rpm": number}
                )
                cloud.publish_raw(topic_of(_NATIVE), payload)
                if number == 0:
                    wait_until(lambda: _stored(connection) == 1, "the first is written alone")
            cloud.wait_until_acknowledged(len(times))
            poster.when_known([])
            native = [
                {
                    "serial": _HTTPS,
                    "ts": second * 1000,
                    "seq": number,
                    "status": "running",
                    "metrics": {"rpm": number},
                }
                for number, second in enumerate(times)
            ]
            assert poster.answer(native)["accepted"] == len(times)
            foreign = [
                {"id": _SOURCE, "t": second, "n": number, "state": "RUN", "v": {"rpm": number}}
                for number, second in enumerate(times)
            ]
            answer = poster.answer(json.dumps(foreign).encode(), path="/plain-json")
            assert answer["accepted"] == len(times), answer
            wait_until(lambda: _stored(connection) == len(times), "all is stored")
            # A device's state is written at most once an interval, and before they leave.
            subscribed.send_signal(signal.SIGTERM)
            os.kill(posting.pid, signal.SIGTERM)
            assert subscribed.wait(60) == 0
            http_log = tmp_path / "http.log"
            wait_until(lambda: "ingester_stopped" in http_log.read_text(), "both have left")
        for query in (_HEARTBEATS, _PRESENCE):
            connection.rollback()
            rows = {each: connection.execute(query, (each,)).fetchall() for each in _WAYS}
            assert rows[_NATIVE]
            assert rows[_NATIVE] == rows[_HTTPS] == rows[_SOURCE]
        connection.rollback()
        _assert_counted_alike(connection, _policy(tmp_path))
        asyncio.run(_assert_shown_alike(connection, url))
    _assert_all_stands(url, None, 3 * len(times))
    _assert_archived_alike(url, tmp_path / "archive", 3 * len(times))


async def _assert_shown_alike(connection: psycopg.Connection, url: str) -> None:
    """The device's page tells by its last heartbeats, hours and troubles what came how."""
    shown: dict[str, list[str]] = {each: [] for each in _WAYS}
    with open_pool(as_role(url, API), size=2) as pool:
        app = create_app(Settings(), pool, as_of=lambda: _AS_OF, year=2026)
        transport = httpx.ASGITransport(app=app)
        headers = bearer(connection, Role.ADMIN)
        async with httpx.AsyncClient(transport=transport, base_url="http://jieru.test") as client:
            for number, serial in enumerate(_WAYS, start=1):
                for part in ("", "/heartbeats", _HOURS_OF_MARCH, "/trouble"):
                    path = f"/api/v1/devices/{PLATFORM}/{serial}{part}"
                    answer = await client.get(path, headers=headers)
                    assert answer.status_code == 200, answer.text
                    text = answer.text
                    for own in (uscc_of(number), serial, f"第{number}鞋厂"):
                        text = text.replace(own, "…")
                    shown[serial].append(_RECORDED.sub("…", text))
    assert "running" in shown[_NATIVE][1]
    assert shown[_NATIVE] == shown[_HTTPS] == shown[_SOURCE]


def _assert_archived_alike(url: str, folder: Path, heartbeats: int) -> None:
    """Files hold what the database held, and give it back."""
    folder.mkdir()
    with connect(url, autocommit=True) as connection:
        before = [connection.execute(_HEARTBEATS, (each,)).fetchall() for each in _WAYS]
        archive(connection, folder)
        assert _stored(connection) == 0
        _assert_all_stands(url, folder, heartbeats)
        restore(connection, folder)
        after = [connection.execute(_HEARTBEATS, (each,)).fetchall() for each in _WAYS]
        assert after == before


def _assert_all_stands(url: str, archive_folder: Path | None, heartbeats: int) -> None:
    found = verify_month(Source(url, archive_folder, 72), _MONTH)
    assert found.is_clean
    assert found.heartbeats == heartbeats
    assert found.receipt_hours == 0
