"""Signed statements of what was done with a frozen count, one after another. No database.

The document of a count is signed when it is frozen; what comes after that (its publication, every
objection and what became of it, the approval of payment, every payment) is signed step by step. A
statement is canonical JSON:

    statement   1, the version of this form
    count_id    of the count, and `digest`, that of its signed document
    number      1, 2, 3, ... within the count
    previous    SHA-256 of the statement before it; null for the first
    kind        the step, and what that step says: amount, payee, reference, days, reason
    by, at      who took the step, and when

So none of them can be changed, moved, put in or taken out without the key that signed them. One
that was the last leaves no gap in the chain: it is missed where a row or a recorded step speaks of
it (`verifier.procedure.told_and_signed`), and by whoever keeps a copy.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from jieru.calendar import civil_date
from jieru.i18n import marked
from verifier.procedure.canonical import CanonicalError, canonical_bytes, parse_json
from verifier.procedure.hindrance import Hindrance
from verifier.procedure.signing import SignedStatement, SigningKey, is_signed
from verifier.procedure.states import Step
from verifier.procedure.trusted_keys import TrustedKeys, Vouching

__all__ = [
    "SIGNED_STEPS",
    "Said",
    "chain_faults",
    "next_statement",
    "payments_said",
    "said_by",
    "statement_object",
]

SIGNED_STEPS: Final = frozenset(
    {
        Step.PUBLISH,
        Step.OBJECT,
        Step.RESOLVE,
        Step.PROPOSE_OVERRIDE,
        Step.WITHDRAW_OVERRIDE,
        Step.OVERRIDE,
        Step.APPROVE_PAYMENT,
        Step.PAY,
    }
)
"""The others either come before the signed document or follow of themselves from one of these."""

_FORM: Final = 1
_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Said:
    """What a statement says, with the key that signed it; nothing is verified."""

    values: Mapping[str, Any]
    public_key: bytes

    @property
    def kind(self) -> str:
        """The step, in the words of the procedure."""
        return str(self.values.get("kind"))

    @property
    def number(self) -> object:
        """Its place within the count."""
        return self.values.get("number")

    @property
    def by(self) -> str:
        """Who took the step."""
        return str(self.values.get("by"))

    @property
    def at(self) -> datetime | None:
        """When the step was taken, with its time zone; None where it does not say so."""
        try:
            found = datetime.fromisoformat(self.values["at"])
            civil_date(found)
        except (KeyError, TypeError, ValueError, OverflowError):
            return None
        return found


def next_statement(
    key: SigningKey,
    before: Sequence[SignedStatement],
    *,
    count_id: str,
    digest: str,
    step: Step,
    by: str,
    at: datetime,
    says: Mapping[str, object],
) -> SignedStatement:
    """The statement that follows those that are there.

    Args:
        key: signs it.
        before: all statements of the count, in their order.
        count_id: of the count.
        digest: of its signed document.
        step: that was taken.
        by: who took it.
        at: when, with its time zone.
        says: what the step says beside that.
    """
    content = canonical_bytes(
        {
            "statement": _FORM,
            "count_id": count_id,
            "digest": digest,
            "number": len(before) + 1,
            "previous": _digest(before[-1]) if before else None,
            "kind": step.value,
            "by": by,
            "at": at.astimezone(UTC).isoformat(),
            **says,
        }
    )
    return SignedStatement(content.decode(), key.sign(content), key.public_key)


def said_by(statement: SignedStatement) -> Said:
    """What a statement says; nothing where it is no JSON object."""
    try:
        found = parse_json(statement.content.encode())
    except CanonicalError:
        found = None
    values = found if isinstance(found, dict) else {}
    return Said(MappingProxyType(values), statement.public_key)


def chain_faults(
    statements: Sequence[SignedStatement], *, count_id: str, digest: str, trusted: TrustedKeys
) -> Iterator[Hindrance]:
    """What is wrong with the statements of a count, whatever they speak of.

    Args:
        statements: all there are, in their order.
        count_id: of the count.
        digest: of its signed document.
        trusted: whose signatures count.
    """
    previous, has_gap = None, False
    for number, statement in enumerate(statements, start=1):
        said = said_by(statement)
        values = {"count": count_id, "number": number}
        if len(statement.public_key) != _KEY_BYTES or not is_signed(
            statement.content.encode(), statement.signature, statement.public_key
        ):
            yield Hindrance(
                "statement_changed",
                marked(
                    "Statement {number} of {count} is not what was signed: it was changed. Restore "
                    "it from a backup."
                ),
                values,
            )
        elif (said.values.get("count_id"), said.values.get("digest")) != (count_id, digest):
            yield Hindrance(
                "statement_of_another",
                marked(
                    "Statement {number} that is kept of {count} was made of {other} or of another "
                    "document: it was put there. Restore the statements from a backup."
                ),
                {**values, "other": said.values.get("count_id")},
            )
        elif not has_gap and (said.number, said.values.get("previous")) != (number, previous):
            has_gap = True  # what follows a gap is told by it
            yield Hindrance(
                "statement_order",
                marked(
                    "The signed statements of {count} are no chain at number {number}: one was "
                    "removed, put in or moved. Restore them from a backup."
                ),
                values,
            )
        else:
            yield from _of_the_key(said, trusted, values)
        previous = _digest(statement)


def payments_said(statements: Sequence[SignedStatement]) -> dict[tuple[str, str], Said]:
    """The statements of payments, by platform and clause."""
    said = (said_by(each) for each in statements)
    return {
        (str(each.values.get("platform")), str(each.values.get("clause"))): each
        for each in said
        if each.kind == Step.PAY.value
    }


def statement_object(statement: SignedStatement, trusted: TrustedKeys) -> dict[str, object]:
    """A statement for whoever reads of a count: what it says, and whose signature it bears."""
    said = said_by(statement)
    signed_on = said.at
    return {
        "said": dict(said.values),
        "sha256": _digest(statement),
        "public_key": statement.key_text,
        "signed_by": trusted.name_of(statement.public_key),
        "is_trusted": signed_on is not None
        and trusted.judge(statement.public_key, civil_date(signed_on)) is Vouching.TRUSTED,
    }


def _of_the_key(
    said: Said, trusted: TrustedKeys, values: Mapping[str, object]
) -> Iterator[Hindrance]:
    signed_at = said.at
    vouching = (
        Vouching.UNKNOWN
        if signed_at is None
        else trusted.judge(said.public_key, civil_date(signed_at))
    )
    if vouching is Vouching.UNKNOWN:
        yield Hindrance(
            "statement_key_unknown",
            marked(
                "Statement {number} of {count} is signed by a key that nobody vouches for. If it "
                "is the bureau's, put it into the file of trusted keys that JIERU_TRUSTED_KEYS "
                "names; if not, restore the statements from a backup."
            ),
            values,
        )
    elif vouching is not Vouching.TRUSTED:
        yield Hindrance(
            "statement_key_not_its_time",
            marked(
                "Statement {number} of {count} is signed by the key of {name}, when that key did "
                "not sign, or no longer."
            ),
            {**values, "name": trusted.name_of(said.public_key)},
        )


def _digest(statement: SignedStatement) -> str:
    return hashlib.sha256(statement.content.encode()).hexdigest()
