"""Counts and explanations as text tables for people; programs take JSON."""

import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from rich import box
from rich.console import Console
from rich.table import Table

from jieru.calendar import SHANGHAI
from jieru.i18n import gettext as _
from jieru.i18n import process_language
from verifier.counting.backdated import Backdated
from verifier.counting.count import Count, PlatformCount
from verifier.counting.determination import Determination
from verifier.counting.eligibility import CriterionName
from verifier.counting.explanation import Explanation
from verifier.counting.figures import Figures, PlatformFigures, figures_of_count
from verifier.counting.registry import Decision, RecordedDecision
from verifier.criterion_speech import CriterionSpeech
from verifier.late_speech import late_sentence
from verifier.policy import Parameter, ParameterValue, Policy, Words
from verifier.words import (
    BASIS_WORDS,
    DECISION_WORDS,
    OUTCOME_WORDS,
    REASON_WORDS,
    UNIT_WORDS,
)

__all__ = [
    "Page",
    "awards_table",
    "count_report",
    "decisions_report",
    "explanation_report",
    "simulation_mark",
    "text_table",
]

_DAY_RULER = "1...5....10...15...20...25...30."


def count_report(count: Count, *, width: int) -> str:
    """A count: awards, determinations, overlaps, and what the municipality decided."""
    page = Page(width)
    page.lines(
        _("Draft count of {year}").format(year=count.year),
        *_origin(count.policy, count.as_of.isoformat(), is_simulation=count.is_simulation),
        *(_("Note: {notice}").format(notice=each) for each in count.notices),
    )
    page.table(awards_table(_("Awards (yuan)"), figures_of_count(count)))
    for platform in count.platforms:
        page.table(_determinations(platform))
    if count.overlaps:
        page.table(_overlaps(count))
    late = list(count.backdated())
    if late:
        page.table(_backdated(late))
    page.table(_decided_parameters(count.policy))
    return page.text()


def explanation_report(explanation: Explanation, *, width: int) -> str:
    """An explanation: outcome, criteria, devices, calendar, decisions."""
    found = explanation.determination
    page = Page(width)
    page.lines(
        _("{enterprise} ({uscc}) on {platform} ({code}), count of {year}").format(
            enterprise=found.enterprise.name,
            uscc=found.enterprise.uscc,
            platform=found.platform.name,
            code=found.platform.code,
            year=explanation.year,
        ),
        *_origin(
            explanation.policy,
            explanation.as_of.isoformat(),
            is_simulation=explanation.is_simulation,
        ),
        _("Outcome: {outcome}").format(outcome=_(OUTCOME_WORDS[found.outcome])),
        *_window_lines(explanation),
        *(late_sentence(each, _, date.isoformat) for each in found.backdated or ()),
    )
    page.table(_criteria(explanation))
    page.table(_devices(explanation))
    page.lines(
        *(
            _("{serial}: {hours} hours rest on heartbeats with the time of their receipt.").format(
                serial=each.serial, hours=each.hours_by_receipt
            )
            for each in explanation.devices
            if each.hours_by_receipt
        )
    )
    page.table(_calendar(explanation))
    if explanation.decisions:
        page.table(_decisions(explanation.decisions))
    return page.text()


def decisions_report(
    decisions: Sequence[RecordedDecision], *, is_simulation: bool, width: int
) -> str:
    """All decisions, withdrawn ones too."""
    page = Page(width)
    if is_simulation:
        page.lines(simulation_mark())
    if decisions:
        page.table(_decisions(decisions))
    else:
        page.lines(_("No decision is recorded."))
    return page.text()


class Page:
    """Collects lines and tables; rich knows that 汉字 are two columns wide."""

    def __init__(self, width: int) -> None:
        """Make a page of so many columns."""
        self._out = io.StringIO()
        # Names come from files: no brackets or colons of theirs are markup or emoji.
        self._console = Console(
            file=self._out, width=width, markup=False, emoji=False, highlight=False
        )

    def lines(self, *lines: str) -> None:
        """Add lines of any length."""
        for line in lines:
            self._console.print(line, soft_wrap=True)

    def table(self, table: Table) -> None:
        """Add a table, after an empty line."""
        self._console.print()
        self._console.print(table)

    def text(self) -> str:
        """All of it."""
        return self._out.getvalue().rstrip("\n")


