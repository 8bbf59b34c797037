"""What a real Mosquitto writes of connections, followed into a real database."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
import psycopg
import pytest

from jieru.database import connect
from jieru.schema import migrate
from tests.support import raw_mqtt
from tests.support.command import clean_environment
from tests.support.credentials import issue_to, revoke
from tests.support.debian_root import DebianRoot
from tests.support.emqx import emqx_event
from tests.support.equipment import Equipment
from tests.support.fleet import register_devices, wait_until
from tests.support.mosquitto import MosquittoBroker
from tests.support.roles import BROKER, as_role
from tests.support.timescaledb import TimescaleServer

_DEVICE: Final = "xielian/own/cnc-1"
_WRONG: Final = "jieru/v1/xielian/own/cnc-1/nonsense"
_EVENTS: Final = """
    SELECT kind, username, topic, detail, sum(number)::integer FROM broker_events
    WHERE username NOT LIKE '\\_%' GROUP BY kind, username, topic, detail
    ORDER BY kind, username, topic
"""
_SESSION: Final = """
    SELECT is_connected, address, last_event FROM broker_sessions WHERE username = %s
"""


@contextmanager
def followed(
    database_url: str, said: Path, *arguments: str, **settings: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """A real `jieru broker follow`, as the role of the broker's."""
    with said.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "jieru", "broker", "follow", *arguments],
            env=clean_environment(
                database_url=as_role(database_url, BROKER), language="en", **settings
            ),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@dataclass(frozen=True, slots=True)
