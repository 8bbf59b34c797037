"""`jieru recheck --sources`: an honest database holds what its messages held, a forged one not."""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final, LiteralString

import psycopg
import pytest

from ingest.decode import Origin, decode_all
from ingest.device_rate import DeviceRate
from ingest.message import Message
from ingest.sources import Sources
from ingest.writer import Writer
from jieru.publishers import CLOUD_ID
from jieru.wire import encode_payload
from tests.support.command import jieru
from tests.support.fleet import PLATFORM, register_devices
from tests.support.messages import RULES, topic_of
from tests.support.roles import VERIFIER, as_role
from tests.support.sources import declare_ready_made
from tests.support.sparkplug import metric, payload

_SECOND_MS: Final = 1_000
_TOPIC: Final = f"jieru/v1/{PLATFORM}/in/thingsboard-gateway"
_RULES: Final = """
    INSERT INTO evidence_rules (policy, max_delay_hours, max_clock_ahead_minutes, clock)
    VALUES ('tests', 72, 10, 'receipt')
"""
_DEVICES: Final = "SELECT serial, id FROM devices"


class _Stage:
    """Two devices, a source, and an ingester of either kind without a broker."""

    def __init__(self, url: str, connection: psycopg.Connection) -> None:
        self.url = url
        self.connection = connection
        self.now_ms = time.time_ns() // 1_000_000

    def take(self, *payloads: bytes, rate: DeviceRate | None = None, later_ms: int = 0) -> None:
        """Messages in another's format, in one batch."""
        self.take_on(*((_TOPIC, each) for each in payloads), rate=rate, later_ms=later_ms)

    def take_on(
        self, *messages: tuple[str, bytes], rate: DeviceRate | None = None, later_ms: int = 0
    ) -> None:
        """The same on topics of their own."""
        asyncio.run(self._take(messages, rate, self.now_ms + later_ms))

    async def _take(
        self, messages: Sequence[tuple[str, bytes]], rate: DeviceRate | None, received_ms: int
    ) -> None:
        came = [Message(topic, each, len(each), received_ms, 1) for topic, each in messages]
        sources = Sources(self.url)
        read = await sources.read(came, is_leaving=lambda: False)
        await sources.close()
        heartbeats, rejections = decode_all(read.rows, self._origins(), RULES)
        writer = self._writer("tests-sources", rate)
        await writer.write(heartbeats, [*read.rejections, *rejections], source_messages=read.kept)
        await writer.close()

    def take_native(self, serial: str, ts_ms: int, **metrics: object) -> None:
        """A heartbeat of ours, a second before everything else."""
        payload = encode_payload(ts_ms, metrics=metrics)
        message = Message(topic_of(serial), payload, len(payload), self.now_ms - 1_000, 1)

        async def write() -> None:
            writer = self._writer("tests", None)
            await writer.write(*decode_all([message], self._origins(), RULES))
            await writer.close()

        asyncio.run(write())

    def _writer(self, name: str, rate: DeviceRate | None) -> Writer:
        return Writer(
            self.url, ingester=name, state_interval_s=30, is_leaving=lambda: False, rate=rate
        )

    def _origins(self) -> dict[str, Origin]:
        self.connection.rollback()
        return {
            topic_of(serial): Origin(id_, CLOUD_ID)
            for serial, id_ in self.connection.execute(_DEVICES)
        }

    def forge(self, *statements: LiteralString) -> None:
        """What an owner of the tables might do."""
        self.connection.rollback()
        self.connection.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            self.connection.execute(statement)
        self.connection.commit()

    def recheck(self, *arguments: str) -> dict[str, Any]:
        """What the command says, under the role of checks."""
        done = jieru(
            "recheck", "--sources", "--json", *arguments, database_url=as_role(self.url, VERIFIER)
        )
        assert done.stderr == ""
        found: dict[str, Any] = json.loads(done.stdout)
        assert done.returncode == (1 if found["differences"] else 0)
        return found

    def differences(self) -> dict[str, int]:
        found: dict[str, int] = self.recheck()["differences"]
        return found


def _things(**rows: list[dict[str, object]]) -> bytes:
    return json.dumps({serial.replace("_", "-"): each for serial, each in rows.items()}).encode()


