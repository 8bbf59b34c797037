"""What a real Mosquitto allows whoever has a credential, and how soon it knows of changes."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import psycopg
import pytest

from api.access.roles import Role
from api.app import create_app
from jieru.credentials.records import IssuedCredential
from jieru.database import connect, open_pool
from jieru.schema import migrate
from jieru.settings import Settings
from jieru.wire import HEARTBEAT_TOPIC_FILTERS, parse_heartbeat_topic
from tests.support.callers import bearer
from tests.support.command import clean_environment, jieru, jieru_path
from tests.support.credentials import issue_to, replace, revoke
from tests.support.debian_root import DebianRoot
from tests.support.equipment import Equipment, broker_sync, equipment_side
from tests.support.fleet import register_devices, wait_until
from tests.support.messages import topic_of
from tests.support.mosquitto import INGEST_USER, MosquittoBroker
from tests.support.roles import API, as_role
from tests.support.timescaledb import TimescaleServer

_CLOUD, _GATEWAY = "xielian", "xielian/via/gw-1"
_DEVICE, _OLD, _SISTER = "xielian/own/cnc-1", "xielian/cnc-1", "xielian/own/cnc-2"
_STRANGER = "other/own/cnc-1"
_TOPICS: Final = {
    _CLOUD: ["jieru/v1/xielian/cnc-1/heartbeat", "jieru/v1/xielian/cnc-2/heartbeat"],
    _GATEWAY: [
        "jieru/v1/xielian/via/gw-1/cnc-1/heartbeat",
        "jieru/v1/xielian/via/gw-1/cnc-2/heartbeat",
    ],
    _DEVICE: ["jieru/v1/xielian/own/cnc-1/heartbeat"],
    _OLD: ["jieru/v1/xielian/cnc-1/heartbeat"],
}
"""Where each may publish; a device's old credential, where the cloud does for it."""
_OF_SISTER: Final = "jieru/v1/xielian/own/cnc-2/heartbeat"
_OF_STRANGER: Final = "jieru/v1/other/own/cnc-1/heartbeat"
_ALL_TOPICS: Final = (
    *_TOPICS[_CLOUD],
    *_TOPICS[_GATEWAY],
    *_TOPICS[_DEVICE],
    _OF_SISTER,
    _OF_STRANGER,
    "jieru/v1/xielian/via/gw-2/cnc-1/heartbeat",
    "jieru/v1/other/cnc-1/heartbeat",
    "jieru/v1/other/via/gw-1/cnc-1/heartbeat",
)
_NO_TOPICS: Final = (
    *(f"{topic}/more" for topic in _ALL_TOPICS),
    "jieru/v1/xielian/heartbeat",
    "jieru/v1/xielian/own/heartbeat",
    "jieru/v1/xielian/via/heartbeat",
    "jieru/v1/xielian/via/gw-1/heartbeat",
    "jieru/v1/xielian/own/cnc-1/cnc-2/heartbeat",
    "jieru/v1/xielian/cnc-1/cnc-2/heartbeat",
    "elsewhere",
)
"""Of which a credential may reach some, and no ingester hears any as a heartbeat."""
_LAST = topic_of("last")
_BURST = 200

_PUBLISHERS = """
    SELECT kind, name FROM heartbeats JOIN publishers ON publishers.id = publisher_id
"""


@dataclass(frozen=True, slots=True)
class _Stage:
    """A broker that follows the credentials of a database."""

    broker: MosquittoBroker
    connection: psycopg.Connection
    log: Path

    def issue(self, username: str) -> str:
        """Issue a credential and wait until the broker takes it; the equipment's address."""
        return self.address_of(issue_to(self.connection, username))

    def address_of(self, issued: IssuedCredential) -> str:
        """Wait until the broker takes a credential; the equipment's address."""
        self.broker.remember(issued.username, issued.secret)
        url = self.broker.url(issued.username)
        wait_until(lambda: not refusal(url), f"the broker knows {issued.username}")
        return url


def refusal(url: str) -> str:
    """Why the broker refuses; empty: it does not."""
    with Equipment(url) as equipment:
        return equipment.refusal


def sync_once(
    database_url: str, broker: MosquittoBroker, *options: str
) -> "subprocess.CompletedProcess[str]":
    """One `jieru broker sync`."""
    settings = broker.sync_settings
    return jieru("broker", "sync", *options, timeout_s=60, database_url=database_url, **settings)


