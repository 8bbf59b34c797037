"""The three PDF reports: what each of them says, in one language."""

from collections.abc import Iterator, Sequence
from typing import Final

from jieru.i18n import Language
from jieru.i18n import marked as _
from verifier.counting.determination import Outcome
from verifier.reports.capital import capital_amount
from verifier.reports.document import (
    CountDocument,
    Criterion,
    Device,
    Enterprise,
    Line,
    SignedCount,
    find_enterprise,
)
from verifier.reports.fonts import ReportFonts
from verifier.reports.provenance import footer, mark, overrides, provenance, visits
from verifier.reports.speech import Speech
from verifier.reports.typesetting import Data, pdf

__all__ = ["approval_pdf", "enterprise_pdf", "notice_pdf"]

_TAGGED_ROWS_MAX: Final = 2_000
"""Enterprises of a notice beyond which its tags would cost more than they are worth."""


def notice_pdf(signed: SignedCount, language: Language, fonts: ReportFonts) -> bytes:
    """The public notice: platforms, their awards, the enterprises counted, nobody else."""
    speech, document = Speech(language, signed.document), signed.document
    title = speech.text(
        _("Public notice of the enterprises connected in {year} and of the awards"),
        year=document.year,
    )
    data: dict[str, Data] = {
        **_frame(signed, speech, title),
        "introduction": speech.text(
            _(
                "Under {policy}, the enterprises newly connected and effectively served by "
                "industrial-internet platforms in {year} were counted on the evidence until "
                "{as_of}: {enterprises} enterprises on {platforms} platforms, awards of {amount} "
                "yuan. The result is made public here."
            ),
            policy=document.policy_title.spoken_in(language),
            year=document.year,
            as_of=speech.day(document.as_of),
            enterprises=speech.number(sum(each.counted for each in document.platforms)),
            platforms=speech.number(len(document.platforms)),
            amount=speech.number(document.total_yuan),
        ),
        "visits": list(visits(signed, speech)),
        "objections": speech.text(
            _(
                "Who disagrees may object in writing, under their own name, with facts and "
                "reasons, while the notice is public; for how long, and to whom, stands where it "
                "is published."
            )
        ),
        "awards": {
            "title": speech.text(_("Platforms and awards")),
            "head": [
                speech.text(each)
                for each in (
                    _("#"),
                    _("Platform"),
                    _("Operator's code"),
                    _("Clause"),
                    _("Number"),
                    _("Award, yuan"),
                )
            ],
            "rows": [
                [str(number), *row] for number, row in enumerate(_award_rows(document, speech), 1)
            ],
            "total": ["", speech.text(_("Total")), "", "", "", speech.number(document.total_yuan)],
        },
        "head": [
            speech.text(each)
            for each in (
                _("#"),
                _("Enterprise"),
                _("Unified social credit code"),
                _("District"),
                _("Connected on"),
            )
        ],
        "nobody": speech.text(_("No enterprise was counted.")),
        "platforms": [
            {
                "title": speech.text(
                    _("Enterprises counted on {platform}: {count}"),
                    platform=each.name,
                    count=speech.number(each.counted),
                ),
                "rows": list(_counted_rows(each.enterprises, speech)),
            }
            for each in document.platforms
        ],
    }
    is_short = sum(each.counted for each in document.platforms) <= _TAGGED_ROWS_MAX
    return pdf("notice", data, fonts, document.frozen_at, is_tagged=is_short)


