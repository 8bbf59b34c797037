"""Recoveries: money paid under a count that its correction does not bear out. Pure.

Claimed back is, for each platform and clause, what was paid less what the correction awards, if
that is more than nothing. The lines say why and add up to it: so much for each enterprise that
fell away, less what came in, less what had not been paid yet, less what the cap had kept back. A
clause that pays no enterprises has one line for what its award is less by.
With 17 enterprises counted at a cap of 15, one that falls away changes no award: no recovery.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

__all__ = ["BalanceKey", "RecoveryKind", "RecoveryLine", "recovery_lines"]

RecoveryKind: TypeAlias = Literal["removed", "added", "title", "award", "unpaid", "cap", "policy"]
"""`title`: a national title; `award`: an award of any clause that counts neither enterprises nor
national titles."""
BalanceKey: TypeAlias = tuple[str, str]
"""Platform code and clause."""

_AWARD_PARAMETERS: Final = ("award_per_enterprise_yuan", "award_cap_yuan")


@dataclass(frozen=True, slots=True)
class RecoveryLine:
    """One reason and its share of what is claimed back; below 0 where it lessens the claim."""

    platform: str
    clause: str
    kind: RecoveryKind
    uscc: str | None
    amount_yuan: int


def recovery_lines(
    before: Mapping[str, Any], after: Mapping[str, Any], paid_yuan: Mapping[BalanceKey, int]
) -> list[RecoveryLine]:
    """What is claimed back when one document supersedes the other.

    Args:
        before: the document of the count that is superseded.
        after: the document of its correction.
        paid_yuan: paid under all earlier revisions, less what was claimed back under them.

    Returns:
        By platform and clause; none where nothing is claimed back.
    """
    old, new = _amounts(before), _amounts(after)
    lines: list[RecoveryLine] = []
    for key in sorted(paid_yuan):
        claim = paid_yuan[key] - new.get(key, 0)
        if claim <= 0:
            continue
        reasons = list(_reasons(key, before, after))
        reasons += _line(key, "unpaid", paid_yuan[key] - old.get(key, 0))
        rest = claim - sum(each.amount_yuan for each in reasons)
        reasons += _line(key, "cap" if _is_same_award(before, after) else "policy", rest)
        lines += reasons
    return lines


def _reasons(
    key: BalanceKey, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[RecoveryLine]:
    platform, clause = key
    if clause != _parameter(before, "award_per_enterprise_yuan")["clause"]:
        fell_away = _amounts(before).get(key, 0) - _amounts(after).get(key, 0)
        is_title = clause == _parameter(before, "national_title_award_yuan")["clause"]
        yield from _line(key, "title" if is_title else "award", fell_away)
        return
    counted, counts = _counted(before, platform), _counted(after, platform)
    each_yuan = _parameter(before, "award_per_enterprise_yuan")["value"]
    for uscc in sorted(counted - counts):
        yield RecoveryLine(platform, clause, "removed", uscc, each_yuan)
    for uscc in sorted(counts - counted):
        yield RecoveryLine(platform, clause, "added", uscc, -each_yuan)


def _line(key: BalanceKey, kind: RecoveryKind, amount_yuan: int) -> Iterable[RecoveryLine]:
    return [RecoveryLine(*key, kind, None, amount_yuan)] if amount_yuan else []


def _amounts(document: Mapping[str, Any]) -> Counter[BalanceKey]:
    """What each clause awards each platform; lines of one clause are one amount."""
    amounts: Counter[BalanceKey] = Counter()
    for platform in document["platforms"]:
        for line in platform["lines"]:
            amounts[platform["platform"], line["clause"]] += line["amount_yuan"]
    return amounts


def _counted(document: Mapping[str, Any], code: str) -> set[str]:
    return {
        entry["uscc"]
        for platform in document["platforms"]
        if platform["platform"] == code
        for entry in platform["enterprises"]
        if entry["outcome"] == "counted"
    }


def _is_same_award(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return all(
        _parameter(before, name)["value"] == _parameter(after, name)["value"]
        for name in _AWARD_PARAMETERS
    )


def _parameter(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(each for each in document["parameters"] if each["name"] == name)
    return found