def register(connection: psycopg.Connection) -> None:
    """Two platforms with a device of the same serial."""
    register_devices(connection, ["cnc-1", "cnc-2", "last"])
    register_devices(connection, ["cnc-1"], "other")


@pytest.fixture
def stage(mosquitto: MosquittoBroker, database_url: str, tmp_path: Path) -> Iterator[_Stage]:
    """A broker, and the sync that runs beside it."""
    log = tmp_path / "sync.log"
    with connect(database_url) as connection, broker_sync(database_url, mosquitto, log):
        register(connection)
        yield _Stage(mosquitto, connection, log)


@pytest.fixture
def reader(stage: _Stage) -> Iterator[Equipment]:
    """The ingesters' user, who reads all heartbeats."""
    with Equipment(stage.broker.url(INGEST_USER)) as equipment:
        equipment.subscribe("jieru/v1/#")
        yield equipment


def heard(reader: Equipment, cloud: Equipment) -> list[str]:
    """What the broker let through until now: it deals with one packet after another."""
    cloud.publish(_LAST, "{}")
    wait_until(lambda: _LAST in reader.received, "the last message is there")
    return reader.received[:-1]


@pytest.mark.parametrize("username", list(_TOPICS))
def test_each_user_reaches_its_own_topics_and_no_others(stage: _Stage, username: str) -> None:
    """As ingesters hear it, whatever else it tries."""
    with (
        Equipment(stage.broker.url(INGEST_USER)) as ingester,
        Equipment(stage.issue(username)) as equipment,
        Equipment(stage.issue("other")) as witness,
    ):
        for topic_filter in HEARTBEAT_TOPIC_FILTERS:
            ingester.subscribe(topic_filter)
        for topic in (*_ALL_TOPICS, *_NO_TOPICS):
            equipment.publish(topic, "{}")
        last = topic_of("last", "other")
        witness.publish(last, "{}")
        wait_until(lambda: last in ingester.received, "the last message is there")
        heartbeats = [each for each in ingester.received[:-1] if parse_heartbeat_topic(each)]
        assert heartbeats == _TOPICS[username]


@pytest.mark.parametrize("username", [_DEVICE, _OLD, _GATEWAY, _CLOUD])
def test_equipment_receives_nothing(stage: _Stage, username: str) -> None:
    """Whatever it subscribes to: its own topic, others', everything, the broker's own."""
    with (
        Equipment(stage.issue(username)) as equipment,
        Equipment(stage.issue(_STRANGER)) as stranger,
    ):
        for topic_filter in (
            *_TOPICS[username],
            _OF_STRANGER,
            "jieru/v1/+/+/heartbeat",
            "#",
            "$SYS/#",
            "$share/jieru/jieru/v1/+/+/heartbeat",
            "$share/all/#",
        ):
            equipment.subscribe(topic_filter)
        stranger.publish(_OF_STRANGER, "{}")
        for _time in range(2):  # what the first caused comes before the second is acknowledged
            equipment.publish(_TOPICS[username][0], "{}")
        assert equipment.received == []


def test_the_ingesters_user_only_reads(stage: _Stage, reader: Equipment) -> None:
    """What it publishes is dropped, wherever to."""
    with Equipment(stage.issue(_CLOUD)) as cloud:
        for topic in (
            *_ALL_TOPICS,
            "jieru/v1/_ingest/cnc-1/heartbeat",
            "jieru/v1/_ingest/heartbeat",
        ):
            reader.publish(topic, "{}")
        assert heard(reader, cloud) == []


def test_whoever_watches_the_broker_sees_its_figures_and_no_heartbeat(stage: _Stage) -> None:
    """And publishes nothing that is let through."""
    with (
        Equipment(stage.broker.add_user("_monitor")) as monitor,
        Equipment(stage.issue(_CLOUD)) as cloud,
    ):
        for topic_filter in ("$SYS/broker/publish/messages/dropped", "jieru/v1/#", "#"):
            monitor.subscribe(topic_filter)
        for publisher in (cloud, monitor):
            publisher.publish(_TOPICS[_CLOUD][0], "{}")
        wait_until(lambda: bool(monitor.received), "the figure is there")
        assert set(monitor.received) == {"$SYS/broker/publish/messages/dropped"}