class _Stage:
    broker: MosquittoBroker
    connection: psycopg.Connection
    url: str
    said: Path

    def rows(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        return self.connection.execute(statement.encode(), values or None).fetchall()

    @contextmanager
    def following(self) -> Iterator["subprocess.Popen[bytes]"]:
        """Returns when it has opened the log."""
        opened = self.opened
        with followed(self.url, self.said, "--log", str(self.broker.log)) as process:
            wait_until(lambda: self.opened > opened, "the log is followed")
            yield process

    @property
    def opened(self) -> int:
        text = self.said.read_text(encoding="utf-8") if self.said.exists() else ""
        return text.count("broker_log_opened")

    def credential(self, username: str) -> str:
        """A credential that database and broker know; its address."""
        issued = issue_to(self.connection, username)
        return self.broker.add_user(issued.username, issued.secret)

    def session(self, username: str = _DEVICE) -> tuple[object, ...] | None:
        return next(iter(self.rows(_SESSION, username)), None)


@pytest.fixture
def broker(debian_root: DebianRoot) -> Iterator[MosquittoBroker]:
    """Mosquitto as we deploy it, telling all that it can tell."""
    with MosquittoBroker(debian_root, settings={"log_type": "all"}) as broker:
        yield broker


@pytest.fixture
def stage(broker: MosquittoBroker, database_url: str, tmp_path: Path) -> Iterator[_Stage]:
    """A platform with a device, and one more platform."""
    with connect(database_url, autocommit=True) as connection:
        register_devices(connection, ["cnc-1", "cnc-2"])
        register_devices(connection, ["cnc-1"], "other")
        yield _Stage(broker, connection, database_url, tmp_path / "follow.log")


def refused(url: str, client_id: str = "c") -> None:
    """Try to be let in, in vain."""
    with pytest.raises(ConnectionRefusedError):
        raw_mqtt.let_in(url, client_id)


def test_who_comes_and_goes_is_told(stage: _Stage) -> None:
    """With the address; the broker's restart ends all sessions."""
    url = stage.credential(_DEVICE)
    with stage.following():
        with Equipment(url):
            wait_until(lambda: stage.session() is not None, "it came")
            assert stage.session() == (True, "127.0.0.1", "connected")
        wait_until(lambda: stage.session() == (False, "127.0.0.1", "left"), "it went")
        plug = raw_mqtt.let_in(url, "any")
        plug.close()
        wait_until(lambda: stage.session() == (False, "127.0.0.1", "lost"), "it broke")
        with Equipment(url), Equipment(url):
            wait_until(lambda: stage.session() == (True, "127.0.0.1", "connected"), "it is back")
            stage.broker.restart()
            wait_until(lambda: len(stage.rows(_SESSION, _DEVICE)) == 1, "one row")
        wait_until(
            lambda: ("disconnected", _DEVICE) in [row[:2] for row in stage.rows(_EVENTS)],
            "ends are told",
        )


def test_refusals_say_what_was_wrong(stage: _Stage) -> None:
    """A wrong secret, a revoked one, a name that nobody has; each with the address."""
    stage.credential(_DEVICE)
    gone = issue_to(stage.connection, "xielian/own/cnc-2")
    revoke(stage.connection, gone.id)
    with stage.following():
        for name in (_DEVICE, "xielian/own/cnc-2", "xielian/own/cnc-9", "nobody"):
            stage.broker.remember(name, "wrong")
            for _time in range(3):
                refused(stage.broker.url(name))
        wanted = [
            ("refused", "nobody", "", "unknown_user", 3),
            ("refused", _DEVICE, "", "wrong_secret", 3),
            ("refused", "xielian/own/cnc-2", "", "revoked", 3),
            ("refused", "xielian/own/cnc-9", "", "unknown_user", 3),
        ]
        wait_until(lambda: stage.rows(_EVENTS) == wanted, "each is told")
    assert stage.rows(
        "SELECT DISTINCT address, platform_id IS NULL FROM broker_events ORDER BY 2"
    ) == [("127.0.0.1", False), ("127.0.0.1", True)]


def test_a_dropped_message_is_told_with_its_topic(stage: _Stage) -> None:
    """Where the broker's log has debugging lines; MQTT 3.1.1 took it for a success."""
    with stage.following(), Equipment(stage.credential(_DEVICE)) as equipment:
        for topic in (_WRONG, _WRONG, "/jieru/v1/xielian/own/cnc-1/heartbeat"):
            equipment.publish(topic, "{}")
        equipment.publish("jieru/v1/xielian/own/cnc-1/heartbeat", "{}")
        wait_until(
            lambda: (
                [row for row in stage.rows(_EVENTS) if row[0] == "denied"]
                == [
                    ("denied", _DEVICE, "/jieru/v1/xielian/own/cnc-1/heartbeat", "", 1),
                    ("denied", _DEVICE, _WRONG, "", 2),
                ]
            ),
            "both topics are told",
        )


def test_a_revoked_session_is_at_its_end(stage: _Stage) -> None:
    """Mosquitto writes the same as of a refusal."""
    url = stage.credential(_DEVICE)
    with stage.following(), Equipment(url):
        wait_until(lambda: stage.session() == (True, "127.0.0.1", "connected"), "it came")
        stage.broker.add_user(_DEVICE, "another")
        wait_until(lambda: stage.session() == (False, "127.0.0.1", "revoked"), "it was put out")


def test_killed_and_started_again_it_counts_everything_once(stage: _Stage) -> None:
    """What was written meanwhile too, with the log renamed as logrotate does it."""
    stage.broker.remember("nobody", "wrong")
    number = 0
    for turn in range(3):
        with stage.following() as process:
            refused(stage.broker.url("nobody"))
            number += 1
            wait_until(
                lambda wanted=number: (
                    stage.rows(_EVENTS)  # type: ignore[misc]
                    == [("refused", "nobody", "", "unknown_user", wanted)]
                ),
                f"turn {turn} is told",
            )
            process.kill()
        refused(stage.broker.url("nobody"))
        number += 1
    with stage.following():
        wait_until(lambda: stage.rows(_EVENTS)[0][-1] == number, "all are told")


def test_a_database_that_is_away_is_waited_for(
    own_timescale_server: TimescaleServer, broker: MosquittoBroker, tmp_path: Path
) -> None:
    """Nothing is lost and nothing is counted twice."""
    url = own_timescale_server.create_database()
    migrate(url)
    with connect(url, autocommit=True) as connection:
        stage = _Stage(broker, connection, url, tmp_path / "follow.log")
        broker.remember("nobody", "wrong")
        with stage.following() as process:
            refused(broker.url("nobody"))
            own_timescale_server.stop()
            for _time in range(5):
                refused(broker.url("nobody"))
            own_timescale_server.start()
            with connect(url, autocommit=True) as again:
                wait_until(
                    lambda: [row[-1] for row in again.execute(_EVENTS.encode())] == [6],
                    "all are told",
                )
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0


def test_lines_may_come_from_a_pipe(stage: _Stage) -> None:
    """As from `journalctl -o cat`; it ends when they end."""
    with followed(stage.url, stage.said, "--stdin") as process:
        line = f"New client connected from 10.0.0.7:1 as {_DEVICE} (p5, c1, k60, u'{_DEVICE}').\n"
        process.communicate(line.encode(), timeout=60)
        assert process.returncode == 0
    assert stage.session() == (True, "10.0.0.7", "connected")


def test_emqx_posts_what_it_has_to_tell(stage: _Stage) -> None:
    """With the token; a second connection's end does not end the first."""
    at = datetime.now(UTC) - timedelta(minutes=1)
    issue_to(stage.connection, _DEVICE)
    settings = {"broker_hook_token": "s3cret"}
    with followed(stage.url, stage.said, "--listen", "0", **settings) as process:
        wait_until(lambda: "/events" in stage.said.read_text(encoding="utf-8"), "it listens")
        address = stage.said.read_text(encoding="utf-8").split()[-1]

        def post(body: str | bytes, token: str = settings["broker_hook_token"]) -> int:
            headers = {"Authorization": f"Bearer {token}"}
            return httpx.post(address, content=body, headers=headers).status_code

        def event(name: str, **fields: object) -> str:
            return json.dumps(emqx_event(name, at=at, username=_DEVICE, **fields))

        assert post(event("client.connected"), "guess") == 401
        assert post("{}") == 400
        assert post(b"x" * 300_000) == 413
        assert post(event("client.connected", clientid="new")) == 204
        assert post(event("client.disconnected", clientid="old")) == 204
        assert post(event("client.connack", reason_code="not_authorized")) == 204
        assert post(event("client.check_authz_complete", result="deny", topic=_WRONG)) == 204
        wait_until(lambda: len(stage.rows(_EVENTS)) == 4, "all are told")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert stage.session() == (True, "192.168.0.10", "connected")


def test_a_storm_is_few_rows(stage: _Stage) -> None:
    """Names of 64 KiB, another with every attempt, by hundreds."""
    with stage.following():
        for number in range(300):
            name = f"xielian/own/{number}" if number % 2 else f"{number}" + "n" * 60_000
            stage.broker.remember(name, "wrong")
            with suppress(OSError):
                raw_mqtt.let_in(stage.broker.url(name), "c").close()
        stage.broker.remember("last", "wrong")
        wait_until(
            lambda: (
                stage.rows("SELECT sum(number) FROM broker_events")[0][0] is not None
                and int(str(stage.rows("SELECT sum(number) FROM broker_events")[0][0])) >= 150
            ),
            "all that can be told is told",
        )
    ((rows,),) = stage.rows("SELECT count(*) FROM broker_events")
    assert int(str(rows)) <= 210
