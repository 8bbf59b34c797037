"""Credentials as callers see, issue, replace and revoke them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, NamedTuple

import psycopg
from psycopg.rows import class_row
from psycopg.sql import SQL, Composable

from api.access.caller import Caller
from api.credentials.answers import Credential, CredentialPage, IssuedCredential, NewCredential
from api.credentials.example import publish_line
from api.web.filters import today_of
from api.web.paging import PageRequest, read_cursor, write_cursor
from api.web.problems import Kind, Problem, WrongField
from jieru.broker import BrokerAddress
from jieru.credentials import records
from jieru.credentials.records import AlreadyIssuedError, RevokedError
from jieru.errors import UserError
from jieru.i18n import marked as _
from jieru.wire import PLATFORM_CODE, SERIAL

__all__ = [
    "CredentialFilter",
    "CredentialState",
    "issue_credential",
    "list_credentials",
    "replace_credential",
    "revoke_credential",
]

_SELECT: Final = SQL("""
    SELECT credentials.id, username, platforms.code AS platform, devices.serial, created_at,
           revoked_at
    FROM credentials
    JOIN platforms ON platforms.id = credentials.platform_id
    LEFT JOIN devices ON devices.id = credentials.device_id
    WHERE {conditions}
    ORDER BY credentials.id DESC LIMIT %(limit)s
""")
_SELECT_EQUIPMENT: Final = """
    SELECT platforms.id, devices.id, least(platforms.ended_on, devices.ended_on)
    FROM platforms
    LEFT JOIN devices ON devices.platform_id = platforms.id AND serial = %(serial)s
    WHERE code = %(platform)s AND (%(own)s::integer IS NULL OR platforms.id = %(own)s)
