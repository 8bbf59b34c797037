"""From which day on the evidence of what was just registered counts."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Protocol, Self, TypeVar

from api.web.policy import RegistryRules
from registry.backdating import evidence_from

__all__ = ["with_evidence_from"]


class _Registered(Protocol):
    """The answer of a connection or an assignment."""

    from_date: date
    recorded_on: date

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self: ...


Record = TypeVar("Record", bound=_Registered)


def with_evidence_from(record: Record, rules: RegistryRules) -> Record:
    """The record, saying from which day on it gives evidence by itself."""
    first = record.from_date
    if rules.backdate_days_max is not None:
        first = evidence_from(first, record.recorded_on, rules.backdate_days_max)
    return record.model_copy(update={"evidence_from": first})
