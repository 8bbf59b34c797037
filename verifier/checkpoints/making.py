"""A checkpoint as an installation makes it: by its settings, with its key, to its witnesses."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psycopg

from jieru.database import connect
from jieru.errors import UserError, WorldError
from jieru.schema import require_current_schema
from verifier.checkpoints.folder import CheckpointFolder
from verifier.checkpoints.statement import NIGHTLY
from verifier.checkpoints.witnesses import Witnessed, ask_witnesses, named_witnesses
from verifier.checkpoints.writing import Written, record_checkpoint, write_checkpoint
from verifier.policy import load_policy
from verifier.procedure.signing import SigningKey, load_signing_key
from verifier.procedure.trusted_keys import TrustedKeys, load_trusted_keys

__all__ = [
    "CheckpointSettings",
    "Made",
    "checkpoint_after_step",
    "checkpoint_keys_of",
    "make_checkpoint",
]


class CheckpointSettings(Protocol):
    """The settings that say where statements go, and who signs them."""

    @property
    def checkpoint_dir(self) -> str:
        """Folder of statements; empty: there are none."""

    @property
    def checkpoint_key_file(self) -> str:
        """Path of the key that signs them; empty: the key of counts."""

    @property
    def signing_key_file(self) -> str:
        """Path of the key of counts."""

    @property
    def trusted_keys(self) -> str:
        """Path of the file of trusted keys."""

    @property
    def witnesses(self) -> str:
        """Addresses of witnesses, with commas between."""

    @property
    def witness_keys(self) -> str:
        """Path of the file of their keys."""

    @property
    def policy(self) -> str:
        """Name or path of the policy."""

    def require_database_url(self) -> str:
        """The database's address."""


@dataclass(frozen=True, slots=True)
class Made:
    """A statement, and what witnesses said to it and to those before it."""

    written: Written
    witnessed: tuple[Witnessed, ...]

    @property
    def findings(self) -> list[UserError | WorldError]:
        """All that is not as it should be."""
        refused = [each.problem for each in self.witnessed if each.problem is not None]
        return [*self.written.findings, *refused]


def make_checkpoint(settings: CheckpointSettings, *, occasion: str = NIGHTLY) -> Made:
    """Make a statement and have it cosigned; witnesses that are away get it with the next one.

    Raises:
        UserError: no folder or no key is named, or one of them is wrong.
        WorldError: the folder or the database fails.
    """
    if not settings.checkpoint_dir:
        raise UserError("No folder of checkpoints is named: set JIERU_CHECKPOINT_DIR.")
    folder = CheckpointFolder(Path(settings.checkpoint_dir))
    key = _key_of(settings)
    witnesses = named_witnesses(settings.witnesses, settings.witness_keys)
    delay = load_policy(settings.policy).max_delay_hours.value
    with connect(settings.require_database_url(), autocommit=True) as connection:
        require_current_schema(connection)
        written = write_checkpoint(
            connection, folder, key, occasion=occasion, max_delay_hours=delay
        )
        with folder.held("witnesses"):
            witnessed = tuple(ask_witnesses(folder, witnesses))
        record_checkpoint(
            connection,
            written,
            cosigned=sum(each.problem is None for each in witnessed),
            witnesses=len(witnessed),
        )
    return Made(written, witnessed)


def checkpoint_after_step(
    settings: CheckpointSettings, occasion: str
) -> list[UserError | WorldError]:
    """Make a statement after a step of money, where statements are made at all.

    The step is taken by then, and nothing here undoes it.

    Args:
        settings: of the installation.
        occasion: the step, for instance `freeze 2026-1`.

    Returns:
        What went wrong, for somebody to be told.
    """
    if not settings.checkpoint_dir:
        return []
    try:
        return make_checkpoint(settings, occasion=occasion).findings
    except (UserError, WorldError) as error:
        return [error]
    except psycopg.Error as error:
        reason = " ".join(str(error).split())
        return [WorldError("The checkpoint could not be made: {reason}", reason=reason)]


def checkpoint_keys_of(settings: CheckpointSettings) -> TrustedKeys:
    """Whose statements count: the file of trusted keys, else the key they are signed with here.

    Raises:
        UserError: a file is wrong.
    """
    if settings.trusted_keys:
        return load_trusted_keys(Path(settings.trusted_keys))
    if settings.checkpoint_key_file or settings.signing_key_file:
        return TrustedKeys(own_key=_key_of(settings).public_key)
    return TrustedKeys()


def _key_of(settings: CheckpointSettings) -> SigningKey:
    return load_signing_key(settings.checkpoint_key_file or settings.signing_key_file)
