"""The files by which Mosquitto knows its users, written so that it never reads half of one.

Both are wholly ours, but for the users of the password file that begin with an underscore, such
as the ingesters': those somebody else keeps, with `mosquitto_passwd`.
"""

import fcntl
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from jieru.credentials.broker_process import reload_broker
from jieru.credentials.secret import HashedSecret, password_entry
from jieru.errors import UserError, WorldError
from jieru.settings import Settings

__all__ = ["ACL", "BrokerFiles", "SyncResult", "User"]

ACL: Final = Path(__file__).parent / "mosquitto.acl"
"""Who may do what: the same for every installation, since usernames carry it."""

_NOT_OURS: Final = b"_"
_SECRET_MODE: Final = 0o600
"""Mosquitto complains of files that others may read."""


User = tuple[str, HashedSecret]


class SyncResult(NamedTuple):
    """What a sync did."""

    users: int
    written: tuple[str, ...]
    """Paths of the files that had to change."""
    is_reloaded: bool
    """Whether the broker was told; it is not where it needs no telling, or there is no pid file."""


@dataclass(frozen=True, slots=True)
class BrokerFiles:
    """Where Mosquitto's files are, and how it is told to read them again."""

    password_file: Path
    acl_file: Path
    pid_file: Path | None
    """None: somebody else reloads the broker."""

    @classmethod
    def of_settings(cls, settings: Settings) -> "BrokerFiles | None":
        """What the settings name; None when they name nothing.

        Raises:
            UserError: they name only a part.
        """
        names = {
            "JIERU_BROKER_PASSWORD_FILE": settings.broker_password_file,
            "JIERU_BROKER_ACL_FILE": settings.broker_acl_file,
        }
        if not any(names.values()) and not settings.broker_pid_file:
            return None
        for name, value in names.items():
            if not value:
                raise UserError(
                    "{name} is not set: users and their rights go together. Set "
                    "JIERU_BROKER_PASSWORD_FILE and JIERU_BROKER_ACL_FILE, or no "
                    "JIERU_BROKER_ setting.",
                    name=name,
                )
        return cls(
            Path(settings.broker_password_file),
            Path(settings.broker_acl_file),
            Path(settings.broker_pid_file) if settings.broker_pid_file else None,
        )

    def write(self, read_users: Callable[[], Iterable[User]]) -> SyncResult:
        """Make the files name these users, and tell the broker if they named others.

        One process at a time; what is right already stays as it is. When the broker could not be
        told, the next call tells it.

        Args:
            read_users: says who has an open credential, in the order of the file. Asked when it is
                our turn, so that nobody writes an older answer over a newer one.

        Raises:
            WorldError: a file cannot be read or written, or the broker not be told.
        """
        with self._locked():
            entries = [password_entry(*user) for user in read_users()]
            wanted = {
                self.acl_file: ACL.read_bytes(),
                self.password_file: self._entries_not_ours() + "".join(entries).encode(),
            }
            written = [path for path, content in wanted.items() if _read(path) != content]
            if written and self.pid_file:
                _write(self._reload_due, b"")  # before the files: it outlives a crash in between
            for path in written:
                _write(path, wanted[path])
            is_reload_due = self.pid_file is not None and _read(self._reload_due) is not None
            if self.pid_file is not None and is_reload_due:
                reload_broker(self.pid_file)
                self._reload_due.unlink()
        return SyncResult(len(entries), tuple(map(str, written)), is_reload_due)

    @property
    def _reload_due(self) -> Path:
        return self.password_file.with_name(f".{self.password_file.name}.reload-due")

    def _entries_not_ours(self) -> bytes:
        lines = (_read(self.password_file) or b"").splitlines()
        return b"".join(line + b"\n" for line in lines if line.startswith(_NOT_OURS))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        folder = self.password_file.parent
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise _unusable(folder, error) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _read(path: Path) -> bytes | None:
    """What is in a file; None: it is not there."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error) from None


def _write(path: Path, content: bytes) -> None:
    """Put a whole new file in a file's place, with the owner and the mode of the old one.

    A file that was not there gets the folder's owner, so that root writes what the broker reads.
    """
    path = path.resolve()
    temporary = path.with_name(f".{path.name}.new")
    try:
        old = path.stat() if path.exists() else None
        owner = old or path.parent.stat()
        temporary.unlink(missing_ok=True)  # left by a crash: we hold the lock
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _SECRET_MODE)
        with os.fdopen(handle, "wb") as file:
            if (os.geteuid(), os.getegid()) != (owner.st_uid, owner.st_gid):
                os.fchown(handle, owner.st_uid, owner.st_gid)
            os.fchmod(handle, stat.S_IMODE(old.st_mode) if old else _SECRET_MODE)
            file.write(content)
            file.flush()
            os.fsync(handle)
        temporary.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        raise _unusable(path, error) from None


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unusable(path: Path, error: OSError) -> WorldError:
    return WorldError(
        "The broker's file {path} cannot be read or written: {reason}",
        path=path,
        reason=error.strerror or error,
    )
