"""Freezing: a reviewed count is computed once more, found the same, signed and kept for good.

The computation reads one snapshot and locks nobody out. What it found is stored in one short
transaction, under the lock that all writers of records share: whoever comes second is told, and
a process that dies leaves either all of it or nothing.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import psycopg

from jieru.audit import changing
from jieru.calendar import civil_date
from jieru.errors import UserError
from verifier.counting.determination import Outcome
from verifier.counting.progress import Phase, Progress, no_progress
from verifier.policy import policy_from_source
from verifier.procedure.canonical import CanonicalError, canonical_bytes
from verifier.procedure.code_version import code_version
from verifier.procedure.comparison import compare_documents
from verifier.procedure.computing import Computed, compute_document
from verifier.procedure.deeds import require_permitted
from verifier.procedure.document import (
    Document,
    Freezing,
    Identity,
    content_sha256,
    in_version,
    version_of,
)
from verifier.procedure.evidence_hindrances import changed_evidence
from verifier.procedure.hindrance import require_no_hindrance
from verifier.procedure.hindrances import hindrances
from verifier.procedure.outlines import content_of, read_outline
from verifier.procedure.payments import paid_before, store_recoveries
from verifier.procedure.people import Act
from verifier.procedure.record_changes import has_changed_since
from verifier.procedure.records import (
    CountRecord,
    count_by_id,
    is_intact,
    list_steps,
    read_document,
    store_head,
)
from verifier.procedure.recovery import recovery_lines
from verifier.procedure.signing import SignedStatement, SigningKey, signed_file_around
from verifier.procedure.statement_records import list_statements
from verifier.procedure.states import STANDING, State, Step, require_step
from verifier.procedure.steps import take_step
from verifier.procedure.trusted_keys import TrustedKeys, require_trusted_key
from verifier.trust.draws.records import listed_in_draws, results_of_year

__all__ = ["export_count", "freeze_count", "require_frozen"]

_ATTEMPTS: Final = 3
"""Each takes as long as a draft run; somebody would have to change records during all of them."""


class _RecordsChangedError(Exception):
    """Somebody changed a record while the count was computed."""


def freeze_count(
    connection: psycopg.Connection,
    record: CountRecord,
    act: Act,
    key: SigningKey,
    trusted: TrustedKeys,
    progress: Progress = no_progress,
) -> CountRecord:
    """Freeze a count in review; the one that it corrects is superseded by it.

    Args:
        connection: outside a transaction; nothing is left to commit.
        record: the count, as it was read by whoever freezes it.
        act: who freezes it, and when; nobody who had a part in making it.
        key: signs the document.
        trusted: whose signature counts: of the count that this one corrects, and of this one.
        progress: is told how far it is.

    Raises:
        UserError: the count is not in review, was drafted anew since it was read, one of its makers
            asks, something is missing, or it is no longer what was reviewed; the message says
            which.
    """
    require_trusted_key(key, trusted, civil_date(act.at))
    for _attempt in range(_ATTEMPTS):
        reviewed = _checked(connection, record, act, trusted)
        computed = _computed(connection, reviewed, act, progress)
        try:
            return _store(connection, reviewed, computed, act, key, trusted, progress)
        except _RecordsChangedError:
            continue
    raise UserError(
        "Records of the registry are being changed, so {count} could not be frozen: "
        "try again when nobody changes them.",
        count=record.count_id,
    )


def export_count(
    connection: psycopg.Connection,
    record: CountRecord,
    statements: Sequence[SignedStatement] | None = None,
) -> bytes:
    """The signed file of a frozen count, with the statements of what was done with it since.

    Args:
        connection: where to look.
        record: the count.
        statements: those to stand in it; by default all there are.

    Raises:
        UserError: it is not frozen, or its stored content is not what was signed.
    """
    digest, signature, public_key = require_frozen(record)
    try:
        content = content_of(connection, record)
    except CanonicalError:
        content = bytearray()
    if hashlib.sha256(content).hexdigest() != digest:
        raise UserError(
            "The stored content of {count} is not what was frozen: it was changed behind the "
            "system's back.",
            count=record.count_id,
        )
    return signed_file_around(
        content,
        digest,
        signature,
        public_key,
        list_statements(connection, record) if statements is None else statements,
    )


def require_frozen(record: CountRecord) -> tuple[str, bytes, bytes]:
    """Digest, signature and public key of a frozen count.

    Raises:
        UserError: it is not frozen.
    """
    if record.digest is None or record.signature is None or record.public_key is None:
        raise UserError("The count {count} is not frozen yet.", count=record.count_id)
    return record.digest, record.signature, record.public_key


def _checked(
    connection: psycopg.Connection, record: CountRecord, act: Act, trusted: TrustedKeys
) -> CountRecord:
    """The count as it is now, if it may be frozen: said before minutes are spent on it."""
    with connection.transaction():
        fresh = count_by_id(connection, record.id)
        require_step(Step.FREEZE, fresh.count_id, fresh.state)
        _require_the_same(fresh, record)
        require_permitted(connection, fresh, Step.FREEZE, act.name)
        require_no_hindrance(hindrances(connection, fresh, Step.FREEZE, act.at, trusted))
        require_no_hindrance([*changed_evidence(connection, fresh)])
    return fresh


def _require_the_same(fresh: CountRecord, read: CountRecord) -> None:
    """Refuse a count that was returned, drafted anew and submitted since its checker read it."""
    if fresh.content_sha256 != read.content_sha256:
        raise UserError(
            "{count} was drafted anew meanwhile: look at it, then freeze it.",
            count=fresh.count_id,
        )


def _computed(
    connection: psycopg.Connection, record: CountRecord, act: Act, progress: Progress
) -> Computed:
    """The document as the database is now, which must be the one that was reviewed."""
    with connection.transaction():
        reviewed = read_document(connection, record)
    if record.as_of is None or not is_intact(record, reviewed):
        raise UserError(
            "The stored content of {count} is not what was submitted: return it and draft it anew.",
            count=record.count_id,
        )
    computed = compute_document(
        connection,
        record.year,
        as_of=record.as_of,
        policy=policy_from_source(record.count_id, reviewed["policy_source"]),
        identity=Identity(record.year, record.revision, record.supersedes),
        freezing=Freezing(act.at, act.name, code_version()),
        progress=progress,
    )
    # Visits are made between submission and freezing, so no draft knows them.
    visits = _visits(connection, record.year, computed.document)
    # A count that was submitted before an upgrade is frozen in the form that was reviewed.
    document = in_version(computed.document, version_of(reviewed))
    if content_sha256(document) != record.content_sha256:
        _refuse_other_content(record, reviewed, document)
    return replace(computed, document={**document, **visits})


def _visits(connection: psycopg.Connection, year: int, document: Document) -> dict[str, object]:
    """What is known of the year's draws now; nothing of a year in which nobody was drawn."""
    with connection.transaction():
        results = results_of_year(connection, year)
        listed = listed_in_draws(connection, year)
    if not results:
        return {}
    paid = {
        (platform["platform"], each["uscc"])
        for platform in document["platforms"]
        for each in platform["enterprises"]
        if each["outcome"] == Outcome.COUNTED
    }
    visits: dict[str, object] = {"visits": [each.to_json_object() for each in results]}
    if paid - listed:
        visits["visits_not_listed"] = len(paid - listed)
    return visits


