"""Enterprises in the database: lists, one enterprise, and its changes."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, LiteralString

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from api.access.caller import Caller
from api.registry.enterprises.answers import (
    EnterpriseChange,
    EnterpriseDetail,
    EnterprisePage,
    EnterpriseRecord,
    NewEnterprise,
)
from api.registry.parents import ENTERPRISE_IS_VISIBLE, no_such_enterprise
from api.web.csv_export import Export
from api.web.filters import (
    DistrictFilter,
    PlatformFilter,
    State,
    StateFilter,
    TextFilter,
    contains,
    in_state,
    today_of,
)
from api.web.listing import Search, find_page
from api.web.paging import PageRequest
from api.web.problems import Kind, Problem
from api.web.records import (
    already_ended,
    contradictions_refused,
    is_uscc,
    not_ended,
    require_readable,
    require_room,
)
from api.web.revisions import ExpectedRevision, require_revision
from jieru.i18n import marked as _
from registry.device_status import STATUS, Liveness
from registry.kinds import KINDS
from registry.records import read_record

__all__ = [
    "EnterpriseFilter",
    "change_enterprise",
    "create_enterprise",
    "end_enterprise",
    "enterprise_export",
    "list_enterprises",
    "read_enterprise",
    "reopen_enterprise",
]

_SELECT: Final[LiteralString] = """
    SELECT enterprises.id, uscc, enterprises.name, district, industry_code, enterprises.ended_on,
           platforms.code AS kept_by, kept_by_platform_id, enterprises.revision
    FROM enterprises LEFT JOIN platforms ON platforms.id = kept_by_platform_id
"""
_SELECT_PAGE: Final[LiteralString] = _SELECT + " WHERE enterprises.id = ANY (%(ids)s) ORDER BY uscc"
_SELECT_ONE: Final[LiteralString] = (
    _SELECT
    + " WHERE uscc = %(uscc)s AND (%(own)s::integer IS NULL OR "
    + ENTERPRISE_IS_VISIBLE
    + ")"
)
_LOCK_ONE: Final[LiteralString] = _SELECT_ONE + " FOR UPDATE OF enterprises"
_EXPORT: Final[LiteralString] = """
    SELECT uscc, name, district, industry_code FROM enterprises WHERE id = ANY (%(ids)s)
    ORDER BY uscc
"""
_INSERT: Final = """
    INSERT INTO enterprises (uscc, name, district, industry_code, kept_by_platform_id)
    VALUES (%(uscc)s, %(name)s, %(district)s, %(industry_code)s, %(own)s)
"""
_UPDATE: Final = """
    UPDATE enterprises SET name = %(name)s, district = %(district)s,
                           industry_code = %(industry_code)s, kept_by_platform_id = %(own)s
    WHERE id = %(id)s
"""
_COUNT_OPEN: Final = """
    SELECT (SELECT count(*) FROM connections
            WHERE enterprise_id = %(id)s AND (to_date IS NULL OR to_date > %(on)s)),
           (SELECT count(*) FROM assignments
            WHERE enterprise_id = %(id)s AND (to_date IS NULL OR to_date > %(on)s))
"""
_SET_END: Final = """
    UPDATE enterprises SET ended_on = %(on)s, kept_by_platform_id = %(own)s WHERE id = %(id)s
"""
_COUNT_DEVICES: Final = SQL("""
    SELECT status, count(*) FROM (
        SELECT {status} AS status
        FROM assignments
        JOIN devices ON devices.id = assignments.device_id
        LEFT JOIN device_states ON device_states.device_id = devices.id
        WHERE enterprise_id = %(enterprise)s AND from_date <= %(today)s
          AND (to_date IS NULL OR to_date > %(today)s)
          AND (devices.ended_on IS NULL OR devices.ended_on > %(today)s)
          AND (%(own)s::integer IS NULL OR devices.platform_id = %(own)s)
    ) AS devices GROUP BY status
