"""The shapes of what is answered of a count as a procedure, as OpenAPI documents them."""

from datetime import date
from typing import Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from api.counts.answers import (
    AWARD_LINE_EXAMPLE,
    ENTERPRISE_EXAMPLE,
    AwardLineAnswer,
    EnterpriseAnswer,
)
from api.web.records import USCC
from verifier.counting.determination import Outcome
from verifier.procedure.comparison import ChangeKind
from verifier.procedure.decided_since import LaterKind
from verifier.procedure.recovery import RecoveryKind
from verifier.procedure.states import ObjectionOutcome, State, Step

__all__ = [
    "ComparisonAnswer",
    "CountDetail",
    "CountList",
    "CountRecordAnswer",
    "DeterminationList",
    "NumberAnswer",
    "ReviewList",
]

_YUAN: Final = Field(description="Whole yuan.")

_COUNT: Final[JsonDict] = {
    "count_id": "2026-1",
    "year": 2026,
    "revision": 1,
    "state": "published",
    "supersedes": None,
    "policy": "putian-2026",
    "policy_sha256": "5f2d" * 16,
    "as_of": "2027-04-05",
    "content_sha256": "7a1b" * 16,
    "opened_by": "lin",
    "opened_at": "2027-04-06T01:00:00Z",
    "drafted_by": "lin",
    "drafted_at": "2027-04-06T01:00:04Z",
    "submitted_by": "lin",
    "submitted_at": "2027-04-06T02:00:00Z",
    "frozen_by": "chen",
    "frozen_at": "2027-04-12T01:00:00Z",
    "code_version": "0.1.0+3f2a9c0d11e4",
    "digest": "91c3" * 16,
    "public_key": "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=",
    "published_by": "chen",
    "published_at": "2027-04-12T02:00:00Z",
    "notice_days": 5,
    "notice_ends_on": "2027-04-19",
    "payable_by": None,
    "payable_at": None,
}


class CountRecordAnswer(BaseModel):
    """One revision of a year's count; what has not happened yet is null."""

    model_config = ConfigDict(json_schema_extra={"examples": [_COUNT]}, from_attributes=True)

    count_id: str = Field(description="Year and revision, such as `2026-1`.")
    year: int
    revision: int
    state: State
    supersedes: str | None = Field(description="The count that this one corrects.")
    policy: str | None
    policy_sha256: str | None
    as_of: date | None = Field(description="The last civil day whose evidence is used.")
    content_sha256: str | None = Field(description="Of what the last draft run found.")
    opened_by: str | None = Field(description="Null for an operator, as every name below.")
    opened_at: AwareDatetime
    drafted_by: str | None
    drafted_at: AwareDatetime | None
    submitted_by: str | None = Field(description="The maker.")
    submitted_at: AwareDatetime | None
    frozen_by: str | None = Field(description="The checker.")
    frozen_at: AwareDatetime | None
    code_version: str | None
    digest: str | None = Field(description="SHA-256 of the frozen document's canonical bytes.")
    public_key: str | None = Field(description="Ed25519, base64: whose signature it bears.")
    published_by: str | None
    published_at: AwareDatetime | None
    notice_days: int | None = Field(description="Working days of the public notice.")
    notice_ends_on: date | None
    payable_by: str | None
    payable_at: AwareDatetime | None


class CountList(BaseModel):
    """Counts, the latest year and revision first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_COUNT]}]})

    items: list[CountRecordAnswer]


class PlatformPart(BaseModel):
    """One platform's part of a count."""

    platform: str
    name: str
    counted: int
    outcomes: dict[Outcome, int]
    award_yuan: int = _YUAN
    lines: list[AwardLineAnswer] = Field(description="What each clause pays, under its number.")
    capped_yuan: int = Field(description="Under the clause that has a cap, after it.")
    uncapped_yuan: int = Field(description="Under that clause, before its cap.")
    cap_yuan: int = _YUAN


class StepTaken(BaseModel):
    """One step that was taken."""

    step: Step
    state: State = Field(description="In which it left the count.")
    note: str | None
    taken_by: str
    taken_at: AwareDatetime


