"""Writing the provisioning files into a folder, beside whatever else is in it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jieru.durable_files import write_durably
from jieru.errors import UserError

__all__ = ["Exported", "export_files"]

_LIST: Final = ".jieru-export"
"""Names every file that an export wrote, so that a later one knows its own."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export did, each file by its path within the folder."""

    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    """Files of an earlier export that this release no longer has."""


def export_files(files: Mapping[str, bytes], folder: Path) -> Exported:
    """Write files into a folder; those of an earlier export are replaced, all others stay.

    Args:
        files: content by path within the folder.
        folder: is made where it is not there.

    Raises:
        UserError: one of the paths is taken by a file that no export wrote (nothing is written
            then), or the folder cannot be written.
    """
    try:
        return _export(files, folder)
    except OSError as error:
        raise UserError(
            "The folder {folder} cannot be written: {reason}", folder=folder, reason=error.strerror
        ) from None


def _export(files: Mapping[str, bytes], folder: Path) -> Exported:
    ours = _files_of_the_last_export(folder)
    present = {name for name in files if os.path.lexists(folder / name)}
    foreign = sorted(name for name in present - ours if _content_of(folder / name) != files[name])
    if foreign:
        raise UserError(
            "{path} is there already and comes from no export: move it away, or export into "
            "another folder.",
            path=folder / foreign[0],
        )
    stale = sorted(name for name in ours - set(files) if os.path.lexists(folder / name))
    changed = sorted(name for name in files if _content_of(folder / name) != files[name])
    # First the list: an export that breaks off leaves no file behind that the next one disowns.
    _replace(folder / _LIST, _as_list(ours | set(files)))
    for name in changed:
        _replace(folder / name, files[name])
    for name in stale:
        (folder / name).unlink()
    _replace(folder / _LIST, _as_list(set(files)))
    return Exported(tuple(changed), tuple(sorted(set(files) - set(changed))), removed=tuple(stale))


def _files_of_the_last_export(folder: Path) -> set[str]:
    """The paths in the list; one that leads out of the folder was not written by us."""
    listed = (_content_of(folder / _LIST) or b"").decode(errors="replace").splitlines()
    inside = folder.resolve()
    return {name for name in listed if name and (inside / name).resolve().is_relative_to(inside)}


def _as_list(names: set[str]) -> bytes:
    return "".join(f"{name}\n" for name in sorted(names)).encode()


def _content_of(path: Path) -> bytes | None:
    """None where there is no file."""
    return path.read_bytes() if path.is_file() else None


def _replace(path: Path, content: bytes) -> None:
    """Write a file in one step: Grafana may read it at any moment."""
    if _content_of(path) == content:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, content)
    except OSError as error:
        raise UserError(
            "The file {path} cannot be written: {reason}",
            path=path,
            reason=error.strerror or error,
        ) from None
