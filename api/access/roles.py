"""Roles and what each may do. Pure."""

from enum import StrEnum
from typing import Final

__all__ = ["GRANTS", "Permission", "Role"]


class Role(StrEnum):
    """What a person or a program is here for."""

    OPERATOR = "operator"
    """Of one platform; sees and changes only what is its own."""
    VERIFIER = "verifier"
    AUDITOR = "auditor"
    """Reads everything, changes nothing."""
    ADMIN = "admin"


class Permission(StrEnum):
    """What a route lets its caller do; an operator always within the own platform."""

    READ_COUNTS = "read_counts"
    READ_REGISTRY = "read_registry"
    """Platforms, recognitions, enterprises, connections, devices, assignments, and what devices
    were heard to say."""
    CHANGE_REGISTRY = "change_registry"
    """Enterprises, connections, devices, assignments, and imports of them."""
    CHANGE_PLATFORMS = "change_platforms"
    """Platforms and their recognitions: what an operator must not say of itself."""
    CONFIRM_CONNECTIONS = "confirm_connections"
    """Confirm or refuse what operators ask of enterprises of other platforms."""
    READ_CONTACTS = "read_contacts"
    """Names, addresses and numbers of people at enterprises: the bureau's, and no operator's."""
    CHANGE_CONTACTS = "change_contacts"
    ASK_ENTERPRISES = "ask_enterprises"
    """Ask an enterprise's contact of a connection, or to stop a machine."""
    READ_REJECTIONS = "read_rejections"
    READ_CREDENTIALS = "read_credentials"
    """Which there are and since when; a secret is never kept."""
    CHANGE_CREDENTIALS = "change_credentials"
    READ_KEYS = "read_keys"
    CHANGE_KEYS = "change_keys"
    READ_AUDIT = "read_audit"
    READ_ACCESS_LOG = "read_access_log"
    """Who signed in, read what is personal or secret, or took files away."""
    READ_PROCEDURE = "read_procedure"
    """The annual count from the inside: every revision, its steps, the review queue."""
    READ_CASES = "read_cases"
    """Enterprises under review: signals, questions, answers, visits. Never an operator's to see."""
    WORK_ON_CASES = "work_on_cases"
    """Open cases, take their steps, record what enterprises confirm."""
    READ_QUESTIONS = "read_questions"
    """What the bureau asks an operator; of a case nothing else."""
    ANSWER_QUESTIONS = "answer_questions"
    READ_PANELS = "read_panels"
    """What auditors see in Grafana: all platforms side by side."""
    DECIDE = "decide"
    """Decisions on enterprises, and closings of pending ones."""
    ADVANCE_COUNTS = "advance_counts"
    """The steps of an annual count; who made it may not check it."""
    READ_ADMINISTRATION = "read_administration"
    """How the installation is: its checks, processes with their settings, accounts of people."""
    CHANGE_ACCOUNTS = "change_accounts"
    """Accounts of people; what gives a way in needs two administrators, and no program may."""
    RESEND_MESSAGES = "resend_messages"
    """See which messages to people were given up, and have them tried anew."""
    USE_OWN_SESSION = "use_own_session"
    """Ask who one is, sign out."""


_READING: Final = frozenset(
    {
        Permission.READ_COUNTS,
        Permission.READ_REGISTRY,
        Permission.READ_REJECTIONS,
        Permission.READ_CREDENTIALS,
        Permission.READ_KEYS,
        Permission.READ_AUDIT,
        Permission.USE_OWN_SESSION,
    }
)

GRANTS: Final[dict[Role, frozenset[Permission]]] = {
    Role.OPERATOR: _READING
    | {
        Permission.CHANGE_REGISTRY,
        Permission.CHANGE_CREDENTIALS,
        Permission.CHANGE_KEYS,
        Permission.READ_QUESTIONS,
        Permission.ANSWER_QUESTIONS,
    },
    # Verifiers judge what operators claim: they may correct the registry, but hand out nothing.
    Role.VERIFIER: _READING
    | {
        Permission.CHANGE_REGISTRY,
        Permission.CHANGE_PLATFORMS,
        Permission.CONFIRM_CONNECTIONS,
        Permission.READ_CONTACTS,
        Permission.CHANGE_CONTACTS,
        Permission.ASK_ENTERPRISES,
        Permission.READ_PROCEDURE,
        Permission.READ_CASES,
        Permission.WORK_ON_CASES,
        Permission.READ_PANELS,
        Permission.DECIDE,
        Permission.ADVANCE_COUNTS,
    },
    Role.AUDITOR: _READING
    | {
        Permission.READ_ACCESS_LOG,
        Permission.READ_PROCEDURE,
        Permission.READ_CASES,
        Permission.READ_PANELS,
    },
    # Nobody else answers for an operator.
    Role.ADMIN: frozenset(Permission) - {Permission.READ_QUESTIONS, Permission.ANSWER_QUESTIONS},
}
