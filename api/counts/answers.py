"""The shapes of a count's answers, as OpenAPI documents them (design section 8)."""

from datetime import date, datetime
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from verifier.counting.determination import Outcome
from verifier.counting.eligibility import CriterionName
from verifier.counting.measures import PeriodKind
from verifier.counting.registry import DecisionKind
from verifier.policy import Basis, Unit

__all__ = [
    "AWARD_LINE_EXAMPLE",
    "ENTERPRISE_EXAMPLE",
    "AwardLineAnswer",
    "CountAnswer",
    "EnterpriseAnswer",
    "ExplanationAnswer",
]

_USCC = Field(description="Unified social credit code (GB 32100-2015).")
_YUAN = Field(description="Whole yuan.")


AWARD_LINE_EXAMPLE: Final[JsonDict] = {
    "clause": "1.2",
    "count": 1,
    "uncapped_yuan": 10000,
    "amount_yuan": 10000,
}
ENTERPRISE_EXAMPLE: Final[JsonDict] = {
    "uscc": "91350300MA2XN0T34K",
    "name": "莆田市某某机械有限公司",
    "outcome": "counted",
    "connected_on": "2026-03-02",
    "window_last_day": "2026-05-30",
    "window_active_days": 78,
    "window_longest_gap_days": 1,
    "window_live_percent": 99,
    "confirmation": "confirmed",
    "confirmation_on": "2026-03-09",
    "year_counted": 2026,
    "pending_until": None,
    "reasons": [],
    "backdated": [],
}


class LateRecordAnswer(BaseModel):
    """A connection or assignments that were recorded later than they begin."""

    what: Literal["connection", "assignments"]
    serials: list[str] = Field(description="Of the devices; none of a connection.")
    from_date: date
    recorded_on: date = Field(description="The civil day on which the server was told.")
    evidence_from: date = Field(description="From this day on it counts by itself.")
    days_before: int = Field(
        description="Active days before: of the enterprise or, of devices, of the one with most."
    )
    decision: int | None = Field(description="The decision by which these days count.")
    opening_stock: int | None = Field(description="The opening stock by which they count.")
    changes_outcome: bool = Field(description="Whether the outcome depends on such days.")
    counts_against: bool = Field(
        default=False,
        description="Whether these days are read without an answer for them, because they show "
        "that the enterprise does not count: connected earlier, or before policy or recognition.",
    )


class LateCaseAnswer(LateRecordAnswer):
    """The same, with whom it concerns."""

    platform: str
    uscc: str = _USCC
    name: str


class EnterpriseAnswer(BaseModel):
    """One enterprise's outcome on one platform."""

    uscc: str = _USCC
    name: str
    outcome: Outcome
    connected_on: date | None = Field(description="First day of its effective window.")
    window_last_day: date | None
    window_active_days: int | None
    window_longest_gap_days: int | None
    window_live_percent: int | None = Field(
        default=None,
        description="Of the hours that make its active days, those that were heard live; null where"
        " that is not known, or the policy asks for no share.",
    )
    year_counted: int | None = Field(
        description="The year for which its earliest window counts, later years included."
    )
    pending_until: date | None = Field(
        description="Of a pending one: the earliest last day its window could have."
    )
    reasons: list[CriterionName] = Field(description="The criteria that are not met.")
    backdated: list[LateRecordAnswer] | None = Field(
        default=None, description="What was recorded late; null: before that was a rule."
    )
    confirmation: Literal["confirmed", "denied", "none"] | None = Field(
        default=None,
        description="What the enterprise itself says of the connection that its window rests on; "
        "null: before that was asked.",
    )
    confirmation_on: date | None = Field(default=None, description="When it said so.")


class AwardLineAnswer(BaseModel):
    """What one clause pays."""

    clause: str
    count: int
    uncapped_yuan: int = _YUAN
    amount_yuan: int = _YUAN


class PlatformAnswer(BaseModel):
    """One platform's part of a count."""

    platform: str = Field(description="The platform's code.")
    name: str
    counted: int
    pending: int
    outcomes: dict[Outcome, int] = Field(description="How many enterprises have each outcome.")
    award_yuan: int = _YUAN
    lines: list[AwardLineAnswer]
    enterprises: list[EnterpriseAnswer] = Field(description="By uscc.")


class ClaimAnswer(BaseModel):
    """A platform on which an enterprise counts."""

    platform: str
    connected_on: date
    year: int


class OverlapAnswer(BaseModel):
    """An enterprise that counts on several platforms, for review."""

    uscc: str = _USCC
    name: str
    platforms: list[ClaimAnswer]


class NoticeAnswer(BaseModel):
    """Something that a reader of the count must know."""

    code: str
    message: str = Field(description="In the reader's language.")


class DistrictAnswer(BaseModel):
    """A district of the policy."""

    name: str
    code: str | None = Field(description="GB/T 2260, where it has one.")


class ParameterAnswer(BaseModel):
    """A parameter of the policy."""

    name: str
    value: int | str | list[str] | dict[str, DistrictAnswer]
    unit: Unit
    clause: str
    basis: Basis = Field(
        description="`text`: the policy says so; `decision`: the municipality must decide."
    )


