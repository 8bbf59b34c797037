"""`jieru import`: read one file of the registry, all rows or none."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

import click

from command.arguments import FILE
from command.counting import open_database
from command.help import example
from jieru.audit import command_actor
from jieru.csv_file import csv_file
from jieru.durable_files import write_output
from jieru.errors import UserError
from jieru.i18n import gettext as _
from jieru.settings import load_settings
from registry.importing import OTHER_DISTRICT, ImportRejected, import_file
from registry.kinds import KINDS, KindName
from registry.rows import RowError
from verifier.policy import load_policy

__all__ = ["command"]

_PRINTED_ERRORS: Final = 50


@click.command(
    "import",
    help=_("Import a CSV or XLSX file into the registry: all rows or none."),
    epilog=example("jieru import devices devices.xlsx --dry-run"),
)
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("file", type=FILE)
@click.option("--dry-run", is_flag=True, help=_("Check the file and write nothing."))
@click.option(
    "--errors",
    "errors_file",
    type=FILE,
    help=_("Write every error into this CSV file too."),
)
def command(*, kind: KindName, file: Path, dry_run: bool, errors_file: Path | None) -> None:
    """Import one file, and say what it changed or every row that is wrong."""
    settings = load_settings()
    policy = load_policy(settings.policy)
    districts = {*policy.districts.value, OTHER_DISTRICT}
    backdating = policy.backdate_days_max
    with open_database(settings) as connection:
        try:
            result = import_file(
                connection,
                kind,
                file,
                districts=districts,
                actor=command_actor(),
                backdate_days_max=backdating.value if backdating else None,
                dry_run=dry_run,
            )
        except ImportRejected as rejected:
            _print_errors(rejected.row_errors)
            if errors_file:
                _write_errors(errors_file, rejected.row_errors)
            raise
    spoken = (
        _("Checked, nothing written: {created} new rows, {changed} changed, {unchanged} unchanged.")
        if dry_run
        else _("Imported: {created} new rows, {changed} changed, {unchanged} unchanged.")
    )
    click.echo(
        spoken.format(created=result.created, changed=result.changed, unchanged=result.unchanged)
    )
    if result.evidence_from is not None:
        _warn_of_backdating(result.backdated_rows, result.evidence_from)


def _warn_of_backdating(rows: Sequence[int], evidence_from: date) -> None:
    shown = ", ".join(map(str, rows[:_PRINTED_ERRORS]))
    if len(rows) > _PRINTED_ERRORS:
        shown += " …"
    warning = _(
        "Rows that begin, or go on after their end, long before they are recorded: {count} (rows "
        "{rows}). Their evidence counts only from {evidence_from} on; what was heard before counts "
        "only after a decision of two people of the bureau."
    )
    click.echo(
        warning.format(count=len(rows), rows=shown, evidence_from=evidence_from.isoformat()),
        err=True,
    )


def _print_errors(errors: Sequence[RowError]) -> None:
    for row, column, reason in errors[:_PRINTED_ERRORS]:
        place = _("Row {row}, {column}: {reason}") if column else _("Row {row}: {reason}")
        click.echo(place.format(row=row, column=column, reason=reason), err=True)
    more = len(errors) - _PRINTED_ERRORS
    if more > 0:
        click.echo(
            _("… and {more} more; --errors FILE writes all of them.").format(more=more),
            err=True,
        )


def _write_errors(path: Path, errors: Sequence[RowError]) -> None:
    try:
        write_output(path, csv_file([RowError._fields, *errors]))
    except OSError as error:
        raise UserError(
            "The file {path} cannot be written: {reason}",
            path=path,
            reason=error.strerror or error,
        ) from None
