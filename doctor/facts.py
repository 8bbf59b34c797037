"""What is known of a database and of all that writes into it, before it is judged. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

__all__ = ["DatabaseFacts", "StartedProcess"]


class StartedProcess(NamedTuple):
    """What is judged of a process that said what it is."""

    kind: str
    version: str
    policy_sha256: str
    """Empty: it reads none."""


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """All of it, by what the questions of `doctor.database_facts` call it."""

    server: dict[str, Any]
    missing_roles: tuple[str, ...]
    differing_grants: int
    """Rights that a role lacks or has beyond what it needs."""
    records: dict[str, Any]
    intake: dict[str, Any]
    ingesters: tuple[tuple[str, datetime], ...]
    access: dict[str, Any]
    broker_users: int
    broker_heard_at: datetime | None
    processes: tuple[StartedProcess, ...]
