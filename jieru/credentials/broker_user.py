"""Whom the broker runs as, and to whom a file must belong so that it reads it and no one else more.

Mosquitto opens its files after it has left root behind. It complains of files that are not its own
user's and group's, or that everybody may read, and will refuse them in later versions.
"""

import os
import pwd
from pathlib import Path
from typing import Final, NamedTuple

from jieru.errors import UserError

__all__ = ["BrokerUser", "Ownership", "find_broker_user", "name_of_user", "ownership_for"]

_PROCESSES: Final = Path("/proc")
_ROOT: Final = 0
_PRIVATE_MODE: Final = 0o600
_GROUP: Final = 0o070
_GROUP_MAY_READ: Final = 0o040
_ALL_MAY_READ: Final = 0o004


class BrokerUser(NamedTuple):
    """A user of the operating system, by number."""

    uid: int
    gid: int
    """Its first group."""

    def may_read(self, uid: int, gid: int, mode: int) -> bool:
        """Whether it reads a file of this owner, group and mode."""
        if uid == self.uid:
            return True
        return bool(
            mode & _ALL_MAY_READ
            or (mode & _GROUP_MAY_READ and gid in _groups_of(self.uid, self.gid))
        )


class Ownership(NamedTuple):
    """What a file shall be."""

    uid: int
    gid: int
    mode: int


def find_broker_user(pid_file: Path | None, folder: Path) -> BrokerUser | None:
    """Whom the broker runs as: by its process, else by who owns the folder of its files.

    Returns:
        None where neither tells: the broker does not run, or cannot be seen, and the folder is
        root's.

    Raises:
        OSError: the folder cannot be looked at.
    """
    if pid_file is not None:
        try:
            pid = int(pid_file.read_text(encoding="ascii", errors="replace"))
            process = (_PROCESSES / str(pid)).stat()
            if (_PROCESSES / str(pid) / "comm").read_text(encoding="utf-8") == "mosquitto\n":
                return BrokerUser(process.st_uid, process.st_gid)
        except (OSError, ValueError):
            pass  # whoever signals it says what is wrong with the pid file
    owner = folder.stat()
    if owner.st_uid == _ROOT:
        return None
    return BrokerUser(owner.st_uid, _first_group(owner.st_uid, otherwise=owner.st_gid))


def ownership_for(path: Path, old: os.stat_result | None, broker: BrokerUser | None) -> Ownership:
    """To whom a new file in the place of an old one shall belong, of what this process may give.

    The old one's owner, group and mode where they can be kept and the broker reads the file by
    them. A group that may do nothing becomes the broker's, which it does not complain of.

    Args:
        path: of the file, for messages.
        old: what is there; None: nothing.
        broker: whom the broker runs as; None: nobody knows.

    Raises:
        UserError: the broker could not read what this user can write.
    """
    uid, gid, mode = _wanted(old, broker)
    us = os.geteuid()
    if us != _ROOT:
        uid = us
        if gid not in (os.getegid(), *os.getgroups()):
            gid, mode = os.getegid(), mode & ~_GROUP
    readers = broker or (BrokerUser(old.st_uid, old.st_gid) if old else None)
    if us != _ROOT and readers is not None and not readers.may_read(uid, gid, mode):
        raise UserError(
            "The broker runs as {broker} and could not read {path} if {user} wrote it: run this as "
            "{broker}.",
            broker=name_of_user(readers.uid),
            path=path,
            user=name_of_user(us),
        )
    return Ownership(uid, gid, mode)


def name_of_user(uid: int) -> str:
    """The user's name, or his number where he has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _wanted(old: os.stat_result | None, broker: BrokerUser | None) -> Ownership:
    if old is None:
        owner = broker or BrokerUser(os.geteuid(), os.getegid())
        return Ownership(owner.uid, owner.gid, _PRIVATE_MODE)
    kept = Ownership(old.st_uid, old.st_gid, old.st_mode & 0o777)
    if broker is None:
        return kept
    if not broker.may_read(*kept):
        return Ownership(broker.uid, broker.gid, _PRIVATE_MODE)
    if kept.uid == broker.uid and not kept.mode & _GROUP:
        return kept._replace(gid=broker.gid)
    return kept


def _first_group(uid: int, *, otherwise: int) -> int:
    try:
        return pwd.getpwuid(uid).pw_gid
    except KeyError:  # as in a container
        return otherwise


def _groups_of(uid: int, gid: int) -> list[int]:
    try:
        return os.getgrouplist(pwd.getpwuid(uid).pw_name, gid)
    except KeyError:
        return [gid]
