"""Counts of the procedure, comparisons and rechecks as text tables; programs take JSON."""

from collections.abc import Sequence
from datetime import datetime

from command.count_tables import Page, awards_table, simulation_mark, text_table
from jieru.calendar import SHANGHAI
from jieru.i18n import gettext as _
from verifier.counting.determination import Outcome
from verifier.procedure.comparison import Comparison, PlatformChange
from verifier.procedure.objections import Objection
from verifier.procedure.overview import CountSheet, CountSummary
from verifier.procedure.payments import Recovery
from verifier.procedure.recheck import Recheck
from verifier.procedure.records import CountRecord, StepRecord
from verifier.procedure.statements import payments_said
from verifier.procedure.trusted_keys import TrustedKeys
from verifier.procedure.words import (
    CAUSE_WORDS,
    CHANGE_WORDS,
    OBJECTION_WORDS,
    RECOVERY_WORDS,
    STATE_WORDS,
    STEP_WORDS,
)
from verifier.trust.draws.saying import said_of, said_of_not_listed
from verifier.words import OUTCOME_WORDS

__all__ = [
    "comparison_report",
    "count_sheet_report",
    "counts_report",
    "recheck_report",
]


def counts_report(counts: Sequence[CountRecord], *, width: int) -> str:
    """Every count in one line."""
    page = Page(width)
    if not counts:
        page.lines(_("No count was drafted yet."))
        return page.text()
    table = text_table(
        _("Counts"),
        [
            _("Count"),
            _("State"),
            _("Policy"),
            _("Evidence until"),
            _("Submitted by"),
            _("Frozen by"),
        ],
    )
    for each in counts:
        table.add_row(
            each.count_id,
            _(STATE_WORDS[each.state]),
            each.policy_name or "",
            str(each.as_of or ""),
            each.submitted_by or "",
            each.frozen_by or "",
        )
    page.table(table)
    return page.text().lstrip("\n")


def count_sheet_report(sheet: CountSheet, trusted: TrustedKeys, *, width: int) -> str:
    """One count: where it is, its awards, what was done, what is next and what hinders it."""
    record, page = sheet.record, Page(width)
    if sheet.summary is not None and sheet.summary.is_simulation:
        page.lines(simulation_mark())
    page.lines(
        _("Count {count}: {state}").format(
            count=record.count_id, state=_(STATE_WORDS[record.state])
        )
    )
    page.lines(*(str(each) for each in sheet.faults))
    if sheet.stale:
        page.lines(_("This draft is out of date: draft it again."))
        page.lines(*(f"  {each}" for each in sheet.stale))
    if record.digest is not None:
        page.lines(_("Digest: {digest}").format(digest=record.digest))
    if record.notice_ends_on is not None:
        page.lines(_("Public notice until {day}").format(day=record.notice_ends_on.isoformat()))
    if sheet.summary is not None:
        _add_awards(page, sheet.summary)
        page.lines(*(str(said_of(each)) for each in sheet.summary.visits))
        page.lines(*map(str, said_of_not_listed(sheet.summary.visits_not_listed)))
    _add_steps(page, sheet.steps)
    _add_objections(page, sheet.objections)
    _add_money(page, sheet, trusted)
    for offer in sheet.offers:
        page.lines(_("Next: {step}").format(step=_(STEP_WORDS[offer.step])))
        page.lines(*(f"  {each}" for each in offer.hindrances))
    return page.text()


def comparison_report(comparison: Comparison, recoveries: Sequence[Recovery], *, width: int) -> str:
    """What changed from one count to another, and what is claimed back for it."""
    page = Page(width)
    page.lines(
        _("From {before} to {after}: {yuan_before} yuan, then {yuan_after} yuan").format(
            before=comparison.before,
            after=comparison.after,
            yuan_before=f"{comparison.total_before_yuan:,}",
            yuan_after=f"{comparison.total_after_yuan:,}",
        )
    )
    if comparison.is_empty:
        page.lines(_("They say the same."))
        return page.text()
    _add_platforms(page, comparison.platforms)
    table = text_table(
        _("Enterprises"),
        [_("Platform"), _("Code"), _("Name"), _("Change"), _("Before"), _("After")],
    )
    for each in comparison.enterprises:
        table.add_row(
            each.platform,
            each.uscc,
            each.name,
            _(CHANGE_WORDS[each.kind]),
            _outcome(each.outcome_before),
            _outcome(each.outcome_after),
        )
    page.table(table)
    _add_recoveries(page, recoveries)
    return page.text()