def _refuse_other_content(record: CountRecord, reviewed: Document, found: Document) -> None:
    changed = compare_documents(reviewed, found).enterprises
    if changed:
        raise UserError(
            "Since {count} was submitted, what it says of {number} enterprises changed, first of "
            "{name} ({uscc}) on {platform}: return it, draft it anew and submit that.",
            count=record.count_id,
            number=len(changed),
            name=changed[0].name,
            uscc=changed[0].uscc,
            platform=changed[0].platform,
        )
    raise UserError(
        "Since {count} was submitted, what it says of platforms or evidence rules changed: "
        "return it, draft it anew and submit that.",
        count=record.count_id,
    )


def _store(
    connection: psycopg.Connection,
    record: CountRecord,
    computed: Computed,
    act: Act,
    key: SigningKey,
    trusted: TrustedKeys,
    progress: Progress,
) -> CountRecord:
    document = computed.document
    content = canonical_bytes(document)
    progress(Phase.STORING, 0.0)
    with changing(connection, act.actor):
        fresh = count_by_id(connection, record.id)
        if fresh.frozen_by is not None and fresh.state in STANDING | {State.SUPERSEDED}:
            raise UserError(
                "{name} froze the count {count} first.",
                name=fresh.frozen_by,
                count=fresh.count_id,
            )
        if fresh != record or has_changed_since(connection, computed.last_change):
            raise _RecordsChangedError
        # Which says of every enterprise what was reviewed, and so what is stored.
        store_head(connection, record.id, document)
        progress(Phase.STORING, 0.5)
        if record.supersedes_id is not None:
            _supersede(connection, record, document, act, trusted)
        progress(Phase.STORING, 0.75)
        columns = {
            "frozen_at": act.at,
            "frozen_by": act.name,
            "code_version": document["code_version"],
            "digest": hashlib.sha256(content).hexdigest(),
            "signature": key.sign(content),
            "public_key": key.public_key,
        }
        frozen = take_step(connection, record, Step.FREEZE, act, columns=columns)
        progress(Phase.STORING, 1.0)
    return frozen


def _supersede(
    connection: psycopg.Connection,
    record: CountRecord,
    document: Document,
    act: Act,
    trusted: TrustedKeys,
) -> None:
    """Let a correction take the place of the count before it, and claim back what it must."""
    if record.supersedes_id is None:
        return
    before = count_by_id(connection, record.supersedes_id)
    lines = recovery_lines(
        read_outline(connection, before).document, document, paid_before(connection, record)
    )
    # While the correction was computed, the count before it may have gone a step further.
    last = max((each.taken_at for each in list_steps(connection, before)), default=act.at)
    superseding = replace(act, at=max(act.at, last))
    take_step(
        connection, before, Step.SUPERSEDE, superseding, trusted=trusted, note=record.count_id
    )
    store_recoveries(connection, record, lines)
