"""`jieru report`: a report of a signed count, without a database."""

import gc
import sys
from pathlib import Path
from typing import cast

import click

from command.arguments import FILE
from command.check_signature import NOBODY_VOUCHES
from command.help import example
from jieru.durable_files import write_output
from jieru.errors import UserError
from jieru.i18n import LANGUAGES, Language, process_language
from jieru.i18n import gettext as _
from jieru.settings import load_settings
from verifier.procedure.signing import parse_public_key
from verifier.procedure.trusted_keys import TrustedKeys, trusted_keys_of
from verifier.reports import (
    KINDS,
    SHEETS,
    ReportKind,
    SheetName,
    UnvouchedError,
    make_report,
    open_signed_file,
)

__all__ = ["command"]


@click.command(
    "report",
    help=_(
        "Make a report of a signed count; its signature is checked, and exit code 3 says that "
        "nobody vouches for its key."
    ),
    epilog=example("jieru report count-2026.json --kind notice --output notice.pdf"),
)
@click.argument("file", type=FILE)
@click.option("--kind", type=click.Choice(KINDS), required=True, help=_("Which report."))
@click.option("--language", type=click.Choice(LANGUAGES), help=_("Language of the report."))
@click.option(
    "--output",
    type=FILE,
    required=True,
    help=_("Where to write it; a file that is there is replaced."),
)
@click.option(
    "--public-key",
    metavar="KEY",
    help=_("Public key that must have signed it, or its file; by default the trusted ones."),
)
@click.option("--platform", metavar="CODE", help=_("Platform of the enterprise."))
@click.option("--uscc", metavar="USCC", help=_("Unified social credit code of the enterprise."))
@click.option(
    "--table",
    type=click.Choice(SHEETS),
    default="determinations",
    help=_("Which table goes into the CSV file (default: determinations)."),
)
def command(
    *,
    file: Path,
    kind: str,
    language: str | None,
    output: Path,
    public_key: str | None,
    platform: str | None,
    uscc: str | None,
    table: str,
) -> None:
    """Check the file, make the report, write it."""
    settings = load_settings()
    # A large count is a million objects, none of them garbage until the command ends: the
    # collector would only walk them again and again.
    gc.disable()
    trusted = (
        TrustedKeys(own_key=parse_public_key(public_key))
        if public_key
        else trusted_keys_of(settings)
    )
    try:
        signed = open_signed_file(file, trusted)
    except UnvouchedError as error:
        if public_key:
            raise UserError(
                "The file {path} was signed by another key: {key}.", **error.values
            ) from None
        click.echo(str(error), err=True)
        sys.exit(NOBODY_VOUCHES)
    report = make_report(
        signed,
        cast("ReportKind", kind),
        cast("Language", language) if language else process_language(),
        font_folder=settings.report_font_path,
        platform=platform,
        uscc=uscc,
        table=cast("SheetName", table),
    )
    try:
        write_output(output, report.content)
    except OSError as error:
        raise UserError(
            "The file {path} cannot be written: {reason}", path=output, reason=error.strerror
        ) from None
    click.echo(
        _("{path}: {size} bytes, count {count}.").format(
            path=output, size=f"{len(report.content):,}", count=signed.document.count_id
        )
    )
