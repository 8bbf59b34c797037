"""`jieru procedure`: the annual count from its draft to its payment."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

import click
import psycopg

from api.access.roles import Permission
from command.arguments import (
    DAY,
    FILE,
    WHOLE_NUMBER,
    YEAR,
    as_of_option,
    json_option,
    policy_option,
)
from command.counting import (
    now,
    open_database,
    print_json,
    width_of_output,
)
from command.evidence_exception import confirm_exception_command, except_evidence_command
from command.help import example
from command.person import ClaimedName, by_option, taker_of
from command.procedure_tables import (
    comparison_report,
    count_sheet_report,
    counts_report,
)
from command.reading_out import opened_to_read_out
from command.told_checkpoint import tell_checkpoint
from jieru.access_entries import AccessKind
from jieru.audit import changing
from jieru.calendar import civil_date, date_text
from jieru.durable_files import write_output
from jieru.errors import UserError
from jieru.i18n import gettext as _
from jieru.settings import Settings, load_settings
from verifier.counting.progress import Phase, Progress
from verifier.policy import load_policy
from verifier.procedure.clock import step_instant
from verifier.procedure.closings import close_pending, withdraw_closing
from verifier.procedure.comparison import compare_documents
from verifier.procedure.drafting import draft_count
from verifier.procedure.freezing import export_count, freeze_count
from verifier.procedure.holidays import load_holidays
from verifier.procedure.notice_period import UNKNOWN_HOLIDAYS, notice_end
from verifier.procedure.objections import list_objections, record_objection, resolve_objection
from verifier.procedure.overrides import confirm_override, propose_override, withdraw_override
from verifier.procedure.overview import CountSheet, count_summary, offered_steps
from verifier.procedure.payments import (
    amounts_due,
    approve_payment,
    list_payments,
    list_recoveries,
    record_payment,
)
from verifier.procedure.people import Act
from verifier.procedure.readable import read_readable
from verifier.procedure.records import (
    CountRecord,
    find_count,
    list_counts,
    list_steps,
    running_count,
)
from verifier.procedure.signing import SigningKey, load_signing_key
from verifier.procedure.staleness import StaleDraftError, stale_for
from verifier.procedure.statement_records import list_statements
from verifier.procedure.states import OBJECTION_OUTCOMES, ObjectionOutcome, State
from verifier.procedure.steps import discard_count, publish_count, return_count
from verifier.procedure.submitting import submit_count
from verifier.procedure.trusted_keys import TrustedKeys, trusted_keys_of
from verifier.procedure.verifications import verify_counts
from verifier.procedure.verifying import faults
from verifier.procedure.words import PHASE_WORDS

__all__ = ["command"]

_Command = Callable[..., None]
_LISTED: Final = 20
"""Of what makes a draft stale."""


@click.group("procedure", help=_("The annual count from its draft to its payment."))
def command() -> None:
    """Each step is recorded for good, with the name of who took it."""


_by = by_option(_("Who takes this step."))
_revision = click.option(
    "--revision", metavar="N", type=WHOLE_NUMBER, help=_("This revision, not the one that stands.")
)
_reason = click.option("--reason", metavar="TEXT", required=True, help=_("Why; kept for good."))


@command.command("list", help=_("List the counts of all years."))
@click.option("--discarded", is_flag=True, help=_("With those that were discarded."))
@json_option
def _list(*, discarded: bool, as_json: bool) -> None:
    with open_database(load_settings()) as connection:
        counts = list_counts(connection)
    if not discarded:
        counts = [each for each in counts if each.state is not State.DISCARDED]
    if as_json:
        print_json([_record_object(each) for each in counts])
    else:
        click.echo(counts_report(counts, width=width_of_output()))


@command.command(
    "show", help=_("Show one count: steps, awards, objections, payments, what is next.")
)
@click.argument("year", type=YEAR)
@_revision
def _show(*, year: int, revision: int | None) -> None:
    settings = load_settings()
    trusted = trusted_keys_of(settings)
    with opened_to_read_out(settings, year) as connection:
        record = _find(connection, year, revision)
        sheet = CountSheet(
            record=record,
            summary=count_summary(connection, record),
            steps=list_steps(connection, record),
            objections=list_objections(connection, record),
            payments=list_payments(connection, record),
            due=amounts_due(connection, record),
            recoveries=list_recoveries(connection, record),
            offers=offered_steps(connection, record, None, now(), trusted),
            faults=faults(connection, record, trusted) if record.digest else (),
            statements=list_statements(connection, record),
            stale=stale_for(connection, record),
        )
    click.echo(count_sheet_report(sheet, trusted, width=width_of_output()))


@command.command(
    "draft",
    help=_("Count a year and keep the result for review."),
    epilog=example("jieru procedure draft 2026 --as-of 2027-04-05 --by 林晓"),
)
@click.argument("year", type=YEAR)
@as_of_option
@policy_option
@click.option("--reason", metavar="TEXT", help=_("Why a frozen count is corrected."))
@_by
def _draft(
    *, year: int, as_of: date, policy: str | None, reason: str | None, name: ClaimedName
) -> None:
    settings = load_settings()
    rules = load_policy(policy or settings.policy)
    with open_database(settings) as connection:
        act = _act(connection, settings, name)
        with _progress_bar() as progress:
            record = draft_count(
                connection,
                act,
                year,
                as_of=as_of,
                policy=rules,
                reason=reason,
                progress=progress,
            )
    click.echo(_("{count} is drafted.").format(count=record.count_id))


@command.command("submit", help=_("Hand a draft over for review; who does so is its maker."))
@click.argument("year", type=YEAR)
@click.option("--note", metavar="TEXT", help=_("What the reviewers should know."))
@_by
def _submit(*, year: int, note: str | None, name: ClaimedName) -> None:
    settings = load_settings()
    with open_database(settings) as connection:
        act = _act(connection, settings, name)
        with connection.transaction():
            record = find_count(connection, year, is_running=True)
        try:
            with _progress_bar() as progress:
                taken = submit_count(connection, record, act, note=note, progress=progress)
        except StaleDraftError as stale:
            raise _with_what_to_do(stale, record) from None
    click.echo(_("{count} is in review.").format(count=taken.count_id))


def _with_what_to_do(stale: StaleDraftError, record: CountRecord) -> UserError:
    """The same, with what changed and the command that drafts again."""
    return UserError(
        "{said}\n{changes}\nDraft it again: jieru procedure draft {year} --as-of {as_of} --by NAME",
        said=stale,
        changes="\n".join(f"- {each}" for each in stale.found[:_LISTED]),
        year=record.year,
        as_of=record.as_of,
    )


@command.command("return", help=_("Send a count in review back to be drafted anew."))
@click.argument("year", type=YEAR)
@_reason
@_by
def _return(*, year: int, reason: str, name: ClaimedName) -> None:
    with _changing_count(year, name) as (connection, record, act):
        taken = return_count(connection, record, act, reason=reason)
    click.echo(_("{count} is returned.").format(count=taken.count_id))


@command.command(
    "discard",
    help=_("Give up a count that is not frozen; it stays on record."),
    epilog=example("jieru procedure discard 2026 --reason 证据期选错 --by 林晓"),
)
@click.argument("year", type=YEAR)
@_reason
@_by
def _discard(*, year: int, reason: str, name: ClaimedName) -> None:
    with _changing_count(year, name) as (connection, record, act):
        taken = discard_count(connection, record, act, reason=reason)
    click.echo(_("{count} is discarded.").format(count=taken.count_id))


@command.command(
    "freeze",
    help=_("Freeze and sign a reviewed count; none of its makers may."),
    epilog=example("jieru procedure freeze 2026 --by 陈静"),
)
@click.argument("year", type=YEAR)
@_by
def _freeze(*, year: int, name: ClaimedName) -> None:
    settings = load_settings()
    key, trusted = load_signing_key(settings.signing_key_file), trusted_keys_of(settings)
    with open_database(settings) as connection:
        act = _act(connection, settings, name)
        with connection.transaction():
            record = find_count(connection, year, is_running=True)
        with _progress_bar() as progress:
            record = freeze_count(connection, record, act, key, trusted, progress)
    click.echo(
        _("{count} is frozen. Digest: {digest}").format(count=record.count_id, digest=record.digest)
    )
    tell_checkpoint(settings, f"freeze {record.count_id}")


@command.command(
    "publish",
    help=_("Publish a frozen count; its public notice begins."),
    epilog=example("jieru procedure publish 2026 --dry-run --by 陈静"),
)
@click.argument("year", type=YEAR)
@click.option(
    "--notice-ends",
    "ends_on",
    metavar="DATE",
    type=DAY,
    help=_("Last day of the notice, named by you (default: by the calendar)."),
)
@click.option(
    "--dry-run", "is_dry_run", is_flag=True, help=_("Show the last day, publish nothing.")
)
@_by
def _publish(*, year: int, ends_on: date | None, is_dry_run: bool, name: ClaimedName) -> None:
    settings = load_settings()
    days, holidays = settings.notice_working_days, load_holidays(settings.holidays_file)
    with _signed_step(year, name, is_dry_run=is_dry_run) as (connection, record, act, keys):
        end = notice_end(civil_date(act.at), days, holidays)
        taken = publish_count(
            connection,
            record,
            act,
            trusted=keys.trusted,
            key=keys.key,
            notice_days=days,
            holidays=holidays,
            notice_ends_on=ends_on,
        )
    said = _("{count} is published. Its public notice ends on {day}.")
    if is_dry_run:
        said = _("Nothing is published. The public notice of {count} would end on {day}.")
    click.echo(said.format(count=taken.count_id, day=taken.notice_ends_on))
    if ends_on is None:
        for unknown in end.unknown_years:
            click.echo(_(UNKNOWN_HOLIDAYS).format(year=unknown), err=True)
    if not is_dry_run:
        tell_checkpoint(settings, f"publish {taken.count_id}")


@command.command(
    "object",
    help=_("Record an objection to a published count."),
    epilog=example("jieru procedure object 2026 --from 协联 --text 漏计一家企业 --by 陈静"),
)
@click.argument("year", type=YEAR)
@click.option("--from", "objector", metavar="NAME", required=True, help=_("Who objects."))
@click.option("--text", metavar="TEXT", required=True, help=_("What is objected."))
@_by
def _object(*, year: int, objector: str, text: str, name: ClaimedName) -> None:
    with _signed_step(year, name) as (connection, record, act, keys):
        number = record_objection(
            connection,
            record,
            act,
            trusted=keys.trusted,
            key=keys.key,
            name=objector,
            statement=text,
        )
    click.echo(_("Objection {id} is recorded.").format(id=number))


@command.command(
    "resolve",
    help=_("Say what came of an objection."),
    epilog=example("jieru procedure resolve 2026 3 --outcome dismissed --reason 不成立 --by 陈静"),
)
@click.argument("year", type=YEAR)
@click.argument("objection", metavar="ID", type=WHOLE_NUMBER)
@click.option(
    "--outcome", type=click.Choice(OBJECTION_OUTCOMES), required=True, help=_("What came of it.")
)
@_reason
@_by
def _resolve(
    *, year: int, objection: int, outcome: ObjectionOutcome, reason: str, name: ClaimedName
) -> None:
    with _signed_step(year, name) as (connection, record, act, keys):
        resolve_objection(
            connection,
            record,
            objection,
            act,
            trusted=keys.trusted,
            key=keys.key,
            outcome=outcome,
            resolution=reason,
        )
    click.echo(_("Objection {id} is resolved.").format(id=objection))


@command.command(
    "override",
    help=_(
        "Pay in spite of an objection that was upheld: one proposes it with a reason, another "
        "confirms it; neither made the count."
    ),
    epilog=example("jieru procedure override 2026 3 --reason 已另行追回 --by 陈静"),
)
@click.argument("year", type=YEAR)
@click.argument("objection", metavar="ID", type=WHOLE_NUMBER)
@click.option("--reason", metavar="TEXT", help=_("Why, to propose or withdraw it; kept for good."))
@click.option("--confirm", "is_confirmed", is_flag=True, help=_("Confirm what another proposed."))
@click.option("--withdraw", "is_withdrawn", is_flag=True, help=_("Withdraw what you proposed."))
@_by
def _override(
    *,
    year: int,
    objection: int,
    reason: str | None,
    is_confirmed: bool,
    is_withdrawn: bool,
    name: ClaimedName,
) -> None:
    if is_confirmed == (reason is not None) or (is_confirmed and is_withdrawn):
        raise UserError(
            "Give --reason to propose an override, --reason with --withdraw to withdraw one, or "
            "--confirm to confirm one."
        )
    with _signed_step(year, name) as (connection, record, act, keys):
        if reason is None:
            confirm_override(connection, record, objection, act, trusted=keys.trusted, key=keys.key)
        else:
            propose_or_withdraw = withdraw_override if is_withdrawn else propose_override
            propose_or_withdraw(
                connection,
                record,
                objection,
                act,
                trusted=keys.trusted,
                key=keys.key,
                reason=reason,
            )
    said = _("The override of objection {id} is proposed; another person confirms it.")
    if is_withdrawn:
        said = _("The proposal to override objection {id} is withdrawn.")
    if is_confirmed:
        said = _("Objection {id} is overridden.")
    click.echo(said.format(id=objection))


@command.command("payable", help=_("Approve payment after the notice; none of its makers may."))
@click.argument("year", type=YEAR)
@_by
def _payable(*, year: int, name: ClaimedName) -> None:
    with _signed_step(year, name) as (connection, record, act, keys):
        taken = approve_payment(connection, record, act, keys.trusted, key=keys.key)
        due = amounts_due(connection, taken)
    click.echo(
        _("{count} is payable: {yuan} yuan are due.").format(
            count=taken.count_id, yuan=f"{sum(each.amount_yuan for each in due):,}"
        )
    )
    tell_checkpoint(load_settings(), f"approve {taken.count_id}")


@command.command(
    "paid",
    help=_("Record that a platform was paid all that is due to it."),
    epilog=example(
        "jieru procedure paid 2026 xielian --reference 莆财企2027-18 --on 2027-06-01 --by 陈静"
    ),
)
@click.argument("year", type=YEAR)
@click.argument("platform")
@click.option("--reference", metavar="TEXT", required=True, help=_("Of the payment order."))
@click.option(
    "--on", "paid_on", metavar="DATE", type=DAY, help=_("Day of payment (default: today).")
)
@_by
def _paid(
    *, year: int, platform: str, reference: str, paid_on: date | None, name: ClaimedName
) -> None:
    with _signed_step(year, name) as (connection, record, act, keys):
        taken = record_payment(
            connection,
            record,
            platform,
            act,
            trusted=keys.trusted,
            key=keys.key,
            reference=reference,
            paid_on=paid_on or civil_date(act.at),
        )
        left = sum(each.amount_yuan for each in amounts_due(connection, taken))
    click.echo(
        _("The payment to {platform} is recorded; {yuan} yuan are still due.").format(
            platform=platform, yuan=f"{left:,}"
        )
    )
    tell_checkpoint(load_settings(), f"pay {taken.count_id} {platform}")


@command.command(
    "close",
    help=_("Do not wait for a pending enterprise."),
    epilog=example(
        "jieru procedure close 2026 xielian 91350300000000001Y --reason 企业已停产 --by 林晓"
    ),
)
@click.argument("year", type=YEAR)
@click.argument("platform")
@click.argument("uscc")
@_reason
@_by
def _close(*, year: int, platform: str, uscc: str, reason: str, name: ClaimedName) -> None:
    settings = load_settings()
    with open_database(settings) as connection:
        act = _act(connection, settings, name, Permission.DECIDE)
        with changing(connection, act.actor):
            closing = close_pending(connection, year, platform, uscc, reason=reason, by=act.name)
    click.echo(_("Closing {id} is recorded.").format(id=closing))


@command.command("reopen", help=_("Withdraw a closing; it stays on record."))
@click.argument("closing", metavar="ID", type=WHOLE_NUMBER)
@_reason
@_by
def _reopen(*, closing: int, reason: str, name: ClaimedName) -> None:
    settings = load_settings()
    with open_database(settings) as connection:
        act = _act(connection, settings, name, Permission.DECIDE)
        with changing(connection, act.actor):
            withdraw_closing(connection, closing, reason=reason, by=act.name)
    click.echo(_("Closing {id} is withdrawn.").format(id=closing))


@command.command(
    "compare",
    help=_("Show what a correction changed, and what it claims back."),
    epilog=example("jieru procedure compare 2026 1 2"),
)
@click.argument("year", type=YEAR)
@click.argument("before", metavar="REVISION", type=WHOLE_NUMBER)
@click.argument("after", metavar="REVISION", type=WHOLE_NUMBER)
@json_option
def _compare(*, year: int, before: int, after: int, as_json: bool) -> None:
    with opened_to_read_out(load_settings(), year, before, after) as connection:
        records = [_find(connection, year, each) for each in (before, after)]
        comparison = compare_documents(*(read_readable(connection, each) for each in records))
        recoveries = list_recoveries(connection, records[1])
    if as_json:
        print_json(comparison.to_json_object())
    else:
        click.echo(comparison_report(comparison, recoveries, width=width_of_output()))


@command.command(
    "verify",
    help=_(
        "Verify every frozen count against its signatures and record the result for panels; exit "
        "code 1 when one is not as it was signed."
    ),
)
@click.argument("year", type=YEAR, required=False)
def _verify(*, year: int | None) -> None:
    settings = load_settings()
    with open_database(settings) as connection:
        verified = verify_counts(connection, trusted_keys_of(settings), year=year)
    for each in verified:
        if each.found:
            said = _("{count} is not as it was signed:").format(count=each.record.count_id)
            click.echo("\n".join([said, *(f"  {one}" for one in each.found)]), err=True)
        else:
            click.echo(_("{count} is as it was signed.").format(count=each.record.count_id))
    sys.exit(1 if any(each.found for each in verified) else 0)


@command.command(
    "export",
    help=_("Write the signed file of a frozen count."),
    epilog=example("jieru procedure export 2026 count-2026.json"),
)
@click.argument("year", type=YEAR)
@click.argument("file", type=FILE)
@_revision
def _export(*, year: int, file: Path, revision: int | None) -> None:
    with opened_to_read_out(load_settings(), year, kind=AccessKind.EXPORT) as connection:
        record = find_count(connection, year, revision)
        content = export_count(connection, record)
    _write(file, content)
    click.echo(_("{count} is written to {file}.").format(count=record.count_id, file=file))


command.add_command(except_evidence_command)
command.add_command(confirm_exception_command)


def _find(connection: psycopg.Connection, year: int, revision: int | None) -> CountRecord:
    """The revision that is named, else the one that is being made, else the frozen one."""
    if revision is not None:
        return find_count(connection, year, revision)
    return running_count(connection, year) or find_count(connection, year)


class _Keys(NamedTuple):
    """Whose signatures count, and the key that signs here."""

    trusted: TrustedKeys
    key: SigningKey


@contextmanager
def _changing_count(
    year: int, name: ClaimedName
) -> Iterator[tuple[psycopg.Connection, CountRecord, Act]]:
    """A transaction in which somebody takes a step of a count that is not frozen yet."""
    settings = load_settings()
    with open_database(settings) as connection:
        act = _act(connection, settings, name)
        with changing(connection, act.actor):
            yield connection, find_count(connection, year, is_running=True), act


@contextmanager
def _signed_step(
    year: int, name: ClaimedName, *, is_dry_run: bool = False
) -> Iterator[tuple[psycopg.Connection, CountRecord, Act, _Keys]]:
    """A transaction in which somebody takes a step of a frozen count, or tries it."""
    settings = load_settings()
    keys = _Keys(trusted_keys_of(settings), load_signing_key(settings.signing_key_file))
    with open_database(settings) as connection:
        act = _act(connection, settings, name)
        with changing(connection, act.actor):
            yield connection, find_count(connection, year), act, keys
            if is_dry_run:
                raise psycopg.Rollback


def _act(
    connection: psycopg.Connection,
    settings: Settings,
    name: ClaimedName,
    permission: Permission = Permission.ADVANCE_COUNTS,
) -> Act:
    taker = taker_of(connection, settings, name, permission)
    return Act(taker.actor, taker.name, step_instant(connection, now()))


@contextmanager
def _progress_bar() -> Iterator[Progress]:
    """Progress as a line on a terminal; nothing where nobody looks."""
    last = [""]

    def tell(phase: Phase, fraction: float) -> None:
        text = f"{_(PHASE_WORDS[phase])} {fraction:.0%}"
        if text != last[0] and os.isatty(2):
            click.echo(f"\r{text:<40}", nl=False, err=True)
            last[0] = text

    yield tell
    if last[0]:
        click.echo(f"\r{'':<40}\r", nl=False, err=True)


def _write(file: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    try:
        write_output(file, content)
    except OSError as error:
        raise UserError(
            "{file} cannot be written: {reason}.", file=file, reason=error.strerror
        ) from None


def _record_object(record: CountRecord) -> dict[str, object]:
    return {
        "count_id": record.count_id,
        "year": record.year,
        "revision": record.revision,
        "state": record.state.value,
        "supersedes": record.supersedes,
        "policy": record.policy_name,
        "as_of": date_text(record.as_of),
        "submitted_by": record.submitted_by,
        "frozen_by": record.frozen_by,
        "frozen_at": record.frozen_at.isoformat() if record.frozen_at else None,
        "digest": record.digest,
        "notice_ends_on": date_text(record.notice_ends_on),
    }
