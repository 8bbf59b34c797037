"""The folder of statements: one file each, cosignatures beside them, and the rows of each day."""

import base64
import fcntl
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from jieru.durable_files import write_durably
from jieru.errors import UserError, WorldError
from verifier.checkpoints.statement import (
    Cosignature,
    SignedStatement,
    StatedDay,
    parse_cosignature,
    parse_signed,
)

__all__ = ["CheckpointFolder"]

_NAME: Final = re.compile(r"checkpoint-([0-9]{8})\.json")
_SHOWN: Final = 12
"""Hexadecimal digits of a digest in a file's name."""


class CheckpointFolder:
    """Where statements are kept; everything in it is written once."""

    def __init__(self, path: Path) -> None:
        """Use a folder.

        Raises:
            UserError: it is not there.
        """
        if not path.is_dir():
            raise UserError(
                "The folder of checkpoints {folder} is not there: create it, or mount its disk, or "
                "correct JIERU_CHECKPOINT_DIR.",
                folder=path,
            )
        self.path = path

    @contextmanager
    def held(self, name: str = "statements") -> Iterator[None]:
        """Keep other processes of this machine from making a statement meanwhile.

        Args:
            name: `statements` while one is made, `witnesses` while they are sent, which takes long.
        """
        with self.using(), (self.path / f".{name}.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def using(self) -> Iterator[None]:
        """Speak of a folder that fails in one sentence.

        Raises:
            WorldError: something in it could not be read or written.
        """
        try:
            yield
        except OSError as error:
            raise WorldError(
                "The checkpoints in {folder} cannot be used: {reason}",
                folder=self.path,
                reason=error.strerror or " ".join(str(error).split()),
            ) from None

    def numbers(self) -> list[int]:
        """Of the statements that are there, ascending."""
        found = (_NAME.fullmatch(path.name) for path in self.path.iterdir())
        return sorted(int(match[1]) for match in found if match)

    def content(self, number: int) -> bytes:
        """The bytes of a statement's file."""
        return self._statement_path(number).read_bytes()

    def read(self, number: int) -> SignedStatement:
        """One statement.

        Raises:
            UserError: its file is none; the message names it.
        """
        path = self._statement_path(number)
        try:
            return parse_signed(path.read_bytes())
        except UserError as error:
            raise UserError(
                "{file} cannot be read: {reason}", file=path.name, reason=str(error)
            ) from None

    def store(self, signed: SignedStatement) -> Path:
        """Keep a statement.

        Raises:
            UserError: there is another one of this number.
        """
        path = self._statement_path(signed.statement.number)
        if path.exists() and path.read_bytes() != signed.content():
            raise UserError("{file} exists already: it is never written over.", file=path.name)
        write_durably(path, signed.content())
        return path

    def store_cosignature(self, cosignature: Cosignature) -> None:
        """Keep what a witness signed."""
        path = self._cosignature_path(cosignature.number, cosignature.public_key)
        write_durably(path, cosignature.content())

    def cosignature(self, number: int, public_key: bytes) -> Cosignature | None:
        """What a witness signed of a statement; None: nothing.

        Raises:
            UserError: the file is none.
        """
        path = self._cosignature_path(number, base64.b64encode(public_key).decode())
        return parse_cosignature(path.read_bytes()) if path.is_file() else None

    def store_day(self, stated: StatedDay, content: bytes) -> None:
        """Keep the rows of a stated day."""
        path = self._day_path(stated)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_durably(path, content)

    def day(self, stated: StatedDay) -> bytes | None:
        """The file of a day's rows; None: it is not there."""
        path = self._day_path(stated)
        return path.read_bytes() if path.is_file() else None

    def _statement_path(self, number: int) -> Path:
        return self.path / f"checkpoint-{number:08}.json"

    def _cosignature_path(self, number: int, public_key: str) -> Path:
        witness = hashlib.sha256(public_key.encode()).hexdigest()[:_SHOWN]
        return self.path / f"checkpoint-{number:08}.cosigned-{witness}.json"

    def _day_path(self, stated: StatedDay) -> Path:
        name = f"{stated.day}-{stated.sha256[:_SHOWN]}.rows"
        return self.path / "presence" / f"{stated.day:%Y-%m}" / name