class CountAnswer(BaseModel):
    """The result for one year under one policy; a draft."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "year": 2026,
                    "policy": "putian-2026",
                    "policy_sha256": "5f2d" * 16,
                    "as_of": "2027-04-05",
                    "simulation": True,
                    "total_yuan": 10000,
                    "platforms": [
                        {
                            "platform": "xielian",
                            "name": "协联工业互联网平台",
                            "counted": 1,
                            "pending": 0,
                            "outcomes": {"counted": 1},
                            "award_yuan": 10000,
                            "lines": [AWARD_LINE_EXAMPLE],
                            "enterprises": [ENTERPRISE_EXAMPLE],
                        }
                    ],
                    "overlaps": [],
                    "notices": [],
                    "backdated": [],
                    "parameters": [
                        {
                            "name": "active_days_min",
                            "value": 60,
                            "unit": "days",
                            "clause": "1.2",
                            "basis": "decision",
                        }
                    ],
                }
            ]
        }
    )

    year: int
    policy: str
    policy_sha256: str = Field(description="Of the policy file: exactly these rules were applied.")
    as_of: date = Field(description="The last civil day (Asia/Shanghai) whose evidence is used.")
    simulation: bool = Field(description="True on a database of simulated data.")
    total_yuan: int = _YUAN
    platforms: list[PlatformAnswer] = Field(description="By code.")
    overlaps: list[OverlapAnswer]
    notices: list[NoticeAnswer]
    backdated: list[LateCaseAnswer] | None = Field(
        default=None, description="All that was recorded late; null: before that was a rule."
    )
    parameters: list[ParameterAnswer]


Measured = int | str | list[str] | dict[str, int | str] | None


class ConnectionAnswer(BaseModel):
    """A contract under which the platform serves the enterprise."""

    contract_no: str | None
    signed_on: date | None
    from_date: date
    to_date: date | None = Field(description="Exclusive; null: still open.")


class PeriodAnswer(BaseModel):
    """The days over which an enterprise was measured, both inclusive."""

    kind: PeriodKind = Field(
        description="`window`: its effective window; `possible`: the one it could still complete, "
        "so far; `attempt`: its best attempt; `year`: the year."
    )
    first_day: date
    last_day: date


class CriterionAnswer(BaseModel):
    """One criterion, measured against what is required."""

    criterion: str = Field(description="A criterion's name, or that of a numeric parameter.")
    met: bool | None = Field(description="Null where it cannot be measured.")
    measured: Measured
    required: Measured
    clause: str | None
    basis: Basis
    waiver_id: int | None = Field(description="The decision that set what is required.")


class AssignmentAnswer(BaseModel):
    """When a device stood for the enterprise."""

    from_date: date
    to_date: date | None = Field(description="Exclusive; null: still open.")


class DeviceAnswer(BaseModel):
    """A device that stood for the enterprise, and its activity in the period."""

    serial: str
    kind: str | None
    name: str | None
    assigned: list[AssignmentAnswer]
    active_days: int
    hours_heard: int = Field(description="In the period, while connected.")
    first_active_on: date | None
    last_active_on: date | None
    hours_by_receipt: int = Field(
        default=0,
        description="Of the period: hours with a heartbeat that has the time of its receipt.",
    )


class CalendarAnswer(BaseModel):
    """A month of active days."""

    month: str = Field(description="YYYY-MM.")
    days: str = Field(description="A mark a day: `#` active, `.` inactive, `-` not connected.")


class DecisionAnswer(BaseModel):
    """A verifier's decision."""

    id: int
    kind: DecisionKind
    platform: str
    uscc: str = _USCC
    name: str
    criterion: str | None
    value: int | None
    reason: str
    attachment: str | None = Field(description="Where the papers behind it are found.")
    decided_by: str
    decided_at: datetime
    withdrawn_reason: str | None
    withdrawn_by: str | None
    withdrawn_at: datetime | None
    needs_second: bool = Field(
        description="Whether it has no effect before another person confirmed it."
    )
    confirmed_by: str | None
    confirmed_at: datetime | None


class ExplanationAnswer(EnterpriseAnswer):
    """Why an enterprise has its outcome on a platform in a year."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "year": 2026,
                    "policy": "putian-2026",
                    "policy_sha256": "5f2d" * 16,
                    "as_of": "2027-04-05",
                    "simulation": True,
                    "platform": "xielian",
                    "platform_name": "协联工业互联网平台",
                    **ENTERPRISE_EXAMPLE,
                    "connections": [
                        {
                            "contract_no": "HT-2026-017",
                            "signed_on": "2026-02-20",
                            "from_date": "2026-03-01",
                            "to_date": None,
                        }
                    ],
                    "period": {
                        "kind": "window",
                        "first_day": "2026-03-02",
                        "last_day": "2026-05-30",
                    },
                    "criteria": [
                        {
                            "criterion": "active_days_min",
                            "met": True,
                            "measured": 78,
                            "required": 60,
                            "clause": "1.2",
                            "basis": "decision",
                            "waiver_id": None,
                        }
                    ],
                    "devices": [
                        {
                            "serial": "CNC-01",
                            "kind": "cnc",
                            "name": None,
                            "assigned": [{"from_date": "2026-03-01", "to_date": None}],
                            "active_days": 78,
                            "hours_heard": 390,
                            "hours_by_receipt": 0,
                            "first_active_on": "2026-03-02",
                            "last_active_on": "2026-05-30",
                        }
                    ],
                    "calendar": [{"month": "2026-03", "days": "-######.######.######.######.##"}],
                    "decisions": [],
                }
            ]
        }
    )

    year: int
    policy: str
    policy_sha256: str
    as_of: date
    simulation: bool
    platform: str
    platform_name: str
    connections: list[ConnectionAnswer]
    period: PeriodAnswer
    criteria: list[CriterionAnswer]
    devices: list[DeviceAnswer]
    calendar: list[CalendarAnswer]
    decisions: list[DecisionAnswer] = Field(description="Withdrawn ones too.")
