"""Declarations as callers see, make and confirm them."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

import psycopg
from fastapi import Query
from psycopg.rows import dict_row
from psycopg.sql import SQL

from api.access.caller import Caller
from api.registry.declarations.answers import (
    DeclarationPage,
    DeclarationRecord,
    NewDeclarationBody,
)
from api.web.filters import EnterpriseFilter, PlatformFilter
from api.web.listing import Search, Where, find_page
from api.web.paging import PageRequest
from api.web.problems import Kind, Problem
from api.web.records import is_record_id, refusals_answered
from jieru.i18n import marked as _
from registry import declarations
from registry.declarations import NewDeclaration

__all__ = [
    "DeclarationFilter",
    "confirm_declaration",
    "declare",
    "list_declarations",
    "read_declaration",
]

_SELECT: Final = SQL("""
    SELECT declarations.id, platforms.code AS platform, uscc, enterprises.name AS enterprise_name,
           serial, declarations.kind, from_date, to_date, reason, declared_by, declared_at,
           confirmed_by, confirmed_at, confirmation
    FROM declarations
    JOIN platforms ON platforms.id = declarations.platform_id
    JOIN enterprises ON enterprises.id = declarations.enterprise_id
    LEFT JOIN devices ON devices.id = declarations.device_id
    WHERE {condition}
    ORDER BY declarations.id
""")
_OF_PAGE: Final = SQL("declarations.id = ANY (%(ids)s)")
_OF_ID: Final = SQL("""
    declarations.id = %(id)s
    AND (%(own)s::integer IS NULL OR declarations.platform_id = %(own)s)
""")
_IS_OWN: Final = Where(SQL("declarations.platform_id = %(own)s"))
_FILTERS: Final = {
    "platform": Where(
        SQL("declarations.platform_id = (SELECT id FROM platforms WHERE code = %(platform)s)")
    ),
    "enterprise": Where(
        SQL("""declarations.enterprise_id =
               (SELECT id FROM enterprises WHERE uscc = %(enterprise)s)""")
    ),
}
_CONFIRMED: Final = {
    "yes": Where(SQL("declarations.confirmed_at IS NOT NULL")),
    "no": Where(SQL("declarations.confirmed_at IS NULL")),
}

ConfirmedFilter = Annotated[
    Literal["yes", "no"] | None,
    Query(description=_("Whether the enterprise has confirmed it; by default all.")),
]


@dataclass(frozen=True, slots=True)
class DeclarationFilter:
    """Which declarations a list holds; None: all."""

    platform: PlatformFilter = None
    enterprise: EnterpriseFilter = None
    """By uscc."""
    confirmed: ConfirmedFilter = None


def list_declarations(
    connection: psycopg.Connection, caller: Caller, wanted: DeclarationFilter, page: PageRequest
) -> DeclarationPage:
    """One page of the declarations that the caller may see, in the order in which they came.

    Raises:
        Problem: the cursor is none of this list.
    """
    values = {name: getattr(wanted, name) for name in _FILTERS}
    conditions = [where for name, where in _FILTERS.items() if values[name] is not None]
    if wanted.confirmed is not None:
        conditions.append(_CONFIRMED[wanted.confirmed])
    if caller.platform_id is not None:
        conditions.append(_IS_OWN)
    values["own"] = caller.platform_id
    found = find_page(connection, Search("declarations", {"id": int}, conditions, values), page)
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_SELECT.format(condition=_OF_PAGE), {"ids": found.ids})
        items = [DeclarationRecord.model_validate(row) for row in rows]
    return DeclarationPage(items=items, next_cursor=found.next_cursor)


def read_declaration(
    connection: psycopg.Connection, caller: Caller, declaration_id: int
) -> DeclarationRecord:
    """One declaration.

    Raises:
        Problem: there is no such declaration, or not for this caller.
    """
    if is_record_id(declaration_id):
        values = {"id": declaration_id, "own": caller.platform_id}
        with connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(_SELECT.format(condition=_OF_ID), values).fetchone()
        if row is not None:
            return DeclarationRecord.model_validate(row)
    raise Problem(Kind.NOT_FOUND, _("There is no declaration {id}."), id=declaration_id)


@refusals_answered()
def declare(
    connection: psycopg.Connection, caller: Caller, new: NewDeclarationBody
) -> DeclarationRecord:
    """Record what the operator of a platform declares.

    Raises:
        Problem: the caller is no operator, or it is refused.
    """
    if caller.platform is None:
        raise Problem(Kind.FORBIDDEN, _("Operators declare stops and repairs of their platform."))
    declaration_id = declarations.declare(
        connection,
        NewDeclaration(platform_id=caller.platform.id, **new.model_dump()),
        by=caller.actor.name,
    )
    return read_declaration(connection, caller, declaration_id)


@refusals_answered()
def confirm_declaration(
    connection: psycopg.Connection, caller: Caller, declaration_id: int, confirmation: str
) -> DeclarationRecord:
    """Record that the enterprise confirmed a declaration."""
    read_declaration(connection, caller, declaration_id)
    by = caller.actor.name
    declarations.confirm_declaration(connection, declaration_id, confirmation=confirmation, by=by)
    return read_declaration(connection, caller, declaration_id)
