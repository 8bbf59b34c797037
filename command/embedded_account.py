"""Who the embedded PostgreSQL is: ourselves, or under root somebody else, for it refuses root.

Nothing of the system is changed for it. The user is `nobody`, since PostgreSQL wants one that has a
name. Others may run as `nobody` too, so that a group keeps them out: only the server is in it, for
its number is one that nobody gives out.
"""

import grp
import os
import pwd
import secrets
import subprocess
from pathlib import Path
from typing import Final, TypedDict

from jieru.errors import UserError

__all__ = ["Account", "account_of_server"]

_USER: Final = "nobody"
_UNUSED_GROUPS: Final = range(60_578, 61_184)
"""Debian leaves them to the machine, and systemd's table of numbers calls them unused."""


class _Switch(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


class Account:
    """A user with a group, or nobody but ourselves."""

    def __init__(self, ids: tuple[int, int] | None = None) -> None:
        """Name the user and the group to become; without them we stay who we are."""
        self._ids = ids

    @property
    def switch(self) -> _Switch:
        """What makes `subprocess` start a program as this account."""
        if self._ids is None:
            return {}
        user, group = self._ids
        return {"user": user, "group": group, "extra_groups": []}

    def reaches(self, path: Path) -> bool:
        """Whether the account can start the program, or enter the folder, that lies there."""
        test = ["/bin/sh", "-c", 'test -x "$1"', "sh", os.fspath(path)]
        done = subprocess.run(test, check=False, **self.switch)  # noqa: S603 - a script of ours
        return done.returncode == 0

    def let_through(self, folder: Path) -> None:
        """Let the account pass through a private folder of ours, and nobody else."""
        if self._ids is not None:
            os.chown(folder, -1, self._ids[1])
            folder.chmod(0o710)

    def give(self, folder: Path) -> None:
        """Make the account the owner of a private folder of ours."""
        if self._ids is not None:
            os.chown(folder, *self._ids)


def account_of_server() -> Account:
    """The account for a server that this process starts.

    Raises:
        UserError: we are root and cannot be anybody else.
    """
    if os.geteuid() != 0:
        return Account()
    try:
        account = Account((pwd.getpwnam(_USER).pw_uid, _unused_group()))
        # A container may have taken root's right to become another, or know no other number.
        subprocess.run(["/bin/sh", "-c", ":"], check=True, **account.switch)
    except (KeyError, OSError):
        raise UserError(
            "PostgreSQL does not run as root, and root cannot become the user nobody here: "
            "run this as an ordinary user."
        ) from None
    return account


def _unused_group() -> int:
    given_out = {group.gr_gid for group in grp.getgrall()}
    return secrets.choice([number for number in _UNUSED_GROUPS if number not in given_out])
