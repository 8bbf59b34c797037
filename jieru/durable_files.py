"""Files that outlive a power cut, which takes more than to write and to close them."""

import os
from pathlib import Path

__all__ = ["flush_folder", "write_durably"]


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

    Raises:
        OSError: it cannot be written.
    """
    new = path.with_name(f".{path.name}.partial")
    with new.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    flush_folder(path.parent)
