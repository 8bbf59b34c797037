"""The shapes of what is said of questions to enterprises."""

from datetime import date, datetime
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

__all__ = ["ConfirmationList", "ConfirmationRecord", "DeadLetter"]

_CONFIRMATION: Final[JsonDict] = {
    "id": 9,
    "sent_by": "email",
    "contract_no": "HT-2026-017",
    "from_date": "2026-03-01",
    "asked_by": "user:chen",
    "asked_at": "2026-03-02T02:14:09Z",
    "expires_at": "2026-05-01T02:14:09Z",
    "answer": "confirmed",
    "reason": None,
    "answered_at": "2026-03-02T06:01:44Z",
}


class ConfirmationRecord(BaseModel):
    """One question to an enterprise, and its answer."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CONFIRMATION]})

    id: int
    sent_by: Literal["email", "letter"]
    contract_no: str | None = Field(description="As the enterprise read it.")
    from_date: date
    asked_by: str | None = Field(description="Null for an operator.")
    asked_at: datetime
    expires_at: datetime
    answer: Literal["confirmed", "denied"] | None = Field(description="Null: none yet.")
    reason: str | None = Field(description="Of a denial; null for an operator.")
    answered_at: datetime | None


class ConfirmationList(BaseModel):
    """All that an enterprise was asked of one connection."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_CONFIRMATION]}]})

    items: list[ConfirmationRecord] = Field(description="The newest first.")


class DeadLetter(BaseModel):
    """A message that was given up."""

    id: int
    subject: str
    attempts: int
    last_error: str | None
    created_at: datetime
