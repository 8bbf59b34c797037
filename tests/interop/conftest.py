"""What others' clients connect to: the broker that we deploy, with TLS, and all behind it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
import pytest

from jieru.database import connect
from jieru.snippets.snippet import EXAMPLE, Publishing
from tests.support.certificates import Authority
from tests.support.debian_root import DebianRoot
from tests.support.fleet import ingester, register_devices, wait_until
from tests.support.mosquitto import MosquittoBroker

__all__ = ["Site", "stored_times"]

_SERIAL: Final = "CNC-00059"
_STORED: Final = """
    SELECT (extract(epoch FROM h.time) * 1000)::bigint
    FROM heartbeats h JOIN devices d ON d.id = h.device_id ORDER BY h.time
"""


@dataclass(frozen=True, slots=True)
class Site:
    """A city's broker with a private authority, and all behind it."""

    broker: MosquittoBroker
    root: DebianRoot
    folder: Path
    """Inside `root`: for a client's files, which the user of the broker may read."""
    connection: psycopg.Connection

    def publishing(self, *, topic: str = EXAMPLE.topic) -> Publishing:
        """What the device of the documents fills its program with."""
        return EXAMPLE._replace(
            host="127.0.0.1",
            port=self.broker.tls_port,
            ca_file="ca.pem",
            secret=self.broker.password(EXAMPLE.username),
            topic=topic,
        )

    def stored(self) -> list[int]:
        """The `ts` of all heartbeats that are stored, in order."""
        return stored_times(self.connection)

    def rejections(self) -> int:
        """How many messages were not taken."""
        self.connection.rollback()
        row = self.connection.execute("SELECT count(*) FROM rejections").fetchone()
        assert row is not None
        return int(row[0])


def stored_times(connection: psycopg.Connection) -> list[int]:
    """The `ts` of all heartbeats that are stored, in order."""
    connection.rollback()
    return [ts for (ts,) in connection.execute(_STORED).fetchall()]


@contextmanager
def _site(root: DebianRoot, database_url: str) -> Iterator[Site]:
    authority = Authority("Authority of the city")
    server = authority.server()
    files = {"server.pem": server.certificate, "server.key": server.key}
    with (
        MosquittoBroker(root, listener="listener-tls.conf", certificates=files) as broker,
        root.workspace(user="mosquitto") as workspace,
        connect(database_url) as connection,
    ):
        broker.add_user(EXAMPLE.username)
        register_devices(connection, [_SERIAL, "CNC-00060"])
        folder = workspace / "client"
        folder.mkdir()
        (folder / "ca.pem").write_bytes(authority.certificate)
        for each in (folder, folder / "ca.pem"):
            root.give(each, user="mosquitto")
        yield Site(broker, root, folder, connection)


@pytest.fixture
def site_without_ingester(debian_root: DebianRoot, database_url: str) -> Iterator[Site]:
    """A registered device and its credential; nobody has ever subscribed."""
    with _site(debian_root, database_url) as site:
        yield site


@pytest.fixture
def site(debian_root: DebianRoot, database_url: str, tmp_path: Path) -> Iterator[Site]:
    """A registered device, its credential, and everything that runs."""
    log = tmp_path / "ingest.log"
    with (
        _site(debian_root, database_url) as site,
        ingester(database_url, site.broker.url(), log),
    ):
        wait_until(lambda: b'"subscribed"' in log.read_bytes(), "the ingester is subscribed")
        yield site