def test_revoking_ends_one_connection_and_no_other(stage: _Stage, reader: Equipment) -> None:
    """The others keep the very connection that they have, and publish on."""
    revoked = issue_to(stage.connection, _DEVICE)
    with (
        Equipment(stage.address_of(revoked)) as device,
        Equipment(stage.issue(_SISTER)) as sister,
        Equipment(stage.issue(_CLOUD)) as cloud,
    ):
        revoke(stage.connection, revoked.id)
        wait_until(lambda: bool(device.refusal), "the broker refuses the revoked device")
        sister.publish(_OF_SISTER, "{}")
        assert heard(reader, cloud) == [_OF_SISTER]
        assert [each.connections for each in (device, sister, cloud, reader)] == [1, 1, 1, 1]
        assert not device.is_connected


def test_of_a_replaced_credential_the_new_secret_alone_opens(stage: _Stage) -> None:
    """The old one is refused as soon as the new one is taken."""
    issued = issue_to(stage.connection, _DEVICE)
    old_url = stage.address_of(issued)
    new_url = stage.address_of(replace(stage.connection, issued.id))
    assert refusal(old_url) == "Not authorized"
    assert refusal(new_url) == ""


def test_many_changes_are_few_reloads(stage: _Stage) -> None:
    """However many changes there are: what comes close together is one sync."""
    stage.issue(_CLOUD)
    before = stage.broker.reloads
    issued = issue_to(stage.connection, _DEVICE)
    for _change in range(_BURST):
        issued = replace(stage.connection, issued.id)
    stage.address_of(issued)
    assert 1 <= stage.broker.reloads - before <= _BURST // 4


def test_a_change_is_told_twice(stage: _Stage) -> None:
    """Mosquitto drops a SIGHUP that comes while it reloads: a revocation must not hang on one."""
    before = stage.broker.reloads
    stage.issue(_CLOUD)
    wait_until(lambda: stage.broker.reloads == before + 2, "the broker was told again")


def test_the_sync_outlives_a_restart_of_the_database(
    own_timescale_server: TimescaleServer, mosquitto: MosquittoBroker, tmp_path: Path
) -> None:
    """It comes back by itself, and brings what changed meanwhile."""
    url = own_timescale_server.create_database()
    migrate(url)
    with broker_sync(url, mosquitto, tmp_path / "sync.log") as process:
        with connect(url) as connection:
            register(connection)
            _Stage(mosquitto, connection, tmp_path).issue(_DEVICE)
        own_timescale_server.restart()
        with connect(url) as connection:
            _Stage(mosquitto, connection, tmp_path).issue(_SISTER)
        assert process.poll() is None


def test_the_sync_waits_for_a_broker_that_is_away(stage: _Stage) -> None:
    """The files are written all the same, and the broker reads them when it starts."""
    stage.issue(_CLOUD)
    stage.broker.stop()
    issued = issue_to(stage.connection, _DEVICE)
    wait_until(
        lambda: "its pid file" in stage.log.read_text(encoding="utf-8"),
        "the sync says that the broker is away",
    )
    stage.broker.start()
    stage.address_of(issued)


def test_a_password_file_that_vanished_is_an_alarm_until_it_is_back(
    stage: _Stage, database_url: str
) -> None:
    """Nothing takes its place, so no ingester's user is lost; one sync by hand ends with 1."""
    stage.issue(_CLOUD)
    passwords = stage.broker.files.password_file
    whole, rights = passwords.read_bytes(), passwords.stat()
    passwords.unlink()
    issued = issue_to(stage.connection, _DEVICE)
    wait_until(
        lambda: '"broker_file_vanished"' in stage.log.read_text(encoding="utf-8"),
        "the sync says that a file is gone",
    )
    once = sync_once(database_url, stage.broker)
    assert (once.returncode, once.stdout) == (1, "")
    assert str(passwords) in once.stderr
    assert not passwords.exists()
    gone = "SELECT kind, vanished_at IS NOT NULL, back_at IS NULL FROM broker_files ORDER BY kind"
    told = stage.connection.execute(gone).fetchall()
    assert told == [("acl", False, True), ("passwords", True, True)]
    passwords.write_bytes(whole)
    os.chown(passwords, rights.st_uid, rights.st_gid)
    passwords.chmod(0o600)
    stage.address_of(issued)
    wait_until(
        lambda: stage.connection.execute(gone).fetchall()[1] == ("passwords", True, False),
        "the console knows that it is back",
    )