""").format(status=SQL(STATUS))


@dataclass(frozen=True, slots=True)
class EnterpriseFilter:
    """Which enterprises a list holds; None: all."""

    platform: PlatformFilter = None
    """Ever connected to it."""
    district: DistrictFilter = None
    text: TextFilter = None
    """Part of its uscc or name."""
    state: StateFilter = State.OPEN


def list_enterprises(
    connection: psycopg.Connection,
    caller: Caller,
    wanted: EnterpriseFilter,
    page: PageRequest,
    *,
    now: datetime,
) -> EnterprisePage:
    """One page of enterprises, by uscc.

    Raises:
        Problem: the cursor is none of this list.
    """
    found = find_page(connection, _search(caller, wanted, now), page)
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_SELECT_PAGE, {"ids": found.ids})
        return EnterprisePage(
            items=[EnterpriseRecord.model_validate(row) for row in rows],
            next_cursor=found.next_cursor,
        )


def read_enterprise(
    connection: psycopg.Connection, caller: Caller, uscc: str, *, now: datetime
) -> EnterpriseDetail:
    """One enterprise, and how its devices stand.

    Raises:
        Problem: there is no such enterprise, or not for this caller.
    """
    row = _row(connection, caller, uscc)
    values = {
        "enterprise": row["id"],
        "own": caller.platform_id,
        "now": now,
        "today": today_of(now),
    }
    counted: dict[str, int] = dict(connection.execute(_COUNT_DEVICES, values).fetchall())
    devices = {status: counted.get(status, 0) for status in Liveness}
    return EnterpriseDetail.model_validate({**row, "devices": devices})


def enterprise_export(caller: Caller, wanted: EnterpriseFilter, *, now: datetime) -> Export:
    """The same list as an import file."""
    return Export("enterprises", _search(caller, wanted, now), _EXPORT)


def create_enterprise(
    connection: psycopg.Connection,
    caller: Caller,
    new: NewEnterprise,
    *,
    districts: Collection[str],
    now: datetime,
) -> EnterpriseDetail:
    """Register an enterprise, which the platform of an operator then keeps.

    Args:
        connection: in a transaction of the caller's changes, as for all that follow.
        caller: by whom.
        new: as it was sent.
        districts: those it may have.
        now: by which the answer tells how devices stand.

    Raises:
        Problem: a field is wrong, or the enterprise is registered already.
    """
    reading = read_record(connection, "enterprises", new.model_dump(), districts=districts)
    require_readable(reading)
    require_room(connection, KINDS["enterprises"].relations[0], reading.row, is_new=True)
    with contradictions_refused():
        connection.execute(_INSERT, {**reading.row.values, "own": caller.platform_id})
    return read_enterprise(connection, caller, str(reading.row.values["uscc"]), now=now)


def change_enterprise(
    connection: psycopg.Connection,
    caller: Caller,
    uscc: str,
    change: EnterpriseChange,
    expected: ExpectedRevision,
    *,
    districts: Collection[str],
    now: datetime,
) -> EnterpriseDetail:
    """Change what `change` names of an enterprise; the bureau keeps what the bureau changes.

    Raises:
        Problem: there is no such enterprise for this caller, others keep it, it was changed
            meanwhile, or a field is wrong.
    """
    row = _locked(connection, caller, uscc, expected)
    changes = change.model_dump(exclude_unset=True)
    cells = {name: row[name] for name in ("uscc", *EnterpriseChange.model_fields)}
    reading = read_record(connection, "enterprises", {**cells, **changes}, districts=districts)
    require_readable(reading, among=changes)
    values = {"id": row["id"], "own": caller.platform_id}
    connection.execute(_UPDATE, {**cells, **reading.row.values, **values})
    return read_enterprise(connection, caller, uscc, now=now)


def end_enterprise(
    connection: psycopg.Connection,
    caller: Caller,
    uscc: str,
    on: date,
    expected: ExpectedRevision,
    *,
    now: datetime,
) -> EnterpriseDetail:
    """End an enterprise that nothing is connected or assigned to any more.

    Raises:
        Problem: there is no such enterprise for this caller, others keep it, it was changed
            meanwhile, has an end already, or connections or assignments of it are open.
    """
    row = _locked(connection, caller, uscc, expected)
    if row["ended_on"] is not None:
        raise already_ended(row["ended_on"])
    values = {"id": row["id"], "on": on, "own": caller.platform_id}
    counts = connection.execute(_COUNT_OPEN, values).fetchone()
    if counts is not None and any(counts):
        raise Problem(
            Kind.CONFLICT,
            _(
                "Still open on {on}: connections {connections}, assignments {assignments}. "
                "End them first."
            ),
            on=on,
            connections=counts[0],
            assignments=counts[1],
        )
    connection.execute(_SET_END, values)
    return read_enterprise(connection, caller, uscc, now=now)


def reopen_enterprise(
    connection: psycopg.Connection,
    caller: Caller,
    uscc: str,
    expected: ExpectedRevision,
    *,
    now: datetime,
) -> EnterpriseDetail:
    """Take back the end of an enterprise; what was ended before it stays ended.

    Raises:
        Problem: there is no such enterprise for this caller, others keep it, it was changed
            meanwhile, or has no end.
    """
    row = _locked(connection, caller, uscc, expected)
    if row["ended_on"] is None:
        raise not_ended()
    connection.execute(_SET_END, {"id": row["id"], "on": None, "own": caller.platform_id})
    return read_enterprise(connection, caller, uscc, now=now)


def _row(
    connection: psycopg.Connection,
    caller: Caller,
    uscc: str,
    *,
    select: LiteralString = _SELECT_ONE,
) -> dict[str, Any]:
    if is_uscc(uscc):
        with connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(select, {"uscc": uscc, "own": caller.platform_id}).fetchone()
        if row is not None:
            return row
    raise no_such_enterprise(uscc)


def _locked(
    connection: psycopg.Connection, caller: Caller, uscc: str, expected: ExpectedRevision
) -> dict[str, Any]:
    """The row of an enterprise that the caller may change, and nobody else does meanwhile."""
    row = _row(connection, caller, uscc, select=_LOCK_ONE)
    if caller.platform_id is not None and row["kept_by_platform_id"] != caller.platform_id:
        raise Problem(
            Kind.FORBIDDEN,
            _("Your platform does not keep this record: ask the bureau to correct it."),
        )
    require_revision(expected, row["revision"])
    return row


def _search(caller: Caller, wanted: EnterpriseFilter, now: datetime) -> Search:
    search = Search("enterprises", {"uscc": str}, values={"today": today_of(now)})
    search.conditions += in_state(wanted.state, "enterprises", "ended_on")
    if caller.platform_id is not None:
        search.conditions.append(SQL(ENTERPRISE_IS_VISIBLE))
        search.values["own"] = caller.platform_id
    if wanted.platform:
        search.conditions.append(
            SQL("""EXISTS (
                SELECT FROM connections JOIN platforms ON platforms.id = connections.platform_id
                WHERE connections.enterprise_id = enterprises.id AND platforms.code = %(platform)s
                  AND (%(scope)s::integer IS NULL OR platforms.id = %(scope)s)
            )""")
        )
        # Another platform's connections are not an operator's to see, not even by this filter.
        search.values |= {"platform": wanted.platform, "scope": caller.platform_id}
    if wanted.district:
        search.conditions.append(SQL("enterprises.district = %(district)s"))
        search.values["district"] = wanted.district
    if wanted.text:
        search.conditions.append(
            contains((Identifier("enterprises", "uscc"), Identifier("enterprises", "name")))
        )
        search.values["text"] = wanted.text
    return search
