"""Whether a draft is older than what it rests on, and what of that changed.

A draft is stale where a draft run of this moment would find something else: a change of the
registry that touches nothing in it leaves it as good as new. Two looks at that: a short one for
pages, which computes anew only the few enterprises whose records changed and knows nothing of
heartbeats, and the whole computation, which decides before a draft is submitted.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import psycopg

from jieru.errors import UserError
from jieru.i18n import marked
from verifier.counting.progress import Progress, no_progress
from verifier.policy import Policy, policy_from_source
from verifier.procedure.causes import Cause, Difference, differences_with_causes
from verifier.procedure.comparison import entries_of
from verifier.procedure.computing import compute_document, compute_entries
from verifier.procedure.document import Document, content_sha256, in_version, version_of
from verifier.procedure.finality import evidence_is_final_at
from verifier.procedure.hindrance import Hindrance
from verifier.procedure.record_changes import has_changed_since, touched_since
from verifier.procedure.records import CountRecord, is_intact, read_document
from verifier.procedure.states import RUNNING

__all__ = ["StaleDraftError", "is_certainly_fresh", "require_fresh", "stale_for", "waits_until"]

_LOOKED_AT: Final = 20
"""Enterprises that the short look computes anew; each takes some milliseconds."""
_SELECT_HEAD = "SELECT head, policy_source FROM count_documents WHERE count_id = %s"
_SELECT_ENTRIES = """
    SELECT platform, entry FROM count_determinations WHERE count_id = %s AND uscc = ANY (%s)
"""
# One enterprise of each platform stands for what all of them have from it.
_SELECT_FIRST_OF_PLATFORMS = """
    SELECT platform, min(uscc COLLATE "C") FROM count_determinations
    WHERE count_id = %s AND platform = ANY (%s) GROUP BY platform
