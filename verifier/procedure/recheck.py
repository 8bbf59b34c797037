"""Recheck: a frozen count computed from today's data, and every difference with its cause.

Nothing is kept of it. The rules are those that were frozen; where today's are others, what they
would change is reported as a difference of its own.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import psycopg

from verifier.policy import Policy, policy_from_source
from verifier.procedure.canonical import canonical_bytes
from verifier.procedure.code_version import code_version
from verifier.procedure.comparison import PlatformChange, compare_documents, entries_of
from verifier.procedure.computing import compute_document
from verifier.procedure.document import Document, Freezing, Identity
from verifier.procedure.records import CountRecord, read_document
from verifier.procedure.signing import is_signed

__all__ = ["Cause", "Difference", "Recheck", "recheck_count"]


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
    """Nothing that it rests on changed: the program computes something else."""


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


@dataclass(frozen=True, slots=True)
class Recheck:
    """What a recheck found."""

    count_id: str
    differences: tuple[Difference, ...]
    platforms: tuple[PlatformChange, ...]
    """Award lines that differ under the frozen rules."""
    is_document_intact: bool
    """Whether digest and signature fit the stored content."""
    policy_before: str
    """SHA-256 of the policy file that was frozen, and of today's."""
    policy_after: str
    code_before: str
    code_after: str

    @property
    def has_difference(self) -> bool:
        """Whether anything but the program's or policy's own version differs."""
        return bool(self.differences or self.platforms) or not self.is_document_intact

    def to_json_object(self) -> dict[str, object]:
        """The recheck as JSON has it."""
        return {
            "count_id": self.count_id,
            "has_difference": self.has_difference,
            "document_intact": self.is_document_intact,
            "policy_sha256": {"frozen": self.policy_before, "today": self.policy_after},
            "code_version": {"frozen": self.code_before, "today": self.code_after},
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
            "differences": [
                {
                    "platform": each.platform,
                    "uscc": each.uscc,
                    "name": each.name,
                    "causes": [cause.value for cause in each.causes],
                    "outcome_before": each.outcome_before,
                    "outcome_after": each.outcome_after,
                    "keys": list(each.keys),
                    "devices": list(each.devices),
                }
                for each in self.differences
            ],
        }


def recheck_count(
    connection: psycopg.Connection, record: CountRecord, policy_today: Policy
) -> Recheck:
    """Compute a frozen count from today's data and tell every difference.

    Args:
        connection: outside a transaction.
        record: a frozen count, superseded or not.
        policy_today: the rules by which one would count today.

    Raises:
        UserError: it is not frozen.
    """
    with connection.transaction():
        frozen = read_document(connection, record)
    policy = policy_from_source(record.count_id, frozen["policy_source"])
    today = _today(connection, record, frozen, policy)
    is_document_intact = _is_authentic(record, frozen)
    unexplained = Cause.CODE if is_document_intact else Cause.DOCUMENT
    differences = list(_differences(frozen, today, unexplained))
    if policy_today.sha256 != policy.sha256:
        differences += _by_policy(today, _today(connection, record, frozen, policy_today))
    return Recheck(
        count_id=record.count_id,
        differences=tuple(differences),
        platforms=compare_documents(frozen, today).platforms,
        is_document_intact=is_document_intact,
        policy_before=policy.sha256,
        policy_after=policy_today.sha256,
        code_before=str(record.code_version),
        code_after=code_version(),
    )


def _today(
    connection: psycopg.Connection, record: CountRecord, frozen: Document, policy: Policy
) -> Document:
    if record.as_of is None or record.frozen_at is None or record.frozen_by is None:
        raise ValueError("a frozen count has a day of evidence, a time and a name")
    return compute_document(
        connection,
        record.year,
        as_of=record.as_of,
        policy=policy,
        identity=Identity(record.year, record.revision, record.supersedes),
        freezing=Freezing(record.frozen_at, record.frozen_by, frozen["code_version"]),
    ).document


def _is_authentic(record: CountRecord, frozen: Document) -> bool:
    if record.digest is None or record.signature is None or record.public_key is None:
        return False
    content = canonical_bytes(frozen)
    is_digest_right = hashlib.sha256(content).hexdigest() == record.digest
    return is_digest_right and is_signed(content, record.signature, record.public_key)


def _differences(frozen: Document, today: Document, unexplained: Cause) -> Iterator[Difference]:
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
        if not causes:
            causes = (Cause.OTHER_PLATFORM,) if each.uscc in elsewhere else (unexplained,)
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
    is_presence_changed = old["presence_sha256"] != new["presence_sha256"]
    if is_registry_changed:
        # An assignment changes both digests; then only devices that both list can tell.
        is_presence_changed = any(_devices_changed(old, new))
    if is_presence_changed:
        causes.append(Cause.PRESENCE)
    if is_registry_changed:
        causes.append(Cause.REGISTRY)
    if old["decisions"] != new["decisions"] or old["closing"] != new["closing"]:
        causes.append(Cause.DECISION)
    return tuple(causes)


def _devices_changed(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Iterator[str]:
    if old is None or new is None:
        return
    before = {each["serial"]: each["presence_sha256"] for each in old["devices"]}
    after = {each["serial"]: each["presence_sha256"] for each in new["devices"]}
    for serial in sorted(before.keys() & after.keys()):
        if before[serial] != after[serial]:
            yield serial


def _by_policy(under_frozen: Document, under_todays: Document) -> Iterator[Difference]:
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
