"""What still stands in the way of a step, each in one sentence that says what is missing."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Final

import psycopg

from jieru.calendar import civil_date
from jieru.i18n import marked
from verifier.policy import policy_from_source
from verifier.procedure.evidence_hindrances import unverified_evidence
from verifier.procedure.finality import evidence_is_final_at
from verifier.procedure.hindrance import Hindrance
from verifier.procedure.records import CountRecord
from verifier.procedure.staleness import stale_for
from verifier.procedure.states import Step
from verifier.procedure.trusted_keys import TrustedKeys
from verifier.procedure.verifying import faults

__all__ = ["OPEN_CASE", "hindrances"]

OPEN_CASE = "open_case"
"""The code of the hindrance that has a page of its own, by its value `id`."""

_SELECT_POLICY = "SELECT policy_source FROM count_documents WHERE count_id = %s"
_SELECT_HOLDS = """
    SELECT d.id, p.code, e.uscc, e.name
    FROM decisions d
    JOIN platforms p ON p.id = d.platform_id
    JOIN enterprises e ON e.id = d.enterprise_id
    JOIN count_determinations c ON c.count_id = %s AND c.platform = p.code AND c.uscc = e.uscc
    WHERE d.kind = 'hold' AND d.withdrawn_at IS NULL
    ORDER BY p.code COLLATE "C", e.uscc COLLATE "C", d.id
"""
# Of what may be paid: whoever gets nothing anyway keeps no count from being frozen.
_SELECT_CASES = """
    SELECT s.id, p.code, e.uscc, e.name
    FROM case_states s
    JOIN platforms p ON p.id = s.platform_id
    JOIN enterprises e ON e.id = s.enterprise_id
    JOIN count_determinations c ON c.count_id = %s AND c.platform = p.code AND c.uscc = e.uscc
    WHERE NOT s.is_concluded AND c.outcome IN ('counted', 'held', 'pending')
    ORDER BY p.code COLLATE "C", e.uscc COLLATE "C"
"""
_SELECT_WAITING = """
    SELECT d.id, p.code, e.uscc, e.name, d.decided_by
    FROM decisions d
    JOIN platforms p ON p.id = d.platform_id
    JOIN enterprises e ON e.id = d.enterprise_id
    JOIN count_determinations c ON c.count_id = %s AND c.platform = p.code AND c.uscc = e.uscc
    WHERE d.needs_second AND d.confirmed_at IS NULL AND d.withdrawn_at IS NULL
    ORDER BY p.code COLLATE "C", e.uscc COLLATE "C", d.id
"""
# Settled by an exclusion, by another answer of the enterprise, or by people who looked and kept it.
_SELECT_DENIED = """
    SELECT c.platform, c.uscc, c.name, c.entry ->> 'confirmation_on'
    FROM count_determinations c
    WHERE c.count_id = %s AND c.outcome = 'counted' AND c.entry ->> 'confirmation' = 'denied'
      AND NOT EXISTS (
        SELECT FROM decisions d
        JOIN platforms p ON p.id = d.platform_id
        JOIN enterprises e ON e.id = d.enterprise_id
        WHERE d.kind = 'keep' AND d.withdrawn_at IS NULL
          AND p.code = c.platform AND e.uscc = c.uscc
          AND d.decided_at >= coalesce(
              (SELECT max(denied_at) FROM denials
               WHERE platform_id = p.id AND enterprise_id = e.id),
              ((c.entry ->> 'confirmation_on')::date + 1)::timestamp AT TIME ZONE 'Asia/Shanghai'))
    ORDER BY c.platform COLLATE "C", c.uscc COLLATE "C"