def test_files_that_vanished_while_nothing_ran_are_an_alarm_and_anew_keep_the_ingesters(
    mosquitto: MosquittoBroker, database_url: str
) -> None:
    """Both are gone, and only the database knows that they were there, and who was in them."""
    passwords, acl = mosquitto.files.password_file, mosquitto.files.acl_file
    with connect(database_url, autocommit=True) as connection:
        register(connection)
        issue_to(connection, _DEVICE)
        assert sync_once(database_url, mosquitto).returncode == 0
        whole = passwords.read_bytes()
        ingesters = [line for line in whole.splitlines() if line.startswith(b"_")]
        assert ingesters
        passwords.unlink()
        acl.unlink()
        refused = sync_once(database_url, mosquitto)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr.count("broker_file_vanished") == 2
        assert not passwords.exists()
        anew = sync_once(database_url, mosquitto, "--anew")
        assert anew.returncode == 0, anew.stderr
        assert passwords.read_bytes() == whole
        back = "SELECT bool_and(vanished_at <= back_at) FROM broker_files"
        assert connection.execute(back).fetchone() == (True,)


def test_sigterm_ends_the_sync_well(
    mosquitto: MosquittoBroker, database_url: str, tmp_path: Path
) -> None:
    """Exit code 0, and each line of its log is a JSON object."""
    log = tmp_path / "sync.log"
    with connect(database_url) as connection, broker_sync(database_url, mosquitto, log) as process:
        register(connection)
        _Stage(mosquitto, connection, log).issue(_DEVICE)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    events = [json.loads(line)["event"] for line in log.read_text(encoding="utf-8").splitlines()]
    assert set(events) == {"broker_synced"}


def test_one_sync_says_what_it_did(mosquitto: MosquittoBroker, database_url: str) -> None:
    """A second one finds nothing to do, and leaves the broker in peace."""
    with connect(database_url) as connection:
        register(connection)
        issued = issue_to(connection, _DEVICE)
        first = sync_once(database_url, mosquitto)
        assert first.returncode == 0, first.stderr
        assert first.stdout.splitlines() == [
            "Users who may connect: 1",
            f"Written: {mosquitto.files.password_file}",
            "The broker was told to read its files again.",
        ]
        _Stage(mosquitto, connection, Path()).address_of(issued)
    again = sync_once(database_url, mosquitto)
    assert again.stdout.splitlines() == ["Users who may connect: 1"]
    assert mosquitto.reloads == 1


def test_the_console_keeps_the_broker_up_to_date(
    mosquitto: MosquittoBroker, database_url: str
) -> None:
    """`jieru serve` follows the credentials where the settings name the files."""
    settings = {"database_url": database_url, "language": "en", **mosquitto.sync_settings}
    with (
        connect(database_url) as connection,
        subprocess.Popen(
            [jieru_path(), "serve", "--port", "0"],
            env=clean_environment(**settings),
            stdout=subprocess.PIPE,
            text=True,
        ) as server,
    ):
        try:
            register(connection)
            _Stage(mosquitto, connection, Path()).issue(_DEVICE)
            server.terminate()
            assert server.wait(30) == 0
        finally:
            server.kill()


@pytest.mark.parametrize(
    ("body", "publisher"),
    [
        ({"serial": "cnc-1"}, ("device", None)),
        ({"gateway": "gw-1"}, ("gateway", "gw-1")),
        ({}, ("cloud", None)),
    ],
)
async def test_a_credential_of_the_api_lets_a_heartbeat_through(
    debian_root: DebianRoot,
    database_url: str,
    body: dict[str, str],
    publisher: tuple[str, str | None],
) -> None:
    """From the request to the heartbeat, stored with its publisher: API, sync, broker, ingester."""
    with (
        equipment_side(debian_root, database_url) as side,
        connect(database_url, autocommit=True) as connection,
        open_pool(as_role(database_url, API), size=2) as pool,
    ):
        register(connection)
        headers = bearer(connection, Role.OPERATOR, "xielian")
        transport = httpx.ASGITransport(app=create_app(Settings(), pool))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://jieru.test/api/v1", headers=headers
        ) as client:
            gateway = await client.post("/gateways", json={"platform": "xielian", "name": "gw-1"})
            assert gateway.status_code == 201
            answer = await client.post("/credentials", json={"platform": "xielian", **body})
        issued = answer.json()
        side.publish_heartbeat(issued["username"], issued["secret"], serial="cnc-1")
        wait_until(
            lambda: connection.execute(_PUBLISHERS).fetchall() == [publisher],
            "the heartbeat is stored",
        )