class HindranceAnswer(BaseModel):
    """One thing that is missing."""

    code: str
    message: str = Field(description="In the reader's language.")


class StepOfferAnswer(BaseModel):
    """A step for which the count is in the right state."""

    step: Step
    is_open: bool = Field(description="Whether the caller may take it now.")
    is_for_another: bool = Field(
        description="Another person must take it, for what the caller did in this count."
    )
    for_another_because: str | None = Field(
        description="What the caller did, in the reader's language."
    )
    hindrances: list[HindranceAnswer]


class ObjectionAnswer(BaseModel):
    """An objection to a published count."""

    id: int
    name: str = Field(description="Who objects.")
    statement: str
    recorded_by: str
    recorded_at: AwareDatetime
    outcome: ObjectionOutcome | None
    resolution: str | None
    resolved_by: str | None
    resolved_at: AwareDatetime | None
    override_reason: str | None = Field(
        description="Why two people pay in spite of it; null while nobody proposed that."
    )
    override_proposed_by: str | None
    override_proposed_at: AwareDatetime | None
    override_confirmed_by: str | None = Field(
        description="Null while nobody confirmed it: so long the objection stops payment."
    )
    override_confirmed_at: AwareDatetime | None


class DueAnswer(BaseModel):
    """What is still to be paid to a platform under one clause."""

    platform: str
    name: str
    clause: str
    amount_yuan: int = _YUAN


class PaymentAnswer(BaseModel):
    """What was paid."""

    platform: str
    clause: str
    amount_yuan: int = _YUAN
    paid_on: date
    reference: str
    recorded_by: str | None
    recorded_at: AwareDatetime
    statement: int | None = Field(
        description="Number of the signed statement of it; null where there is none."
    )
    signed_by: str | None = Field(
        description="Whose key signed that, where the file of trusted keys names it."
    )
    signing_key: str | None = Field(description="The key: Ed25519, base64.")


class StatementAnswer(BaseModel):
    """A signed statement of what was done with a frozen count."""

    said: dict[str, Any] = Field(description="What it says: its canonical bytes are signed.")
    sha256: str = Field(description="Of these bytes; the next statement names it as `previous`.")
    public_key: str = Field(description="Ed25519, base64.")
    signed_by: str | None = Field(description="Whose key it is, where that is known.")
    is_trusted: bool = Field(description="Whether somebody vouches for the key on that day.")


class RecoveryAnswer(BaseModel):
    """One line of what is claimed back; below 0 where it lessens the claim."""

    platform: str
    clause: str
    kind: RecoveryKind
    uscc: str | None
    name: str | None
    amount_yuan: int = _YUAN


class CountDetail(CountRecordAnswer):
    """One count with its figures, its steps and what stands beside it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_COUNT,
                    "simulation": False,
                    "total_yuan": 10000,
                    "budget_yuan": 10000000,
                    "paid_yuan": 0,
                    "platforms": [
                        {
                            "platform": "xielian",
                            "name": "协联工业互联网平台",
                            "counted": 1,
                            "outcomes": {"counted": 1},
                            "award_yuan": 10000,
                            "lines": [AWARD_LINE_EXAMPLE],
                            "capped_yuan": 10000,
                            "uncapped_yuan": 10000,
                            "cap_yuan": 150000,
                        }
                    ],
                    "overlaps": [],
                    "steps": [],
                    "offers": [],
                    "objections": [],
                    "due": [],
                    "payments": [],
                    "faults": [],
                    "stale": [],
                    "stale_until": None,
                    "recoveries": [],
                    "statements": [],
                }
            ]
        }
    )

    simulation: bool | None
    total_yuan: int | None
    budget_yuan: int | None = Field(description="The year's fund (null to an operator).")
    paid_yuan: int
    platforms: list[PlatformPart]
    overlaps: list[dict[str, Any]] = Field(description="Enterprises that count twice.")
    steps: list[StepTaken]
    offers: list[StepOfferAnswer] = Field(description="What may come next.")
    objections: list[ObjectionAnswer]
    due: list[DueAnswer]
    payments: list[PaymentAnswer]
    recoveries: list[RecoveryAnswer]
    statements: list[StatementAnswer] = Field(
        description="What was done with it since it was frozen, signed step by step (none to an "
        "operator)."
    )
    faults: list[HindranceAnswer] = Field(
        description="What of a frozen count is not as it was signed; no step is taken then."
    )
    stale: list[HindranceAnswer] = Field(
        default=[],
        description="What changed since the draft of a count that is not frozen, at a short look.",
    )
    stale_until: AwareDatetime | None = Field(
        default=None, description="Until when heartbeats can make the draft stale; null: no more."
    )


class DeterminationAnswer(EnterpriseAnswer):
    """One enterprise of a stored count."""

    platform: str
    district: str


class DeterminationList(BaseModel):
    """Some enterprises of a stored count, by platform and uscc."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "total": 1,
                    "items": [{"platform": "xielian", "district": "licheng", **ENTERPRISE_EXAMPLE}],
                }
            ]
        }
    )

    total: int = Field(description="How many fit in all.")
    items: list[DeterminationAnswer]