"""
# Whoever enters a contact could answer for it: so a "yes" of another contact after a "no" is looked
# at by somebody who neither entered that contact nor printed its letter.
_SELECT_UNDONE: Final = """
    SELECT c.platform, c.uscc, c.name,
           (max(n.undone_at) AT TIME ZONE 'Asia/Shanghai')::date::text, min(n.entered_by)
    FROM count_determinations c
    JOIN platforms p ON p.code = c.platform
    JOIN enterprises e ON e.uscc = c.uscc
    JOIN denials n ON n.platform_id = p.id AND n.enterprise_id = e.id
    WHERE c.count_id = %s AND c.outcome = 'counted' AND c.entry ->> 'confirmation' = 'confirmed'
      AND n.undone_at IS NOT NULL
      AND NOT EXISTS (
        SELECT FROM decisions d
        WHERE d.kind = 'keep' AND d.withdrawn_at IS NULL
          AND d.platform_id = p.id AND d.enterprise_id = e.id AND d.decided_at >= n.undone_at
          AND ((SELECT is_simulation FROM installation)
               OR person_key(d.decided_by) <> person_key(n.entered_by)
                  AND person_key(d.decided_by) IS DISTINCT FROM person_key(n.asked_by)))
    GROUP BY c.platform, c.uscc, c.name
    ORDER BY c.platform COLLATE "C", c.uscc COLLATE "C"
"""
_SELECT_PENDING = """
    SELECT c.platform, c.uscc, c.name, c.entry ->> 'pending_until'
    FROM count_determinations c
    JOIN counts n ON n.id = c.count_id
    WHERE c.count_id = %s AND c.outcome = 'pending' AND NOT EXISTS (
        SELECT FROM pending_closings l
        JOIN platforms p ON p.id = l.platform_id
        JOIN enterprises e ON e.id = l.enterprise_id
        WHERE l.year = n.year AND l.withdrawn_at IS NULL
          AND p.code = c.platform AND e.uscc = c.uscc)
    ORDER BY c.platform COLLATE "C", c.uscc COLLATE "C"
"""
_SELECT_COUNTED_BEFORE = """
    SELECT c.platform, c.uscc, c.name, o.year || '-' || o.revision
    FROM count_determinations c
    JOIN counts n ON n.id = c.count_id
    JOIN count_determinations d
         ON d.platform = c.platform AND d.uscc = c.uscc AND d.outcome = 'counted'
    JOIN counts o ON o.id = d.count_id
    WHERE c.count_id = %s AND c.outcome = 'counted' AND o.year <> n.year
      AND o.state IN ('frozen', 'published', 'payable', 'paid')
    ORDER BY c.platform COLLATE "C", c.uscc COLLATE "C", o.year
"""
# Of each count the platforms that a line of one clause pays anything.
_SELECT_TITLE_PAID_BEFORE = """
    WITH paid AS (
        SELECT counts.id, counts.year, counts.state, counts.revision,
               each ->> 'platform' AS platform
        FROM counts
        JOIN count_documents ON count_id = counts.id,
             jsonb_array_elements(head -> 'platforms') AS each,
             jsonb_array_elements(each -> 'lines') AS line
        WHERE line ->> 'clause' = %(clause)s AND (line ->> 'amount_yuan')::bigint > 0
    )
    SELECT n.platform, o.year || '-' || o.revision
    FROM paid n JOIN paid o ON o.platform = n.platform AND o.year <> n.year
    WHERE n.id = %(count)s AND o.state IN ('frozen', 'published', 'payable', 'paid')
    ORDER BY n.platform COLLATE "C", o.year
"""
_SELECT_OPEN_OBJECTIONS = """
    SELECT id, name FROM objections WHERE count_id = %s AND resolved_at IS NULL ORDER BY id
"""
_SELECT_UPHELD_OBJECTIONS = """
    SELECT o.id, o.name, v.proposed_by
    FROM objections o LEFT JOIN objection_overrides v
         ON v.objection_id = o.id AND v.withdrawn_at IS NULL
    WHERE o.count_id = %s AND o.outcome = 'upheld' AND v.confirmed_at IS NULL ORDER BY o.id
