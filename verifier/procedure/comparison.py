"""The difference between two documents of counts: enterprises, outcomes, money. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from verifier.procedure.document import Document, entry_in_version, version_of

__all__ = [
    "Change",
    "ChangeKind",
    "Comparison",
    "PlatformChange",
    "compare_documents",
    "compare_heads",
    "entries_of",
]

ChangeKind: TypeAlias = Literal["added", "removed", "outcome", "detail"]
"""`detail`: the same outcome on other grounds."""


@dataclass(frozen=True, slots=True)
class Change:
    """One enterprise of one platform that the two do not say the same of."""

    kind: ChangeKind
    platform: str
    uscc: str
    name: str
    outcome_before: str | None
    outcome_after: str | None
    keys: tuple[str, ...]
    """Of the entry, whose values differ."""


@dataclass(frozen=True, slots=True)
class PlatformChange:
    """One platform's award line that differs; absent on one side: 0."""

    platform: str
    clause: str
    count_before: int
    count_after: int
    yuan_before: int
    yuan_after: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed from one document to the other."""

    before: str
    """Id of the count."""
    after: str
    enterprises: tuple[Change, ...]
    """By platform code and uscc."""
    platforms: tuple[PlatformChange, ...]
    total_before_yuan: int
    total_after_yuan: int

    @property
    def is_empty(self) -> bool:
        """Whether they say the same."""
        return not self.enterprises and not self.platforms

    def to_json_object(self) -> dict[str, object]:
        """The comparison as JSON has it."""
        return {
            "before": self.before,
            "after": self.after,
            "total_before_yuan": self.total_before_yuan,
            "total_after_yuan": self.total_after_yuan,
            "platforms": [
                {
                    "platform": each.platform,
                    "clause": each.clause,
                    "count_before": each.count_before,
                    "count_after": each.count_after,
                    "yuan_before": each.yuan_before,
                    "yuan_after": each.yuan_after,
                }
                for each in self.platforms
            ],
            "enterprises": [
                {
                    "kind": each.kind,
                    "platform": each.platform,
                    "uscc": each.uscc,
                    "name": each.name,
                    "outcome_before": each.outcome_before,
                    "outcome_after": each.outcome_after,
                    "keys": list(each.keys),
                }
                for each in self.enterprises
            ],
        }


def compare_documents(before: Document, after: Document) -> Comparison:
    """What changed from one document to the other, enterprise by enterprise.

    Where one of them is of an earlier version, what only the later one holds is left out.
    """
    old, new = entries_of(before), entries_of(after)
    pairs = ((*key, old.get(key), new.get(key)) for key in sorted(old.keys() | new.keys()))
    return compare_heads(before, after, pairs)


def compare_heads(
    before: Document,
    after: Document,
    pairs: Iterable[tuple[str, str, Mapping[str, Any] | None, Mapping[str, Any] | None]],
) -> Comparison:
    """What changed from one document to the other, of which only what may differ is at hand.

    Args:
        before: with or without its enterprises.
        after: likewise.
        pairs: platform code, uscc and the entries of both, None where one has none; all that
            differ, others too if need be; by platform code and uscc.
    """
    version = min(version_of(before), version_of(after))
    changes = []
    for platform, uscc, *entries in pairs:
        old, new = (
            entry_in_version(entry, version_of(document), version) if entry else None
            for entry, document in zip(entries, (before, after), strict=True)
        )
        if old != new:
            changes.append(_change(platform, uscc, old, new))
    old_lines, new_lines = _lines(before), _lines(after)
    nothing = (0, 0)
    return Comparison(
        before=before["count_id"],
        after=after["count_id"],
        enterprises=tuple(changes),
        platforms=tuple(
            PlatformChange(
                *key,
                count_before=old_lines.get(key, nothing)[0],
                count_after=new_lines.get(key, nothing)[0],
                yuan_before=old_lines.get(key, nothing)[1],
                yuan_after=new_lines.get(key, nothing)[1],
            )
            for key in sorted(old_lines.keys() | new_lines.keys())
            if old_lines.get(key, nothing) != new_lines.get(key, nothing)
        ),
        total_before_yuan=before["total_yuan"],
        total_after_yuan=after["total_yuan"],
    )


def entries_of(document: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Every enterprise of a document by platform code and uscc."""
    return {
        (platform["platform"], entry["uscc"]): entry
        for platform in document["platforms"]
        for entry in platform["enterprises"]
    }


def _change(
    platform: str, uscc: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> Change:
    known = new or old or {}
    outcomes = old["outcome"] if old else None, new["outcome"] if new else None
    kind: ChangeKind = "detail"
    if old is None:
        kind = "added"
    elif new is None:
        kind = "removed"
    elif outcomes[0] != outcomes[1]:
        kind = "outcome"
    keys = sorted((old or {}).keys() | (new or {}).keys()) if old and new else []
    return Change(
        kind=kind,
        platform=platform,
        uscc=uscc,
        name=known["name"],
        outcome_before=outcomes[0],
        outcome_after=outcomes[1],
        keys=tuple(key for key in keys if (old or {}).get(key) != (new or {}).get(key)),
    )


def _lines(document: Mapping[str, Any]) -> dict[tuple[str, str], tuple[int, int]]:
    """Number and yuan by platform and clause; lines of one clause are added up."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for platform in document["platforms"]:
        for line in platform["lines"]:
            key = platform["platform"], line["clause"]
            number, yuan = found.get(key, (0, 0))
            found[key] = number + line["count"], yuan + line["amount_yuan"]
    return found
