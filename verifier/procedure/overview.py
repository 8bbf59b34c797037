"""What pages and lists show of counts: years, one count, its determinations, what to review."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

import psycopg

from verifier.counting.determination import Determination, Outcome
from verifier.counting.figures import Figures, PlatformFigures, figures_of_document
from verifier.counting.registry import Platform
from verifier.procedure.decided_since import DecidedSince, Kept, decided_since, list_kept
from verifier.procedure.deeds import read_deeds, read_strictness
from verifier.procedure.entries import determination_of_entry
from verifier.procedure.hindrance import Hindrance
from verifier.procedure.hindrances import hindrances
from verifier.procedure.objections import Objection
from verifier.procedure.payments import Due, Payment, Recovery
from verifier.procedure.readable import require_readable
from verifier.procedure.records import CountRecord, StepRecord, list_counts
from verifier.procedure.separation import Deed, barring_deed, refusal_of
from verifier.procedure.signing import SignedStatement
from verifier.procedure.states import RULES, Step
from verifier.procedure.trusted_keys import TrustedKeys

__all__ = [
    "CountSheet",
    "CountSummary",
    "ReviewItem",
    "StepOffer",
    "count_summary",
    "determination_entry",
    "list_determinations",
    "offered_steps",
    "review_queue",
    "years_of_counts",
]

_SELECT_HEAD = "SELECT head FROM count_documents WHERE count_id = %s"
_SELECT_PAID = """
    SELECT coalesce(sum(amount_yuan), 0)::bigint FROM count_payments WHERE count_id = %s
"""
_SELECT_DETERMINATIONS = """
    WITH platforms AS (
        SELECT p.value ->> 'platform' AS code, p.value ->> 'name' AS name
        FROM count_documents d, jsonb_array_elements(d.head -> 'platforms') p
        WHERE d.count_id = %(count)s
    )
    SELECT platforms.code, platforms.name, found.entry - %(left_out)s::text[], count(*) OVER ()
    FROM count_determinations found JOIN platforms ON platforms.code = found.platform
    WHERE found.count_id = %(count)s
      AND (%(platform)s::text IS NULL OR found.platform = %(platform)s)
      AND (%(outcome)s::text IS NULL OR found.outcome = %(outcome)s)
      AND (%(text)s::text IS NULL OR strpos(lower(normalize(found.name, NFKC)),
                                               lower(normalize(%(text)s::text, NFKC))) > 0
           OR strpos(found.uscc, upper(%(text)s)) > 0)
    ORDER BY found.platform COLLATE "C", found.uscc COLLATE "C"
    LIMIT %(limit)s OFFSET %(offset)s
"""
_SELECT_ENTRY = """
    SELECT entry FROM count_determinations WHERE count_id = %s AND platform = %s AND uscc = %s
"""
_SELECT_HELD = """
    SELECT c.platform, c.uscc, c.name, d.reason, d.id, d.decided_by
    FROM count_determinations c
    JOIN platforms p ON p.code = c.platform
    JOIN enterprises e ON e.uscc = c.uscc
    JOIN decisions d ON d.platform_id = p.id AND d.enterprise_id = e.id
    WHERE c.count_id = %s AND d.kind = 'hold' AND d.withdrawn_at IS NULL
    ORDER BY d.id
"""
_SELECT_WAITING = """
    SELECT c.platform, c.uscc, c.name, d.reason, d.id, d.decided_by
    FROM count_determinations c
    JOIN platforms p ON p.code = c.platform
    JOIN enterprises e ON e.uscc = c.uscc
    JOIN decisions d ON d.platform_id = p.id AND d.enterprise_id = e.id
    WHERE c.count_id = %s
      AND d.needs_second AND d.confirmed_at IS NULL AND d.withdrawn_at IS NULL
    ORDER BY d.id
"""
_SELECT_PENDING = """
    SELECT platform, uscc, name, (entry ->> 'pending_until')::date, entry -> 'closing' ->> 'reason'
    FROM count_determinations
    WHERE count_id = %s AND outcome = 'pending' ORDER BY 4, platform COLLATE "C", uscc COLLATE "C"
