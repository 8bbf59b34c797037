"""Credentials as callers see, issue, replace and revoke them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import psycopg
from psycopg.sql import SQL, Composable

from api.access.caller import Caller
from api.registry.credentials.answers import (
    Credential,
    CredentialPage,
    IssuedCredential,
    NewCredential,
)
from api.web.filters import today_of
from api.web.paging import PageRequest, read_cursor, write_cursor
from api.web.problems import Kind, Problem, wrong_value
from jieru.broker import BrokerAddress
from jieru.credentials import records
from jieru.credentials.equipment import (
    EndedEquipmentError,
    UnknownEquipmentError,
    find_equipment,
    issue_to,
    replace_of,
)
from jieru.credentials.example import publish_line
from jieru.credentials.records import AlreadyIssuedError, RevokedError
from jieru.credentials.stored import OPEN, select_credentials
from jieru.i18n import marked as _
from jieru.wire import PublisherKind

__all__ = [
    "CredentialFilter",
    "CredentialState",
    "issue_credential",
    "list_credentials",
    "replace_credential",
    "revoke_credential",
]


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
    gateway: str | None = None
    kind: PublisherKind | None = None
    state: CredentialState = CredentialState.OPEN
    username: str | None = None


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
    if wanted.gateway is not None:
        conditions.append(SQL("publishers.name = %(gateway)s"))
    if wanted.kind is not None:
        conditions.append(SQL("publishers.kind = %(kind)s"))
    if wanted.username is not None:
        conditions.append(SQL("username = %(username)s"))
    if wanted.state is not CredentialState.ALL:
        conditions.append(
            OPEN if wanted.state is CredentialState.OPEN else SQL("NOT {}").format(OPEN)
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
        gateway=wanted.gateway,
        kind=wanted.kind,
        username=wanted.username,
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
    try:
        equipment = find_equipment(
            connection,
            platform=wanted.platform,
            serial=wanted.serial,
            gateway=wanted.gateway,
            only_platform_id=caller.platform_id,
        )
        with _refusals():
            issued = issue_to(connection, equipment, today=today_of(now))
    except UnknownEquipmentError as error:
        raise wrong_value(error.field, error) from None
    except EndedEquipmentError as error:
        raise wrong_value("platform" if wanted.serial is None else "serial", error) from None
    return _with_secret(connection, caller, issued, broker)


def replace_credential(
    connection: psycopg.Connection,
    caller: Caller,
    credential_id: int,
    *,
    broker: BrokerAddress,
    now: datetime,
) -> IssuedCredential:
    """Revoke a credential and issue another of the same name to the same equipment.

    Raises:
        Problem: there is no such credential that the caller may see, it is revoked, or the
            equipment has ended.
    """
    _read(connection, caller, credential_id)
    try:
        with _refusals():
            issued = replace_of(connection, credential_id, today=today_of(now))
    except EndedEquipmentError as error:
        raise Problem(Kind.CONFLICT, error.message) from None
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
    *,
    limit: int,
    **values: object,
) -> list[Credential]:
    if caller.platform_id is not None:
        conditions = [*conditions, SQL("credentials.platform_id = %(own)s")]
    found = select_credentials(
        connection, conditions, limit=limit, **values, own=caller.platform_id
    )
    return [Credential.model_validate(each, from_attributes=True) for each in found]


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


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except (AlreadyIssuedError, RevokedError) as error:
        raise Problem(Kind.CONFLICT, error.message, **error.values) from None
