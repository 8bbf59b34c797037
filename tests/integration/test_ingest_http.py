"""Heartbeats over HTTP end in stored evidence, and a 200 is a promise."""

import gzip
import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg
import pytest

import verifier.policy
from jieru.audit import Actor, changing
from jieru.schema import migrate
from registry.sources import SourceAddress, declare_source
from tests.support.credentials import issue_to, replace, revoke
from tests.support.fleet import (
    PLATFORM,
    Sent,
    bits_of,
    register_devices,
    stored_heartbeats,
    stored_presence,
    wait_until,
)
from tests.support.http_ingester import HttpIngester, Poster, http_ingester
from tests.support.sources import declare_ready_made, thingsboard
from tests.support.timescaledb import TimescaleServer

_SERIALS: Final = ("CNC-1", "CNC-2", "CNC-3")
_PUBLISHERS: Final = """
    SELECT d.serial, p.kind, p.name FROM heartbeats h JOIN devices d ON d.id = h.device_id
    JOIN publishers p ON p.id = h.publisher_id ORDER BY d.serial
"""
_REFUSED: Final = (
    "SELECT reason, topic, payload, path, detail->>'message' FROM rejections ORDER BY id"
)


@dataclass(frozen=True, slots=True)
class _Stage:
    url: str
    connection: psycopg.Connection
    ingester: HttpIngester
    log: Path

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        self.connection.rollback()
        return self.connection.execute(query.encode()).fetchall()


@pytest.fixture
def stage(database_url: str, tmp_path: Path) -> Iterator[_Stage]:
    """Three devices registered, and the ingester listens."""
    log = tmp_path / "http.log"
    with closing(psycopg.connect(database_url)) as connection:
        register_devices(connection, _SERIALS)
        register_devices(connection, ["LATHE-1"], "haihua")
        with http_ingester(database_url, log) as ingester:
            yield _Stage(database_url, connection, ingester, log)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_one_heartbeat_an_array_and_lines_are_stored_before_the_answer(stage: _Stage) -> None:
    """Each form ends in heartbeats and presence that are there when 200 is received."""
    now = _now_ms()
    issued = issue_to(stage.connection, PLATFORM)
    with stage.ingester.equipment(issued) as cloud:
        first = cloud.when_known({"serial": "CNC-1", "ts": now, "seq": 1})
        assert first.status_code == 200
        assert first.json() == {
            "accepted": 1,
            "duplicates": 0,
            "late": 0,
            "excess": 0,
            "apart": 0,
            "rejected": [],
        }
        assert stored_heartbeats(stage.connection) == {Sent("CNC-1", now): 1}
        many = [{"serial": serial, "ts": now - 3_600_000 * n} for n, serial in enumerate(_SERIALS)]
        assert cloud.answer(many)["accepted"] == 2
        lines = b"\n".join(
            json.dumps({"serial": each, "ts": now - 7_200_001}).encode() for each in _SERIALS
        )
        response = cloud.post(
            gzip.compress(lines + b"\n"),
            headers={"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"},
        )
        assert response.json()["accepted"] == 3, response.text
    sent = [
        *(Sent(serial, now - 3_600_000 * n) for n, serial in enumerate(_SERIALS)),
        *(Sent(serial, now - 7_200_001) for serial in _SERIALS),
    ]
    assert stored_heartbeats(stage.connection) == dict.fromkeys(sent, 1)
    assert stored_presence(stage.connection) == bits_of(sent)


def test_who_published_follows_from_the_credential(stage: _Stage) -> None:
    """Cloud, gateway and the device itself, as on the topics of each."""
    now = _now_ms()
    names = (PLATFORM, f"{PLATFORM}/via/hall-1", f"{PLATFORM}/own/CNC-3")
    for name, serial in zip(names, _SERIALS, strict=True):
        issued = issue_to(stage.connection, name)
        row = {"ts": now} if "own" in name else {"ts": now, "serial": serial}
        with stage.ingester.equipment(issued) as equipment:
            assert equipment.when_known(row).json()["accepted"] == 1
    assert stage.rows(_PUBLISHERS) == [
        ("CNC-1", "cloud", None),
        ("CNC-2", "gateway", "hall-1"),
        ("CNC-3", "device", None),
    ]


