"""Codes of the database as panels show them: the vocabulary's word and a colour.

What only panels tell apart has its words here.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias

from jieru.i18n import Language
from jieru.i18n import marked as _
from jieru.vocabulary import (
    AUDIT_ACTION_WORDS,
    BASIS_WORDS,
    CASE_CAUSE_WORDS,
    CASE_STATE_WORDS,
    COUNT_STATE_WORDS,
    CRITERION_WORDS,
    DECISION_WORDS,
    DEVICE_STATUS_WORDS,
    LEVEL_WORDS,
    MET_WORDS,
    OUTCOME_WORDS,
    REASON_WORDS,
    RECORD_KIND_WORDS,
    RECOVERY_WORDS,
    REJECTION_WORDS,
    SIGNAL_WORDS,
    STRENGTH_WORDS,
    VALIDITY_WORDS,
    YES_WORDS,
    Text,
    Vocabulary,
    spoken,
)

__all__ = [
    "ACTION_LABELS",
    "BASIS_LABELS",
    "BLUE",
    "CASE_CAUSE_LABELS",
    "CASE_STATE_LABELS",
    "CHAIN_LABELS",
    "CLOCK_LABELS",
    "CRITERION_LABELS",
    "DECISION_LABELS",
    "DEVICE_DAY_LABELS",
    "DEVICE_STATUS_LABELS",
    "GREEN",
    "GREY",
    "LEVEL_LABELS",
    "MET_LABELS",
    "NATURE_LABELS",
    "ORANGE",
    "OUTCOME_LABELS",
    "PURPLE",
    "REASON_LABELS",
    "RECORD_KIND_LABELS",
    "RECOVERY_LABELS",
    "RED",
    "REJECTION_LABELS",
    "SIGNAL_LABELS",
    "STATE_LABELS",
    "STRENGTH_LABELS",
    "VALIDITY_LABELS",
    "VERDICT_LABELS",
    "YELLOW",
    "YES_LABELS",
    "Label",
    "Labels",
    "list_in_words",
]

# Names of Grafana's palette, which has a light and a dark reading of each.
GREEN: Final = "green"
YELLOW: Final = "yellow"
ORANGE: Final = "orange"
RED: Final = "red"
BLUE: Final = "blue"
PURPLE: Final = "purple"
GREY: Final = "text"

_INVISIBLE: Final = "transparent"
_BETWEEN: Final = spoken(_(", "))


class Label(NamedTuple):
    """What a code is called, and its colour."""

    text: Text
    colour: str = GREY


Labels: TypeAlias = Mapping[str, Label]
"""For each code its label."""


def _labelled(words: Vocabulary, colours: Mapping[str, str] | None = None) -> Labels:
    """The vocabulary's words in these colours, and in grey where none is given."""
    colours = colours or {}
    if not set(colours) <= set(words):
        raise KeyError(f"colours of no value: {sorted(set(colours) - set(words))}")
    return {code: Label(spoken(word), colours.get(code, GREY)) for code, word in words.items()}