def text_table(title: str, left: Iterable[str], right: Iterable[str] = ()) -> Table:
    """A table with columns of text on the left and of numbers on the right."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for column in left:
        table.add_column(column, overflow="fold")
    for column in right:
        table.add_column(column, justify="right")
    return table


def simulation_mark() -> str:
    """What every output of a simulation says first."""
    return _("SIMULATED DATA: this database is a simulation, nothing in it is evidence.")


def _origin(policy: Policy, as_of: str, *, is_simulation: bool) -> list[str]:
    return [
        *([simulation_mark()] if is_simulation else []),
        _("Policy: {name} ({title}), SHA-256 {sha256}").format(
            name=policy.name, title=_spoken(policy.title), sha256=policy.sha256[:12]
        ),
        _("Evidence up to and including {as_of}").format(as_of=as_of),
    ]


def awards_table(title: str, figures: Figures) -> Table:
    """What each platform earns, with a column for each clause."""
    clauses = figures.clauses
    table = text_table(
        title,
        [_("Platform"), _("Name")],
        [
            _("Counted"),
            _("Pending"),
            *(_("Clause {clause}").format(clause=clause) for clause in clauses),
            _("Award"),
        ],
    )
    for each in figures.platforms:
        table.add_row(
            each.platform,
            each.name,
            str(each.counted),
            str(each.pending),
            *(_amount(each, clause) for clause in clauses),
            f"{each.award_yuan:,}",
        )
    table.add_section()
    blanks = [""] * (3 + len(clauses))
    table.add_row(_("Total"), *blanks, f"{figures.total_yuan:,}")
    return table


def _amount(platform: PlatformFigures, clause: str) -> str:
    """What a clause pays a platform; nothing where the clause does not concern it."""
    lines = [line for line in platform.lines if line.clause == clause]
    if not lines:
        return ""
    amount_yuan = sum(line.amount_yuan for line in lines)
    uncapped_yuan = sum(line.uncapped_yuan for line in lines)
    if amount_yuan == uncapped_yuan:
        return f"{amount_yuan:,}"
    return _("{amount} (capped, else {uncapped})").format(
        amount=f"{amount_yuan:,}", uncapped=f"{uncapped_yuan:,}"
    )


def _determinations(count: PlatformCount) -> Table:
    table = text_table(
        _("Determinations: {name} ({code})").format(
            name=count.platform.name, code=count.platform.code
        ),
        [_("Enterprise"), _("Code"), _("Outcome"), _("Connected on"), _("Reasons")],
        [_("Active days"), _("Longest gap")],
    )
    for each in count.determinations:
        window, until = each.window, each.pending_until
        reasons = [_(REASON_WORDS[CriterionName(name)]) for name in each.reasons]
        if until is not None:
            reasons.append(_("complete on {day} at the earliest").format(day=until.isoformat()))
        table.add_row(
            each.enterprise.name,
            each.enterprise.uscc,
            _(OUTCOME_WORDS[each.outcome]),
            window.first_day.isoformat() if window else "",
            _("; ").join(reasons),
            str(window.active_days) if window else "",
            str(window.longest_gap_days) if window else "",
        )
    return table


def _overlaps(count: Count) -> Table:
    table = text_table(
        _("For review: enterprises counted on several platforms"),
        [_("Enterprise"), _("Code"), _("Platform"), _("Connected on"), _("Year counted")],
    )
    for each in count.overlaps:
        for claim in each.claims:
            table.add_row(
                each.enterprise.name,
                each.enterprise.uscc,
                claim.platform_code,
                claim.connected_on.isoformat(),
                str(claim.year),
            )
    return table


def _backdated(late: Iterable[tuple[Determination, Backdated]]) -> Table:
    table = text_table(
        _("Recorded later than they begin: evidence follows registration"),
        [
            _("Platform"),
            _("Enterprise"),
            _("Code"),
            _("What"),
            _("From"),
            _("Recorded on"),
            _("Counts from"),
            _("Counts before by"),
            _("Changes the outcome"),
        ],
        [_("Active days before")],
    )
    for found, each in late:
        what = _("{count} devices").format(count=len(each.serials))
        table.add_row(
            found.platform.code,
            found.enterprise.name,
            found.enterprise.uscc,
            what if each.serials else _("connection"),
            each.from_date.isoformat(),
            each.recorded_on.isoformat(),
            each.evidence_from.isoformat(),
            _answer(each),
            _("yes") if each.changes_outcome else _("no"),
            str(each.days_before),
        )
    return table


def _answer(each: Backdated) -> str:
    if each.decision is not None:
        return _("decision {id}").format(id=each.decision)
    if each.opening_stock is not None:
        return _("opening stock {id}").format(id=each.opening_stock)
    return _("nobody; read against it") if each.counts_against else ""


def _decided_parameters(policy: Policy) -> Table:
    table = text_table(
        _("Decided by the municipality, because the policy is silent"),
        [_("Parameter"), _("Meaning"), _("Value"), _("Clause")],
    )
    for name, parameter in policy.parameters().items():
        if parameter.basis == "decision":
            table.add_row(name, _spoken(parameter.description), _value(parameter), parameter.clause)
    return table


def _value(parameter: Parameter[ParameterValue]) -> str:
    value = parameter.value
    if isinstance(value, Mapping):
        return _("; ").join(each.name for each in value.values())
    if isinstance(value, tuple):
        return ", ".join(value)
    unit = UNIT_WORDS[parameter.unit]
    return f"{value} {_(unit)}" if unit else str(value)


def _window_lines(explanation: Explanation) -> list[str]:
    period, found = explanation.period, explanation.determination
    span = {"first": period.first_day.isoformat(), "last": period.last_day.isoformat()}
    if period.kind == "window":
        return [_("Connected on {first}; effective window until {last}").format(**span)]
    if period.kind == "possible" and found.pending_until is not None:
        until = found.pending_until.isoformat()
        return [
            _("Measured so far over {first} to {last}; complete on {until} at the earliest").format(
                **span, until=until
            )
            if period.first_day <= period.last_day
            else _("No window has begun; complete on {until} at the earliest").format(until=until)
        ]
    if period.kind == "attempt":
        return [_("Best attempt: {first} to {last}").format(**span)]
    return [_("No attempt in {first} to {last}").format(**span)]


def _criteria(explanation: Explanation) -> Table:
    table = text_table(
        _("Criteria"),
        [_("Criterion"), _("Met"), _("Measured"), _("Required"), _("Clause"), _("Basis")],
    )
    speech = _criterion_speech(explanation.policy)
    for each in explanation.criteria:
        required = speech.required(each.name, each.required)
        if each.waiver_id is not None:
            required = _("{required} (waiver, decision {id})").format(
                required=required, id=each.waiver_id
            )
        table.add_row(
            speech.name(each.name),
            {True: _("yes"), False: _("no"), None: "-"}[each.is_met],
            speech.measured(each.name, each.measured),
            required,
            each.clause or "",
            _(BASIS_WORDS[each.basis]),
        )
    return table


def _criterion_speech(policy: Policy) -> CriterionSpeech:
    """Criteria as a terminal says them."""

    def district(slug: str) -> str:
        known = policy.districts.value.get(slug)
        return known.name if known else slug

    return CriterionSpeech(_, day=date.isoformat, number="{:,}".format, district=district)


def _devices(explanation: Explanation) -> Table:
    table = text_table(
        _("Devices, with active days in {first} to {last}").format(
            first=explanation.period.first_day, last=explanation.period.last_day
        ),
        [_("Serial"), _("Kind"), _("Name"), _("Assigned"), _("First active"), _("Last active")],
        [_("Active days")],
    )
    for each in explanation.devices:
        table.add_row(
            each.serial,
            each.kind or "",
            each.name or "",
            ", ".join(f"{first}/{end or ''}" for first, end in each.assigned),
            str(each.first_active_on or ""),
            str(each.last_active_on or ""),
            str(each.active_days),
        )
    return table


def _calendar(explanation: Explanation) -> Table:
    table = text_table(
        _("Calendar (# active, . inactive, - not connected)"), [_("Month"), _DAY_RULER]
    )
    for each in explanation.calendar:
        table.add_row(f"{each.month:%Y-%m}", each.days)
    return table


def _decisions(decisions: Sequence[RecordedDecision]) -> Table:
    table = text_table(
        _("Decisions"),
        [
            _("No."),
            _("Platform"),
            _("Code"),
            _("Decision"),
            _("Criterion"),
            _("Reason"),
            _("By"),
            _("On"),
            _("Confirmed"),
            _("Withdrawn"),
        ],
    )
    for each in decisions:
        decision = each.decision
        withdrawn = ""
        if decision.withdrawn_at is not None:
            withdrawn = (
                f"{decision.withdrawn_at.astimezone(SHANGHAI):%Y-%m-%d} "
                f"{decision.withdrawn_by}: {decision.withdrawn_reason}"
            )
        table.add_row(
            str(decision.id),
            each.platform_code,
            each.uscc,
            _(DECISION_WORDS[decision.kind]),
            "" if decision.criterion is None else f"{decision.criterion} = {decision.value}",
            "\n".join(filter(None, (decision.reason, decision.attachment))),
            decision.decided_by,
            f"{decision.decided_at.astimezone(SHANGHAI):%Y-%m-%d}",
            _confirmed(decision),
            withdrawn,
        )
    return table


def _confirmed(decision: Decision) -> str:
    """Of what needs a second person: who that was."""
    if decision.waits:
        return _("waits for a second person")
    if decision.confirmed_at is None:
        return ""
    return f"{decision.confirmed_at.astimezone(SHANGHAI):%Y-%m-%d} {decision.confirmed_by}"


def _spoken(words: Words) -> str:
    return words.spoken_in(process_language())