def test_rows_are_refused_one_by_one_with_their_reason(stage: _Stage) -> None:
    """A bad row is told by its place and reason, is kept, and harms no other."""
    now = _now_ms()
    issued = issue_to(stage.connection, PLATFORM)
    rows = [
        {"serial": "CNC-1", "ts": now},
        {"serial": "CNC-1", "ts": now // 1000},
        {"serial": "CNC-9", "ts": now},
        {"serial": "own/CNC-1", "ts": now},
        {"ts": now},
        {"serial": "CNC-2"},
        {"serial": "CNC-2", "ts": now, "metrics": {"text": "x" * 5_000}},
        7,
        {"serial": "CNC-3", "ts": now - 30 * 86_400_000},
        {"serial": "CNC-1", "ts": now},
    ]
    with stage.ingester.equipment(issued) as cloud:
        answer = cloud.when_known(rows).json()
        assert (answer["accepted"], answer["duplicates"], answer["late"]) == (2, 1, 1)
        refused = {each["row"]: each["reason"] for each in answer["rejected"]}
        assert refused == {
            1: "before_epoch",
            2: "unknown_device",
            3: "malformed_payload",
            4: "malformed_payload",
            5: "malformed_payload",
            6: "payload_too_large",
            7: "malformed_payload",
        }
        assert "seconds" in next(e["detail"] for e in answer["rejected"] if e["row"] == 1)
        assert len(stage.rows(_REFUSED)) == 7
        again = cloud.answer(rows)
        assert (again["accepted"], again["duplicates"]) == (0, 3)
    with stage.ingester.equipment(issued, language="zh-CN") as cloud:
        detail = cloud.answer(rows[3:4])["rejected"][0]["detail"]
        assert "serial" in detail
        assert any("\u4e00" <= each <= "\u9fff" for each in detail)


def test_a_message_of_a_source_is_read_as_over_mqtt(stage: _Stage) -> None:
    """Rows are stored, the message is kept whole, and an unknown source is told."""
    now = _now_ms()
    declare_ready_made(stage.connection, "thingsboard-gateway")
    issued = issue_to(stage.connection, PLATFORM)
    body = thingsboard({"CNC-1": [now, now - 60_000], "CNC-2": [now], "CNC-8": [now]})
    with stage.ingester.equipment(issued) as cloud:
        response = cloud.when_known(body, path="/thingsboard-gateway")
        answer = response.json()
        assert answer["accepted"] == 3
        assert [(e["row"], e["reason"]) for e in answer["rejected"]] == [
            ("$.CNC-8[0]", "unknown_device")
        ]
        kept = stage.rows("SELECT topic, payload FROM source_messages")
        assert [(topic, bytes(payload)) for topic, payload in kept] == [
            (f"jieru/v1/{PLATFORM}/in/thingsboard-gateway", body)
        ]
        unknown = cloud.answer(body, path="/nothing-such")
        assert [each["reason"] for each in unknown["rejected"]] == ["unknown_source"]
        assert cloud.post(body, path="/heartbeat").status_code == 404


def test_a_credential_is_held_against_the_address_and_the_rows(stage: _Stage) -> None:
    """Another's platform is refused, and a device speaks only for itself."""
    now = _now_ms()
    own = issue_to(stage.connection, f"{PLATFORM}/own/CNC-1")
    old = issue_to(stage.connection, f"{PLATFORM}/CNC-2")
    with stage.ingester.equipment(own) as device:
        assert device.when_known({"ts": now}).status_code == 200
        rows = [{"ts": now}, {"serial": "CNC-2", "ts": now}]
        assert device.post(rows).status_code == 403
        assert device.post({"serial": "LATHE-1", "ts": now}, platform="haihua").status_code == 403
    with stage.ingester.equipment(old) as device:
        assert device.when_known({"ts": now}).status_code == 200
        assert device.post({"serial": "CNC-1", "ts": now + 1}).status_code == 403
        assert device.post({}, path="/thingsboard-gateway").status_code == 403
    assert len(stored_heartbeats(stage.connection)) == 2


def test_what_is_revoked_is_refused_within_seconds(stage: _Stage) -> None:
    """Revoked, replaced, wrong, absent: 401, and the new secret is let in."""
    now = _now_ms()
    issued = issue_to(stage.connection, PLATFORM)
    row = {"serial": "CNC-1", "ts": now}
    with stage.ingester.equipment(issued) as cloud:
        assert cloud.when_known(row).status_code == 200
        newer = replace(stage.connection, issued.id)
        wait_until(lambda: cloud.post(row).status_code == 401, "the old secret is refused")
        with stage.ingester.equipment(newer) as again:
            assert again.post(row).status_code == 200
            revoke(stage.connection, newer.id)
            wait_until(lambda: again.post(row).status_code == 401, "the new one too")
    response = httpx.post(f"{stage.ingester.url}/ingest/v1/{PLATFORM}", json=row)
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Basic")
    assert response.headers["content-type"] == "application/problem+json"


def test_malformed_requests_are_problems_in_the_clients_language(stage: _Stage) -> None:
    """Each is one sentence, with its status, and nothing is stored."""
    issued = issue_to(stage.connection, PLATFORM)
    with stage.ingester.equipment(issued, language="zh") as cloud:
        cloud.when_known([])
        wrong = [
            (b"", {}, 400),
            (b"[1,", {}, 400),
            (b"{}", {"Content-Encoding": "gzip"}, 400),
            (b"{}", {"Content-Encoding": "br"}, 415),
            (b"a=b", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
            (b"[" + b"7," * 10_000 + b"7]", {}, 413),
            (b" " * (1024 * 1024 + 1), {}, 413),
        ]
        for body, headers, status in wrong:
            response = cloud.post(body, headers=headers)
            assert response.status_code == status, response.text
            problem = response.json()
            assert problem["status"] == status
            assert any("\u4e00" <= each <= "\u9fff" for each in problem["detail"]), problem
        assert cloud.client.get(f"/ingest/v1/{PLATFORM}").status_code == 405
        assert cloud.client.post("/ingest/v2/x").status_code == 404
    assert stage.rows("SELECT count(*) FROM rejections") == [(0,)]


def test_it_answers_what_it_took_before_it_leaves(stage: _Stage) -> None:
    """SIGTERM ends it with 0 after the last answer, and its minute is written."""
    now = _now_ms()
    issued = issue_to(stage.connection, PLATFORM)
    with stage.ingester.equipment(issued) as cloud:
        assert cloud.when_known({"serial": "CNC-1", "ts": now}).status_code == 200
        metrics = httpx.get(f"{stage.ingester.status_url}/metrics").text
        assert 'jieru_ingest_http_answers_total{status="200"} 1.0' in metrics
        os.kill(stage.ingester.pid, signal.SIGTERM)
        wait_until(lambda: "ingester_stopped" in stage.log.read_text(), "it has stopped")
    minutes = stage.rows("SELECT ingester, sum(committed) FROM ingest_minutes GROUP BY ingester")
    assert minutes == [("jieru-ingest-1-http", 1)]


_WITHOUT_CLOCK: Final = {
    "format": "json",
    "rows": [{"each": "$", "serial": ["@.id"], "ts": {"unit": "receipt"}}],
}


def _declare_without_clock(connection: psycopg.Connection) -> None:
    actor = Actor("command:tests", "command line")
    with changing(connection, actor):
        declare_source(
            connection,
            SourceAddress(PLATFORM, "no-clock"),
            json.dumps(_WITHOUT_CLOCK).encode(),
            declared_by=actor.name,
            takes_receipt_time=True,
        )
    connection.commit()


def test_a_row_without_a_time_is_refused_unless_the_policy_takes_that_of_receipt(
    stage: _Stage,
) -> None:
    """By the policy of Putian it is `no_timestamp`."""
    _declare_without_clock(stage.connection)
    with stage.ingester.equipment(issue_to(stage.connection, PLATFORM)) as cloud:
        answer = cloud.when_known({"id": "CNC-1"}, path="/no-clock").json()
        assert [each["reason"] for each in answer["rejected"]] == ["no_timestamp"]
    assert stage.rows("SELECT count(*) FROM receipt_hours") == [(0,)]


def test_a_time_of_receipt_is_taken_where_the_policy_says_so_and_marked(
    database_url: str, tmp_path: Path
) -> None:
    """The heartbeat has the time at which it came, its hour is marked, others' are not."""
    policy = tmp_path / "policy.yaml"
    text = (Path(verifier.policy.__file__).parent / "putian-2026.yaml").read_text()
    policy.write_text(text.replace("value: never", "value: https"))
    began = _now_ms()
    with closing(psycopg.connect(database_url)) as connection:
        register_devices(connection, _SERIALS)
        _declare_without_clock(connection)
        issued = issue_to(connection, PLATFORM)
        log = tmp_path / "http.log"
        with (
            http_ingester(database_url, log, policy=str(policy)) as ingester,
            ingester.equipment(issued) as cloud,
        ):
            answer = cloud.when_known({"id": "CNC-1"}, path="/no-clock").json()
            assert answer["accepted"] == 1, answer
            assert cloud.answer({"serial": "CNC-2", "ts": began})["accepted"] == 1
        rows = connection.execute(
            "SELECT d.serial, h.time = h.received_at, has_receipt_time(d.id, h.time, h.received_at)"
            " FROM heartbeats h JOIN devices d ON d.id = h.device_id ORDER BY d.serial"
        ).fetchall()
        assert rows == [("CNC-1", True, True), ("CNC-2", False, False)]
        heard = [each for each in stored_heartbeats(connection) if each.serial == "CNC-1"]
        assert began <= heard[0].ts_ms <= _now_ms()
        marks = connection.execute(
            "SELECT d.serial, r.hours = p.hours FROM receipt_hours r"
            " JOIN presence p USING (device_id, month) JOIN devices d ON d.id = r.device_id"
        ).fetchall()
        assert marks == [("CNC-1", True)]


def test_nothing_acknowledged_is_missing_when_the_database_is_killed_under_load(
    own_timescale_server: TimescaleServer, tmp_path: Path
) -> None:
    """Every row of a 200 is stored; while the database is away the answer is 503, and soon."""
    server, url = own_timescale_server, own_timescale_server.create_database()
    migrate(url)
    with closing(psycopg.connect(url)) as connection:
        register_devices(connection, _SERIALS)
        issued = issue_to(connection, PLATFORM)
    with (
        http_ingester(url, tmp_path / "http.log") as ingester,
        ingester.equipment(issued) as cloud,
    ):
        cloud.when_known([])
        kept = _send_through_a_crash(cloud, server)
        with closing(psycopg.connect(url)) as connection:
            stored = stored_heartbeats(connection)
            assert kept <= stored.keys()
            assert set(stored.values()) == {1}
            presence = stored_presence(connection)
            for key, bits in bits_of(kept).items():
                assert bits <= presence[key]


def _send_through_a_crash(cloud: Poster, server: TimescaleServer) -> set[Sent]:
    """The rows of every 200, before, during and after the database's death."""
    promised: set[Sent] = set()
    statuses: list[int] = []
    first = _now_ms() - 86_400_000

    def send(number: int) -> int:
        rows = [
            Sent(serial, first + 1_000 * (50 * number + n))
            for n in range(50)
            for serial in _SERIALS
        ]
        response = cloud.post([{"serial": each.serial, "ts": each.ts_ms} for each in rows])
        statuses.append(response.status_code)
        if response.status_code == 200:
            promised.update(rows)
        elif response.status_code == 503:
            assert int(response.headers["retry-after"]) > 0
        return response.status_code

    with ThreadPoolExecutor(4) as senders:
        done = [senders.submit(send, number) for number in range(60)]
        done[10].result()
        server.kill()
        assert {each.result() for each in done} <= {200, 503}
    assert send(1_000) == 503
    server.start()
    wait_until(lambda: send(1_001) == 200, "it takes heartbeats again")
    assert 503 in statuses
    return promised


def test_a_days_backlog_is_taken_in_a_few_requests(stage: _Stage) -> None:
    """Each minute of three devices, the second time as duplicates; every hour is set."""
    first = _now_ms() - 86_400_000
    sent = [Sent(serial, first + 60_000 * n) for n in range(1_440) for serial in _SERIALS]
    rows = [{"serial": each.serial, "ts": each.ts_ms} for each in sent]
    with stage.ingester.equipment(issue_to(stage.connection, PLATFORM)) as cloud:
        cloud.when_known([])
        for expected in ("accepted", "duplicates"):
            answers = [cloud.answer(rows[at : at + 1_000]) for at in range(0, len(rows), 1_000)]
            assert sum(each[expected] for each in answers) == len(rows)
    assert stored_heartbeats(stage.connection) == dict.fromkeys(sent, 1)
    assert stored_presence(stage.connection) == bits_of(sent)
