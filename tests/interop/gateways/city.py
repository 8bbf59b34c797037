"""The city's side: a broker with TLS, both kinds of ingester, a database, and the books."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from jieru.snippets.snippet import Publishing, snippets
from tests.support.certificates import Authority
from tests.support.credentials import register_gateway
from tests.support.debian_root import DebianRoot
from tests.support.fleet import (
    PLATFORM,
    Sent,
    bits_of,
    ingester,
    register_devices,
    stored_heartbeats,
    stored_presence,
    wait_until,
)
from tests.support.mosquitto import MosquittoBroker

__all__ = ["GATEWAY", "ROOT", "City", "city", "configuration"]

GATEWAY: Final = "licheng-1"
USERNAME: Final = f"{PLATFORM}/via/{GATEWAY}"
ROOT: Final = f"jieru/v1/{USERNAME}"
_SECRET: Final = "correct-horse-battery-staple"  # noqa: S105
_PATIENCE_S: Final = 180
# A shared subscription is forgotten by a broker that is killed (docs/operate.md); these are not.
_SETTINGS: Final = {"ingest_group": ""}
_REFUSED: Final = """
    SELECT r.reason, r.topic, r.path, r.detail, encode(r.payload, 'escape') FROM rejections r
    ORDER BY r.id
"""
_MESSAGES: Final = """
    SELECT s.name, count(*) FROM source_messages m JOIN sources s ON s.id = m.source_id GROUP BY 1
"""
_PUBLISHERS: Final = """
    SELECT DISTINCT p.name FROM heartbeats h JOIN publishers p ON p.id = h.publisher_id
"""


@dataclass(frozen=True, slots=True)
class City:
    """A broker to which one gateway may publish, and everything behind it."""

    url: str
    connection: psycopg.Connection
    broker: MosquittoBroker
    authority: Path
    """The file of the certificate by which the broker is known."""
    folder: Path

    def publishing(self, serial: str = "CNC-1", *, ca_file: Path | None = None) -> Publishing:
        """What the gateway's configuration is filled with, over TLS."""
        return Publishing(
            host="127.0.0.1",
            port=self.broker.tls_port,
            is_tls=True,
            ca_file=str(ca_file or self.authority),
            username=USERNAME,
            secret=_SECRET,
            topic=f"{ROOT}/{serial}/heartbeat",
            client_id=USERNAME.replace("/", "-"),
            https_url="https://127.0.0.1/ingest/v1/xielian",
        )

    @contextmanager
    def ingesting(self) -> Iterator[None]:
        """Both kinds of ingester run, and are subscribed."""
        native, sources = self.folder / "native.log", self.folder / "sources.log"
        with (
            ingester(self.url, self.broker.url(), native, **_SETTINGS),
            ingester(self.url, self.broker.url(), sources, "--sources", **_SETTINGS),
        ):
            for log in (native, sources):
                _wait_until_subscribed(log)
            yield

    def wait_for(self, sent: Sequence[Sent]) -> None:
        """Wait until the books agree: all is stored, once, by the gateway, and nothing else is.

        Raises:
            AssertionError: they do not; it names what is missing.
        """
        wanted = dict.fromkeys(sent, 1)
        try:
            wait_until(
                lambda: stored_heartbeats(self.connection).keys() >= wanted.keys(),
                "all is stored",
                timeout_s=_PATIENCE_S,
            )
        except TimeoutError:
            missing = wanted.keys() - stored_heartbeats(self.connection).keys()
            refused = self.rows(_REFUSED)[:3]
            raise AssertionError(
                f"{len(missing)} of {len(wanted)} are missing: {sorted(map(str, missing))[:3]}; "
                f"refused: {refused}"
            ) from None
        assert stored_heartbeats(self.connection) == wanted
        assert stored_presence(self.connection) == bits_of(sent)
        assert self.rows(_PUBLISHERS) == [(GATEWAY,)]

    def refused(self) -> list[tuple[object, ...]]:
        """Reason, topic, path, detail and payload of what was not taken."""
        return self.rows(_REFUSED)

    def messages(self) -> dict[object, object]:
        """How many messages of each source are kept."""
        self.connection.rollback()
        return dict(self.connection.execute(_MESSAGES).fetchall())

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """What a query says now."""
        self.connection.rollback()
        return self.connection.execute(query.encode()).fetchall()


@contextmanager
def city(url: str, root: DebianRoot, serials: Sequence[str], folder: Path) -> Iterator[City]:
    """A city that knows these devices and the gateway."""
    authority = Authority("City CA")
    server = authority.server()
    path = folder / "city-ca.pem"
    path.write_bytes(authority.certificate)
    with (
        closing(psycopg.connect(url)) as connection,
        MosquittoBroker(
            root,
            listener="listener-tls.conf",
            certificates={"server.pem": server.certificate, "server.key": server.key},
        ) as broker,
    ):
        register_devices(connection, serials)
        row = connection.execute("SELECT id FROM platforms").fetchone()
        assert row is not None
        register_gateway(connection, row[0], GATEWAY)
        connection.commit()
        broker.add_user(USERNAME, _SECRET)
        yield City(url, connection, broker, path, folder)


def _wait_until_subscribed(log: Path) -> None:
    wait_until(
        lambda: '"subscribed"' in log.read_text(encoding="utf-8"),
        f"the ingester is subscribed (see {log})",
    )


def configuration(name: str, publishing: Publishing) -> str:
    """The text that documents and console show, filled as the console fills it."""
    (snippet,) = (each for each in snippets() if each.name == name)
    return snippet.filled(publishing)
