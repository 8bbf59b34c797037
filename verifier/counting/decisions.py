"""Decisions of verifiers: recorded, confirmed, withdrawn, listed; never changed or deleted."""

import psycopg
from stdnum.cn import uscc as uscc_number
from stdnum.exceptions import ValidationError

from jieru.errors import UserError
from verifier.counting.eligibility import waived
from verifier.counting.registry import Decision, DecisionKind, RecordedDecision
from verifier.policy import WAIVABLE, Policy

__all__ = [
    "confirm_decision",
    "find_case",
    "list_decisions",
    "record_decision",
    "waits_for_second",
    "withdraw_decision",
]

_SELECT_PLATFORM = "SELECT id FROM platforms WHERE code = %s"
_SELECT_ENTERPRISE = "SELECT id FROM enterprises WHERE uscc = %s"
_HAS_CONNECTION = """
    SELECT EXISTS (SELECT FROM connections WHERE platform_id = %s AND enterprise_id = %s)
"""
_INSERT = """
    INSERT INTO decisions
        (kind, platform_id, enterprise_id, criterion, value, reason, attachment, decided_by)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
"""
# Where two record the same at once: the audit lets one write after the other, so whoever looks
# after having written sees the one before. What was seen and kept in an earlier year's count is
# looked at again in a later one's.
_SELECT_STANDING = """
    SELECT id, decided_by FROM decisions
    WHERE kind = %s AND platform_id = %s AND enterprise_id = %s
      AND criterion IS NOT DISTINCT FROM %s AND withdrawn_at IS NULL AND id <> %s
      AND (kind <> 'keep' OR decided_at >= coalesce((
          SELECT max(opened.first_at)
          FROM (SELECT min(opened_at) AS first_at FROM counts GROUP BY year) AS opened
      ), '-infinity'))
    ORDER BY id LIMIT 1
"""
_WITHDRAW = """
    UPDATE decisions SET withdrawn_at = now(), withdrawn_reason = %s, withdrawn_by = %s
    WHERE id = %s AND withdrawn_at IS NULL
"""
_SELECT_ID = "SELECT FROM decisions WHERE id = %s"
_SELECT_FOR_CONFIRMATION = """
    SELECT decided_by, person_key(decided_by) = person_key(%s), needs_second, confirmed_by,
           withdrawn_at IS NOT NULL
    FROM decisions WHERE id = %s FOR UPDATE
"""
_SELECT_WAITS = """
    SELECT needs_second AND confirmed_at IS NULL AND withdrawn_at IS NULL
    FROM decisions WHERE id = %s
"""
_CONFIRM = "UPDATE decisions SET confirmed_at = now(), confirmed_by = %s WHERE id = %s"
_SELECT = """
    SELECT p.code, e.uscc, e.name,
           d.id, d.kind, d.criterion, d.value, d.reason, d.decided_by, d.decided_at,
           d.withdrawn_reason, d.withdrawn_by, d.withdrawn_at, d.attachment, d.needs_second,
           d.confirmed_by, d.confirmed_at
    FROM decisions d
    JOIN platforms p ON p.id = d.platform_id
    JOIN enterprises e ON e.id = d.enterprise_id
    WHERE (%(platform)s::text IS NULL OR p.code = %(platform)s)
      AND (%(uscc)s::text IS NULL OR e.uscc = %(uscc)s)
    ORDER BY d.id
"""


def find_case(connection: psycopg.Connection, platform: str, uscc: str) -> tuple[int, int]:
    """Ids of a platform and of an enterprise that is or was connected to it.

    Raises:
        UserError: one of them is unknown, or the two were never connected.
    """
    platform_row = connection.execute(_SELECT_PLATFORM, (platform,)).fetchone()
    if platform_row is None:
        raise UserError("There is no platform {platform}.", platform=platform)
    try:
        uscc_number.validate(uscc)
    except ValidationError:
        raise UserError("{uscc} is not a unified social credit code.", uscc=uscc) from None
    enterprise_row = connection.execute(_SELECT_ENTERPRISE, (uscc,)).fetchone()
    if enterprise_row is None:
        raise UserError("There is no enterprise {uscc}.", uscc=uscc)
    case: tuple[int, int] = (platform_row[0], enterprise_row[0])
    if connection.execute(_HAS_CONNECTION, case).fetchone() != (True,):
        raise UserError(
            "The enterprise {uscc} was never connected to the platform {platform}.",
            uscc=uscc,
            platform=platform,
        )
    return case