"""


def hindrances(
    connection: psycopg.Connection,
    record: CountRecord,
    step: Step,
    now: datetime,
    trusted: TrustedKeys,
) -> list[Hindrance]:
    """Everything that stands in the way of a step, beside state and person.

    Args:
        connection: where to look.
        record: the count.
        step: what is to be done.
        now: an instant with its time zone.
        trusted: whose signature of a frozen count counts; what is not as it was signed hinders
            every step.
    """
    if record.digest is not None:
        found = faults(connection, record, trusted)
        if found:
            return found
    if step is Step.SUBMIT:
        return [*_of_a_draft(connection, record), *_waiting_decisions(connection, record)]
    if step is Step.FREEZE:
        return [
            *_evidence_is_not_final(connection, record, now),
            *unverified_evidence(connection, record),
            *_open_holds(connection, record),
            *_open_cases(connection, record),
            *_waiting_decisions(connection, record),
            *_denied(connection, record),
            *_undone_denials(connection, record),
            *_pending(connection, record),
            *_counted_before(connection, record),
            *_title_paid_before(connection, record),
        ]
    if step is Step.APPROVE_PAYMENT:
        return [
            *_notice_runs(record, now),
            *_open_objections(connection, record),
            *_upheld_objections(connection, record),
        ]
    if step is Step.PAY:
        return [*_upheld_objections(connection, record)]
    return []


def _of_a_draft(connection: psycopg.Connection, record: CountRecord) -> list[Hindrance]:
    if record.as_of is None:
        return [
            Hindrance(
                "not_drafted",
                marked("{count} was not drafted yet: draft it first."),
                {"count": record.count_id},
            )
        ]
    return stale_for(connection, record)


def _evidence_is_not_final(
    connection: psycopg.Connection, record: CountRecord, now: datetime
) -> Iterator[Hindrance]:
    if record.as_of is None:
        return
    if record.as_of < date(record.year, 12, 31):
        yield Hindrance(
            "year_not_over",
            marked(
                "The evidence ends on {as_of}, before {year} is over: "
                "return the count and draft it as of {year}-12-31 or later."
            ),
            {"as_of": record.as_of.isoformat(), "year": record.year},
        )
    final_at = evidence_is_final_at(connection, record)
    if final_at is not None and now < final_at:
        yield Hindrance(
            "evidence_can_arrive",
            marked(
                "Heartbeats of {as_of} still count when they arrive by {until} (Asia/Shanghai): "
                "freeze the count after that."
            ),
            {"as_of": record.as_of.isoformat(), "until": f"{final_at:%Y-%m-%d %H:%M}"},
        )


def _open_holds(connection: psycopg.Connection, record: CountRecord) -> Iterator[Hindrance]:
    for decision_id, platform, uscc, name in connection.execute(_SELECT_HOLDS, (record.id,)):
        yield Hindrance(
            "open_hold",
            marked(
                "{name} ({uscc}) on {platform} is held by decision {id}: "
                "settle the doubt and withdraw it."
            ),
            {"name": name, "uscc": uscc, "platform": platform, "id": decision_id},
        )


def _open_cases(connection: psycopg.Connection, record: CountRecord) -> Iterator[Hindrance]:
    """Also while signals are on trial: then they propose nothing, and a person concludes."""
    for case_id, platform, uscc, name in connection.execute(_SELECT_CASES, (record.id,)):
        yield Hindrance(
            OPEN_CASE,
            marked(
                "Case {id} of {name} ({uscc}) on {platform} has no outcome yet: clear or uphold "
                "it before the count is frozen."
            ),
            {"name": name, "uscc": uscc, "platform": platform, "id": case_id},
        )


def _waiting_decisions(connection: psycopg.Connection, record: CountRecord) -> Iterator[Hindrance]:
    rows = connection.execute(_SELECT_WAITING, (record.id,))
    for decision_id, platform, uscc, name, decided_by in rows:
        yield Hindrance(
            "waiting_decision",
            marked(
                "Decision {id} of {person} on {name} ({uscc}) on {platform} waits for a second "
                "person: let another confirm it, or withdraw it."
            ),
            {
                "name": name,
                "uscc": uscc,
                "platform": platform,
                "id": decision_id,
                "person": decided_by,
            },
        )


def _denied(connection: psycopg.Connection, record: CountRecord) -> Iterator[Hindrance]:
    for platform, uscc, name, day in connection.execute(_SELECT_DENIED, (record.id,)):
        yield Hindrance(
            "denied_connection",
            marked(
                "{name} ({uscc}) on {platform} is counted, and denied on {day} that it is "
                "connected: look into it, then exclude it, ask it again, or keep it with a reason."
            ),
            {"name": name, "uscc": uscc, "platform": platform, "day": day},
        )


def _undone_denials(connection: psycopg.Connection, record: CountRecord) -> Iterator[Hindrance]:
    for platform, uscc, name, day, by in connection.execute(_SELECT_UNDONE, (record.id,)):
        yield Hindrance(
            "undone_denial",
            marked(
                "{name} ({uscc}) on {platform} denied that it is connected, and another contact, "
                "entered by {person}, confirmed it on {day}: a person who neither entered that "
                "contact nor printed its letter looks into it and keeps it with a reason."
            ),
            {
                "name": name,
                "uscc": uscc,
                "platform": platform,
                "day": day,
                "person": by.removeprefix("user:"),
            },
        )


def _pending(connection: psycopg.Connection, record: CountRecord) -> Iterator[Hindrance]:
    for platform, uscc, name, until in connection.execute(_SELECT_PENDING, (record.id,)):
        yield Hindrance(
            "pending",
            marked(
                "{name} ({uscc}) on {platform} is pending until {until} at least: draft the "
                "count as of that day or later, or close the enterprise with a reason."
            ),
            {"name": name, "uscc": uscc, "platform": platform, "until": until},
        )


def _counted_before(connection: psycopg.Connection, record: CountRecord) -> Iterator[Hindrance]:
    """Enterprises for which another year's count pays.

    A count knows earlier years only as today's rules, decisions and registry show them; what was
    frozen then may have come out otherwise, and is paid.
    """
    for platform, uscc, name, other in connection.execute(_SELECT_COUNTED_BEFORE, (record.id,)):
        yield Hindrance(
            "counted_before",
            marked(
                "{name} ({uscc}) on {platform} is counted in {other} already: exclude it here by "
                "a decision, or let a new revision supersede {other}."
            ),
            {"name": name, "uscc": uscc, "platform": platform, "other": other},
        )


def _title_paid_before(connection: psycopg.Connection, record: CountRecord) -> Iterator[Hindrance]:
    row = connection.execute(_SELECT_POLICY, (record.id,)).fetchone()
    if row is None:
        return
    clause = policy_from_source(record.policy_name or "", row[0]).national_title_award_yuan.clause
    found = connection.execute(_SELECT_TITLE_PAID_BEFORE, {"clause": clause, "count": record.id})
    for platform, other in found:
        yield Hindrance(
            "title_paid_before",
            marked(
                "{other} pays {platform} for its national title already (clause {clause}): correct "
                "its recognitions, or let a new revision supersede {other}."
            ),
            {"platform": platform, "other": other, "clause": clause},
        )


def _notice_runs(record: CountRecord, now: datetime) -> Iterator[Hindrance]:
    if record.notice_ends_on is not None and civil_date(now) <= record.notice_ends_on:
        yield Hindrance(
            "notice_runs",
            marked("The public notice of {count} runs until the end of {day}."),
            {"count": record.count_id, "day": record.notice_ends_on.isoformat()},
        )


def _open_objections(connection: psycopg.Connection, record: CountRecord) -> Iterator[Hindrance]:
    for objection_id, name in connection.execute(_SELECT_OPEN_OBJECTIONS, (record.id,)):
        yield Hindrance(
            "open_objection",
            marked("Objection {id} by {name} has no outcome yet: resolve it."),
            {"id": objection_id, "name": name},
        )


def _upheld_objections(connection: psycopg.Connection, record: CountRecord) -> Iterator[Hindrance]:
    """What was objected rightly: no yuan under this count, unless two people override it."""
    found = connection.execute(_SELECT_UPHELD_OBJECTIONS, (record.id,))
    for objection_id, name, proposer in found:
        if proposer is not None:
            yield Hindrance(
                "override_unconfirmed",
                marked(
                    "Objection {id} by {name} was upheld, and {proposer} proposed to override it: "
                    "another person confirms that, or the count is corrected."
                ),
                {"id": objection_id, "name": name, "proposer": proposer},
            )
            continue
        yield Hindrance(
            "upheld_objection",
            marked(
                "Objection {id} by {name} was upheld: correct what it says, draft the count of "
                "{year} anew with that reason and freeze it; nothing is paid under {count}, unless "
                "two people override the objection with a reason."
            ),
            {"id": objection_id, "name": name, "year": record.year, "count": record.count_id},
        )
