"""Why a frozen count and today's data do not say the same. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from verifier.counting.eligibility import CriterionName
from verifier.procedure.comparison import compare_documents, entries_of
from verifier.procedure.document import Document

__all__ = ["Cause", "Difference", "differences_by_policy", "differences_with_causes"]


class Cause(StrEnum):
    """Why a determination is not what it was."""

    DOCUMENT = "document"
    """The stored content itself was changed: its digest or signature does not fit."""
    PRESENCE = "presence"
    REGISTRY = "registry"
    DECISION = "decision"
    """Decisions, and closings of pending ones."""
    OTHER_PLATFORM = "other_platform"
    """Nothing of its own: the same enterprise on another platform is not what it was."""
    POLICY = "policy"
    CODE = "code"
    """Nothing that it rests on changed: a program of another name computes something else."""
    UNEXPLAINED = "unexplained"
    """Not even the program: a library or the machine computes something else."""


_RESULT_KEYS: Final = (
    "outcome",
    "connected_on",
    "window_last_day",
    "window_active_days",
    "window_longest_gap_days",
    "year_counted",
    "pending_until",
    "reasons",
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One enterprise of one platform that is not what was frozen."""

    platform: str
    uscc: str
    name: str
    causes: tuple[Cause, ...]
    outcome_before: str | None
    """None: not listed."""
    outcome_after: str | None
    keys: tuple[str, ...]
    """Of the document, whose values differ."""
    devices: tuple[str, ...]
    """Serials whose presence changed, where the document lists devices."""


def differences_with_causes(
    frozen: Document, today: Document, *, is_document_intact: bool, is_program_same: bool
) -> Iterator[Difference]:
    """Every enterprise that two documents do not say the same of, with the causes.

    Args:
        frozen: what was signed.
        today: what follows from today's data under the same rules.
        is_document_intact: whether digest and signature fit the first.
        is_program_same: whether programs of one name made both.
    """
    old, new = entries_of(frozen), entries_of(today)
    changes = compare_documents(frozen, today).enterprises
    own = {
        (each.platform, each.uscc): _own_causes(
            old.get((each.platform, each.uscc)), new.get((each.platform, each.uscc))
        )
        for each in changes
    }
    elsewhere = {uscc for (_platform, uscc), causes in own.items() if causes}
    for each in changes:
        key = (each.platform, each.uscc)
        causes = own[key]
        if not causes and each.uscc in elsewhere:
            causes = (Cause.OTHER_PLATFORM,)
        elif not causes and not is_document_intact:
            causes = (Cause.DOCUMENT,)
        elif not causes and not is_program_same:
            causes = (Cause.CODE,)
        elif not causes:
            # The other platform is not listed where the enterprise had left it before the year.
            is_elsewhere = _is_counted_elsewhere_only(old[key], new[key])
            causes = (Cause.OTHER_PLATFORM if is_elsewhere else Cause.UNEXPLAINED,)
        yield Difference(
            platform=each.platform,
            uscc=each.uscc,
            name=each.name,
            causes=causes,
            outcome_before=each.outcome_before,
            outcome_after=each.outcome_after,
            keys=each.keys,
            devices=tuple(_devices_changed(old.get(key), new.get(key))),
        )


def _own_causes(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> tuple[Cause, ...]:
    """What of the things that a case rests on is not what it was."""
    if old is None or new is None:
        return (Cause.REGISTRY,)  # a connection came or went
    causes = []
    is_registry_changed = old["registry_sha256"] != new["registry_sha256"]
    is_answer_changed = any(
        old.get(key) != new.get(key) for key in ("confirmation", "confirmation_on")
    )
    is_presence_changed = old["presence_sha256"] != new["presence_sha256"]
    if is_registry_changed:
        # An assignment changes both digests; then only devices that both list can tell.
        is_presence_changed = any(_devices_changed(old, new))
    if is_presence_changed:
        causes.append(Cause.PRESENCE)
    if is_registry_changed or is_answer_changed or _recorded(old) != _recorded(new):
        causes.append(Cause.REGISTRY)
    if (
        old["decisions"] != new["decisions"]
        or old["closing"] != new["closing"]
        or _answered(old) != _answered(new)
    ):
        causes.append(Cause.DECISION)
    return tuple(causes)


def _recorded(entry: Mapping[str, Any]) -> list[object]:
    """What of a case was recorded late, and when."""
    return [
        (each["serials"], each["from_date"], each["recorded_on"])
        for each in entry.get("backdated", ())
    ]


def _answered(entry: Mapping[str, Any]) -> set[tuple[Any, Any]]:
    """By which decisions and opening stocks anything of that counts all the same."""
    found = {(each["decision"], each["opening_stock"]) for each in entry.get("backdated", ())}
    return found - {(None, None)}


def _is_counted_elsewhere_only(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether all criteria are what they were but the one that looks at other platforms."""
    before, after = _criteria(old), _criteria(new)
    once_before, once_after = (
        each.pop(CriterionName.COUNTED_ONCE, None) for each in (before, after)
    )
    return before == after and once_before != once_after


def _criteria(entry: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {each["name"]: each for each in entry["criteria"]}


def _devices_changed(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Iterator[str]:
    if old is None or new is None:
        return
    before = {each["serial"]: each["presence_sha256"] for each in old["devices"]}
    after = {each["serial"]: each["presence_sha256"] for each in new["devices"]}
    for serial in sorted(before.keys() & after.keys()):
        if before[serial] != after[serial]:
            yield serial


def differences_by_policy(under_frozen: Document, under_todays: Document) -> Iterator[Difference]:
    """What today's rules would say otherwise, of the same data."""
    old, new = entries_of(under_frozen), entries_of(under_todays)
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        keys = [
            name for name in _RESULT_KEYS if (before or {}).get(name) != (after or {}).get(name)
        ]
        if keys:
            yield Difference(
                platform=key[0],
                uscc=key[1],
                name=(after or before or {})["name"],
                causes=(Cause.POLICY,),
                outcome_before=before["outcome"] if before else None,
                outcome_after=after["outcome"] if after else None,
                keys=tuple(keys),
                devices=(),
            )
