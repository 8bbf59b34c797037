"""The frozen content of a count, as reports read it: every key typed, none unknown."""

from datetime import date, datetime
from typing import Annotated, Literal, TypeAlias

import msgspec

from jieru.errors import UserError
from jieru.i18n import Language
from verifier.counting.backdated import Backdated
from verifier.counting.determination import Outcome
from verifier.counting.measures import PeriodKind
from verifier.counting.registry import DecisionKind
from verifier.policy import Basis, Unit

__all__ = [
    "Closing",
    "CountDocument",
    "Criterion",
    "Decision",
    "Device",
    "Enterprise",
    "LateRecord",
    "Line",
    "Measure",
    "Parameter",
    "Platform",
    "SignedCount",
    "Statement",
    "Visits",
    "Words",
    "find_enterprise",
    "read_signed_count",
]

Measure: TypeAlias = int | str | list[str] | dict[str, int | str] | None
ParameterValue: TypeAlias = int | str | list[str] | dict[str, dict[str, str | None]]
_Sha256: TypeAlias = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
_Natural: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]
_Instant: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]


class _Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Nothing unknown, nothing missing, nothing changed afterwards."""


class Words(_Struct, frozen=True):
    """One text in the languages of the interface."""

    zh: str
    en: str

    def spoken_in(self, language: Language) -> str:
        """The text in one language."""
        return self.en if language == "en" else self.zh


class Parameter(_Struct, frozen=True):
    """One number or choice of the policy."""

    name: str
    value: ParameterValue
    unit: Unit
    clause: str
    basis: Basis


class Criterion(_Struct, frozen=True):
    """One criterion, measured against what is required."""

    name: str
    is_met: bool | None
    """None where it could not be measured."""
    measured: Measure
    required: Measure
    clause: str | None
    basis: Basis
    waiver_id: int | None


class Device(_Struct, frozen=True):
    """One device that stood for an enterprise, with its active days in the window."""

    serial: str
    name: str | None
    kind: str | None
    assigned_from: date
    assigned_to: date | None
    active_days: _Natural
    first_active_on: date | None
    last_active_on: date | None
    presence_sha256: _Sha256
    hours_heard: _Natural | None = None
    """Since version 2."""


class Period(_Struct, frozen=True):
    """The days over which an enterprise was measured, both inclusive."""

    kind: PeriodKind
    first_day: date
    last_day: date


class Connection(_Struct, frozen=True):
    """A contract under which the platform served the enterprise."""

    contract_no: str | None
    signed_on: date | None
    from_date: date
    to_date: date | None


class Decision(_Struct, frozen=True):
    """A decision on one enterprise of one platform, withdrawn ones too."""

    id: int
    kind: DecisionKind
    criterion: str | None
    value: int | None
    reason: str
    attachment: str | None
    """Where the papers behind it are found."""
    decided_by: str
    decided_at: _Instant
    withdrawn_reason: str | None
    withdrawn_by: str | None
    withdrawn_at: _Instant | None
    needs_second: bool = False
    """As the two that follow, said of what another person must confirm."""
    confirmed_by: str | None = None
    confirmed_at: _Instant | None = None


class Closing(_Struct, frozen=True):
    """Why the count does not wait for the window of a pending enterprise."""

    id: int
    reason: str
    closed_by: str
    closed_at: _Instant


class LateRecord(_Struct, frozen=True):
    """A connection or assignments that were recorded later than they begin."""

    what: Literal["connection", "assignments"]
    serials: list[str]
    from_date: date
    recorded_on: date
    evidence_from: date
    days_before: _Natural
    decision: int | None
    opening_stock: int | None
    changes_outcome: bool
    counts_against: bool = False

    def as_counted(self) -> Backdated:
        """The same as the count has it."""
        return Backdated(
            serials=tuple(self.serials),
            from_date=self.from_date,
            recorded_on=self.recorded_on,
            evidence_from=self.evidence_from,
            days_before=self.days_before,
            decision=self.decision,
            opening_stock=self.opening_stock,
            changes_outcome=self.changes_outcome,
            counts_against=self.counts_against,
        )


class Enterprise(_Struct, frozen=True):
    """One determination."""

    uscc: str
    name: str
    district: str
    industry_code: str | None
    contract_nos: list[str]
    outcome: Outcome
    connected_on: date | None
    window_first_day: date | None
    window_last_day: date | None
    window_active_days: _Natural | None
    window_longest_gap_days: _Natural | None
    year_counted: int | None
    pending_until: date | None
    reasons: list[str]
    criteria: list[Criterion]
    devices: list[Device]
    """In version 1 of counted ones only."""
    decisions: list[Decision]
    closing: Closing | None
    presence_sha256: _Sha256
    registry_sha256: _Sha256
    period: Period | None = None
    """This and what follows since version 2."""
    window_live_percent: Annotated[int, msgspec.Meta(ge=0, le=100)] | None = None
    """None: it is not known, or under a policy that asks for none."""
    connections: list[Connection] | None = None
    calendar: dict[str, str] | None = None
    backdated: list[LateRecord] | None = None
    """None: under a policy of before evidence followed registration."""
    confirmation: Literal["confirmed", "denied", "none"] | None = None
    """What the enterprise itself says; None: the policy asks for nothing."""
    confirmation_on: date | None = None

    @property
    def counted_devices(self) -> list[Device]:
        """The devices by which it counts: none unless it does."""
        return self.devices if self.outcome is Outcome.COUNTED else []


class Line(_Struct, frozen=True):
    """What one clause pays one platform."""

    clause: str
    count: _Natural
    uncapped_yuan: _Natural
    amount_yuan: _Natural


class Platform(_Struct, frozen=True):
    """One platform's part of the count."""

    platform: str
    name: str
    operator_uscc: str | None
    counted: _Natural
    pending: _Natural
    outcomes: dict[Outcome, _Natural]
    award_yuan: _Natural
    lines: list[Line]
    enterprises: list[Enterprise]