def record_decision(  # noqa: PLR0913 - all that a decision says, each by its name
    connection: psycopg.Connection,
    kind: DecisionKind,
    platform: str,
    uscc: str,
    *,
    reason: str,
    decided_by: str,
    waiver: tuple[str, int] | None = None,
    policy: Policy,
    attachment: str | None = None,
) -> int:
    """Record one decision; the caller commits.

    What gives money waits for a second person, but on a database of simulated data.

    Args:
        connection: where to write.
        kind: what is decided.
        platform: code of the platform.
        uscc: of the enterprise.
        reason: why, for everyone who reads the count.
        decided_by: who answers for it.
        waiver: the numeric criterion and its value for this case; with `waive`, and only there.
        policy: a waiver may not contradict what stays of it.
        attachment: where the document behind it is kept, for instance a file number.

    Returns:
        The decision's id, by which it can be withdrawn.

    Raises:
        UserError: something is unknown, missing or contradictory, or decided already; the message
            says what.
    """
    reason, decided_by = _said(reason), _said(decided_by)
    if (kind == "waive") != (waiver is not None):
        raise ValueError("a waiver sets a criterion, and nothing else does")
    case = find_case(connection, platform, uscc)
    if waiver is not None:
        before = [each.decision for each in list_decisions(connection, platform, uscc)]
        _check_waiver(waiver, [each for each in before if each.is_open], policy)
    criterion, value = waiver or (None, None)
    attachment = (attachment or "").strip() or None
    values = (kind, *case, criterion, value, reason, attachment, decided_by)
    try:
        with connection.transaction():
            row = connection.execute(_INSERT, values).fetchone()
            if row is None:
                raise RuntimeError("INSERT ... RETURNING gave no row")
            decision_id: int = row[0]
            _refuse_twice(connection, (kind, *case, criterion), decision_id)
    except psycopg.errors.UniqueViolation:
        _refuse_twice(connection, (kind, *case, criterion))
        raise
    return decision_id


def confirm_decision(
    connection: psycopg.Connection, decision_id: int, *, confirmed_by: str
) -> None:
    """Let a decision that waits for a second person take effect; the caller commits.

    Raises:
        UserError: there is no such decision, it does not wait, whoever decided asks, or no name is
            given.
    """
    confirmed_by = _said(confirmed_by)
    row = connection.execute(_SELECT_FOR_CONFIRMATION, (confirmed_by, decision_id)).fetchone()
    if row is None:
        raise UserError("There is no decision {id}.", id=decision_id)
    decided_by, is_same_person, needs_second, before, is_withdrawn = row
    if is_withdrawn:
        raise UserError("Decision {id} is withdrawn already.", id=decision_id)
    if not needs_second:
        raise UserError("Decision {id} needs no second person: it has its effect.", id=decision_id)
    if before is not None:
        raise UserError("{name} confirmed decision {id} already.", name=before, id=decision_id)
    if is_same_person:
        raise UserError(
            "{name} made decision {id}: another person must confirm it.",
            name=decided_by,
            id=decision_id,
        )
    connection.execute(_CONFIRM, (confirmed_by, decision_id))


def waits_for_second(connection: psycopg.Connection, decision_id: int) -> bool:
    """Whether a decision has no effect until another person confirms it."""
    row = connection.execute(_SELECT_WAITS, (decision_id,)).fetchone()
    return row is not None and bool(row[0])


def _refuse_twice(
    connection: psycopg.Connection,
    said: tuple[DecisionKind, int, int, str | None],
    decision_id: int = 0,
) -> None:
    """Check that no other decision says the same.

    Raises:
        UserError: one does; it is named.
    """
    row = connection.execute(_SELECT_STANDING, (*said, decision_id)).fetchone()
    if row is None:
        return
    standing, name = row
    criterion = said[-1]
    if criterion is not None:
        raise UserError(
            "{criterion} is waived for this enterprise already, by decision {id} of {name}: "
            "withdraw that one first.",
            criterion=criterion,
            id=standing,
            name=name,
        )
    raise UserError(
        "This is decided already: decision {id} of {name} says the same and stands.",
        id=standing,
        name=name,
    )


def withdraw_decision(
    connection: psycopg.Connection, decision_id: int, *, reason: str, withdrawn_by: str
) -> None:
    """Withdraw one decision, once; the caller commits.

    Raises:
        UserError: there is no such decision, it is withdrawn already, or nothing is said.
    """
    reason, withdrawn_by = _said(reason), _said(withdrawn_by)
    if connection.execute(_WITHDRAW, (reason, withdrawn_by, decision_id)).rowcount:
        return
    if connection.execute(_SELECT_ID, (decision_id,)).fetchone() is None:
        raise UserError("There is no decision {id}.", id=decision_id)
    raise UserError("Decision {id} is withdrawn already.", id=decision_id)


def list_decisions(
    connection: psycopg.Connection, platform: str | None = None, uscc: str | None = None
) -> list[RecordedDecision]:
    """All decisions, withdrawn ones too, oldest first; of one platform or enterprise if named."""
    rows = connection.execute(_SELECT, {"platform": platform, "uscc": uscc})
    return [RecordedDecision(row[0], row[1], row[2], Decision(*row[3:])) for row in rows]


def _said(text: str) -> str:
    if not text.strip():
        raise UserError("A decision needs a reason and the name of who decided.")
    return text.strip()


def _check_waiver(waiver: tuple[str, int], decisions: list[Decision], policy: Policy) -> None:
    criterion, value = waiver
    if criterion not in WAIVABLE:
        raise UserError(
            "{criterion} cannot be waived: only {known} can.",
            criterion=criterion,
            known=", ".join(WAIVABLE),
        )
    lowest, highest = WAIVABLE[criterion]
    if not lowest <= value <= highest:
        raise UserError(
            "{criterion} must be from {lowest} to {highest}, not {value}.",
            criterion=criterion,
            lowest=lowest,
            highest=highest,
            value=value,
        )
    values = waived(policy, decisions) | {criterion: value}
    if values["active_days_min"] > values["window_days"]:
        raise UserError(
            "This would ask for {days} active days in a window of {window}, "
            "which nothing can fulfil.",
            days=values["active_days_min"],
            window=values["window_days"],
        )