def approval_pdf(signed: SignedCount, language: Language, fonts: ReportFonts) -> bytes:
    """The award approval sheet: lines by platform and clause, cap, budget, signatures, seals."""
    speech, document = Speech(language, signed.document), signed.document
    title = speech.text(_("Approval of the platforms' awards for {year}"), year=document.year)
    total, budget = document.total_yuan, document.budget_yuan
    data: dict[str, Data] = {
        **_frame(signed, speech, title),
        "facts": [
            [speech.text(_("Count number")), document.count_id],
            [speech.text(_("Policy")), document.policy_title.spoken_in(language)],
            [speech.text(_("Evidence until")), speech.day(document.as_of)],
            *([speech.text(_("Draw and visits")), each] for each in visits(signed, speech)),
            *(list(each) for each in overrides(signed, speech)),
        ],
        "lines": {
            "title": speech.text(_("Awards by platform and clause (yuan)")),
            "head": [
                speech.text(each)
                for each in (
                    _("#"),
                    _("Platform"),
                    _("Operator's code"),
                    _("Clause"),
                    _("Number"),
                    _("Before the cap"),
                    _("Cap"),
                    _("Amount"),
                )
            ],
            "rows": [
                [str(number), *row]
                for number, row in enumerate(_approval_rows(document, speech), 1)
            ],
        },
        "sums": [
            [
                speech.text(_("Total")),
                speech.text(_("{amount} yuan"), amount=speech.number(total)),
            ],
            [speech.text(_("Total in capital numerals")), capital_amount(total)],
            [
                speech.text(_("Budget of the year")),
                speech.text(_("{amount} yuan"), amount=speech.number(budget)),
            ],
            [
                speech.text(_("Share of the budget")),
                speech.text(
                    _("{share}; {rest} yuan are left"),
                    share=speech.share(total, budget),
                    rest=speech.number(budget - total),
                )
                if total <= budget
                else speech.text(
                    _("{share}; {excess} yuan above the budget"),
                    share=speech.share(total, budget),
                    excess=speech.number(total - budget),
                ),
            ],
        ],
        "signatures": [
            speech.text(each) for each in (_("Prepared by"), _("Checked by"), _("Approved by"))
        ],
        "signed_on": speech.text(_("Date:")),
        "seals": [speech.text(each) for each in (_("Bureau of industry"), _("Bureau of finance"))],
        "seal_here": speech.text(_("(seal)")),
    }
    return pdf("approval", data, fonts, document.frozen_at)


def enterprise_pdf(
    signed: SignedCount, platform: str, uscc: str, language: Language, fonts: ReportFonts
) -> bytes:
    """The determination of one enterprise on one platform.

    Raises:
        UserError: the count does not list the two.
    """
    speech, document = Speech(language, signed.document), signed.document
    on, found = find_enterprise(signed, platform, uscc)
    title = speech.text(_("Determination of an enterprise for {year}"), year=document.year)
    data: dict[str, Data] = {
        **_frame(signed, speech, title),
        "facts": [
            [speech.text(_("Enterprise")), found.name],
            [speech.text(_("Unified social credit code")), found.uscc],
            [speech.text(_("District")), speech.district(found.district)],
            [speech.text(_("Industry code")), found.industry_code or "-"],
            [speech.text(_("Platform")), f"{on.name} ({on.platform})"],
            [speech.text(_("Contracts")), speech.text(_("; ")).join(found.contract_nos) or "-"],
            [speech.text(_("Outcome")), speech.outcome(found.outcome)],
            [speech.text(_("Reasons")), speech.reasons(found) or "-"],
            [speech.text(_("Connected on")), speech.day(found.connected_on) or "-"],
            [speech.text(_("Effective window")), _window(found, speech)],
            [speech.text(_("SHA-256 of the presence")), found.presence_sha256],
        ],
        "criteria": {
            "title": speech.text(_("Criteria")),
            "head": [
                speech.text(each)
                for each in (
                    _("Criterion"),
                    _("Measured"),
                    _("Required"),
                    _("Met"),
                    _("Clause"),
                    _("Basis"),
                )
            ],
            "rows": [_criterion_row(each, speech) for each in found.criteria],
        },
        "devices": {
            "title": speech.text(_("Devices and their active days in the window")),
            "head": [
                speech.text(each)
                for each in (
                    _("Serial"),
                    _("Name"),
                    _("Kind"),
                    _("Assigned"),
                    _("Active days"),
                    _("Active from and until"),
                )
            ],
            "rows": [_device_row(each, speech) for each in found.counted_devices],
        },
        "no_devices": speech.text(_("No device is listed.")),
        "decisions": {
            "title": speech.text(_("Decisions")),
            "rows": speech.proceedings(found),
        },
    }
    return pdf("enterprise", data, fonts, document.frozen_at)


