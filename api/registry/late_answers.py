"""From which day on the evidence of what was just registered or changed counts."""

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
    extended_from: date | None
    extended_on: date | None

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self: ...


Record = TypeVar("Record", bound=_Registered)


def with_evidence_from(record: Record, rules: RegistryRules) -> Record:
    """The record, saying from which day on it gives evidence by itself."""
    first, days_max = record.from_date, rules.backdate_days_max
    if days_max is not None:
        first = evidence_from(first, record.recorded_on, days_max)
        if record.extended_from is not None and record.extended_on is not None:
            again = evidence_from(record.extended_from, record.extended_on, days_max)
            if again > record.extended_from:  # else the two parts touch, and nothing is lost
                first = max(first, again)
    return record.model_copy(update={"evidence_from": first})
