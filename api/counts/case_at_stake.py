"""What a decision is about, shown before anybody confirms it: who, on what evidence, how much."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import psycopg

from api.console.words import Translate
from api.counts.wording import OutcomeWords, outcome_words
from jieru.i18n import marked as _
from verifier.counting.decisions import list_decisions
from verifier.counting.determination import Outcome
from verifier.counting.figures import PlatformFigures
from verifier.counting.registry import RecordedDecision
from verifier.procedure.closings import list_closings
from verifier.procedure.overview import count_summary, determination_entry
from verifier.procedure.records import CountRecord
from verifier.words import DECISION_WORDS

__all__ = ["CaseAtStake", "cases_at_stake", "said_by_number"]

_SELECT_NAMES: Final = """
    SELECT p.name, e.name FROM platforms p, enterprises e WHERE p.code = %s AND e.uscc = %s
"""
_PER_ENTERPRISE: Final = "award_per_enterprise_yuan"


class CaseAtStake(NamedTuple):
    """One enterprise on one platform, as whoever decides must see it."""

    enterprise: str
    uscc: str
    platform: str
    code: str
    count_id: str | None
    """Which count says the rest; None where no count of the year is kept, or lists it."""
    outcome: OutcomeWords | None
    evidence: str
    stake: str
    standing: list[str]
    """The decisions on it that stand."""


def cases_at_stake(
    connection: psycopg.Connection,
    record: CountRecord | None,
    platforms: str,
    uscc: str,
    translate: Translate,
) -> list[CaseAtStake]:
    """What a decision on an enterprise of some platforms is about.

    Args:
        connection: inside a snapshot.
        record: the count of the year, if one is kept.
        platforms: their codes, with commas between them.
        uscc: of the enterprise.
        translate: into the reader's language.
    """
    found = (
        _case(connection, record, code, uscc, translate) for code in platforms.split(",") if uscc
    )
    return [each for each in found if each is not None]


def said_by_number(
    connection: psycopg.Connection, act: str, number: int, year: int, translate: Translate
) -> tuple[str, str, list[str]]:
    """Platform, enterprise and words of a decision or a closing that is to be withdrawn."""
    if act == "reopen":
        for each in list_closings(connection, year):
            if each.id == number:
                said = f"{translate(_('Do not wait for it'))}: {each.reason} ({each.closed_by})"
                return each.platform_code, each.uscc, [said]
        return "", "", []
    for decided in list_decisions(connection):
        if decided.decision.id == number:
            return decided.platform_code, decided.uscc, [_in_words(decided, translate)]
    return "", "", []


def _case(
    connection: psycopg.Connection,
    record: CountRecord | None,
    code: str,
    uscc: str,
    translate: Translate,
) -> CaseAtStake | None:
    names = connection.execute(_SELECT_NAMES, (code, uscc)).fetchone()
    if names is None:
        return None
    entry, figures, yuan = None, None, 0
    summary = count_summary(connection, record) if record else None
    if record is not None and summary is not None:
        entry = determination_entry(connection, record, code, uscc)
        figures = next((each for each in summary.platforms if each.platform == code), None)
        yuan = next(each["value"] for each in summary.parameters if each["name"] == _PER_ENTERPRISE)
    return CaseAtStake(
        enterprise=names[1],
        uscc=uscc,
        platform=names[0],
        code=code,
        count_id=record.count_id if record and entry else None,
        outcome=outcome_words(Outcome(entry["outcome"]), translate) if entry else None,
        evidence=_evidence(entry, translate) if entry else "",
        stake=_stake(entry, figures, yuan, translate) if entry and figures else "",
        standing=[
            _in_words(each, translate)
            for each in list_decisions(connection, code, uscc)
            if each.decision.is_open
        ],
    )


def _evidence(entry: Mapping[str, Any], translate: Translate) -> str:
    devices = len({each["serial"] for each in entry["devices"]})
    if entry["connected_on"] is None:
        return translate(_("no effective window; {devices} devices")).format(devices=devices)
    return translate(
        _(
            "effective window {first} to {last}: {active} active days, longest gap {gap} days; "
            "{devices} devices"
        )
    ).format(
        first=entry["connected_on"],
        last=entry["window_last_day"],
        active=entry["window_active_days"],
        gap=entry["window_longest_gap_days"],
        devices=devices,
    )


def _stake(
    entry: Mapping[str, Any], figures: PlatformFigures, yuan: int, translate: Translate
) -> str:
    """What the platform's award is with the enterprise and without it."""
    is_counted = entry["outcome"] == Outcome.COUNTED
    others = figures.counted - is_counted
    without = min(others * yuan, figures.cap_yuan)
    including = min((others + 1) * yuan, figures.cap_yuan)
    message = (
        _("{yuan} yuan: the platform's award is {including} with it and {without} without it")
        if is_counted
        else _("{yuan} yuan: the platform's award is {without}, and {including} if it counted")
    )
    return translate(message).format(
        yuan=f"{including - without:,}", including=f"{including:,}", without=f"{without:,}"
    )


def _in_words(recorded: RecordedDecision, translate: Translate) -> str:
    decision = recorded.decision
    word = translate(DECISION_WORDS[decision.kind])
    who = decision.decided_by
    if decision.waits:
        who = f"{who}, {translate(_('waits for a second person'))}"
    return f"#{decision.id} {word}: {decision.reason} ({who})"
