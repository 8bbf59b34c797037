"""Values of registry and evidence as the pages show them: the vocabulary's word and a colour."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from api.access.roles import Role
from api.access.scopes import Scope
from jieru.i18n import marked as _
from jieru.vocabulary import (
    ACCOUNT_ROLE_WORDS,
    DEVICE_STATUS_WORDS,
    IMPORT_OUTCOME_WORDS,
    LEVEL_WORDS,
    PUBLISHER_WORDS,
    RECORD_KIND_WORDS,
    RECORD_STATE_WORDS,
    REGISTRY_FILE_WORDS,
    REJECTION_WORDS,
    REPORTED_WORDS,
    worded,
)

__all__ = [
    "AUDITED_FIELD_WORDS",
    "DEVICE_STATUS_WORDS",
    "IMPORT_OUTCOME_WORDS",
    "KIND_WORDS",
    "LEVEL_WORDS",
    "PUBLISHER_WORDS",
    "RECORD_KIND_WORDS",
    "REJECTION_WORDS",
    "REPORTED_WORDS",
    "ROLE_WORDS",
    "SCOPE_WORDS",
    "STATE_WORDS",
    "TONES",
    "Translate",
    "Words",
    "words",
]

Translate = Callable[[str], str]

ROLE_WORDS: Final[Mapping[str, str]] = {**worded(Role, ACCOUNT_ROLE_WORDS)}
SCOPE_WORDS: Final[Mapping[str, str]] = {
    Scope.COUNTS_READ: _("Read counts and awards"),
    Scope.REGISTRY_READ: _("Read the registry and what devices sent"),
    Scope.REGISTRY_WRITE: _("Change enterprises, connections and devices, import files"),
    Scope.PLATFORMS_WRITE: _("Change platforms and recognitions"),
    Scope.REJECTIONS_READ: _("Read rejections"),
    Scope.CREDENTIALS_READ: _("See which equipment has credentials"),
    Scope.CREDENTIALS_WRITE: _("Issue and revoke credentials of equipment"),
    Scope.KEYS_READ: _("See API keys"),
    Scope.KEYS_WRITE: _("Make and revoke API keys"),
    Scope.AUDIT_READ: _("Read the audit"),
    Scope.PROCEDURE_READ: _("Follow the annual count from the inside"),
    Scope.PROCEDURE_WRITE: _("Decide and take steps of the annual count, in a person's name"),
    Scope.PANELS_READ: _("See the panels"),
}
STATE_WORDS: Final = RECORD_STATE_WORDS
KIND_WORDS: Final = REGISTRY_FILE_WORDS
AUDITED_FIELD_WORDS: Final = {
    "code": _("Platform code"),
    "name": _("Name"),
    "operator_uscc": _("Operator's unified social credit code"),
    "ended_on": _("Ended on"),
    "platform_id": _("Platform (number)"),
    "level": _("Level"),
    "recognised_on": _("Recognised on"),
    "revoked_on": _("Revoked on"),
    "uscc": _("Unified social credit code"),
    "district": _("District"),
    "industry_code": _("Industry code (GB/T 4754)"),
    "kept_by_platform_id": _("Kept by platform (number)"),
    "enterprise_id": _("Enterprise (number)"),
    "contract_no": _("Contract"),
    "signed_on": _("Signed on"),
    "from_date": _("From"),
    "to_date": _("Until (exclusive)"),
    "serial": _("Serial"),
    "kind": _("Kind"),
    "registered_at": _("Registered at"),
    "expected_interval_s": _("Seconds between heartbeats"),
    "device_id": _("Device (number)"),
    "criterion": _("Criterion"),
    "value": _("Value"),
    "reason": _("Reason"),
    "decided_by": _("Decided by"),
    "decided_at": _("Decided at"),
    "withdrawn_reason": _("Reason of the withdrawal"),
    "withdrawn_by": _("Withdrawn by"),
    "withdrawn_at": _("Withdrawn at"),
    "display_name": _("Name of the person"),
    "role": _("Role"),
    "password_hash": _("Password (beginning of its hash)"),
    "oidc_subject": _("OpenID Connect subject"),
    "oidc_issuer": _("OpenID Connect issuer"),
    "scopes": _("Scopes"),
    "parent_id": _("Made by the key (number)"),
    "user_id": _("Account of the person (number)"),
    "created_at": _("Created at"),
    "disabled_at": _("Disabled at"),
    "key_id": _("Key number"),
    "secret_hash": _("Secret (beginning of its hash)"),
    "created_by": _("Made by"),
    "expires_at": _("Expires"),
    "revoked_at": _("Revoked at"),
    "username": _("Username"),
    "publisher_id": _("Publisher (number)"),
    "site": _("Site"),
    "salt": _("Salt (beginning of its hash)"),
    "attachment": _("Attachment"),
    "count_id": _("Count (number)"),
    "year": _("Year"),
    "revision": _("Revision"),
    "state": _("State"),
    "supersedes_id": _("Supersedes (number)"),
    "opened_at": _("Opened at"),
    "opened_by": _("Opened by"),
    "policy_name": _("Policy"),
    "policy_sha256": _("Digest of the policy"),
    "as_of": _("Evidence up to"),
    "drafted_at": _("Drafted at"),
    "drafted_by": _("Drafted by"),
    "content_sha256": _("Digest of the draft"),
    "submitted_at": _("Submitted at"),
    "submitted_by": _("Submitted by"),
    "frozen_at": _("Frozen at"),
    "frozen_by": _("Frozen by"),
    "code_version": _("Version of the program"),
    "digest": _("Digest"),
    "signature": _("Signature"),
    "public_key": _("Public key"),
    "published_at": _("Published at"),
    "published_by": _("Published by"),
    "notice_days": _("Working days of the notice"),
    "notice_ends_on": _("Last day of the notice"),
    "last_day_shown": _("Last day of the notice, as it was shown"),
    "payable_at": _("Payment approved at"),
    "payable_by": _("Payment approved by"),
    "step": _("Step"),
    "note": _("Note"),
    "taken_by": _("Taken by"),
    "taken_at": _("Taken at"),
    "closed_by": _("Closed by"),
    "closed_at": _("Closed at"),
    "statement": _("Statement"),
    "recorded_by": _("Recorded by"),
    "recorded_at": _("Recorded at"),
    "outcome": _("Outcome"),
    "resolution": _("Resolution"),
    "resolved_by": _("Resolved by"),
    "resolved_at": _("Resolved at"),
    "clause": _("Clause"),
    "amount_yuan": _("Amount in yuan"),
    "paid_on": _("Paid on"),
    "reference": _("Reference"),
    "file": _("File"),
    "range_from": _("Beginning"),
    "range_to": _("End (exclusive)"),
    "heartbeats": _("Heartbeats"),
    "file_bytes": _("Size in bytes"),
    "file_sha256": _("Digest of the file"),
    "rows_sha256": _("Digest of the heartbeats"),
    "schema_version": _("Version of the schema"),
    "archived_at": _("Archived at"),
    "dropped_at": _("Dropped from the database at"),
    "kept_until": _("Kept in the database until"),
}
"""Columns that the audit shows; any other one goes by its name."""
TONES: Final = {
    "checked": "info",
    "rejected": "red",
    "applied": "green",
    "online": "green",
    "late": "amber",
    "offline": "red",
    "never": "grey",
    "running": "green",
    "idle": "info",
    "fault": "red",
    "stopped": "grey",
    "maintenance": "purple",
    "national": "purple",
    "provincial": "info",
    "municipal": "cyan",
}
"""The colour of a tag, a class of the style sheet; its label says the same in words."""


class Words(NamedTuple):
    """A value as a page shows it."""

    value: str
    label: str
    tone: str


def words(value: str, labels: Mapping[str, str], translate: Translate) -> Words:
    """How a page shows a value."""
    return Words(value, translate(labels[value]), TONES.get(value, "grey"))
