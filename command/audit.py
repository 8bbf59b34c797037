"""`jieru audit`: check that the record of changes is whole."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
import psycopg

from command.counting import open_database
from command.findings import Findings
from command.help import example
from jieru.audit_chain import record_check, verify_audit
from jieru.errors import UserError, WorldError
from jieru.i18n import gettext as _
from jieru.settings import Settings, load_settings
from verifier.checkpoints.chain import written
from verifier.checkpoints.folder import CheckpointFolder
from verifier.checkpoints.making import checkpoint_keys_of
from verifier.checkpoints.verifying import check_database, check_statements
from verifier.checkpoints.witnesses import check_latest, named_witnesses, witness_keys_of
from verifier.counting.reading import consistent_snapshot

__all__ = ["command"]

_EXIT_BROKEN: Final = 1
_KNOWN: Final = re.compile(r"(?<![0-9A-Za-z:])([0-9]{1,18}):([0-9a-f]{64})(?![0-9A-Za-z])")


@click.group("audit", help=_("Check the record of changes."))
def command() -> None:
    """The audit."""


@command.command(
    "verify",
    help=_(
        "Check that no entry of the audit was changed or removed; exit code 1 where one was. The "
        "last entry is printed: note it elsewhere, and pass it to a later run."
    ),
    epilog=example("jieru audit verify --record"),
)
@click.option(
    "--known",
    "known",
    metavar="NUMBER:HASH",
    multiple=True,
    help=_(
        "An entry that was noted earlier, and must still be the same: as NUMBER:HASH, or what this "
        "command printed then, one or many lines of it."
    ),
)
@click.option(
    "--checkpoints",
    "checkpoints",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help=_(
        "A folder of checkpoints: audit, presence of closed days and archives must be what they "
        "state, the checkpoints unbroken, and signed by the installation and every witness."
    ),
)
@click.option(
    "--record",
    "is_recorded",
    is_flag=True,
    help=_("Keep the result in the database, for auditors' panels and alerts."),
)
def _verify(*, known: Sequence[str], checkpoints: Path | None, is_recorded: bool) -> None:
    settings = load_settings()
    noted = _noted(known)
    findings = Findings()
    with open_database(settings) as connection:
        last = verify_audit(connection, noted, findings.report)
        away = (
            _verify_checkpoints(connection, settings, checkpoints, findings)
            if checkpoints is not None
            else None
        )
        if is_recorded:
            record_check(connection, last, findings.count)
    findings.say_how_many_more()
    spoken = (
        _("The audit is NOT whole; its last entry is {last}")
        if findings.count
        else _("The audit is whole; its last entry is {last}")
    )
    click.echo(spoken.format(last=f"{last.number}:{last.hash.hex()}"))
    if findings.count:
        sys.exit(_EXIT_BROKEN)
    if away is not None:
        raise away


def _verify_checkpoints(
    connection: psycopg.Connection, settings: Settings, path: Path, findings: Findings
) -> WorldError | None:
    """Check them, their witnesses and the database; a witness that could not be asked."""
    away: WorldError | None = None
    folder = CheckpointFolder(path)
    with folder.using():
        checked = check_statements(
            folder,
            checkpoint_keys_of(settings),
            witness_keys_of(settings.witness_keys),
            findings.report,
        )
        for each in check_latest(
            folder, named_witnesses(settings.witnesses, settings.witness_keys)
        ):
            if isinstance(each.problem, WorldError):
                away = each.problem
            elif each.problem is not None:
                findings.report(each.problem)
        connection.commit()
        with consistent_snapshot(connection):
            check_database(connection, folder, checked, findings.report)
    if checked.statements:
        first, last = checked.statements[0], checked.statements[-1]
        click.echo(
            _("Checkpoints {first} to {last} were read, of {first_at} to {last_at}.").format(
                first=first.number,
                last=last.number,
                first_at=written(first.at),
                last_at=written(last.at),
            )
        )
    for remark in checked.seen_late:
        click.echo(str(remark))
    return away


def _noted(texts: Sequence[str]) -> dict[int, bytes]:
    """The entries that these texts name: each one or more.

    Raises:
        UserError: a text names none, or two name the same number with different hashes.
    """
    noted: dict[int, bytes] = {}
    for text in texts:
        entries = _KNOWN.findall(text)
        if not entries:
            raise UserError(
                "“{text}” names no entry: write its number, a colon and its 64 hexadecimal digits.",
                text=text,
            )
        for number, digits in entries:
            entry = bytes.fromhex(digits)
            if noted.setdefault(int(number), entry) != entry:
                raise UserError(
                    "Entry {number} was noted with two different hashes: one of the notes is not "
                    "of this database, or the chain was written anew between them.",
                    number=number,
                )
    return noted