class Claim(_Struct, frozen=True):
    """Where an enterprise counts that counts on several platforms."""

    platform: str
    connected_on: date
    year: int


class Overlap(_Struct, frozen=True):
    """An enterprise that counts on several platforms."""

    uscc: str
    name: str
    platforms: list[Claim]


class Notice(_Struct, frozen=True):
    """Something a reader of the count must know."""

    code: str
    message: str
    """In English."""
    template: str
    """The message id, untranslated and without its values."""
    values: dict[str, int | str]


class Visits(_Struct, frozen=True):
    """What was known, when the count was frozen, of those who were drawn to be visited."""

    draw: _Natural
    drawn_on: date
    digest: _Sha256
    """Of the list that was published."""
    listed: _Natural
    drawn: _Natural
    visited: _Natural
    as_registered: _Natural
    differs: _Natural
    not_found: _Natural
    refused: _Natural
    bound: _Natural
    """So many of the list may be invented, with 95 %."""


class CountDocument(_Struct, frozen=True):
    """All that was frozen."""

    year: int
    count_id: Annotated[str, msgspec.Meta(pattern="^[0-9]{4}-[0-9]{1,4}$")]
    revision: Annotated[int, msgspec.Meta(ge=1)]
    supersedes: str | None
    policy: str
    policy_sha256: _Sha256
    policy_title: Words
    policy_source: str
    code_version: str
    as_of: date
    frozen_at: _Instant
    frozen_by: str
    simulation: bool
    budget_yuan: _Natural
    total_yuan: _Natural
    platforms: list[Platform]
    overlaps: list[Overlap]
    notices: list[Notice]
    parameters: list[Parameter]
    version: Literal[1, 2] = 1
    steps_are_signed: bool = False
    """Whether each step after freezing needs a signed statement."""
    visits: list[Visits] = []
    """Of each draw of the year; none in counts that were frozen before there were any."""
    visits_not_listed: _Natural = 0
    """How many counted enterprises stand in no list that was drawn; with `visits` only."""

    def parameter(self, name: str) -> Parameter | None:
        """One parameter of the policy, if the policy had it."""
        return next((each for each in self.parameters if each.name == name), None)


class Statement(_Struct, frozen=True):
    """A signed statement of what was done with the count since it was frozen."""

    content: str
    """JSON, whose shape is that of `verifier.procedure.statements`."""
    public_key: str
    signature: str


class SignedCount(_Struct, frozen=True):
    """What a signed file holds; whoever reads one has checked digest and signatures before."""

    document: CountDocument
    digest: _Sha256
    signature: str
    public_key: str
    statements: list[Statement] = []


def read_signed_count(content: bytes) -> SignedCount:
    """Read a signed file's content.

    Raises:
        UserError: it is not a count document of the form that this version knows.
    """
    try:
        return _DECODER.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UserError("This is not a signed count: {reason}.", reason=str(error)) from None


def find_enterprise(signed: SignedCount, platform: str, uscc: str) -> tuple[Platform, Enterprise]:
    """One enterprise of one platform.

    Raises:
        UserError: the count lists no such platform, or not this enterprise on it.
    """
    for each in signed.document.platforms:
        if each.platform == platform:
            for enterprise in each.enterprises:
                if enterprise.uscc == uscc:
                    return each, enterprise
            raise UserError(
                "The count {count} lists no enterprise {uscc} on the platform {platform}.",
                count=signed.document.count_id,
                uscc=uscc,
                platform=platform,
            )
    raise UserError(
        "The count {count} lists no platform {platform}.",
        count=signed.document.count_id,
        platform=platform,
    )


_DECODER = msgspec.json.Decoder(SignedCount)
