"""What the registry says of those a count is about, as plain values. Pure."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal, NamedTuple

from verifier.policy import LEVELS, Level

__all__ = [
    "Assignment",
    "Confirmation",
    "Connection",
    "Decision",
    "DecisionKind",
    "Enterprise",
    "OpeningStock",
    "Platform",
    "Recognition",
    "RecordedDecision",
]

DecisionKind = Literal["exclude", "waive", "hold", "keep", "backdate"]
"""`keep`: looked at in review, and nothing is to be changed. It stands beside a count, which does
not rest on it and has it not in its document. `backdate`: what was recorded until then counts from
its first day, however late that was."""


@dataclass(frozen=True, slots=True)
class Recognition:
    """A platform's level from `recognised_on`, inclusive, until `revoked_on`, exclusive."""

    level: Level
    recognised_on: date
    revoked_on: date | None = None

    def is_valid_on(self, day: date) -> bool:
        """Whether the platform held this level on a day."""
        return self.recognised_on <= day and (self.revoked_on is None or day < self.revoked_on)


@dataclass(frozen=True, slots=True)
class Platform:
    """An industrial-internet platform."""

    code: str
    name: str
    operator_uscc: str | None = None
    recognitions: tuple[Recognition, ...] = ()

    def level_on(self, day: date) -> Level | None:
        """The highest level held on a day."""
        held = {each.level for each in self.recognitions if each.is_valid_on(day)}
        return max(held, key=LEVELS.index, default=None)


@dataclass(frozen=True, slots=True)
class Enterprise:
    """A legal entity."""

    uscc: str
    name: str
    district: str
    industry_code: str | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """An enterprise served by a platform, `from_date` inclusive to `to_date` exclusive."""

    from_date: date
    to_date: date | None = None
    contract_no: str | None = None
    signed_on: date | None = None
    recorded_on: date | None = None
    """The civil day on which the server was told of `from_date`; None: not known here."""

    def covers(self, day: date) -> bool:
        """Whether the platform served the enterprise on a day."""
        return self.from_date <= day and (self.to_date is None or day < self.to_date)

    def overlaps_year(self, year: int) -> bool:
        """Whether it covers any day of a year."""
        starts_in_time = self.from_date <= date(year, 12, 31)
        return starts_in_time and (self.to_date is None or self.to_date > date(year, 1, 1))


class Confirmation(NamedTuple):
    """What the enterprise itself says of the connection that begins on `from_date`."""

    from_date: date
    answer: Literal["confirmed", "denied"]
    answered_on: date


class Assignment(NamedTuple):
    """A device that stands for an enterprise, `from_date` inclusive to `to_date` exclusive."""

    serial: str
    kind: str | None
    name: str | None
    from_date: date
    to_date: date | None


@dataclass(frozen=True, slots=True)
class Decision:
    """A verifier's decision on one enterprise of one platform."""

    id: int
    kind: DecisionKind
    criterion: str | None
    """The parameter a waiver sets, else None."""
    value: int | None
    reason: str
    decided_by: str
    decided_at: datetime
    withdrawn_reason: str | None = None
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = None
    attachment: str | None = None
    """Where the document behind it is kept."""
    needs_second: bool = False
    """Whether it has no effect before another person confirmed it."""
    confirmed_by: str | None = None
    confirmed_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it still holds."""
        return self.withdrawn_at is None

    @property
    def waits(self) -> bool:
        """Whether it waits for a second person, and so has no effect yet."""
        return self.is_open and self.needs_second and self.confirmed_at is None


@dataclass(frozen=True, slots=True)
class OpeningStock:
    """What was registered by a day, accepted as it stood by two people."""

    id: int
    platform_code: str | None
    """None: of all platforms."""
    stood_on: date
    reason: str
    decided_by: str
    decided_at: datetime
    confirmed_by: str | None = None
    """None where one name suffices, as in a simulation."""


@dataclass(frozen=True, slots=True)
class RecordedDecision:
    """A decision and whom it concerns."""

    platform_code: str
    uscc: str
    enterprise_name: str
    decision: Decision

    def to_json_object(self) -> dict[str, object]:
        """The decision as JSON has it; instants in ISO 8601, UTC."""
        each = self.decision
        return {
            "id": each.id,
            "kind": each.kind,
            "platform": self.platform_code,
            "uscc": self.uscc,
            "name": self.enterprise_name,
            "criterion": each.criterion,
            "value": each.value,
            "reason": each.reason,
            "attachment": each.attachment,
            "decided_by": each.decided_by,
            "decided_at": each.decided_at.astimezone(UTC).isoformat(),
            "withdrawn_reason": each.withdrawn_reason,
            "withdrawn_by": each.withdrawn_by,
            "withdrawn_at": each.withdrawn_at.astimezone(UTC).isoformat()
            if each.withdrawn_at
            else None,
            "needs_second": each.needs_second,
            "confirmed_by": each.confirmed_by,
            "confirmed_at": each.confirmed_at.astimezone(UTC).isoformat()
            if each.confirmed_at
            else None,
        }
