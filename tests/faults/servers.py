"""A TimescaleDB whose disks a test can fill, and that tells when each row was committed."""

from contextlib import ExitStack
from typing import ClassVar, Final

from psycopg import sql

from tests.support.debian_root import DebianRoot
from tests.support.small_disks import SmallDisks
from tests.support.timescaledb import TimescaleServer

__all__ = ["DATA", "LOG", "CrampedServer"]

DATA: Final = "data_disk"
LOG: Final = "log_disk"

_MEGABYTES: Final = {DATA: 256, LOG: 96}
_SETTINGS: Final = {
    # So that an acknowledgement can be compared with the commit it stands for.
    "track_commit_timestamp": "on",
    "deadlock_timeout": "200ms",
    "max_wal_size": "16MB",
    "min_wal_size": "2MB",
}
_OWNER: Final = "postgres"
_CREATE_TABLESPACE: Final = "CREATE TABLESPACE {} LOCATION {}"


class CrampedServer(TimescaleServer):
    """Databases lie on the disk `DATA`, the write-ahead log on `LOG`."""

    tablespace: ClassVar[str] = "cramped"

    def __init__(self, root: DebianRoot) -> None:
        """Choose port and password; nothing runs yet."""
        super().__init__(root, settings=_SETTINGS)
        self.disks: SmallDisks

    def start(self) -> None:
        """Start it; the first time, with a place for the databases."""
        super().start()
        place = self.disks.path(DATA) / "databases"
        if not place.exists():
            place.mkdir()
            self._root.give(place, user=_OWNER)
            inside = self._root.inside(self._folder) / DATA / "databases"
            statement = sql.SQL(_CREATE_TABLESPACE)
            names = (sql.Identifier(self.tablespace), sql.Literal(str(inside)))
            self._execute(statement.format(*names))

    def _prepare(self, stack: ExitStack) -> None:
        self.disks = stack.enter_context(SmallDisks(self._folder, _MEGABYTES))
        for name in _MEGABYTES:
            self._root.give(self.disks.path(name), user=_OWNER)

    def _command(self, program: str, *arguments: str) -> list[str]:
        return self.disks.command(super()._command(program, *arguments))

    def _initdb_options(self) -> tuple[str, ...]:
        inside = self._root.inside(self._folder)
        return (f"--waldir={inside / LOG / 'segments'}", "--wal-segsize=1")
