"""Backups of a system that runs, restored as docs/recover.md says, hold what they must."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from jieru.database import connect
from jieru.schema import migrate
from tests.integration.verifier.conftest import WORKED_EXAMPLE
from tests.support.archives import archive, archived_beats, findings, insert, old_beats
from tests.support.backups import ArchivingServer, RecoveredServer, postgres_program
from tests.support.command import jieru
from tests.support.databases import DatabaseServer
from tests.support.debian_root import DebianRoot
from tests.support.fleet import (
    PLATFORM,
    Publisher,
    Sent,
    bits_of,
    ingester,
    register_devices,
    stored_heartbeats,
    stored_presence,
    wait_until,
)
from tests.support.mosquitto import MosquittoBroker
from tests.support.owners import TAKE_OVER, owned_database, plain_role, psql
from tests.support.procedure import frozen
from tests.support.registry_builder import RegistryBuilder
from tests.support.timescaledb import TimescaleServer

_DEVICES: Final = [f"CNC-{number:03}" for number in range(20)]
_STEP_MS: Final = 300_000
_BACK_MS: Final = 90 * 86_400_000
_PACE: Final = 500.0
_BATCHES: Final = {"ingest_batch_size": "100", "ingest_batch_age_ms": "20"}
_OF_NOBODY: Final = 1_000
"""The first of the device ids that nobody has."""
_OF_THE_FLEET: Final = "SELECT count(*) FROM heartbeats WHERE device_id = ANY (%s)"


@dataclass(slots=True)
class _System:
    """A database with a frozen count, under load from a fleet."""

    url: str
    ids: list[int]
    stop: threading.Event
    gateway: Publisher

    def stored(self) -> int:
        """How many heartbeats of the fleet are committed."""
        with connect(self.url) as connection:
            row = connection.execute(_OF_THE_FLEET, (self.ids,)).fetchone()
        assert row is not None
        return int(row[0])

    def wait_for_more(self, count: int = 200) -> None:
        """Wait until the load has gone on for a while."""
        wanted = self.stored() + count
        wait_until(lambda: self.stored() >= wanted, f"{wanted} heartbeats are stored")

    def last_audit_entry(self) -> str:
        """The end of the audit's chain, as somebody notes it elsewhere."""
        done = jieru("audit", "verify", database_url=self.url)
        assert done.returncode == 0, done.stderr
        match = re.search(r"[0-9]+:[0-9a-f]{64}", done.stdout)
        assert match
        return match[0]


def _fill(connection: psycopg.Connection) -> list[int]:
    """A frozen count, and a fleet that has nothing to do with it; the fleet's device ids."""
    registry = RegistryBuilder(connection)
    registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    frozen(connection)
    connection.commit()
    ids = register_devices(connection, _DEVICES)
    return [ids[serial] for serial in _DEVICES]


@contextmanager
def _under_load(
    url: str, broker: MosquittoBroker, log: Path, *, superuser_url: str | None = None
) -> Iterator[_System]:
    """The fleet sends, one ingester writes, until the block ends.

    Registered in the past, as only a superuser can; None: the owner is one.
    """
    with connect(superuser_url or url) as connection:
        ids = _fill(connection)
    stop = threading.Event()
    gateway = Publisher(broker.add_user(PLATFORM))
    # Back far enough that no time stamp comes to be ahead, and not so far as to be archived.
    first_ms = time.time_ns() // 1_000_000 - _BACK_MS

    def send() -> None:
        turn = 0
        while not stop.is_set():
            at_ms = first_ms + turn * _STEP_MS
            gateway.publish((Sent(serial, at_ms) for serial in _DEVICES), per_second=_PACE)
            turn += 1

    thread = threading.Thread(target=send)
    try:
        with ingester(url, broker.url(), log, **_BATCHES):
            wait_until(lambda: log.exists() and '"subscribed"' in log.read_text(), "it subscribed")
            thread.start()
            system = _System(url, ids, stop, gateway)
            system.wait_for_more()
            yield system
            stop.set()
            thread.join()
    finally:
        stop.set()
        gateway.close()


def _assert_one_moment(url: str) -> dict[Sent, int]:
    """Each heartbeat once, with its hour and no other: no transaction is there by half."""
    with connect(url) as connection:
        stored = stored_heartbeats(connection)
        fleet = {sent: count for sent, count in stored.items() if sent.serial in _DEVICES}
        presence = {
            key: bits
            for kind in (False, True)
            for key, bits in stored_presence(connection, late=kind).items()
            if key[0] in _DEVICES
        }
    assert set(fleet.values()) == {1}
    assert presence == bits_of(fleet)
    return fleet


def _assert_it_counts(url: str, known: str) -> None:
    """The frozen count follows from the data, and the audit goes on from what was noted."""
    recheck = jieru("recheck", "2026", database_url=url)
    assert recheck.returncode == 0, recheck.stdout + recheck.stderr
    audit = jieru("audit", "verify", "--known", known, database_url=url)
    assert audit.returncode == 0, audit.stderr


@pytest.fixture
def restore_server(debian_root: DebianRoot) -> Iterator[DatabaseServer]:
    """Another server, which knows nothing of the first one's roles."""
    with TimescaleServer(debian_root) as server:
        yield server