def recheck_report(recheck: Recheck, *, width: int) -> str:
    """Every difference with its cause, or that there is none."""
    page = Page(width)
    if not recheck.is_document_intact:
        page.lines(
            _("The stored content of {count} does not fit its digest and signature.").format(
                count=recheck.count_id
            )
        )
    if recheck.policy_before != recheck.policy_after:
        page.lines(
            _("The policy is another today: SHA-256 {today}, frozen {frozen}").format(
                today=recheck.policy_after[:12], frozen=recheck.policy_before[:12]
            )
        )
    if recheck.code_before != recheck.code_after:
        page.lines(
            _("The program is another today: {today}, frozen {frozen}").format(
                today=recheck.code_after, frozen=recheck.code_before
            )
        )
    if not recheck.has_difference:
        page.lines(_("{count} follows from today's data.").format(count=recheck.count_id))
        return page.text()
    _add_platforms(page, recheck.platforms)
    if recheck.differences:
        table = text_table(
            _("Differences"),
            [
                _("Platform"),
                _("Code"),
                _("Name"),
                _("Cause"),
                _("Before"),
                _("After"),
                _("Devices"),
            ],
        )
        for each in recheck.differences:
            table.add_row(
                each.platform,
                each.uscc,
                each.name,
                ", ".join(_(CAUSE_WORDS[cause]) for cause in each.causes),
                _outcome(each.outcome_before),
                _outcome(each.outcome_after),
                ", ".join(each.devices),
            )
        page.table(table)
    return page.text()


def _add_awards(page: Page, summary: CountSummary) -> None:
    page.table(awards_table(_("Awards (yuan)"), summary.figures))
    page.lines(
        _("{total} of {budget} yuan of the year's fund").format(
            total=f"{summary.total_yuan:,}", budget=f"{summary.budget_yuan:,}"
        )
    )


def _add_steps(page: Page, steps: Sequence[StepRecord]) -> None:
    table = text_table(_("Steps"), [_("On"), _("Step"), _("By"), _("Note")])
    for each in steps:
        table.add_row(
            _moment(each.taken_at), _(STEP_WORDS[each.step]), each.taken_by, each.note or ""
        )
    page.table(table)


def _add_objections(page: Page, objections: Sequence[Objection]) -> None:
    if not objections:
        return
    table = text_table(_("Objections"), [_("No."), _("By"), _("Text"), _("Outcome"), _("Reason")])
    for each in objections:
        outcome = _(OBJECTION_WORDS[each.outcome]) if each.outcome else ""
        table.add_row(str(each.id), each.name, each.statement, outcome, each.resolution or "")
    page.table(table)
    for each in objections:
        if each.override_proposed_by is not None:
            page.lines(_override(each))


def _override(objection: Objection) -> str:
    """By whom and why an objection is overridden, or shall be."""
    said = _("Objection {id} is overridden by {proposer} and {confirmer}: {reason}")
    if objection.override_confirmed_by is None:
        said = _("{proposer} proposed to override objection {id}; nobody confirmed it: {reason}")
    return said.format(
        id=objection.id,
        proposer=objection.override_proposed_by,
        confirmer=objection.override_confirmed_by,
        reason=objection.override_reason,
    )


def _add_money(page: Page, sheet: CountSheet, trusted: TrustedKeys) -> None:
    if sheet.payments:
        said = payments_said(sheet.statements)
        table = text_table(
            _("Payments"),
            [_("Platform"), _("Clause"), _("On"), _("Reference"), _("Signature")],
            [_("Yuan")],
        )
        for each in sheet.payments:
            day = each.paid_on.isoformat()
            amount = f"{each.amount_yuan:,}"
            signature = said.get((each.platform, each.clause))
            signed = "–"
            if signature is not None:
                signed = trusted.name_of(signature.public_key) or _("key of this installation")
            if sheet.faults:
                signed = _("not verified")
            table.add_row(each.platform, each.clause, day, each.reference, signed, amount)
        page.table(table)
    if sheet.due and sheet.record.frozen_at is not None:
        table = text_table(_("Still due"), [_("Platform"), _("Name"), _("Clause")], [_("Yuan")])
        for due in sheet.due:
            table.add_row(due.platform, due.name, due.clause, f"{due.amount_yuan:,}")
        page.table(table)
    _add_recoveries(page, sheet.recoveries)


def _add_recoveries(page: Page, recoveries: Sequence[Recovery]) -> None:
    if not recoveries:
        return
    table = text_table(
        _("Recoveries"), [_("Platform"), _("Clause"), _("Cause"), _("Enterprise")], [_("Yuan")]
    )
    for each in recoveries:
        table.add_row(
            each.platform,
            each.clause,
            _(RECOVERY_WORDS[each.kind]),
            " ".join(filter(None, (each.name, each.uscc))),
            f"{each.amount_yuan:,}",
        )
    page.table(table)
    total = sum(each.amount_yuan for each in recoveries)
    page.lines(_("Claimed back: {yuan} yuan").format(yuan=f"{total:,}"))


def _add_platforms(page: Page, platforms: Sequence[PlatformChange]) -> None:
    if not platforms:
        return
    table = text_table(
        _("Award lines"),
        [_("Platform"), _("Clause")],
        [_("Count before"), _("Count after"), _("Yuan before"), _("Yuan after")],
    )
    for each in platforms:
        table.add_row(
            each.platform,
            each.clause,
            str(each.count_before),
            str(each.count_after),
            f"{each.yuan_before:,}",
            f"{each.yuan_after:,}",
        )
    page.table(table)


def _outcome(name: str | None) -> str:
    return "" if name is None else _(OUTCOME_WORDS[Outcome(name)])


def _moment(instant: datetime) -> str:
    return f"{instant.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