"""

_SELECT_OVERRIDABLE = """
    SELECT coalesce(bool_or(v.id IS NULL), false), coalesce(bool_or(v.id IS NOT NULL), false)
    FROM objections o LEFT JOIN objection_overrides v
         ON v.objection_id = o.id AND v.withdrawn_at IS NULL
    WHERE o.count_id = %s AND o.outcome = 'upheld' AND v.confirmed_at IS NULL
"""

_NOT_LISTED: Final = ["devices", "calendar", "connections", "decisions"]
"""Of an enterprise: what a list does not show, and most of its bytes."""
_SOON: Final = timedelta(days=30)
_OFFERED: Final = (
    Step.DRAFT,
    Step.SUBMIT,
    Step.RETURN,
    Step.FREEZE,
    Step.PUBLISH,
    Step.OBJECT,
    Step.RESOLVE,
    Step.PROPOSE_OVERRIDE,
    Step.WITHDRAW_OVERRIDE,
    Step.OVERRIDE,
    Step.APPROVE_PAYMENT,
    Step.PAY,
    Step.DISCARD,
)


@dataclass(frozen=True, slots=True)
class CountSummary:
    """One count at a glance."""

    record: CountRecord
    is_simulation: bool
    figures: Figures
    budget_yuan: int
    paid_yuan: int
    overlaps: tuple[dict[str, Any], ...]
    """As the document has them."""
    notices: tuple[dict[str, Any], ...]
    parameters: tuple[dict[str, Any], ...]
    visits: tuple[dict[str, Any], ...]
    visits_not_listed: int
    """How many counted enterprises stand in no list that was drawn."""
    """What was known of each draw of the year when it was frozen."""

    @property
    def platforms(self) -> tuple[PlatformFigures, ...]:
        """Each platform's part."""
        return self.figures.platforms

    @property
    def outcomes(self) -> Counter[Outcome]:
        """How many enterprises have each outcome."""
        return self.figures.outcomes

    @property
    def total_yuan(self) -> int:
        """What the platforms earn together."""
        return self.figures.total_yuan

    @property
    def budget_left_yuan(self) -> int:
        """Of the year's fund; below 0 where the rest comes from the development fund."""
        return self.budget_yuan - self.total_yuan


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """One enterprise that a person should look at before the count is frozen."""

    kind: str
    """`decided` since the draft, `waiting` (a decision, for a second person), `hold`, `overlap` or
    `pending`."""
    platforms: tuple[str, ...]
    uscc: str
    name: str
    due_on: date | None
    """Of a pending one: the earliest last day of its window."""
    is_urgent: bool
    """Of a pending one: that day is near or past, so evidence decides now."""
    reason: str | None
    """Of the decision, or of the closing of a pending one."""
    decision_id: int | None
    decided_by: str | None = None
    """Of a decision."""
    since: tuple[DecidedSince, ...] = ()
    """What was decided on it since the draft, on these platforms."""
    kept: tuple[Kept, ...] = ()
    """Of an overlap: where it was looked at and stays."""

    @property
    def is_settled(self) -> bool:
        """Whether it was looked at and stays on each of its platforms."""
        return bool(self.kept) and {each.platform for each in self.kept} >= set(self.platforms)


@dataclass(frozen=True, slots=True)
class StepOffer:
    """One step that a count is ready for, as far as its state goes."""

    step: Step
    barred_by: Hindrance | None
    """What this person did in the count, for which another must take the step; its code is the
    deed's kind."""
    hindrances: tuple[Hindrance, ...]

    @property
    def is_for_another(self) -> bool:
        """Whether another person must take it, for what this one did."""
        return self.barred_by is not None

    @property
    def is_open(self) -> bool:
        """Whether this person may take it now."""
        return not self.is_for_another and not self.hindrances