"""
_SELECT_PLATFORMS = 'SELECT code, name, operator_uscc FROM platforms ORDER BY code COLLATE "C"'
_SELECT_RULES_SINCE = "SELECT EXISTS (SELECT FROM evidence_rules WHERE applied_at > %s)"

_OLDER: Final = marked(
    "The draft {count} is older than what it rests on: draft it again, then submit that."
)
_CHANGED: Final[Mapping[Cause, str]] = {
    Cause.REGISTRY: marked(
        "{name} ({uscc}) on {platform}: its records in the registry changed after the draft."
    ),
    Cause.PRESENCE: marked(
        "{name} ({uscc}) on {platform}: heartbeats came after the draft that change its hours."
    ),
    Cause.OTHER_PLATFORM: marked(
        "{name} ({uscc}) on {platform}: what it is on another platform changed after the draft."
    ),
}
_OTHERWISE: Final = marked(
    "{name} ({uscc}) on {platform}: this version of the program finds something else than the "
    "draft."
)
_DECIDED: Final = marked(
    "{name} ({uscc}) on {platform}: decision {id} of {by} was made after the draft."
)
_WITHDRAWN: Final = marked(
    "{name} ({uscc}) on {platform}: decision {id} was withdrawn by {by} after the draft."
)
_DECIDED_OTHERWISE: Final = marked(
    "{name} ({uscc}) on {platform}: what decision {id} says changed after the draft."
)
_CLOSED: Final = marked(
    "{name} ({uscc}) on {platform}: whether the count waits for it was settled otherwise after the "
    "draft."
)
_PLATFORM: Final = marked("The record of the platform {platform} changed after the draft.")
_ELSEWHERE: Final = marked("Platforms, overlaps or rules of evidence changed after the draft.")


class StaleDraftError(UserError):
    """A draft is older than what it rests on; `found` says what changed, a sentence each."""

    def __init__(self, record: CountRecord, found: Iterable[Hindrance]) -> None:
        """Name the count; what changed is for each reader to put into words."""
        super().__init__(_OLDER, count=record.count_id)
        self.found = tuple(found)


def stale_for(connection: psycopg.Connection, record: CountRecord) -> list[Hindrance]:
    """What changed since a draft, as far as a short look tells.

    It looks at records of the registry and at decisions, of as many enterprises as a page may
    compute, and not at heartbeats.

    Args:
        connection: best inside a snapshot.
        record: the count; nothing is found for one that is not running or was not drafted.
    """
    if record.drafted_change is None or record.state not in RUNNING or record.as_of is None:
        return []
    if not has_changed_since(connection, record.drafted_change):
        return []
    row = connection.execute(_SELECT_HEAD, (record.id,)).fetchone()
    if row is None:
        return []
    head, policy = row[0], policy_from_source(record.policy_name or "", row[1])
    touched = touched_since(connection, record.drafted_change, limit=_LOOKED_AT)
    of_platforms: dict[str, str] = dict(
        connection.execute(
            _SELECT_FIRST_OF_PLATFORMS, (record.id, list(touched.platforms))
        ).fetchall()
    )
    found = list(_of_platform_records(connection, head))
    named = {each.values["platform"] for each in found}
    looked_at = sorted({*touched.uscc, *of_platforms.values()})
    before = _kept_entries(connection, record, looked_at)
    today = _entries_of_today(connection, record, looked_at, policy)
    for each in _of_entries(_part(record, before), _part(record, today)):
        platform, uscc = str(each.values["platform"]), str(each.values["uscc"])
        if uscc in touched.uscc:
            found.append(each)
        elif of_platforms.get(platform) == uscc and platform not in named:
            named.add(platform)
            found.append(_of_platform(platform))
    return found


def is_certainly_fresh(connection: psycopg.Connection, record: CountRecord) -> bool:
    """Whether nothing can have changed since the draft, so that no computation is needed."""
    if record.drafted_change is None or record.drafted_at is None:
        return False
    final_at = evidence_is_final_at(connection, record)
    if final_at is None or record.drafted_at < final_at:
        return False
    rules = connection.execute(_SELECT_RULES_SINCE, (final_at,)).fetchone()
    if rules is None or rules[0]:
        return False
    return not has_changed_since(connection, record.drafted_change)


def waits_until(connection: psycopg.Connection, record: CountRecord) -> datetime | None:
    """Until when heartbeats could change a draft that was made before; None where they cannot."""
    if record.state not in RUNNING or record.drafted_at is None:
        return None
    final_at = evidence_is_final_at(connection, record)
    return final_at if final_at is not None and record.drafted_at < final_at else None


def require_fresh(
    connection: psycopg.Connection, record: CountRecord, progress: Progress = no_progress
) -> int:
    """Compute a draft once more and find the same.

    Args:
        connection: outside a transaction.
        record: a count that was drafted.
        progress: is told how far it is.

    Returns:
        Number of the last audit entry up to which it is known to be fresh.

    Raises:
        StaleDraftError: it is not the same.
        UserError: what is stored is not what was drafted.
    """
    with connection.transaction():
        if is_certainly_fresh(connection, record) and record.drafted_change is not None:
            return record.drafted_change
        drafted = read_document(connection, record)
    if record.as_of is None or not is_intact(record, drafted):
        raise UserError(
            "The stored content of {count} is not what was drafted: draft it anew.",
            count=record.count_id,
        )
    computed = compute_document(
        connection,
        record.year,
        as_of=record.as_of,
        policy=policy_from_source(record.count_id, drafted["policy_source"]),
        identity=None,
        progress=progress,
    )
    today = in_version(computed.document, version_of(drafted))
    if content_sha256(today) != record.content_sha256:
        raise StaleDraftError(record, _of_documents(drafted, today))
    return computed.last_change


def _of_documents(drafted: Document, today: Document) -> list[Hindrance]:
    return list(_of_entries(drafted, today)) or [Hindrance("stale", _ELSEWHERE, {})]


def _of_entries(drafted: Document, today: Document) -> Iterator[Hindrance]:
    """What changed of each enterprise, a sentence for each cause."""
    old, new = entries_of(drafted), entries_of(today)
    differences = differences_with_causes(
        # Which program made a draft is not kept: where nothing else changed, it was another.
        drafted,
        today,
        is_document_intact=True,
        is_program_same=False,
    )
    for each in differences:
        key = (each.platform, each.uscc)
        yield from _of_difference(each, old.get(key, {}), new.get(key, {}))


def _of_difference(
    difference: Difference, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[Hindrance]:
    values = {
        "name": difference.name,
        "uscc": difference.uscc,
        "platform": difference.platform,
    }
    for cause in difference.causes:
        if cause is Cause.DECISION:
            yield from _of_decisions(values, old, new)
        else:
            yield Hindrance(f"stale_{cause}", _CHANGED.get(cause, _OTHERWISE), values)


def _of_decisions(
    values: Mapping[str, object], old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[Hindrance]:
    code = f"stale_{Cause.DECISION}"
    before = {each["id"]: each for each in old["decisions"]}
    for each in new["decisions"]:
        said = before.get(each["id"])
        if said is None:
            decided = {**values, "id": each["id"], "by": each["decided_by"]}
            yield Hindrance(code, _DECIDED, decided)
        if each["withdrawn_at"] is not None and (said is None or said["withdrawn_at"] is None):
            withdrawn = {**values, "id": each["id"], "by": each["withdrawn_by"]}
            yield Hindrance(code, _WITHDRAWN, withdrawn)
        elif said is not None and each != said:
            yield Hindrance(code, _DECIDED_OTHERWISE, {**values, "id": each["id"]})
    if old["closing"] != new["closing"]:
        yield Hindrance(code, _CLOSED, values)


def _of_platform_records(
    connection: psycopg.Connection, head: Mapping[str, Any]
) -> Iterator[Hindrance]:
    """Platforms that are not what the draft says, or that it does not know."""
    before = {each["platform"]: (each["name"], each["operator_uscc"]) for each in head["platforms"]}
    rows = connection.execute(_SELECT_PLATFORMS)
    today = {code: (name, operator) for code, name, operator in rows}
    for code in sorted(before.keys() | today.keys()):
        if before.get(code) != today.get(code):
            yield _of_platform(code)


def _of_platform(code: str) -> Hindrance:
    return Hindrance(f"stale_{Cause.REGISTRY}", _PLATFORM, {"platform": code})


def _kept_entries(
    connection: psycopg.Connection, record: CountRecord, uscc: list[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from connection.execute(_SELECT_ENTRIES, (record.id, uscc)).fetchall()


def _entries_of_today(
    connection: psycopg.Connection, record: CountRecord, uscc: list[str], policy: Policy
) -> Iterator[tuple[str, dict[str, Any]]]:
    if record.as_of is None:
        return
    for each in uscc:
        found = compute_entries(connection, record.year, each, as_of=record.as_of, policy=policy)
        yield from found.items()


def _part(record: CountRecord, entries: Iterable[tuple[str, dict[str, Any]]]) -> Document:
    """As much of a document as a comparison of enterprises needs."""
    by_platform: dict[str, list[dict[str, Any]]] = {}
    for platform, entry in entries:
        by_platform.setdefault(platform, []).append(entry)
    return {
        "version": 2,
        "count_id": record.count_id,
        "total_yuan": 0,
        "platforms": [
            {"platform": platform, "lines": [], "enterprises": found}
            for platform, found in by_platform.items()
        ],
    }
