"""The archive that a workbook is: opened so that no two programs can see different things in it.

What the parser is given is a copy, made of the parts that were looked at here: what the bounds
have seen is what is read, whatever else the archive holds.
"""

import io
import zipfile
import zlib
from collections.abc import Iterable
from typing import Final

from jieru.errors import UserError
from registry.workbooks.limits import WorkbookLimits
from registry.workbooks.refusals import UnreadableError

__all__ = ["opened_archive", "packed", "part_of"]

_COMPRESSIONS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What a workbook may use (ECMA-376 part 2)."""
_ENCRYPTED: Final = 0x1
_LOCAL_HEADER_BYTES: Final = 30
_FASTEST: Final = 1
_MIB: Final = 1 << 20


def opened_archive(content: bytes, limits: WorkbookLimits) -> zipfile.ZipFile:
    """The archive, once its table of contents was found to be one that a spreadsheet writes.

    Raises:
        UserError: it is too large.
        UnreadableError: it is broken, or its parts overlap, stand there twice or lie elsewhere.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError):
        raise UnreadableError from None
    parts = archive.infolist()
    if sum(part.file_size for part in parts) > limits.unpacked_bytes:
        raise UserError(
            "{name} is larger than {limit} MB: split it.", limit=limits.unpacked_bytes // _MIB
        )
    # As the parser looks for parts: without regard to case, by either slash.
    names = [part.filename.lower().replace("\\", "/") for part in parts]
    if (
        len(parts) > limits.parts
        or len(set(names)) < len(names)
        or any(_leads_elsewhere(name) for name in names)
        or any(part.compress_type not in _COMPRESSIONS for part in parts)
        or any(part.flag_bits & _ENCRYPTED for part in parts)
        or _has_overlaps(parts)
    ):
        raise UnreadableError
    return archive


def part_of(archive: zipfile.ZipFile, name: str, limits: WorkbookLimits) -> bytes | None:
    """The content of a part, whichever way its name is written; None: there is none.

    Raises:
        UnreadableError: it is broken, or longer than it says.
    """
    wanted = name.lower().replace("\\", "/").removeprefix("/")
    for part in archive.infolist():
        if part.filename.lower().replace("\\", "/") == wanted:
            try:
                with archive.open(part) as source:
                    content = source.read(part.file_size + 1)
            except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError):
                raise UnreadableError from None
            if len(content) != part.file_size or len(content) > limits.unpacked_bytes:
                raise UnreadableError
            return content
    return None


def packed(parts: Iterable[tuple[str, bytes]]) -> io.BytesIO:
    """An archive of these parts and nothing else."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=_FASTEST) as copy:
        for name, content in parts:
            copy.writestr(name, content)
    target.seek(0)
    return target


def _leads_elsewhere(name: str) -> bool:
    return name.startswith("/") or ":" in name or ".." in name.split("/") or not name.isprintable()


def _has_overlaps(parts: Iterable[zipfile.ZipInfo]) -> bool:
    """Whether one part's bytes are another's too, the way of a bomb past every sum of sizes."""
    end = 0
    for part in sorted(parts, key=lambda each: each.header_offset):
        if part.header_offset < end:
            return True
        end = part.header_offset + _LOCAL_HEADER_BYTES + part.compress_size
    return False
