"""Reports of frozen counts that were made, kept until room is needed for others.

A report is a function of the signed file, so it is named by what it was made of: digest, signature,
the statements since, program and language. They lie in a folder of this process that goes with it.
The folder is not trusted: the process remembers the SHA-256 of what it made, and what is missing or
is another file by now is made again.
"""

import hashlib
import shutil
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Final, NamedTuple

from verifier.reports import Report

__all__ = ["KeptReports"]

_MEBI: Final = 1 << 20
_BYTES_MAX: Final = 128 * _MEBI
_FILES_MAX: Final = 256


class _Kept(NamedTuple):
    sha256: str
    size: int
    media_type: str
    file_name: str


class KeptReports:
    """The reports that one process made last."""

    def __init__(self, *, bytes_max: int = _BYTES_MAX, files_max: int = _FILES_MAX) -> None:
        """Keep nothing yet.

        Args:
            bytes_max: of all files together; a report that is larger is not kept.
            files_max: how many.
        """
        self._bytes_max, self._files_max = bytes_max, files_max
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._folder: Path | None = None
        self._making = threading.Lock()
        self._looking = threading.Lock()

    def get(self, key: str, make: Callable[[], Report]) -> Report:
        """The report with this key, which is made where it is not kept.

        One is made at a time, so that two never add up what they take of memory.

        Args:
            key: SHA-256 of all that it is made of.
            make: makes it; what it raises is raised.
        """
        found = self._read(key)
        if found is not None:
            return found
        with self._making:
            found = self._read(key)
            if found is None:
                found = make()
                self._keep(key, found)
            return found

    def _read(self, key: str) -> Report | None:
        with self._looking:
            kept = self._kept.get(key)
            if kept is None or self._folder is None:
                return None
            self._kept.move_to_end(key)
            path = self._folder / key
        try:
            content = path.read_bytes()
        except OSError:
            return None
        if hashlib.sha256(content).hexdigest() != kept.sha256:
            return None
        return Report(content, kept.media_type, kept.file_name)

    def _keep(self, key: str, report: Report) -> None:
        size = len(report.content)
        if size > self._bytes_max:
            return
        with self._looking:
            self._forget(key)
            while self._kept and (
                len(self._kept) >= self._files_max
                or size + sum(each.size for each in self._kept.values()) > self._bytes_max
            ):
                self._forget(next(iter(self._kept)))
            # Where there is no room the report was made all the same, and is made again.
            with suppress(OSError):
                self._path(key).write_bytes(report.content)
                self._kept[key] = _Kept(
                    hashlib.sha256(report.content).hexdigest(),
                    size,
                    report.media_type,
                    report.file_name,
                )
            if key not in self._kept and self._folder is not None:
                with suppress(OSError):
                    (self._folder / key).unlink(missing_ok=True)

    def _forget(self, key: str) -> None:
        self._kept.pop(key, None)
        if self._folder is not None:
            with suppress(OSError):
                (self._folder / key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        if self._folder is None or not self._folder.is_dir():
            self._kept.clear()
            self._folder = Path(mkdtemp(prefix="jieru-reports-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder / key
