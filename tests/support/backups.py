"""Backups of a running server by PostgreSQL's own programs, and servers made of them."""

from pathlib import Path
from typing import Final

import psycopg

from tests.support.debian_root import DebianRoot
from tests.support.fleet import wait_until
from tests.support.processes import run
from tests.support.timescaledb import TimescaleServer

__all__ = ["ArchivingServer", "RecoveredServer", "postgres_program"]

_USER: Final = "postgres"
_SWITCH: Final = "SELECT pg_walfile_name(pg_switch_wal())"


def postgres_program(root: DebianRoot, name: str, *arguments: str | Path) -> str:
    """Run a program of PostgreSQL's to its end; what it printed.

    Raises:
        StartError: it failed; the message carries what it said.
    """
    argv = root.command(root.postgres_programs / name, *arguments, user=_USER)
    return run(argv, timeout_s=240)


class ArchivingServer(TimescaleServer):
    """A server that copies each finished part of its log (WAL) into a folder."""

    def __init__(self, root: DebianRoot, wal: Path) -> None:
        """`wal` is a folder inside the root that the server's user may write to."""
        super().__init__(root)
        inside = root.inside(wal)
        self._wal = wal
        self._settings |= {
            "wal_level": "replica",
            "archive_mode": "on",
            # Under its name it is whole.
            "archive_command": f"test ! -f {inside}/%f && cp %p {inside}/.%f"
            f" && mv {inside}/.%f {inside}/%f",
            # A recovery must find whole pages.
            "full_page_writes": "on",
        }

    def finish_wal(self) -> None:
        """Wait until all that was committed so far is in the folder."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            row = connection.execute(_SWITCH).fetchone()
        assert row is not None
        wait_until((self._wal / row[0]).exists, f"{row[0]} is archived", timeout_s=120)


class RecoveredServer(TimescaleServer):
    """A server made of a base backup and archived log, up to a moment."""

    def __init__(
        self, root: DebianRoot, original: TimescaleServer, backup: Path, wal: Path, moment: str
    ) -> None:
        """Nothing runs yet.

        Args:
            root: where PostgreSQL is installed.
            original: whose users and passwords it has.
            backup: the folder that pg_basebackup wrote, inside the root; it is moved.
            wal: the folder of the archived log.
            moment: an instant as PostgreSQL reads it.
        """
        super().__init__(root)
        self._url = original.url().replace(f":{original._port}/", f":{self._port}/")
        self._backup = backup
        self._settings |= {
            "archive_mode": "off",
            "restore_command": f"cp {root.inside(wal)}/%f %p",
            "recovery_target_time": moment,
            "recovery_target_action": "promote",
        }

    def _make_data_directory(self) -> None:
        self._data = self._root.inside(self._folder) / "data"
        data = self._folder / "data"
        self._backup.rename(data)
        signal = data / "recovery.signal"
        signal.touch()
        self._root.give(signal, user=_USER)
        lines = [f"{name} = '{value}'\n" for name, value in self._settings.items()]
        with (data / "postgresql.conf").open("a", encoding="utf-8") as configuration:
            configuration.writelines(lines)

    def _answers(self) -> bool:
        if not super()._answers():
            return False
        with psycopg.connect(self.url()) as connection:
            return connection.execute("SELECT pg_is_in_recovery()").fetchone() == (False,)
