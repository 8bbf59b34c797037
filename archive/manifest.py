"""The manifest beside the files: what each of them must be, readable without a database."""

from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from jieru.durable_files import write_durably

__all__ = [
    "MANIFEST_NAME",
    "ArchivedFile",
    "Manifest",
    "ManifestError",
    "read_manifest",
    "write_manifest",
]

MANIFEST_NAME: Final = "manifest.json"
_FORMAT: Final = 1


class ArchivedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file and what it holds."""

    file: str
    range_from: datetime
    range_to: datetime
    """Exclusive."""
    heartbeats: int
    file_bytes: int
    file_sha256: str
    rows_sha256: str
    """See `archive.rows`."""
    schema_version: str
    """The last migration of the database when it was written."""
    archived_at: datetime


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All files of an archive, by name."""

    format: int = _FORMAT
    installation_created_at: datetime
    """Tells the database to which the archive belongs."""
    is_simulation: bool
    files: tuple[ArchivedFile, ...] = ()

    def with_file(self, added: ArchivedFile) -> "Manifest":
        """This manifest with one more file, or with another one of this name."""
        kept = (each for each in self.files if each.file != added.file)
        files = sorted((*kept, added), key=lambda each: each.file)
        return msgspec.structs.replace(self, files=tuple(files))

    def by_name(self) -> dict[str, ArchivedFile]:
        """The files by their names."""
        return {each.file: each for each in self.files}


class ManifestError(Exception):
    """A manifest that is none, or not as it was written."""


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a folder; None: it has none.

    Raises:
        ManifestError: it is damaged, or was changed by another program.
        OSError: it cannot be read.
    """
    try:
        content = (folder / MANIFEST_NAME).read_bytes()
    except FileNotFoundError:
        return None
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ManifestError(str(error)) from None
    if manifest.format != _FORMAT:
        raise ManifestError(f"format {manifest.format}")
    if _bytes_of(manifest) != content:
        raise ManifestError("not in the form in which it is written")
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put a manifest in the place of the old one, all of it or nothing, and flush it.

    Raises:
        OSError: it cannot be written.
    """
    write_durably(folder / MANIFEST_NAME, _bytes_of(manifest))


def _bytes_of(manifest: Manifest) -> bytes:
    """The one form of a manifest: sorted keys, two spaces, a line's end."""
    return msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=2) + b"\n"