class DecidedSinceAnswer(BaseModel):
    """What was decided on an enterprise since the draft, which does not know of it."""

    platform: str
    number: int = Field(description="Of the decision; of the closing where the kind is `close`.")
    kind: LaterKind
    criterion: str | None
    value: int | None
    is_withdrawn: bool = Field(description="Then the rest is of the withdrawal.")
    reason: str
    by: str
    at: AwareDatetime
    outcome: Outcome = Field(description="What the draft says of the enterprise.")


class KeptAnswer(BaseModel):
    """That an enterprise was looked at on a platform and stays."""

    platform: str
    number: int = Field(description="Of the decision.")
    reason: str
    by: str
    at: AwareDatetime


class ReviewAnswer(BaseModel):
    """One enterprise that a person should look at."""

    kind: Literal["decided", "waiting", "hold", "overlap", "pending"] = Field(
        description="`decided`: since the draft. `waiting`: a decision that waits for a second "
        "person."
    )
    platforms: list[str]
    uscc: str = USCC
    name: str
    due_on: date | None = Field(description="Of a pending one: the earliest last day.")
    is_urgent: bool
    reason: str | None
    decision_id: int | None
    decided_by: str | None = Field(description="Of a decision.")
    since: list[DecidedSinceAnswer] = Field(
        default=[], description="Decided since the draft: draft the count again to take it in."
    )
    kept: list[KeptAnswer] = Field(default=[], description="Of an overlap: seen, and stays there.")
    is_settled: bool = Field(
        default=False, description="Of an overlap: it was seen and stays on each platform."
    )


class ReviewList(BaseModel):
    """What to look at before a count is frozen."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "kind": "hold",
                            "platforms": ["xielian"],
                            "uscc": "91350300MA2XN0T34K",
                            "name": "莆田市某某机械有限公司",
                            "due_on": None,
                            "is_urgent": True,
                            "reason": "现场核查",
                            "decision_id": 7,
                            "decided_by": "lin",
                            "since": [],
                            "kept": [],
                            "is_settled": False,
                        }
                    ]
                }
            ]
        }
    )

    items: list[ReviewAnswer]


class ChangeAnswer(BaseModel):
    """One enterprise that the two counts tell differently."""

    kind: ChangeKind
    platform: str
    uscc: str = USCC
    name: str
    outcome_before: Outcome | None
    outcome_after: Outcome | None
    keys: list[str]


class LineChangeAnswer(BaseModel):
    """One award line that differs."""

    platform: str
    clause: str
    count_before: int
    count_after: int
    yuan_before: int = _YUAN
    yuan_after: int = _YUAN


class ComparisonAnswer(BaseModel):
    """What changed from one count to another."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "before": "2026-1",
                    "after": "2026-2",
                    "total_before_yuan": 20000,
                    "total_after_yuan": 10000,
                    "platforms": [],
                    "enterprises": [],
                }
            ]
        }
    )

    before: str
    after: str
    total_before_yuan: int = _YUAN
    total_after_yuan: int = _YUAN
    platforms: list[LineChangeAnswer]
    enterprises: list[ChangeAnswer]


class NumberAnswer(BaseModel):
    """The number under which something was recorded."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"id": 7}]})

    id: int
