"""What another body keeps of an installation's statements: it cosigns what extends what it saw.

A folder of its own, a key of its own, no database: `witness.pem` signs, `submitters.toml` names the
keys whose statements it takes, `statements` holds what it cosigned, `refused` what it did not, as
evidence.
"""

import hashlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from jieru.durable_files import write_durably
from jieru.errors import UserError
from jieru.i18n import marked as _
from verifier.checkpoints.chain import written
from verifier.checkpoints.folder import CheckpointFolder
from verifier.checkpoints.statement import (
    CLOCK_AHEAD_MAX,
    STATEMENT_LIMIT_BYTES,
    Cosignature,
    Statement,
    check_signature,
    cosign,
    parse_signed,
)
from verifier.checkpoints.writing import read_chain
from verifier.procedure.signing import SigningKey, load_signing_key, new_signing_key
from verifier.procedure.trusted_keys import load_trusted_keys

__all__ = ["RefusedError", "WitnessFolder", "new_witness"]

_KEY: Final = "witness.pem"
_SUBMITTERS: Final = "submitters.toml"
_STATEMENTS: Final = "statements"
_REFUSED: Final = "refused"
_EARLIEST: Final = "2020-01-01"
"""Statements from before there was a witness are brought to it too."""
_REFUSED_MAX: Final = 1_000
"""Files kept of statements that were refused: whoever could send more could fill a disk."""


class RefusedError(UserError):
    """A statement that is not cosigned; it was kept if its submitter is known."""


def new_witness(folder: Path, *, submitter: str, name: str) -> SigningKey:
    """Set up a witness.

    Args:
        folder: made where it is missing.
        submitter: the public key of the installation, in base64.
        name: of the installation.

    Raises:
        UserError: there is one already, the folder cannot be written, or the key is none.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for each in (_STATEMENTS, _REFUSED):
            (folder / each).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise UserError(
            "{file} cannot be written: {reason}.", file=folder, reason=error.strerror
        ) from None
    key = new_signing_key(folder / _KEY)
    text = f'[[keys]]\nname = "{_quoted(name)}"\nkey = "{submitter}"\nvalid_from = {_EARLIEST}\n'
    write_durably(folder / _SUBMITTERS, text.encode())
    load_trusted_keys(folder / _SUBMITTERS)
    return key


class WitnessFolder:
    """A witness at work; one process for each folder."""

    def __init__(self, folder: Path) -> None:
        """Read key, submitters and everything that was cosigned.

        Raises:
            UserError: one of them is missing or wrong.
            WorldError: the folder cannot be written.
        """
        self._folder = folder
        self._key = load_signing_key(str(folder / _KEY))
        self._submitters = load_trusted_keys(folder / _SUBMITTERS)
        self._statements = CheckpointFolder(folder / _STATEMENTS)
        self._chain = read_chain(self._statements)
        self._lock = threading.Lock()
        with self._statements.using():
            self._cosign_last()

    @property
    def key(self) -> SigningKey:
        """What it signs with."""
        return self._key

    def latest(self) -> Cosignature | None:
        """Its signature of the last statement it saw; None: it has seen none."""
        last = self._chain.last
        if last is None:
            return None
        return self._statements.cosignature(last.number, self._key.public_key)

    def accept(self, content: bytes) -> Cosignature:
        """Cosign a statement that extends what was seen.

        The one that was cosigned last is answered once more, for an answer may be lost.

        Raises:
            RefusedError: it does not extend it, or nobody known signed it.
        """
        if len(content) > STATEMENT_LIMIT_BYTES:
            raise RefusedError(_("The statement is too large."))
        try:
            signed = parse_signed(content)
        except UserError as error:
            raise RefusedError(error.message, **error.values) from None
        if wrong := check_signature(signed, self._submitters):
            raise RefusedError(wrong.message, **wrong.values)
        statement = signed.statement
        with self._lock:
            last = self._chain.last
            if last is not None and last.sha256() == statement.sha256():
                again = self._statements.cosignature(last.number, self._key.public_key)
                if again is not None:
                    return again
            else:
                trial = self._chain.copy()
                findings = [*trial.add(statement), *_of_time_to_come(statement)]
                if findings:
                    self._keep_refused(content)
                    raise RefusedError(findings[0].message, **findings[0].values)
            cosignature = cosign(statement, self._key, datetime.now(UTC))
            # The signature goes out only when both are on the disk.
            self._statements.store(signed)
            self._statements.store_cosignature(cosignature)
            if last is None or last.sha256() != statement.sha256():
                self._chain.add(statement)
        return cosignature

    def _cosign_last(self) -> None:
        """Sign the last statement, where this ended between keeping it and keeping its signature.

        It was found to extend what was seen, or it would not be here.
        """
        last = self._chain.last
        if last is None or self._statements.cosignature(last.number, self._key.public_key):
            return
        self._statements.store_cosignature(cosign(last, self._key, datetime.now(UTC)))

    def _keep_refused(self, content: bytes) -> None:
        refused = self._folder / _REFUSED
        refused.mkdir(mode=0o700, exist_ok=True)
        if len(list(refused.iterdir())) < _REFUSED_MAX:
            write_durably(refused / f"{hashlib.sha256(content).hexdigest()}.json", content)


def _of_time_to_come(statement: Statement) -> Iterator[UserError]:
    """What is dated ahead could be brought forth as older later."""
    if statement.at > datetime.now(UTC) + CLOCK_AHEAD_MAX:
        yield UserError(
            "Checkpoint {checkpoint} ({made_at}) is of a time to come by the clock of the witness.",
            checkpoint=statement.number,
            made_at=written(statement.at),
        )


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