OUTCOME_LABELS: Final = _labelled(
    OUTCOME_WORDS,
    {
        "counted": GREEN,
        "held": ORANGE,
        "excluded": RED,
        "platform_not_recognised": RED,
        "connected_earlier": BLUE,
        "counted_elsewhere": PURPLE,
        "pending": YELLOW,
    },
)
CRITERION_LABELS: Final = _labelled(CRITERION_WORDS)
REASON_LABELS: Final = _labelled(REASON_WORDS)
DECISION_LABELS: Final = _labelled(DECISION_WORDS, {"exclude": RED, "waive": BLUE, "hold": ORANGE})
LEVEL_LABELS: Final = _labelled(
    LEVEL_WORDS, {"municipal": BLUE, "provincial": PURPLE, "national": GREEN}
)
STATE_LABELS: Final = _labelled(
    COUNT_STATE_WORDS,
    {
        "in_review": YELLOW,
        "returned": ORANGE,
        "frozen": BLUE,
        "published": BLUE,
        "payable": PURPLE,
        "paid": GREEN,
    },
)
DEVICE_STATUS_LABELS: Final = _labelled(
    DEVICE_STATUS_WORDS, {"online": GREEN, "late": YELLOW, "offline": RED}
)
REJECTION_LABELS: Final = _labelled(
    REJECTION_WORDS,
    {"malformed_payload": ORANGE, "unknown_device": RED, "future_timestamp": PURPLE},
)
RECOVERY_LABELS: Final = _labelled(RECOVERY_WORDS)
BASIS_LABELS: Final = _labelled(BASIS_WORDS, {"decision": ORANGE})
ACTION_LABELS: Final = _labelled(AUDIT_ACTION_WORDS)
MET_LABELS: Final = _labelled(MET_WORDS, {"met": GREEN, "failed": RED})
VALIDITY_LABELS: Final = _labelled(VALIDITY_WORDS, {"open": GREEN, "waiting": ORANGE})
YES_LABELS: Final = _labelled(YES_WORDS)
SIGNAL_LABELS: Final = _labelled(SIGNAL_WORDS)
CASE_CAUSE_LABELS: Final = _labelled(CASE_CAUSE_WORDS)
CASE_STATE_LABELS: Final = _labelled(
    CASE_STATE_WORDS, {"asked": YELLOW, "cleared": GREEN, "upheld": RED}
)
STRENGTH_LABELS: Final = _labelled(STRENGTH_WORDS, {"hard": RED, "soft": ORANGE})
RECORD_KIND_LABELS: Final = _labelled(
    RECORD_KIND_WORDS,
    {
        "decisions": ORANGE,
        "counts": BLUE,
        "count_steps": BLUE,
        "pending_closings": ORANGE,
        "objections": RED,
        "objection_overrides": RED,
        "count_statements": BLUE,
        "count_payments": GREEN,
        "recoveries": RED,
    },
)
VERDICT_LABELS: Final[Labels] = {
    "as_signed": Label(Text("与签名一致", "as signed"), GREEN),
    "not_as_signed": Label(Text("与签名不符", "NOT as signed"), RED),
    "changed": Label(Text("核验后有改动", "changed since verified"), RED),
    "never": Label(Text("尚未核验", "never verified"), RED),
    "not_frozen": Label(Text("尚未冻结签名", "not frozen, not signed")),
}
"""Of a count, held against its signatures."""
CHAIN_LABELS: Final[Labels] = {
    "whole": Label(Text("完整", "whole"), GREEN),
    "broken": Label(Text("断裂", "broken"), RED),
}
"""Of the audit's entries."""
CLOCK_LABELS: Final[Labels] = {
    "receipt": Label(Text("接收时钟", "clock of receipt"), GREEN),
    "event": Label(Text("事件时钟（模拟）", "clock of the event (simulation)"), ORANGE),
}
"""By which an ingester tells late from in time."""
NATURE_LABELS: Final[Labels] = {
    "simulation": Label(spoken(_("Simulation")), ORANGE),
    "evidence": Label(Text("实际数据", "Evidence"), GREEN),
}
"""Of the data in a database."""
DEVICE_DAY_LABELS: Final[Labels] = {
    "0": Label(Text("未归属本企业", "not assigned to it"), _INVISIBLE),
    "1": Label(Text("无心跳", "no heartbeat"), GREY),
    "2": Label(Text("仅迟到心跳", "only late"), ORANGE),
    "3": Label(Text("时数不足", "too few hours"), YELLOW),
    "4": Label(Text("达到时数", "enough hours"), GREEN),
}
"""What one device was on one day, as a number that a state timeline can draw."""


def list_in_words(labels: Labels, codes: str, language: Language) -> str:
    """SQL for a column of codes with commas between: their words, which no mapping could give."""
    values = ", ".join(
        f"('{code}', '{_quoted(label.text.spoken_in(language))}')" for code, label in labels.items()
    )
    name = "chinese" if language == "zh" else "english"
    between = _BETWEEN.spoken_in(language)
    return (
        f"(SELECT string_agg(coalesce({name}, code), '{between}' ORDER BY place)"
        f" FROM unnest(string_to_array({codes}, ', ')) WITH ORDINALITY AS said (code, place)"
        f" LEFT JOIN (VALUES {values}) AS words (code, {name}) USING (code))"
    )


def _quoted(text: str) -> str:
    """A text inside a literal: “the platform's own operator”."""
    return text.replace("'", "''")
