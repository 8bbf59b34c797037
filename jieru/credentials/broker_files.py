"""The files by which Mosquitto knows its users, written so that it never reads half of one.

Both are wholly ours, but for the users of the password file that begin with an underscore, such
as the ingesters': those somebody else keeps, with `mosquitto_passwd`.
"""

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from jieru.credentials.broker_process import reload_broker
from jieru.credentials.broker_user import find_broker_user, name_of_user, ownership_for
from jieru.credentials.secret import HashedSecret, password_entry
from jieru.credentials.usernames import parse_username
from jieru.durable_files import flush_folder
from jieru.errors import UserError, WorldError
from jieru.i18n import marked as _
from jieru.settings import Settings
from jieru.sparkplug.topics import gateway_topics

__all__ = ["ACL", "BrokerFiles", "SyncResult", "User", "acl_for"]

ACL: Final = Path(__file__).parent / "mosquitto.acl"
"""Who may do what: the same for every installation, since usernames carry it; what only gateways
may, which is theirs by name, follows it."""
_ACL_TEXT: Final = ACL.read_bytes()
"""Read at once: who writes the broker's files may be somebody who cannot read ours."""

_NOT_OURS: Final = b"_"
_BROKER: Final = "mosquitto"
"""The broker's user, as packages call it."""
_SECRET_MODE: Final = 0o600
"""Mosquitto complains of files that others may read."""


User = tuple[str, HashedSecret]


def acl_for(usernames: Iterable[str]) -> bytes:
    """The whole ACL: what holds for every user, and each gateway's own lines.

    A gateway's name is no whole level of its username, so no pattern can say where it publishes
    Sparkplug; it needs no line before it has a credential.
    """
    lines = []
    for name in usernames:
        user = parse_username(name)
        if user is not None and user.publisher.gateway:
            topics = gateway_topics(user.platform, user.publisher.gateway)
            lines += [f"\nuser {name}\n", *(f"topic write {topic}\n" for topic in topics)]
    return _ACL_TEXT + "".join(lines).encode()


class VanishedFileError(UserError):
    """The password file was there and is gone, with the users in it that are not ours."""


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

    def write(
        self,
        read_users: Callable[[], Iterable[User]],
        *,
        were_there: bool = False,
        is_anew: bool = False,
        others: bytes = b"",
    ) -> SyncResult:
        """Make the files name these users, and tell the broker if they named others.

        One process at a time; what is right already stays as it is. When the broker could not be
        told, the next call tells it.

        Args:
            read_users: says who has an open credential, in the order of the file. Asked when it is
                our turn, so that nobody writes an older answer over a newer one.
            were_there: whether the files are known to have been there before.
            is_anew: whether a password file that is gone is written all the same.
            others: lines of users that are not ours, for a password file that is written anew.

        Raises:
            VanishedFileError: the password file is gone: it was there, or the ACL file, which is
                written after it, still is.
            UserError: this user may not write the files, or the broker could not read them.
            WorldError: a file cannot be read or written, or the broker not be told.
        """
        with self._locked():
            if not is_anew:
                self._require_password_file(were_there=were_there)
            users = list(read_users())
            entries = [password_entry(*user) for user in users]
            wanted = {
                self.acl_file: acl_for(name for name, _secret in users),
                self.password_file: self._entries_not_ours(others) + "".join(entries).encode(),
            }
            written = [path for path, content in wanted.items() if _read(path) != content]
            if written and self.pid_file:
                _write(
                    self._reload_due, b"", self.pid_file
                )  # before the files: it outlives a crash in between
            # Of new files the password file comes first: an ACL file alone means that it vanished.
            is_new = _read(self.password_file) is None
            for path in reversed(written) if is_new else written:
                _write(path, wanted[path], self.pid_file)
            is_reload_due = self.pid_file is not None and _read(self._reload_due) is not None
            if self.pid_file is not None and is_reload_due:
                reload_broker(self.pid_file)
                self._reload_due.unlink()
        return SyncResult(len(entries), tuple(map(str, written)), is_reload_due)

    def tell_again(self) -> None:
        """Have the broker read its files once more, where it is told at all.

        Raises:
            WorldError: it cannot be told.
        """
        if self.pid_file is not None:
            with self._locked():
                reload_broker(self.pid_file)

    def _require_password_file(self, *, were_there: bool) -> None:
        """Refuse to make anew a file that held users who are not ours to make."""
        is_there = _read(self.password_file) is not None
        if not is_there and (were_there or _read(self.acl_file) is not None):
            raise VanishedFileError(
                _(
                    "The broker's password file {path} is gone, and with it the users that begin "
                    "with an underscore, such as the ingesters'. Look who took it away, and bring "
                    "it back from a backup; or write it anew with `jieru broker sync --anew`, with "
                    "these users as the last sync saw them."
                ),
                path=self.password_file,
            )

    @property
    def _reload_due(self) -> Path:
        return self.password_file.with_name(f".{self.password_file.name}.reload-due")

    def others(self) -> bytes:
        """The lines of the password file that are not ours.

        Raises:
            UserError: this user may not read it.
            WorldError: it cannot be read.
        """
        return self._entries_not_ours(b"")

    def _entries_not_ours(self, where_it_is_gone: bytes) -> bytes:
        content = _read(self.password_file)
        lines = (where_it_is_gone if content is None else content).splitlines()
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


def _write(path: Path, content: bytes, pid_file: Path | None) -> None:
    """Put a whole new file in a file's place, which the broker reads as it read the old one.

    Nothing else is left behind, whatever goes wrong.
    """
    path = path.resolve() if path.is_symlink() else path
    temporary = path.with_name(f".{path.name}.new")
    try:
        old = path.stat() if path.exists() else None
        owner = ownership_for(path, old, find_broker_user(pid_file, path.parent))
        temporary.unlink(missing_ok=True)  # left by a crash: we hold the lock
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _SECRET_MODE)
        try:
            with os.fdopen(handle, "wb") as file:
                made = os.fstat(handle)
                if (made.st_uid, made.st_gid) != (owner.uid, owner.gid):
                    os.fchown(handle, owner.uid, owner.gid)
                os.fchmod(handle, owner.mode)
                file.write(content)
                file.flush()
                os.fsync(handle)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        flush_folder(path.parent)
    except OSError as error:
        raise _unusable(path, error) from None


def _unusable(path: Path, error: OSError) -> UserError | WorldError:
    """What to do about a file that cannot be read or written: a user's matter, or the world's."""
    folder = path if path.is_dir() else path.parent
    if not isinstance(error, PermissionError) or not folder.is_dir():
        return WorldError(
            "The broker's file {path} cannot be read or written: {reason}",
            path=path,
            reason=error.strerror or error,
        )
    user = name_of_user(os.geteuid())
    if os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        return UserError(
            "{user} may not use the broker's file {path}: run this as the broker's user, and give "
            "it the file with `chown {broker}: {path}`.",
            user=user,
            path=path,
            broker=_BROKER,
        )
    return UserError(
        "{user} may not write into {folder}, which belongs to {owner}, as the broker's file {path} "
        "needs: run this as the broker's user, and let the folder belong to it "
        "(`chown {broker}: {folder}`) or take one that does, such as /var/lib/mosquitto, in the "
        "settings and in mosquitto.conf.",
        user=user,
        folder=folder,
        owner=name_of_user(folder.stat().st_uid),
        path=path,
        broker=_BROKER,
    )
