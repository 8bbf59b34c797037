"""The bodies of the steps of a count: what whoever takes one has to say."""

from typing import Annotated, Final

from pydantic import ConfigDict, Field, StringConstraints

from api.web.civil import CivilDate
from api.web.records import USCC, WHOLE_NUMBER, Body
from verifier.counting.registry import DecisionKind
from verifier.procedure.states import ObjectionOutcome

__all__ = [
    "Drafting",
    "Freezing",
    "NewClosing",
    "NewDecision",
    "NewObjection",
    "NewPayment",
    "Publishing",
    "Reasoned",
    "Resolution",
    "Submission",
]

_LONGEST: Final = 2_000
_WITHOUT_NUL: Final = r"^[^\x00]*$"

Text = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=_LONGEST, pattern=_WITHOUT_NUL
    ),
]
"""What somebody must say."""
Remark = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=_LONGEST, pattern=_WITHOUT_NUL)
]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Code = Annotated[str, StringConstraints(max_length=100, pattern=_WITHOUT_NUL)]


_Number = Annotated[int, Field(ge=0, le=100_000), WHOLE_NUMBER]


class Drafting(Body):
    """A draft run."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"as_of": "2027-04-05"}]})

    as_of: CivilDate | None = Field(
        default=None, description="The last day whose evidence is used; by default yesterday."
    )
    reason: Remark | None = Field(
        default=None, description="Why a year that is frozen already is counted again."
    )


class Submission(Body):
    """A draft that is handed over for review."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "请复核"}]})

    note: Remark | None = Field(default=None, description="What the reviewers should know.")
    content_sha256: Sha256 | None = Field(
        default=None, description="Of the draft that was read; another one is refused."
    )


class Reasoned(Body):
    """Why something is returned or withdrawn."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "合同编号有误"}]})

    reason: Text


class Freezing(Body):
    """What is frozen."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"content_sha256": "7a1b" * 16}]})

    content_sha256: Sha256 = Field(description="Of the draft that was reviewed; no other is taken.")


class Publishing(Body):
    """How long the public notice lasts."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})

    notice_ends_on: CivilDate | None = Field(
        default=None,
        description="Its last day, named by a person; by default the calendar's.",
    )
    last_day_shown: CivilDate | None = Field(
        default=None,
        description="The calendar's last day as it was shown; another one by now is refused.",
    )


class NewObjection(Body):
    """An objection."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "某某公司", "statement": "设备数量有误"}]}
    )

    name: Text = Field(description="Who objects.")
    statement: Text


class Resolution(Body):
    """What came of an objection."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"outcome": "dismissed", "resolution": "核查无误"}]}
    )

    outcome: ObjectionOutcome
    resolution: Text


class NewPayment(Body):
    """All that was due to a platform, paid."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"platform": "xielian", "reference": "国库 2027-0412", "paid_on": "2027-04-21"}
            ]
        }
    )

    platform: Code
    reference: Text = Field(description="Of the payment order.")
    paid_on: CivilDate


class NewDecision(Body):
    """A decision on one enterprise of one platform."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "hold",
                    "platform": "xielian",
                    "uscc": "91350300MA2XN0T34K",
                    "reason": "现场核查",
                    "attachment": "莆工信核〔2027〕3 号",
                }
            ]
        }
    )

    kind: DecisionKind
    platform: Code
    uscc: Code = USCC
    reason: Text
    attachment: Remark | None = Field(
        default=None, description="Where the papers behind it are found."
    )
    criterion: Code | None = Field(default=None, description="Of a waiver: what it sets.")
    value: _Number | None = Field(default=None, description="Of a waiver: the number that it sets.")


class NewClosing(Body):
    """A pending enterprise for whose window the count shall not wait."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"platform": "xielian", "uscc": "91350300MA2XN0T34K", "reason": "企业已停产"}
            ]
        }
    )

    platform: Code
    uscc: Code = USCC
    reason: Text
