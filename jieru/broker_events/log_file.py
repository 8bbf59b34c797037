"""Reading a log that grows, is renamed, cut and begun anew, from where one was."""

import os
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from jieru.errors import UserError

__all__ = ["BEGINNING", "LogFile", "Position"]

_PIECE: Final = 1_048_576
_BEFORE: Final = 256
"""Bytes by which a place in a file is known again."""
_LONGEST_LINE: Final = 65_536
"""Mosquitto writes 1,000 bytes at most."""


class Position(NamedTuple):
    """Up to where a file was read."""

    device: int
    inode: int
    position: int
    before: bytes


BEGINNING: Final = Position(0, 0, 0, b"")
"""Of whatever file is there."""


class _OpenFile:
    """One file that is read on."""

    def __init__(self, path: Path) -> None:
        self.file: BinaryIO = path.open("rb", buffering=0)
        self._before = b""

    @property
    def position(self) -> Position:
        status = os.fstat(self.file.fileno())
        return Position(status.st_dev, status.st_ino, self.file.tell(), self._before)

    def go_to(self, position: int) -> None:
        begin = max(position - _BEFORE, 0)
        self.file.seek(begin)
        self._before = self.file.read(position - begin)
        self.file.seek(position)

    def is_of(self, position: Position) -> bool:
        """Whether it has what was read, where it was read."""
        here = self.file.tell()
        status = os.fstat(self.file.fileno())
        self.file.seek(max(position.position - len(position.before), 0))
        is_same = self.file.read(len(position.before)) == position.before
        self.file.seek(here)
        return (
            is_same
            and (status.st_dev, status.st_ino) == (position.device, position.inode)
            and status.st_size >= position.position
        )

    def read(self) -> list[str]:
        if not self.is_of(self.position):
            self.go_to(0)  # it was cut, and begun anew
        start = self.file.tell()
        piece = self.file.read(_PIECE)
        end = piece.rfind(b"\n") + 1
        if end == 0 and len(piece) > _LONGEST_LINE:
            end = len(piece)
        self.go_to(start + end)
        return [
            line.decode("utf-8", "replace")
            for line in piece[:end].split(b"\n")
            if line and len(line) <= _LONGEST_LINE
        ]

    def has_lost(self, path: Path) -> bool:
        """Whether another file has its name."""
        try:
            return not os.path.samestat(os.fstat(self.file.fileno()), path.stat())
        except FileNotFoundError:
            return False


class LogFile:
    """Whole lines of a file, whatever becomes of the file."""

    def __init__(self, path: Path, position: Position | None) -> None:
        """Begin at a place; None: with what is written from now on.

        Raises:
            UserError: this user may not read the file.
        """
        self._path = path
        self._open = self._opened(path) if position is None else self._found(position)
        if position is None and self._open is not None:
            self._open.go_to(self._open.file.seek(0, os.SEEK_END))

    @property
    def position(self) -> Position:
        """Up to where all lines were handed out."""
        return self._open.position if self._open else BEGINNING

    def read(self) -> list[str]:
        """The next lines, some thousand at most; none when there are none yet.

        Raises:
            UserError: this user may not read the file.
        """
        if self._open is None:
            self._open = self._opened(self._path)
        if self._open is None:
            return []
        lines = self._open.read()
        if not lines and self._open.has_lost(self._path):
            lines = self._open.read()  # what was written before the other file was there
            if not lines:
                self.close()
                self._open = self._opened(self._path)
                lines = self._open.read() if self._open else []
        return lines

    def close(self) -> None:
        """Read no more."""
        if self._open is not None:
            self._open.file.close()
            self._open = None

    def _found(self, position: Position) -> _OpenFile | None:
        """The file of a place, by its name or renamed since, at that place."""
        for path in [self._path, *sorted(self._path.parent.glob(f"{self._path.name}.*"))]:
            found = self._opened(path)
            if found is not None and found.is_of(position):
                found.go_to(position.position)
                return found
            if found is not None:
                found.file.close()
        return None

    def _opened(self, path: Path) -> _OpenFile | None:
        try:
            return _OpenFile(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> UserError:
    return UserError(
        "The broker's log {path} cannot be read: {reason}. Run this as the broker's user.",
        path=path,
        reason=error.strerror or error,
    )
