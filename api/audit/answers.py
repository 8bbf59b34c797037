"""The shapes of the audit's answers, as OpenAPI documents them."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.web.paging import Page

__all__ = ["AuditEntry", "AuditPage", "RecordKind"]

_ENTRY: Final[dict[str, Any]] = {
    "number": 4711,
    "changed_at": "2026-11-25T08:20:11.123456Z",
    "actor": "user:chen",
    "origin": "203.0.113.7",
    "action": "change",
    "record_kind": "devices",
    "record_id": 17,
    "platform": "xielian",
    "before": {"id": 17, "serial": "CNC-01", "name": None},
    "after": {"id": 17, "serial": "CNC-01", "name": "数控车床 1 号"},
    "changed_fields": ["name"],
    "hash": "9c1f" * 16,
}


class RecordKind(StrEnum):
    """Whose changes are entered: the tables' names."""

    PLATFORMS = "platforms"
    RECOGNITIONS = "recognitions"
    ENTERPRISES = "enterprises"
    CONNECTIONS = "connections"
    CONNECTION_REQUESTS = "connection_requests"
    DEVICES = "devices"
    ASSIGNMENTS = "assignments"
    DECISIONS = "decisions"
    OPENING_STOCKS = "opening_stocks"
    USERS = "users"
    ACCOUNT_CHANGES = "account_changes"
    API_KEYS = "api_keys"
    CREDENTIALS = "credentials"
    PUBLISHERS = "publishers"
    SOURCES = "sources"
    SECOND_FACTORS = "second_factors"
    NOTICE_CHANNELS = "notice_channels"
    COUNTS = "counts"
    COUNT_STEPS = "count_steps"
    PENDING_CLOSINGS = "pending_closings"
    OBJECTIONS = "objections"
    OBJECTION_OVERRIDES = "objection_overrides"
    COUNT_STATEMENTS = "count_statements"
    COUNT_PAYMENTS = "count_payments"
    RECOVERIES = "recoveries"
    SIGNAL_RUNS = "signal_runs"
    CASES = "cases"
    CASE_STEPS = "case_steps"
    DECLARATIONS = "declarations"
    HEARTBEAT_ARCHIVES = "heartbeat_archives"
    EVIDENCE_VERIFICATIONS = "evidence_verifications"
    EVIDENCE_EXCEPTIONS = "evidence_exceptions"
    DRAWS = "draws"
    DRAW_ENTRIES = "draw_entries"
    VISITS = "visits"
    ENTERPRISE_CONTACTS = "enterprise_contacts"
    CONFIRMATIONS = "confirmations"
    CHALLENGES = "challenges"


class AuditEntry(BaseModel):
    """One change of one record."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ENTRY]})

    number: int = Field(description="Its place in the chain; there are no gaps.")
    changed_at: datetime
    actor: str = Field(
        description="`user:NAME`, `oidc:...`, `key:ID`, `command:NAME`, or `database:ROLE` for a "
        "change made past the programs."
    )
    origin: str = Field(description="From where: an IP address, or `command line`.")
    action: Literal["create", "change"]
    record_kind: str = Field(description="The table's name.")
    record_id: int
    platform: str | None = Field(description="The code of the platform whose operator may see it.")
    before: dict[str, Any] | None = Field(
        description="The record before; null: it was created. A secret is the beginning of its "
        "hash."
    )
    after: dict[str, Any]
    changed_fields: list[str] = Field(
        description="What differs between the two; empty for a record that was created."
    )
    hash: str = Field(description="SHA-256 of this entry and, through it, of all before it.")


class AuditPage(Page[AuditEntry]):
    """One page of the audit, the newest entry first."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_ENTRY], "next_cursor": None}]}
    )
