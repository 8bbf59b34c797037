"""Room for temporary files: asked for before the work, and blamed when something fails without."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from jieru.errors import UserError

__all__ = ["blaming_a_full_disk", "require_room"]

_MEGABYTE: Final = 1_000_000
_NOTHING_BYTES: Final = 4 * _MEGABYTE
"""A disk with less is full: a server that failed has given some back by then."""


def require_room(megabytes: int, folder: Path | None = None) -> None:
    """Check that there is room.

    Args:
        megabytes: how much is needed.
        folder: where; None: where temporary files lie.

    Raises:
        UserError: there is not.
    """
    folder = folder or Path(tempfile.gettempdir())
    free = shutil.disk_usage(folder).free
    if free < megabytes * _MEGABYTE:
        raise UserError(
            "{needed} MB are needed in {folder}, where {free} MB are free: make room there, or set "
            "TMPDIR to a folder on another disk.",
            needed=megabytes,
            folder=folder,
            free=free // _MEGABYTE,
        )


@contextmanager
def blaming_a_full_disk() -> Iterator[None]:
    """Say so when something fails on a full disk, whoever noticed it first and however.

    Raises:
        UserError: the disk is full.
    """
    try:
        yield
    except Exception:
        folder = tempfile.gettempdir()
        if shutil.disk_usage(folder).free < _NOTHING_BYTES:
            raise UserError(
                "The disk of {folder} is full: make room there, or set TMPDIR to a folder on "
                "another disk.",
                folder=folder,
            ) from None
        raise