"""
_HAS_ENDED: Final = _("This equipment has ended: it gets no credential.")


class CredentialState(StrEnum):
    """Whether revoked credentials are listed."""

    OPEN = "open"
    REVOKED = "revoked"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class CredentialFilter:
    """Which credentials a list holds; None: all."""

    platform: str | None = None
    serial: str | None = None
    state: CredentialState = CredentialState.OPEN


class _Equipment(NamedTuple):
    platform_id: int
    device_id: int | None
    ended_on: date | None

    def has_ended(self, today: date) -> bool:
        """Whether the device, or its platform, is no longer in service."""
        return self.ended_on is not None and self.ended_on <= today


def list_credentials(
    connection: psycopg.Connection, caller: Caller, wanted: CredentialFilter, page: PageRequest
) -> CredentialPage:
    """One page of the credentials that the caller may see, the newest first.

    Raises:
        Problem: the cursor is none of this list.
    """
    conditions: list[Composable] = []
    if wanted.platform is not None:
        conditions.append(SQL("platforms.code = %(platform)s"))
    if wanted.serial is not None:
        conditions.append(SQL("devices.serial = %(serial)s"))
    if wanted.state is not CredentialState.ALL:
        is_open = SQL("revoked_at IS NULL")
        conditions.append(
            is_open if wanted.state is CredentialState.OPEN else SQL("NOT {}").format(is_open)
        )
    after = read_cursor(page.cursor, int)
    if after is not None:
        conditions.append(SQL("credentials.id < %(after)s"))
    found = _select(
        connection,
        caller,
        conditions,
        limit=page.limit + 1,
        platform=wanted.platform,
        serial=wanted.serial,
        after=after[0] if after else None,
    )
    has_more = len(found) > page.limit
    items = found[: page.limit]
    return CredentialPage(
        items=items, next_cursor=write_cursor((items[-1].id,)) if has_more else None
    )


def issue_credential(
    connection: psycopg.Connection,
    caller: Caller,
    wanted: NewCredential,
    *,
    broker: BrokerAddress,
    now: datetime,
) -> IssuedCredential:
    """Issue a credential; its secret is in the answer and nowhere else.

    Raises:
        Problem: the equipment is not registered, has ended, or has an open credential.
    """
    equipment = _find_equipment(connection, caller, wanted)
    if equipment.has_ended(today_of(now)):
        raise _wrong("platform" if wanted.serial is None else "serial", UserError(_HAS_ENDED))
    with _refusals():
        issued = records.issue(
            connection, platform_id=equipment.platform_id, device_id=equipment.device_id
        )
    return _with_secret(connection, caller, issued, broker)


def replace_credential(
    connection: psycopg.Connection,
    caller: Caller,
    credential_id: int,
    *,
    broker: BrokerAddress,
    now: datetime,
) -> IssuedCredential:
    """Revoke a credential and issue another to the same equipment.

    Raises:
        Problem: there is no such credential that the caller may see, it is revoked, or the
            equipment has ended.
    """
    credential = _read(connection, caller, credential_id)
    equipment = _find_equipment(
        connection, caller, NewCredential(platform=credential.platform, serial=credential.serial)
    )
    if equipment.has_ended(today_of(now)):
        raise Problem(Kind.CONFLICT, _HAS_ENDED)
    with _refusals():
        issued = records.replace(connection, credential_id)
    return _with_secret(connection, caller, issued, broker)


def revoke_credential(
    connection: psycopg.Connection, caller: Caller, credential_id: int
) -> Credential:
    """Revoke a credential for good; one that was revoked before stays as it is.

    Raises:
        Problem: there is no such credential that the caller may see.
    """
    _read(connection, caller, credential_id)
    records.revoke(connection, credential_id)
    return _read(connection, caller, credential_id)


def _read(connection: psycopg.Connection, caller: Caller, credential_id: int) -> Credential:
    condition = SQL("credentials.id = %(id)s")
    found = _select(connection, caller, [condition], limit=1, id=credential_id)
    if not found:
        raise Problem(Kind.NOT_FOUND, _("There is no credential {id}."), id=credential_id)
    return found[0]


def _select(
    connection: psycopg.Connection,
    caller: Caller,
    conditions: list[Composable],
    **values: object,
) -> list[Credential]:
    conditions = [*conditions, SQL("true")]
    if caller.platform_id is not None:
        conditions.append(SQL("credentials.platform_id = %(own)s"))
    statement = _SELECT.format(conditions=SQL(" AND ").join(conditions))
    with connection.cursor(row_factory=class_row(Credential)) as cursor:
        return cursor.execute(statement, {**values, "own": caller.platform_id}).fetchall()


def _with_secret(
    connection: psycopg.Connection,
    caller: Caller,
    issued: records.IssuedCredential,
    broker: BrokerAddress,
) -> IssuedCredential:
    return IssuedCredential(
        **_read(connection, caller, issued.id).model_dump(),
        secret=issued.secret,
        example=publish_line(broker, issued.username, issued.secret),
    )


def _find_equipment(
    connection: psycopg.Connection, caller: Caller, wanted: NewCredential
) -> _Equipment:
    platform, serial = wanted.platform, wanted.serial
    row = None
    if PLATFORM_CODE.fullmatch(platform):
        is_serial = serial is not None and SERIAL.fullmatch(serial)
        row = connection.execute(
            _SELECT_EQUIPMENT,
            {
                "platform": platform,
                "serial": serial if is_serial else None,
                "own": caller.platform_id,
            },
        ).fetchone()
    if row is None:
        raise _wrong("platform", UserError("There is no platform {platform}.", platform=platform))
    equipment = _Equipment(*row)
    if serial is not None and equipment.device_id is None:
        raise _wrong(
            "serial",
            UserError(
                "There is no device {serial} on platform {platform}.",
                serial=serial,
                platform=platform,
            ),
        )
    return equipment


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except (AlreadyIssuedError, RevokedError) as error:
        raise Problem(Kind.CONFLICT, error.message, **error.values) from None


def _wrong(field: str, reason: UserError) -> Problem:
    return Problem(Kind.INVALID_REQUEST, reason.message, **reason.values).about(
        [WrongField(field, reason)]
    )