@pytest.fixture
def stage(database_url: str) -> Iterator[_Stage]:
    """With devices C-1 and C-2."""
    with psycopg.connect(database_url) as connection:
        register_devices(connection, ["C-1", "C-2"])
        connection.execute("UPDATE devices SET registered_at = now() - interval '1 day'")
        connection.execute(_RULES)
        connection.commit()
        declare_ready_made(connection, "thingsboard-gateway")
        yield _Stage(database_url, connection)


@pytest.fixture
def told(stage: _Stage) -> _Stage:
    """Two good rows and a bad one, in one message."""
    at = stage.now_ms
    stage.take(
        _things(
            C_1=[{"ts": at, "values": {"rpm": 1480}}, {"ts": "noon"}],
            C_2=[{"ts": at, "values": {"rpm": 1.50}}],
        )
    )
    assert stage.differences() == {}
    return stage


def test_whatever_becomes_of_an_honest_row_is_no_difference(stage: _Stage) -> None:
    """Stored, repeated, refused, unknown, ahead, ancient, too fast; also when it came twice."""
    at = stage.now_ms
    stage.take_native("C-1", at, rpm=7)
    message = _things(
        C_1=[
            {"ts": at, "values": {"rpm": 1480}},
            {"ts": at - 1, "values": {"名": "主轴", "n": 1.50}},
            {"ts": at - 2},
            {"ts": at + 3_600_000},
            {"ts": 1},
            {"ts": "noon"},
        ],
        C_9=[{"ts": at}],
    )
    stage.take(message, b"nonsense")
    stage.take(message, later_ms=_SECOND_MS)
    found = stage.recheck()
    assert found["differences"] == {}
    assert found["messages"] == 2
    assert {fate: number for fate, number in found["rows"].items() if number} == {
        "stored": 2,
        "repeated": 1,
        "future": 1,
        "unregistered": 1,
    }
    assert found["refusals"] == 5
    register_devices(stage.connection, ["C-9"])
    stage.connection.commit()
    stage.take(message, later_ms=2 * _SECOND_MS)
    found = stage.recheck()
    assert (found["differences"], found["rows"]["stored"]) == ({}, 3)


def test_rows_beyond_a_rate_are_explained_by_it(stage: _Stage) -> None:
    """As many as were counted, and no more."""
    at = stage.now_ms
    rows: list[dict[str, object]] = [{"ts": at - number} for number in range(3_000)]
    stage.take(_things(C_1=rows), rate=DeviceRate(per_minute=1, burst=10))
    found = stage.recheck()
    assert found["differences"] == {}
    assert found["rows"]["excess"] > 0
    stage.forge("UPDATE device_excess SET heartbeats = heartbeats - 5")
    assert stage.differences() == {"row_missing": 5}


_IN_SECONDS: Final = """
    UPDATE sources SET format = replace(format, '"ms"', '"s"'),
        sha256 = encode(sha256(convert_to(replace(format, '"ms"', '"s"'), 'UTF8')), 'hex')
"""
_EARLIER: Final = """
    UPDATE heartbeats SET metrics = '{}', received_at = received_at - interval '1 ms'
    WHERE device_id = 1
"""
_MADE_UP: Final = """
    INSERT INTO heartbeats (device_id, time, received_at, publisher_id)
    SELECT device_id, time - interval '1 h', received_at, 1 FROM heartbeats WHERE device_id = 1
"""
_OTHER_METRICS: Final = """
    UPDATE heartbeats SET metrics = '{"rpm": 1481}' WHERE device_id = 1
"""
_WITHOUT_DIGEST: Final = "ALTER TABLE source_messages DROP CONSTRAINT source_messages_check"


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([_OTHER_METRICS], "content_differs"),
        (["UPDATE heartbeats SET status = 'running' WHERE device_id = 1"], "content_differs"),
        (["UPDATE heartbeats SET seq = 1 WHERE device_id = 1"], "content_differs"),
        ([_EARLIER], "heartbeats_not_derived"),
        ([_MADE_UP], "heartbeats_not_derived"),
        (["DELETE FROM heartbeats WHERE device_id = 1"], "row_missing"),
        ([_IN_SECONDS], "heartbeats_not_derived"),
        (
            [
                "ALTER TABLE sources DROP CONSTRAINT sources_check",
                "UPDATE sources SET format = replace(format, '\"ms\"', '\"s\"')",
            ],
            "format_changed",
        ),
        (["UPDATE rejections SET path = '$.C-1[0]'"], "rejection_not_derived"),
        (["UPDATE rejections SET reason = 'unknown_source'"], "rejection_not_derived"),
        (["DELETE FROM source_messages"], "message_missing"),
        ([_WITHOUT_DIGEST, "UPDATE source_messages SET payload = '{}'"], "payload_changed"),
    ],
)
def test_what_was_forged_is_found(
    told: _Stage, statements: Sequence[LiteralString], expected: str
) -> None:
    """In heartbeats, in rejections, in messages and in formats."""
    told.forge(*statements)
    assert expected in told.differences()


