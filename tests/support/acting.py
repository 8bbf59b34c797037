"""Acting as another user of the operating system, where the tests run as root."""

import codecs
import os
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.debian_root import DebianRoot

__all__ = ["acting_as", "ids_of"]


def ids_of(root: DebianRoot, user: str) -> tuple[int, int]:
    """A user of that Debian and his first group, as numbers; our own where we are not root."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    entries = (root.path / "etc/passwd").read_text(encoding="utf-8").splitlines()
    fields = next(entry for entry in entries if entry.startswith(f"{user}:")).split(":")
    return int(fields[2]), int(fields[3])


@contextmanager
def acting_as(uid: int, gid: int) -> Iterator[None]:
    """Have the rights of this user, in files and with signals, until the block ends."""
    if os.geteuid() != 0:
        yield
        return
    # Python loads encodings when they are first used, from where this user may not look.
    codecs.lookup("ascii")
    groups = os.getgroups()
    os.setgroups([gid])
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
