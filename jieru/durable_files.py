"""Files that outlive a power cut, which takes more than to write and to close them."""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["flush_folder", "is_full", "write_durably", "write_output"]

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


def flush_folder(folder: Path) -> None:
    """Make the names in a folder outlive a power cut.

    Raises:
        OSError: it cannot be opened.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_durably(path: Path, content: bytes) -> None:
    """Put a file in its place, all of it or nothing, so that it outlives a power cut.

    What cannot be written whole leaves nothing: on a full disk it would keep the disk full.

    Raises:
        OSError: it cannot be written.
    """
    new = path.with_name(f".{path.name}.partial")
    try:
        with new.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def write_output(path: Path, content: bytes) -> None:
    """Write a file that somebody asked for: all of it, or what was there before stays.

    What is no ordinary file, such as a pipe, just takes it.

    Raises:
        OSError: it cannot be written.
    """
    if path.exists() and not (path.is_file() and os.access(path.parent, os.W_OK)):
        path.write_bytes(content)
        return
    path = path.resolve() if path.is_symlink() else path
    mode = path.stat().st_mode if path.exists() else None
    write_durably(path, content)
    if mode is not None:
        path.chmod(stat.S_IMODE(mode))


def is_full(error: OSError) -> bool:
    """Whether something could not be written because there is no room for it."""
    return error.errno in _FULL