def test_a_changed_message_is_found_though_its_digest_was_changed_too(told: _Stage) -> None:
    """What it holds now is not what is stored."""
    changed = _things(C_1=[{"ts": told.now_ms, "values": {"rpm": 9}}]).decode()
    told.connection.rollback()
    told.connection.execute("SET LOCAL session_replication_role = replica")
    told.connection.execute(
        "UPDATE source_messages SET payload = %(it)s, sha256 = sha256(%(it)s)",
        {"it": changed.encode()},
    )
    told.connection.commit()
    assert set(told.differences()) == {
        "content_differs", "rejection_not_derived", "heartbeats_not_derived",
    }  # fmt: skip


def test_a_message_that_is_gone_leaves_heartbeats_that_nobody_heard(told: _Stage) -> None:
    """Of a platform that was heard in no other way in that hour."""
    told.forge("DELETE FROM rejections")
    told.take(_things(C_1=[{"ts": told.now_ms - 5}]))
    told.forge("DELETE FROM source_messages WHERE id = (SELECT min(id) FROM source_messages)")
    (found,) = told.recheck()["listed"]
    assert (found["kind"], found["heartbeats"]) == ("heartbeats_not_derived", 2)


def test_only_what_was_asked_for_is_looked_at(told: _Stage) -> None:
    """By platform and by day of receipt; and the command line says what belongs together."""
    told.forge("DELETE FROM heartbeats")
    assert told.recheck("--from", "2020-01-01", "--to", "2020-01-31")["messages"] == 0
    assert told.recheck("--platform", PLATFORM)["differences"] == {"row_missing": 2}
    url = as_role(told.url, VERIFIER)
    assert "There is no platform" in jieru(
        "recheck", "--sources", "--platform", "nobody", database_url=url
    ).stderr  # fmt: skip
    year = ["recheck", "2026"]
    for wrong in (["recheck"], [*year, "--sources"], [*year, "--to", "2026-01-01"]):
        assert jieru(*wrong, database_url=url).returncode == 2
    spoken = jieru("recheck", "--sources", database_url=url)
    assert spoken.returncode == 1
    assert "the message holds this heartbeat, and it is not stored" in spoken.stderr
    assert "1 messages, 0 rows, 1 refusals, 2 differences" in spoken.stdout


def test_sparkplug_is_derived_with_the_birth_that_each_message_names(stage: _Stage) -> None:
    """Though a later birth gives the same number another name; what was forged is found."""
    declare_ready_made(stage.connection, "sparkplug-b")
    begin, now = f"spBv1.0/{PLATFORM}", stage.now_ms
    birth, data = f"{begin}/DBIRTH/edge-7/C-1", f"{begin}/DDATA/edge-7/C-1"
    stage.take_on(
        (data, payload([metric(1, 0)], now - 5_000)),
        (birth, payload([metric("old", 1, alias=1)], now - 4_000)),
        (data, payload([metric(1, -2, datatype=None)], now - 3_000)),
        (f"{begin}/NDEATH/edge-7", payload([metric("bdSeq", 0)])),
        (f"{begin}/DDATA/edge-7/CNC-9", payload((), now)),
        (data, b"\xff"),
        (birth, payload([metric("new", 1, alias=1)], now - 2_000)),
    )
    stage.take_on((data, payload([metric(1, 3)], now - 1_000)), later_ms=1_000)
    found = stage.recheck()
    assert found["differences"] == {}
    assert found["rows"]["stored"] == 5
    assert found["rows"]["unregistered"] == 1
    stage.forge("UPDATE source_messages SET birth_id = NULL WHERE birth_id IS NOT NULL")
    assert stage.differences()["content_differs"] == 2
