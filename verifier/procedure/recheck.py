"""Recheck: a frozen count computed from today's data, and every difference with its cause.

Nothing is kept of it. The rules are those that were frozen; where today's are others, what they
would change is reported as a difference of its own.
"""

import hashlib
from dataclasses import dataclass

import psycopg

from verifier.policy import Policy, policy_from_source
from verifier.procedure.canonical import canonical_bytes
from verifier.procedure.causes import (
    Difference,
    differences_by_policy,
    differences_with_causes,
)
from verifier.procedure.code_version import code_version
from verifier.procedure.comparison import PlatformChange, compare_documents
from verifier.procedure.computing import compute_document
from verifier.procedure.document import Document, Freezing, Identity, in_version, version_of
from verifier.procedure.readable import read_readable
from verifier.procedure.records import CountRecord
from verifier.procedure.signing import is_signed

__all__ = ["Recheck", "recheck_count"]


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
        frozen = read_readable(connection, record)
    policy = policy_from_source(record.count_id, frozen["policy_source"])
    today = _today(connection, record, frozen, policy)
    is_document_intact = _is_authentic(record, frozen)
    code_before, code_after = str(record.code_version), code_version()
    differences = list(
        differences_with_causes(
            frozen,
            today,
            is_document_intact=is_document_intact,
            is_program_same=code_before == code_after,
        )
    )
    if policy_today.sha256 != policy.sha256:
        differences += differences_by_policy(
            today, _today(connection, record, frozen, policy_today)
        )
    return Recheck(
        count_id=record.count_id,
        differences=tuple(differences),
        platforms=compare_documents(frozen, today).platforms,
        is_document_intact=is_document_intact,
        policy_before=policy.sha256,
        policy_after=policy_today.sha256,
        code_before=code_before,
        code_after=code_after,
    )


def _today(
    connection: psycopg.Connection, record: CountRecord, frozen: Document, policy: Policy
) -> Document:
    if record.as_of is None or record.frozen_at is None or record.frozen_by is None:
        raise ValueError("a frozen count has a day of evidence, a time and a name")
    today = compute_document(
        connection,
        record.year,
        as_of=record.as_of,
        policy=policy,
        identity=Identity(record.year, record.revision, record.supersedes),
        freezing=Freezing(record.frozen_at, record.frozen_by, frozen["code_version"]),
    ).document
    return in_version(today, version_of(frozen))


def _is_authentic(record: CountRecord, frozen: Document) -> bool:
    if record.digest is None or record.signature is None or record.public_key is None:
        return False
    content = canonical_bytes(frozen)
    is_digest_right = hashlib.sha256(content).hexdigest() == record.digest
    return is_digest_right and is_signed(content, record.signature, record.public_key)
