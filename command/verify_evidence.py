"""`jieru verify-evidence`: presence recomputed from raw heartbeats and archives."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final

import click
import psycopg

from command.arguments import MONTH, json_option
from command.counting import open_database, print_json, today
from command.findings import Findings
from command.help import example
from jieru.audit import act_as, command_actor
from jieru.calendar import HOURS_PER_DAY
from jieru.errors import UserError, WorldError
from jieru.i18n import gettext as _
from jieru.retry import is_worth_retrying
from jieru.settings import Settings, load_settings
from verifier.evidence.devices import names_of_devices
from verifier.evidence.differences import Difference
from verifier.evidence.records import record_verification
from verifier.evidence.stored_hours import months_of_evidence
from verifier.evidence.verifying import Source, VerifiedMonth, verify_month
from verifier.evidence.words import DIFFERENCE_SENTENCES
from verifier.policy import load_policy

__all__ = ["command", "evidence_source", "verify_and_record"]

_EXIT_DIFFERENT: Final = 1
_EXIT_NOT_VERIFIABLE: Final = 4
_LISTED_IN_JSON: Final = 10_000


@click.command(
    "verify-evidence",
    help=_(
        "Recompute presence from raw heartbeats and archives and tell every difference. Exit code "
        "1: there is one; 4: there is none, but heartbeats of some days are gone. The result is "
        "recorded: a count is frozen only when the months of its windows were found clean."
    ),
    epilog=example("jieru verify-evidence --month 2026-03"),
)
@click.option(
    "--month",
    metavar="YYYY-MM",
    type=MONTH,
    help=_("This month only (default: every month of which there is evidence)."),
)
@click.option(
    "--recent",
    "is_recent",
    is_flag=True,
    help=_("This month and the one before; for a timer."),
)
@json_option
def command(*, month: date | None, is_recent: bool, as_json: bool) -> None:
    """Verify months, one after the other."""
    settings = load_settings()
    findings = Findings()
    objects, has_difference, has_gone = [], False, False
    for each in _months(settings, month, is_recent=is_recent):
        with _database_errors():
            found = verify_and_record(settings, each)
            has_difference |= bool(found.compared.differences)
            has_gone |= bool(found.unverifiable_days)
            if as_json:
                objects.append(_object(settings, found))
                continue
            for sentence in _sentences(settings, found):
                findings.report(sentence)
        click.echo(_summary(found))
    if as_json:
        print_json({"months": objects})
    findings.say_how_many_more()
    if has_difference:
        sys.exit(_EXIT_DIFFERENT)
    if has_gone:
        sys.exit(_EXIT_NOT_VERIFIABLE)


def evidence_source(settings: Settings) -> Source:
    """Where an installation has its heartbeats."""
    return Source(
        database_url=settings.require_database_url(),
        archive=Path(settings.archive_dir) if settings.archive_dir else None,
        max_delay_hours=load_policy(settings.policy).max_delay_hours.value,
    )


def verify_and_record(settings: Settings, month: date) -> VerifiedMonth:
    """Verify one month and keep the result."""
    found = verify_month(evidence_source(settings), month)
    actor = command_actor()
    with open_database(settings) as connection:
        act_as(connection, actor)
        record_verification(connection, found, actor.name)
    return found


def _months(settings: Settings, month: date | None, *, is_recent: bool) -> list[date]:
    if month is not None and is_recent:
        raise click.UsageError(_("--month and --recent contradict each other."))
    if month is not None:
        return [month]
    if is_recent:
        this = today().replace(day=1)
        return [(this - timedelta(days=1)).replace(day=1), this]
    with open_database(settings) as connection:
        return months_of_evidence(connection)


def _sentences(settings: Settings, found: VerifiedMonth) -> Iterator[UserError]:
    """Each difference; as many are named as anybody reads."""
    listed = list(islice(found.compared.listed(), _LISTED_IN_JSON))
    with open_database(settings) as connection:
        names = names_of_devices(connection, [each.device_id for each in listed])
    for each in listed:
        yield UserError(
            DIFFERENCE_SENTENCES[each.kind],
            device=names.get(each.device_id, f"#{each.device_id}"),
            publisher=each.publisher_id,
            hour=_hour(found.month, each),
        )
    if found.unverifiable_days:
        yield UserError(
            "{month} cannot be verified: of {days} the heartbeats are gone and in no archive.",
            month=f"{found.month:%Y-%m}",
            days=", ".join(f"{day:%m-%d}" for day in found.unverifiable_days),
        )


def _hour(month: date, difference: Difference) -> str:
    day, hour = divmod(difference.bit, HOURS_PER_DAY)
    return f"{month:%Y-%m}-{day + 1:02} {hour:02}:00"


def _summary(found: VerifiedMonth) -> str:
    summary = _(
        "{month}: {differences} differences, {heartbeats} heartbeats read, {archives} archive "
        "files; {unprovable} hours rest on the row of another delivery."
    ).format(
        month=f"{found.month:%Y-%m}",
        differences=f"{found.compared.differences:,}",
        heartbeats=f"{found.heartbeats:,}",
        archives=len(found.archives),
        unprovable=f"{found.compared.unprovable:,}",
    )
    if not found.receipt_hours:
        return summary
    marked = _("{hours} hours have heartbeats with the time of their receipt.").format(
        hours=f"{found.receipt_hours:,}"
    )
    return f"{summary} {marked}"


def _object(settings: Settings, found: VerifiedMonth) -> dict[str, Any]:
    listed = list(islice(found.compared.listed(), _LISTED_IN_JSON))
    with open_database(settings) as connection:
        names = names_of_devices(connection, [each.device_id for each in listed])
    return {
        "month": f"{found.month:%Y-%m}",
        "verified_at": found.at.isoformat(),
        "presence_sha256": found.presence_sha256,
        "heartbeats": found.heartbeats,
        "archives": [
            {"file": each.file, "file_sha256": each.file_sha256} for each in found.archives
        ],
        "differences": found.compared.differences,
        "unprovable": found.compared.unprovable,
        "receipt_hours": found.receipt_hours,
        "unverifiable_days": [day.isoformat() for day in found.unverifiable_days],
        "listed": [
            {
                "kind": each.kind.value,
                "device": names.get(each.device_id),
                "device_id": each.device_id,
                "publisher_id": each.publisher_id,
                "hour": _hour(found.month, each),
            }
            for each in listed
        ],
    }


@contextmanager
def _database_errors() -> Iterator[None]:
    """A database whose loss in the middle is one sentence."""
    try:
        yield
    except psycopg.Error as error:
        if not is_worth_retrying(error):
            raise
        raise WorldError(
            "The database failed; run the same again. ({reason})",
            reason=" ".join(str(error).split()),
        ) from None