def test_a_dump_of_a_running_system_restored_on_another_server(
    timescale_server: DatabaseServer,
    restore_server: DatabaseServer,
    debian_root: DebianRoot,
    mosquitto: MosquittoBroker,
    tmp_path: Path,
) -> None:
    """All that was committed before the dump began, at one moment; a plain owner goes on."""
    with ExitStack() as stack:
        folder = stack.enter_context(debian_root.workspace(user="postgres"))
        owned = owned_database(timescale_server, has_extension=True)
        dumped_url, superuser_url = stack.enter_context(owned)
        assert jieru("migrate", database_url=dumped_url).returncode == 0
        dump = debian_root.inside(folder) / "jieru.dump"
        log = tmp_path / "ingest.log"
        with _under_load(dumped_url, mosquitto, log, superuser_url=superuser_url) as system:
            known = system.last_audit_entry()
            before = system.stored()
            postgres_program(
                debian_root, "pg_dump", "-Fc", f"--file={dump}", f"--dbname={dumped_url}"
            )
            system.wait_for_more()
            after = system.stored()
        owner, password = stack.enter_context(plain_role(restore_server))
        url = restore_server.url("restored")
        stack.callback(restore_server.drop_database, url)
        command = ("psql", "-v", "ON_ERROR_STOP=1", f"--dbname={url}", "--command")
        postgres_program(
            debian_root,
            "createdb",
            f"--maintenance-db={restore_server.url()}",
            f"--owner={owner}",
            "restored",
        )
        postgres_program(debian_root, *command, "CREATE EXTENSION timescaledb")
        postgres_program(debian_root, *command, "SELECT timescaledb_pre_restore()")
        postgres_program(
            debian_root,
            "pg_restore",
            "--exit-on-error",
            "--no-owner",
            "--no-privileges",
            f"--dbname={url}",
            dump,
        )
        postgres_program(debian_root, *command, "SELECT timescaledb_post_restore()")
        own = make_conninfo(url, user=owner, password=password)
        assert "belong to postgres" in jieru("migrate", database_url=own).stderr
        psql(url, "-v", "ON_ERROR_STOP=1", "-v", f"owner={owner}", "-f", str(TAKE_OVER))
        done = jieru("migrate", database_url=own)
        assert (done.returncode, done.stderr) == (0, "")
        restored = _assert_one_moment(own)
        assert before <= len(restored) < after
        _assert_it_counts(own, known)
        assert jieru("count", "2026", database_url=own).returncode == 0
        with connect(own) as connection:
            old = old_beats(first_device=_OF_NOBODY)
            assert insert(connection, old).total() == len(restored) + len(old)
        with _ingesting(own, mosquitto, tmp_path / "restored.log"):
            gateway = Publisher(mosquitto.url(PLATFORM))
            now_ms = time.time_ns() // 1_000_000
            gateway.publish([Sent(_DEVICES[0], now_ms)])
            with connect(own) as connection:
                wait_until(
                    lambda: Sent(_DEVICES[0], now_ms) in stored_heartbeats(connection),
                    "the restored database takes heartbeats",
                )
            gateway.close()


@contextmanager
def _ingesting(url: str, broker: MosquittoBroker, log: Path) -> Iterator[None]:
    """An ingester of its own, which has subscribed."""
    with ingester(url, broker.url(), log, ingest_client_id="restored"):
        wait_until(lambda: log.exists() and '"subscribed"' in log.read_text(), "it subscribed")
        yield


def test_a_base_backup_and_its_log_recovered_to_a_moment_under_load(
    debian_root: DebianRoot, mosquitto: MosquittoBroker, tmp_path: Path
) -> None:
    """All that was committed before that moment and nothing after it; an archive goes on."""
    folder = tmp_path / "archive"
    folder.mkdir()
    with ExitStack() as stack:
        wal, place = (stack.enter_context(debian_root.workspace(user="postgres")) for _ in range(2))
        server = stack.enter_context(ArchivingServer(debian_root, wal))
        url = server.create_database()
        migrate(url)
        with connect(url) as connection:
            old = insert(connection, old_beats(first_device=_OF_NOBODY))
        backup = place / "base"
        with _under_load(url, mosquitto, tmp_path / "ingest.log") as system:
            postgres_program(
                debian_root,
                "pg_basebackup",
                f"--dbname={server.url()}",
                f"--pgdata={debian_root.inside(backup)}",
                "--wal-method=stream",
                "--checkpoint=fast",
            )
            system.wait_for_more()
            known = system.last_audit_entry()
            before = system.stored()
            with connect(url) as connection:
                row = connection.execute("SELECT clock_timestamp()::text").fetchone()
            assert row is not None
            with connect(url, autocommit=True) as connection:
                archive(connection, folder)  # of which the recovered database will know nothing
            system.wait_for_more()
            after = system.stored()
        server.finish_wal()
        server.kill()
        recovered = stack.enter_context(RecoveredServer(debian_root, server, backup, wal, row[0]))
        url = recovered.url(url.rpartition("/")[2])
        fleet = _assert_one_moment(url)
        assert before <= len(fleet) < after
        _assert_it_counts(url, known)
        with connect(url, autocommit=True) as connection:
            archive(connection, folder)
            assert archived_beats(folder) == old
            assert findings(connection, folder) == []
