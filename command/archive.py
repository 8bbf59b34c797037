"""`jieru archive`: raw heartbeats that moved into files, and back."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import click
import psycopg

from archive.archiving import Progress, archive_expired
from archive.records import read_records, record_verification
from archive.restoring import Restored, restore_heartbeats
from archive.verifying import verify_archive
from command.arguments import DAY, DAYS
from command.findings import Findings
from command.help import example
from jieru.audit import command_actor
from jieru.calendar import SHANGHAI
from jieru.database import connect
from jieru.errors import UserError, WorldError
from jieru.i18n import gettext as _
from jieru.retry import is_worth_retrying
from jieru.schema import require_current_schema
from jieru.settings import Settings, load_settings
from jieru.told_processes import tell_process

__all__ = ["command"]

_EXIT_NOT_WHOLE: Final = 1
_NOT_YET: Final = "-"


@click.group("archive", help=_("Move old raw heartbeats into files, check them, bring them back."))
def command() -> None:
    """The archive."""


@command.command(
    "run",
    help=_("Archive expired heartbeats as Parquet files, then drop them; for a timer."),
    epilog=example("jieru archive run --older-than 400"),
)
@click.option(
    "--older-than",
    metavar="DAYS",
    type=DAYS,
    help=_("Another age than JIERU_HEARTBEAT_RETENTION_DAYS."),
)
def _run(*, older_than: int | None) -> None:
    settings = load_settings()
    folder = _folder(settings)
    age = timedelta(days=older_than or settings.heartbeat_retention_days)
    ranges = heartbeats = 0

    def report(progress: Progress) -> None:
        nonlocal ranges, heartbeats
        if progress.dropped is not None:
            ranges += 1
            heartbeats += progress.dropped
        for written in progress.written:
            click.echo(
                _("{file}: {heartbeats} heartbeats, {size} bytes").format(
                    file=written.file, heartbeats=written.heartbeats, size=written.file_bytes
                )
            )

    def say_what_was_dropped() -> None:
        click.echo(
            _("Ranges dropped: {ranges}, with {heartbeats} heartbeats.").format(
                ranges=ranges, heartbeats=heartbeats
            )
        )

    try:
        with _open_database(settings) as connection:
            tell_process("archive", settings)
            archive_expired(connection, folder, command_actor(), older_than=age, report=report)
    except (UserError, WorldError):
        if ranges:
            say_what_was_dropped()
        raise
    say_what_was_dropped()


@command.command(
    "verify",
    help=_(
        "Read every file and compare it with the manifest, and that with the database; exit code "
        "1 where they differ. The folder is only read."
    ),
    epilog=example("jieru archive verify --record"),
)
@click.option(
    "--record",
    "is_recorded",
    is_flag=True,
    help=_("Keep the result in the database, for auditors' panels and alerts."),
)
def _verify(*, is_recorded: bool) -> None:
    settings = load_settings()
    findings = Findings()
    with _open_database(settings) as connection:
        verified = verify_archive(connection, _folder(settings), findings.report)
        if is_recorded:
            record_verification(
                connection,
                files=verified.files,
                heartbeats=verified.heartbeats,
                findings=findings.count,
            )
    findings.say_how_many_more()
    spoken = (
        _("The archive is NOT whole. Files: {files}, heartbeats in whole ones: {heartbeats}.")
        if findings.count
        else _("The archive is whole. Files: {files}, heartbeats: {heartbeats}.")
    )
    click.echo(spoken.format(files=verified.files, heartbeats=verified.heartbeats))
    if findings.count:
        sys.exit(_EXIT_NOT_WHOLE)


@command.command(
    "restore",
    help=_("Put archived heartbeats back into the database; the files stay."),
    epilog=example("jieru archive restore --from 2026-01-01 --to 2026-03-31"),
)
@click.option("--from", "first", metavar="DATE", type=DAY, help=_("The first day (default: all)."))
@click.option("--to", "last", metavar="DATE", type=DAY, help=_("The last day (default: all)."))
@click.option(
    "--keep-days",
    metavar="DAYS",
    type=DAYS,
    default=30,
    show_default=True,
    help=_("For how long they are not dropped again."),
)
def _restore(*, first: date | None, last: date | None, keep_days: int) -> None:
    settings = load_settings()
    start = None if first is None else _midnight(first)
    end = None if last is None else _midnight(last + timedelta(days=1))
    if start and end and start >= end:
        raise UserError("The last day is before the first one.")

    def report(restored: Restored) -> None:
        click.echo(
            _("{file}: {heartbeats} heartbeats, {added} of them added").format(
                file=restored.file, heartbeats=restored.heartbeats, added=restored.added
            )
        )

    with _open_database(settings) as connection:
        restore_heartbeats(
            connection,
            _folder(settings),
            command_actor(),
            start=start,
            end=end,
            kept_for=timedelta(days=keep_days),
            report=report,
        )


@command.command("list", help=_("List the files that the database knows."))
def _list() -> None:
    with _open_database(load_settings()) as connection:
        for record in read_records(connection):
            dropped = record.dropped_at
            click.echo(
                _("{file}: {heartbeats} heartbeats, {size} bytes; dropped: {dropped}").format(
                    file=record.content.file,
                    heartbeats=record.content.heartbeats,
                    size=record.content.file_bytes,
                    dropped=_NOT_YET if dropped is None else f"{dropped:%Y-%m-%d %H:%M}Z",
                )
            )


def _folder(settings: Settings) -> Path:
    if not settings.archive_dir:
        raise UserError("No folder of the archive is named: set JIERU_ARCHIVE_DIR.")
    return Path(settings.archive_dir)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI).astimezone(UTC)


@contextmanager
def _open_database(settings: Settings) -> Iterator[psycopg.Connection]:
    """A database whose loss in the middle is one sentence: what was done so far stays done."""
    try:
        with connect(settings.require_database_url(), autocommit=True) as connection:
            require_current_schema(connection)
            yield connection
    except psycopg.Error as error:
        if not is_worth_retrying(error):
            raise
        raise WorldError(
            "The database failed; run the same again. ({reason})",
            reason=" ".join(str(error).split()),
        ) from None