def _frame(signed: SignedCount, speech: Speech, title: str) -> dict[str, Data]:
    """What the frame of every page needs."""
    return {
        "language": speech.language,
        "title": title,
        "mark": mark(signed, speech),
        "watermark": speech.text(_("SIMULATION")),
        "footer": footer(signed, speech),
        "page_of": speech.text(_("Page {page} of {pages}")),
        "provenance_title": speech.text(_("About this count")),
        "provenance": [list(each) for each in provenance(signed, speech)],
    }


def _award_rows(document: CountDocument, speech: Speech) -> Iterator[list[str]]:
    for each in document.platforms:
        for line in each.lines:
            yield [
                each.name,
                each.operator_uscc or "-",
                line.clause,
                speech.number(line.count),
                speech.number(line.amount_yuan),
            ]


def _approval_rows(document: CountDocument, speech: Speech) -> Iterator[list[str]]:
    for each in document.platforms:
        for line in each.lines:
            yield [
                each.name,
                each.operator_uscc or "-",
                line.clause,
                speech.number(line.count),
                speech.number(line.uncapped_yuan),
                _cap(document, line, speech),
                speech.number(line.amount_yuan),
            ]


def _cap(document: CountDocument, line: Line, speech: Speech) -> str:
    """The cap of a line: the policy caps what it pays for enterprises, and nothing else."""
    cap, paid = (
        document.parameter("award_cap_yuan"),
        document.parameter("award_per_enterprise_yuan"),
    )
    if cap is None or paid is None or paid.clause != line.clause or not isinstance(cap.value, int):
        return "-"
    return speech.number(cap.value)


def _counted_rows(enterprises: Sequence[Enterprise], speech: Speech) -> Iterator[list[str]]:
    counted = (each for each in enterprises if each.outcome is Outcome.COUNTED)
    for number, each in enumerate(counted, 1):
        yield [
            str(number),
            each.name,
            each.uscc,
            speech.district(each.district),
            speech.day(each.connected_on),
        ]


def _window(found: Enterprise, speech: Speech) -> str:
    if found.window_first_day is None:
        return "-"
    return speech.text(
        _("{period}; {active} active days, longest gap {gap} days"),
        period=speech.period(found.window_first_day, found.window_last_day),
        active=speech.number(found.window_active_days),
        gap=speech.number(found.window_longest_gap_days),
    )


def _criterion_row(each: Criterion, speech: Speech) -> list[str]:
    required = speech.required(each.name, each.required)
    if each.waiver_id is not None:
        required = speech.text(
            _("{required} (waiver, decision {id})"), required=required, id=each.waiver_id
        )
    met = {True: _("yes"), False: _("no"), None: "-"}[each.is_met]
    return [
        speech.criterion(each.name),
        speech.measured(each.name, each.measured),
        required,
        speech.text(met),
        each.clause or "-",
        speech.basis(each.basis),
    ]


def _device_row(each: Device, speech: Speech) -> list[str]:
    return [
        each.serial,
        each.name or "",
        each.kind or "",
        speech.text(_("from {first}"), first=speech.day(each.assigned_from))
        if each.assigned_to is None
        else speech.text(
            _("from {first} until before {end}"),
            first=speech.day(each.assigned_from),
            end=speech.day(each.assigned_to),
        ),
        speech.number(each.active_days),
        "-"
        if each.first_active_on is None
        else speech.period(each.first_active_on, each.last_active_on),
    ]