@dataclass(frozen=True, slots=True)
class CountSheet:
    """All there is to say of one count."""

    record: CountRecord
    summary: CountSummary | None
    steps: Sequence[StepRecord]
    objections: Sequence[Objection]
    payments: Sequence[Payment]
    due: Sequence[Due]
    recoveries: Sequence[Recovery]
    offers: Sequence[StepOffer]
    faults: Sequence[Hindrance] = ()
    """What of a frozen count is not as it was signed."""
    statements: Sequence[SignedStatement] = ()
    """What was done with it since, signed step by step."""
    stale: Sequence[Hindrance] = ()
    """What changed since the draft of one that is not frozen, as far as a short look tells."""
    waits_until: datetime | None = None
    """Until when heartbeats can make the draft stale."""


def years_of_counts(connection: psycopg.Connection) -> dict[int, list[CountRecord]]:
    """The revisions of every year that has a count, the latest first."""
    years: dict[int, list[CountRecord]] = {}
    for each in list_counts(connection):
        years.setdefault(each.year, []).append(each)
    return years


def count_summary(connection: psycopg.Connection, record: CountRecord) -> CountSummary | None:
    """One count at a glance, frozen or of its last draft run; None before the first.

    Raises:
        UnreadableCountError: it is frozen, and its rows have not the shape of a count any more.
    """
    require_readable(connection, record)
    row = connection.execute(_SELECT_HEAD, (record.id,)).fetchone()
    if row is None:
        return None
    head: dict[str, Any] = row[0]
    paid = connection.execute(_SELECT_PAID, (record.id,)).fetchone()
    return CountSummary(
        record=record,
        is_simulation=head["simulation"],
        figures=figures_of_document(head),
        budget_yuan=head["budget_yuan"],
        paid_yuan=paid[0] if paid else 0,
        overlaps=tuple(head["overlaps"]),
        notices=tuple(head["notices"]),
        parameters=tuple(head["parameters"]),
        visits=tuple(head.get("visits", ())),
        visits_not_listed=head.get("visits_not_listed", 0),
    )


def list_determinations(
    connection: psycopg.Connection,
    record: CountRecord,
    *,
    platform: str | None = None,
    outcome: Outcome | None = None,
    text: str | None = None,
    limit: int = 100,
    offset: int = 0,
) -> tuple[list[Determination], int]:
    """Some enterprises of a count, and how many there are in all.

    Args:
        connection: where to look.
        record: the count, frozen or drafted.
        platform: code; those of this platform only.
        outcome: those with this outcome only.
        text: those whose name or credit code holds it.
        limit: how many to give.
        offset: how many to leave out before.

    Raises:
        UnreadableCountError: it is frozen, and its rows have not the shape of a count any more.
    """
    require_readable(connection, record)
    values = {
        "count": record.id,
        "platform": platform,
        "outcome": outcome,
        "text": text or None,
        "limit": limit,
        "offset": offset,
        "left_out": _NOT_LISTED,
    }
    rows = connection.execute(_SELECT_DETERMINATIONS, values).fetchall()
    found = [
        determination_of_entry(Platform(code, name), entry) for code, name, entry, _total in rows
    ]
    return found, rows[0][3] if rows else 0


def determination_entry(
    connection: psycopg.Connection, record: CountRecord, platform: str, uscc: str
) -> dict[str, Any] | None:
    """One enterprise as the document has it, frozen or drafted; None if it is not listed.

    Raises:
        UnreadableCountError: it is frozen, and its rows have not the shape of a count any more.
    """
    require_readable(connection, record)
    row = connection.execute(_SELECT_ENTRY, (record.id, platform, uscc)).fetchone()
    return row[0] if row else None


def review_queue(
    connection: psycopg.Connection, record: CountRecord, today: date
) -> list[ReviewItem]:
    """What was decided since the last draft or waits, and its holds, overlaps and pending ones.

    Args:
        connection: where to look.
        record: the count.
        today: pending ones whose window can be complete within 30 days of it are urgent.
    """
    since = decided_since(connection, record)
    kept = list_kept(connection, record.year)
    items = [
        *_decided(since),
        *_of_decisions(connection, record),
        *_overlapping(connection, record, kept),
        *_pending(connection, record, today),
    ]
    return [replace(each, since=tuple(_of_item(each, since))) for each in items]


