"""`jieru simulate heartbeat`: one heartbeat with a credential, against real brokers."""

import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest

import simulators.heartbeat
from command.embedded_broker import EmbeddedBroker
from jieru.broker import BrokerAddress
from jieru.database import connect
from jieru.errors import WorldError
from jieru.wire import CLOUD, DeviceAddress, DeviceStatus, HeartbeatTopic
from tests.support.command import jieru
from tests.support.credentials import issue_to
from tests.support.fleet import register_devices
from tests.support.mosquitto import MosquittoBroker
from tests.support.processes import free_port


@pytest.fixture
def broker(embedded_database_url: str) -> Iterator[EmbeddedBroker]:
    """The demonstration's."""
    with EmbeddedBroker(embedded_database_url) as broker:
        yield broker


@pytest.fixture
def database(embedded_database_url: str) -> Iterator[psycopg.Connection]:
    """With a platform and a device."""
    with connect(embedded_database_url) as connection:
        register_devices(connection, ["CNC-01.a"])
        yield connection


def test_it_says_that_the_broker_acknowledged(
    broker: EmbeddedBroker, database: psycopg.Connection
) -> None:
    """With every kind of credential, on its own topic; the address may be a setting."""
    topics = {
        "xielian": "jieru/v1/xielian/CNC-01.a/heartbeat",
        "xielian/via/gw-1": "jieru/v1/xielian/via/gw-1/CNC-01.a/heartbeat",
        "xielian/own/CNC-01.a": "jieru/v1/xielian/own/CNC-01.a/heartbeat",
        "xielian/CNC-01.a": "jieru/v1/xielian/CNC-01.a/heartbeat",
    }
    for username, topic in topics.items():
        issued = issue_to(database, username)
        serial = [] if username.endswith("CNC-01.a") else ["--serial", "CNC-01.a"]
        done = jieru(
            "simulate", "heartbeat", *serial, mqtt_url=broker.url_of(username, issued.secret)
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("The broker acknowledged the heartbeat of CNC-01.a at ")
        assert done.stdout.endswith(f"({topic}).\n")


def test_a_credential_that_is_not_taken_is_one_sentence(
    broker: EmbeddedBroker, mosquitto: MosquittoBroker
) -> None:
    """By the demonstration's broker, and by Mosquitto."""
    for port in (broker.port, mosquitto.port):
        url = f"mqtt://xielian:wrong@127.0.0.1:{port}"
        done = jieru("simulate", "heartbeat", "--url", url, "--serial", "CNC-01")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            f"Error: The broker at 127.0.0.1:{port} does not take the credential of xielian: "
            "it is mistyped, replaced or revoked.\n"
        )


def test_a_broker_that_is_not_there_is_one_sentence() -> None:
    """Something outside failed, and may heal: exit code 3."""
    port = free_port()
    url = f"mqtt://xielian:secret@127.0.0.1:{port}"
    done = jieru("simulate", "heartbeat", "--url", url, "--serial", "CNC-01")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith(f"Error: No broker takes the heartbeat at 127.0.0.1:{port}: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mqtt://127.0.0.1:1883", "names no credential of equipment"),
        ("mqtt://xielian/CNC-01:secret@127.0.0.1:1883", "PLATFORM%2Fown%2FSERIAL"),
        ("http://127.0.0.1:1883", "--url is not a broker's address"),
    ],
)
def test_an_address_that_cannot_be_is_one_sentence(url: str, sentence: str) -> None:
    """A slash in a name ends an address before its time."""
    done = jieru("simulate", "heartbeat", "--url", url, "--serial", "CNC-01")
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr


def test_a_broker_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who listens need not be a broker."""
    monkeypatch.setattr(simulators.heartbeat, "_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = BrokerAddress("127.0.0.1", silent.getsockname()[1])
        named = HeartbeatTopic(DeviceAddress("xielian", "CNC-01"), CLOUD)
        with pytest.raises(WorldError, match=r"0\.2"):
            simulators.heartbeat.publish_heartbeat(
                address, named, DeviceStatus.RUNNING, at=datetime.now(UTC)
            )


def test_a_broker_that_hangs_up_is_one_sentence() -> None:
    """Before it said whether it takes the credential."""
    with socket.create_server(("127.0.0.1", 0)) as rude:

        def hang_up() -> None:
            rude.accept()[0].close()

        hanging_up = threading.Thread(target=hang_up)
        hanging_up.start()
        url = f"mqtt://xielian:secret@127.0.0.1:{rude.getsockname()[1]}"
        done = jieru("simulate", "heartbeat", "--url", url, "--serial", "CNC-01")
        hanging_up.join()
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("Error: No broker takes the heartbeat at 127.0.0.1:")
    assert done.stderr.count("\n") == 1
