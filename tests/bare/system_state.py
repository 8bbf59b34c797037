"""What a system is like apart from the folders where somebody works, and what changed in it."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["Change", "changes", "system_state"]

_NOT_THE_SYSTEM: Final = ("/proc", "/sys", "/dev", "/run")
"""Mounts of the machine's own; empty when nobody is in it."""


class Change(NamedTuple):
    """One file or folder that is no longer as it was."""

    path: str
    before: str
    after: str

    def __str__(self) -> str:
        """For a person to read."""
        return f"  {self.path}: {self.before or 'not there'} -> {self.after or 'not there'}"


def system_state(root: Path, *, own: Sequence[str]) -> dict[str, str]:
    """Mode, owner and size of everything in a system.

    Args:
        root: the folder that is the system's root.
        own: folders, as seen from inside, whose contents may change; only that they are there
            counts, not what they are like.

    Returns:
        A description of each path, as seen from inside.
    """
    return dict(_walk(root, "/", {*own, *_NOT_THE_SYSTEM}))


def changes(before: dict[str, str], after: dict[str, str]) -> list[Change]:
    """What differs, in the order of paths."""
    return [
        Change(path, before.get(path, ""), after.get(path, ""))
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    ]


def _walk(root: Path, inside: str, own: set[str]) -> Iterator[tuple[str, str]]:
    for entry in os.scandir(f"{root}{inside}"):
        path = f"{inside.rstrip('/')}/{entry.name}"
        if path in own:
            continue
        status = entry.stat(follow_symlinks=False)
        size = "" if stat.S_ISDIR(status.st_mode) else f" {status.st_size} bytes"
        yield path, f"{stat.filemode(status.st_mode)} {status.st_uid}:{status.st_gid}{size}"
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(root, path, own)
