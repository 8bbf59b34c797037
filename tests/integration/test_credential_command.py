"""`jieru credential`: the first credential needs no console."""

from typing import TYPE_CHECKING, Final

import psycopg
import pytest

from jieru.credentials.sync import sync_broker
from jieru.database import connect
from tests.support.command import jieru
from tests.support.credentials import issue_to
from tests.support.fleet import wait_until
from tests.support.mosquitto import MosquittoBroker
from tests.support.processes import StartError
from tests.support.registry_builder import RegistryBuilder

if TYPE_CHECKING:
    from subprocess import CompletedProcess

_OWN: Final = "xielian/own/cnc-1"
_SHOWN: Final = "Secret, shown only now: "
_SITE: Final = "SELECT site FROM publishers WHERE name = %s"
_LAST_ENTRY: Final = (
    "SELECT actor, origin, action, record_kind FROM audit_entries ORDER BY number DESC LIMIT 1"
)


@pytest.fixture
def url(database_url: str) -> str:
    """A database with a platform and one device."""
    with connect(database_url) as connection:
        city = RegistryBuilder(connection)
        city.platform("xielian")
        connection.execute(
            "INSERT INTO devices (platform_id, serial) SELECT id, 'cnc-1' FROM platforms"
        )
        connection.commit()
    return database_url


def credential(url: str, *arguments: str, equipment_mqtt_url: str = "") -> "CompletedProcess[str]":
    """Run `jieru credential`."""
    return jieru("credential", *arguments, database_url=url, equipment_mqtt_url=equipment_mqtt_url)


def secret_of(done: "CompletedProcess[str]") -> str:
    """What was shown once."""
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stdout.splitlines() if line.startswith(_SHOWN))
    return line.removeprefix(_SHOWN)


def _sync(url: str, broker: MosquittoBroker) -> None:
    """Tell the broker; returns when it knows."""
    reloads = broker.reloads
    with connect(url) as connection:
        assert sync_broker(connection, broker.files).is_reloaded
    wait_until(lambda: broker.reloads > reloads, "the broker has read its files")


def last_entry(url: str) -> tuple[str, ...]:
    """Who changed what last."""
    with psycopg.connect(url) as connection:
        row = connection.execute(_LAST_ENTRY).fetchone()
    assert row is not None
    return tuple(row)


def site_of(url: str, gateway: str) -> str | None:
    """Where a gateway stands."""
    with psycopg.connect(url) as connection:
        row = connection.execute(_SITE, (gateway,)).fetchone()
    assert row is not None
    return None if row[0] is None else str(row[0])


def test_a_credential_is_issued_works_and_is_revoked(url: str, mosquitto: MosquittoBroker) -> None:
    """Through the broker itself: let in with the secret, and kept out when it is revoked."""
    done = credential(url, "issue", "xielian", "cnc-1", equipment_mqtt_url=mosquitto.url(None))
    mosquitto.remember(_OWN, secret_of(done))
    assert done.stdout.splitlines()[0] == f"Username: {_OWN}"
    assert done.stdout.splitlines()[3].startswith(
        f"mosquitto_pub -h 127.0.0.1 -p {mosquitto.port} -u {_OWN} -P {secret_of(done)} "
    )
    actor, *entry = last_entry(url)
    assert actor.startswith("command:")
    assert entry == ["command line", "create", "credentials"]

    def publish() -> None:
        mosquitto.publish("jieru/v1/xielian/own/cnc-1/heartbeat", "{}", user=_OWN)

    _sync(url, mosquitto)
    publish()
    done = credential(url, "revoke", _OWN)
    assert done.stdout == f"The credential of {_OWN} is revoked.\n"
    _sync(url, mosquitto)
    with pytest.raises(StartError):
        publish()


def test_a_gateway_is_registered_with_its_first_credential(url: str) -> None:
    """Where it stands may be said then or later; all that follows goes by its username."""
    arguments = ("issue", "xielian", "--gateway", "gw-1")
    first = secret_of(credential(url, *arguments))
    assert site_of(url, "gw-1") is None
    refused = credential(url, *arguments, "--site", "一号车间")
    assert (refused.returncode, "xielian/via/gw-1 has a credential" in refused.stderr) == (1, True)
    assert secret_of(credential(url, "replace", "xielian/via/gw-1")) != first
    assert credential(url, "revoke", "xielian/via/gw-1").returncode == 0
    secret_of(credential(url, *arguments, "--site", "一号车间"))
    assert site_of(url, "gw-1") == "一号车间"


def test_a_device_has_its_old_credential_beside_the_new_one_for_a_while(url: str) -> None:
    """Each is replaced by its like; the list says as whom they publish."""
    with connect(url) as connection:
        issue_to(connection, "xielian/cnc-1")
    secret_of(credential(url, "issue", "xielian", "cnc-1"))
    for username in ("xielian/cnc-1", _OWN):
        done = credential(url, "replace", username)
        assert done.stdout.splitlines()[0] == f"Username: {username}"
    listed = credential(url, "list").stdout.splitlines()
    (of_old,) = (line for line in listed if "xielian/cnc-1" in line)
    (of_own,) = (line for line in listed if _OWN in line)
    assert "platform's cloud" in of_old
    assert "device itself" in of_own
    assert credential(url, "revoke", "xielian/cnc-1").returncode == 0
    assert "xielian/cnc-1" not in credential(url, "list").stdout


def test_a_cloud_needs_no_serial_and_gets_another_secret_for_a_lost_one(url: str) -> None:
    """The old one is revoked by it; a second beside it is not issued."""
    first = secret_of(credential(url, "issue", "xielian"))
    refused = credential(url, "issue", "xielian")
    assert refused.returncode == 1
    assert "xielian has a credential" in refused.stderr
    assert secret_of(credential(url, "replace", "xielian")) != first
    listed = credential(url, "list").stdout
    assert listed.count("xielian") == 1
    assert credential(url, "list", "--all").stdout.count("xielian") == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("issue", "nobody"), "There is no platform nobody."),
        (("issue", "xielian", "cnc-9"), "There is no device cnc-9 on platform xielian."),
        (("issue", "ended"), "This equipment has ended: it gets no credential."),
        (("replace", "xielian"), "xielian has no credential that is open."),
        (("issue", "nobody", "--gateway", "gw-1"), "There is no platform nobody."),
        (
            ("issue", "xielian", "cnc-1", "--gateway", "gw-1"),
            "A credential is a device's or a gateway's, not both: name one of them.",
        ),
        (
            ("issue", "xielian", "cnc-1", "--site", "here"),
            "--site says where a gateway stands: name the gateway with --gateway.",
        ),
        (
            ("issue", "xielian", "--gateway", "own"),
            (
                "“own” is no name of a gateway: 1 to 64 letters, digits, dots, underscores and "
                "hyphens; `own` and `via` are none."
            ),
        ),
        (
            ("issue", "ended", "--gateway", "gw-1"),
            "ended ended on 2026-01-01: nothing that hangs on it can last longer.",
        ),
        (("revoke", "xielian/cnc-1"), "xielian/cnc-1 has no credential that is open."),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(
    url: str, arguments: tuple[str, ...], said: str
) -> None:
    """And changes nothing."""
    with connect(url) as connection:
        connection.execute(
            "INSERT INTO platforms (code, name, ended_on) VALUES ('ended', 'E', '2026-01-01')"
        )
        connection.commit()
    done = credential(url, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Error: {said}\n"
