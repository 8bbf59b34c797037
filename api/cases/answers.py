"""The shapes of what is said of cases and of questions, and of what may be said in them."""

from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from api.web.civil import CivilDate
from api.web.documents import KeptFile, NewFiles
from api.web.paging import Page
from api.web.records import USCC, WHOLE_NUMBER, Body
from verifier.trust.cases.records import CaseCause
from verifier.trust.cases.states import CaseState, CaseStep
from verifier.trust.cases.taking import Upholding
from verifier.trust.signal import Kind, Strength

__all__ = [
    "Answer",
    "AnsweredQuestion",
    "AskedQuestion",
    "BureauStep",
    "CaseDetail",
    "CasePage",
    "CaseSignal",
    "CaseSummary",
    "NewCase",
    "QuestionPage",
    "QuestionRecord",
    "StepRecord",
    "TakenCaseStep",
]

_LONGEST: Final = 4_000
_WITHOUT_NUL: Final = r"^[^\x00]*$"

CaseText = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=_LONGEST, pattern=_WITHOUT_NUL
    ),
]
_Code = Annotated[str, StringConstraints(max_length=100, pattern=_WITHOUT_NUL)]

_SUMMARY: Final[JsonDict] = {
    "id": 12,
    "platform": "xielian",
    "uscc": "91350300MA2XN0T34K",
    "enterprise_name": "莆田市某某机械有限公司",
    "cause": "signals",
    "strength": "hard",
    "kinds": ["counter_fell"],
    "state": "asked",
    "opened_at": "2026-11-02T18:10:04Z",
    "due_on": "2026-11-16",
    "concluded_at": None,
}
_DOCUMENT: Final[JsonDict] = {"sha256": "0" * 64, "name": "维修记录.pdf"}
_QUESTION: Final[JsonDict] = {
    "uscc": "91350300MA2XN0T34K",
    "enterprise_name": "莆田市某某机械有限公司",
    "state": "waiting",
    "due_on": "2026-11-16",
    "questions": [
        {
            "asked_at": "2026-11-02T18:10:04Z",
            "due_on": "2026-11-16",
            "text": "请说明 CNC-03 在 5 月 6 日更换控制器的情况。",
            "documents": [],
        }
    ],
    "answers": [],
}


class CaseSummary(BaseModel):
    """A case as a list shows it."""

    id: int
    platform: str
    uscc: str = USCC
    enterprise_name: str
    cause: CaseCause = Field(description="What opened it.")
    strength: Strength = Field(description="`hard`: one hard signal, or missed challenges.")
    kinds: list[str] = Field(description="Of the signals that opened it.")
    state: CaseState = Field(
        description="`open`: nobody was asked yet; `asked`: an answer is missing; `answered` and "
        "`visited`: it is to be judged; `cleared` and `upheld`: it is concluded."
    )
    opened_at: datetime
    due_on: date | None = Field(description="The last day for an answer that is missing.")
    concluded_at: datetime | None


class CasePage(Page[CaseSummary]):
    """One page of cases, by due date and strength; what nobody began waits since it was opened."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_SUMMARY], "next_cursor": None}]}
    )


class CaseSignal(BaseModel):
    """A signal of the case."""

    kind: Kind
    strength: Strength
    score: float
    threshold: float
    from_on: date
    to_on: date
    devices: list[str]
    run_id: int
    detail: dict[str, Any]


class StepRecord(BaseModel):
    """A step that was taken, for good."""

    id: int
    step: CaseStep
    taken_by: str
    taken_at: datetime
    text: str
    due_on: date | None
    visited_on: date | None
    documents: list[KeptFile]
    decision_id: int | None = Field(description="Of the decision to which the step led.")


class CaseDetail(CaseSummary):
    """One case with its signals and all its steps."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_SUMMARY,
                    "opened_by": "command:jieru",
                    "hold_proposed_by": None,
                    "signals": [],
                    "steps": [],
                }
            ]
        }
    )

    opened_by: str
    hold_proposed_by: str | None = Field(description="Whose proposal waits for another person.")
    signals: list[CaseSignal]
    steps: list[StepRecord]


class NewCase(Body):
    """A case that a verifier opens without signals."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"platform": "xielian", "uscc": "91350300MA2XN0T34K", "text": "收到群众举报"}
            ]
        }
    )

    platform: _Code
    uscc: _Code = USCC
    text: CaseText = Field(description="Why.")


BureauStep = Literal[
    "asked_operator",
    "asked_enterprise",
    "enterprise_answered",
    "visited",
    "noted",
    "hold_proposed",
    "hold_decided",
    "hold_declined",
    "cleared",
    "upheld",
    "reopened",
]
"""What verifiers do; operators answer."""


class TakenCaseStep(Body):
    """A step that a verifier takes."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"step": "cleared", "text": "控制器已更换，有维修记录"}]}
    )

    step: BureauStep
    text: CaseText = Field(description="What is asked, answered or seen, or why.")
    working_days: Annotated[int, Field(ge=1, le=60), WHOLE_NUMBER] | None = Field(
        default=None, description="Of a question: for the answer; by default as the policy has it."
    )
    visited_on: CivilDate | None = Field(default=None, description="Of a visit, and required.")
    leads_to: Upholding | None = Field(
        default=None, description="Of an upheld case, and required: the decision that follows."
    )
    documents: NewFiles = Field(default=[])


class AskedQuestion(BaseModel):
    """What an operator was asked."""

    asked_at: datetime
    due_on: date
    text: str
    documents: list[KeptFile]


class AnsweredQuestion(BaseModel):
    """What an operator answered."""

    answered_at: datetime
    answered_by: str
    text: str
    documents: list[KeptFile]


class QuestionRecord(BaseModel):
    """What an operator is asked about one of its enterprises, and has answered."""

    model_config = ConfigDict(json_schema_extra={"examples": [_QUESTION]})

    uscc: str = USCC
    enterprise_name: str
    state: Literal["waiting", "answered", "closed"] = Field(
        description="`waiting`: for an answer; `answered`: more may be added; `closed`: the bureau "
        "needs nothing more."
    )
    due_on: date | None = Field(description="The last day for an answer that is missing.")
    questions: list[AskedQuestion]
    answers: list[AnsweredQuestion]


class QuestionPage(Page[QuestionRecord]):
    """The enterprises about which an operator was asked, those that wait first."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_QUESTION], "next_cursor": None}]}
    )


class Answer(Body):
    """What an operator answers."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "5 月 6 日更换控制器，维修记录见附件。"}]}
    )

    text: CaseText
    documents: NewFiles = Field(default=[])