def _of_item(item: ReviewItem, since: Sequence[DecidedSince]) -> Iterator[DecidedSince]:
    return (each for each in since if each.uscc == item.uscc and each.platform in item.platforms)


def _decided(since: Sequence[DecidedSince]) -> Iterator[ReviewItem]:
    """Each enterprise of a platform once, whatever was decided on it."""
    cases = dict.fromkeys((each.platform, each.uscc, each.name) for each in since)
    for platform, uscc, name in cases:
        yield _item("decided", (platform,), uscc, name, is_urgent=True)


def _of_decisions(connection: psycopg.Connection, record: CountRecord) -> Iterator[ReviewItem]:
    """Decisions that wait for a second person, and holds."""
    for kind, query in (("waiting", _SELECT_WAITING), ("hold", _SELECT_HELD)):
        for platform, uscc, name, reason, decision_id, decided_by in connection.execute(
            query, (record.id,)
        ).fetchall():
            yield replace(
                _item(kind, (platform,), uscc, name, is_urgent=True),
                reason=reason,
                decision_id=decision_id,
                decided_by=decided_by,
            )


def _overlapping(
    connection: psycopg.Connection, record: CountRecord, kept: Sequence[Kept]
) -> Iterator[ReviewItem]:
    summary = count_summary(connection, record)
    for overlap in summary.overlaps if summary else ():
        uscc = overlap["uscc"]
        platforms = tuple(claim["platform"] for claim in overlap["platforms"])
        seen = (each for each in kept if each.uscc == uscc and each.platform in platforms)
        item = _item("overlap", platforms, uscc, overlap["name"])
        yield replace(item, kept=tuple(seen))


def _pending(
    connection: psycopg.Connection, record: CountRecord, today: date
) -> Iterator[ReviewItem]:
    for platform, uscc, name, until, reason in connection.execute(
        _SELECT_PENDING, (record.id,)
    ).fetchall():
        is_urgent = reason is None and until <= today + _SOON
        item = _item("pending", (platform,), uscc, name, is_urgent=is_urgent)
        yield replace(item, due_on=until, reason=reason)


def _item(
    kind: str, platforms: tuple[str, ...], uscc: str, name: str, *, is_urgent: bool = False
) -> ReviewItem:
    return ReviewItem(kind, platforms, uscc, name, None, is_urgent, reason=None, decision_id=None)


def offered_steps(
    connection: psycopg.Connection,
    record: CountRecord,
    person: str | None,
    now: datetime,
    trusted: TrustedKeys,
) -> list[StepOffer]:
    """The steps for which a count is where they begin, and what still hinders each.

    Args:
        connection: where to look.
        record: the count.
        person: who asks; None: nobody in particular.
        now: an instant with its time zone.
        trusted: whose signature of a frozen count counts.
    """
    left_out = _overrides_without_object(connection, record)
    deeds, strictness = read_deeds(connection, record), read_strictness(connection)
    return [
        StepOffer(
            step=step,
            barred_by=_barred_by(record, barring_deed(step, person, deeds, strictness)),
            hindrances=tuple(hindrances(connection, record, step, now, trusted)),
        )
        for step in _OFFERED
        if record.state in RULES[step].start and step not in left_out
    ]


def _overrides_without_object(connection: psycopg.Connection, record: CountRecord) -> set[Step]:
    """Of the steps that override objections those for which there is none."""
    row = connection.execute(_SELECT_OVERRIDABLE, (record.id,)).fetchone()
    may_propose, may_confirm = row or (False, False)
    offered = {
        Step.PROPOSE_OVERRIDE: may_propose,
        Step.WITHDRAW_OVERRIDE: may_confirm,
        Step.OVERRIDE: may_confirm,
    }
    return {step for step, is_possible in offered.items() if not is_possible}


def _barred_by(record: CountRecord, deed: Deed | None) -> Hindrance | None:
    if deed is None:
        return None
    refusal = refusal_of(deed, record.count_id)
    return Hindrance(deed.kind.value, refusal.message, refusal.values)
