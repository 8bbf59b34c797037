"""Credentials of equipment, for programs."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.registry.credentials.answers import (
    Credential,
    CredentialPage,
    IssuedCredential,
    NewCredential,
)
from api.registry.credentials.queries import (
    CredentialFilter,
    CredentialState,
    issue_credential,
    list_credentials,
    replace_credential,
    revoke_credential,
)
from api.web.clock import Now
from api.web.database import Database
from api.web.filters import PlatformFilter
from api.web.paging import RequestedPage
from api.web.problems import Kind, problem_responses
from api.web.services import service
from jieru.broker import BrokerAddress
from jieru.i18n import marked as _
from jieru.wire import PublisherKind

__all__ = ["CredentialId", "EquipmentBroker", "router"]

router = APIRouter(prefix="/api/v1/credentials", tags=["credentials"], route_class=GatedRoute)

_LARGEST_ID: Final = 2**31 - 1


EquipmentBroker = Annotated[BrokerAddress, Depends(service(BrokerAddress))]
"""Where equipment reaches the broker."""
CredentialId = Annotated[int, Path(description=_("The credential's id."), ge=1, le=_LARGEST_ID)]


@router.get(
    "",
    summary="List credentials",
    description=_("The newest first; an operator sees the own platform's."),
    response_description=_("One page of credentials, without their secrets."),
    responses=problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_credentials(
    caller: CurrentCaller,
    database: Database,
    page: RequestedPage,
    platform: PlatformFilter = None,
    serial: Annotated[
        str | None,
        Query(description=_("A device's serial."), max_length=100, pattern=r"^[^\x00]*$"),
    ] = None,
    gateway: Annotated[
        str | None,
        Query(description=_("A gateway's name."), max_length=100, pattern=r"^[^\x00]*$"),
    ] = None,
    kind: Annotated[
        PublisherKind | None,
        Query(description=_("As whom it publishes: `cloud`, `gateway` or `device`.")),
    ] = None,
    state: Annotated[
        CredentialState, Query(description=_("`open` (by default), `revoked` or `all`."))
    ] = CredentialState.OPEN,
) -> CredentialPage:
    """One page of credentials."""
    with database.reading() as connection:
        wanted = CredentialFilter(platform, serial, gateway, kind, state)
        return list_credentials(connection, caller, wanted, page)


@router.post(
    "",
    status_code=201,
    summary="Issue a credential",
    description=_(
        "To a device that publishes itself, to a registered gateway, or with neither to the "
        "platform's cloud; gateway and cloud publish for all of the platform's devices. The answer "
        "holds the secret: it is shown this once and kept nowhere. The "
        "broker lets the equipment in some seconds later."
    ),
    response_description=_("The credential with its secret."),
    responses=problem_responses(Kind.CONFLICT, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def post_credential(
    caller: CurrentCaller,
    database: Database,
    broker: EquipmentBroker,
    now: Now,
    wanted: NewCredential,
) -> IssuedCredential:
    """A new credential."""
    with database.changing(caller.actor) as connection:
        return issue_credential(connection, caller, wanted, broker=broker, now=now)


@router.post(
    "/{credential_id}/replace",
    status_code=201,
    summary="Replace a credential",
    description=_(
        "Revokes it and issues another of the same name to the same equipment, which the answer "
        "holds with its secret. The broker refuses the old secret some seconds later."
    ),
    response_description=_("The new credential with its secret."),
    responses=problem_responses(
        Kind.NOT_FOUND, Kind.CONFLICT, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY
    ),
)
def post_replacement(
    caller: CurrentCaller,
    database: Database,
    broker: EquipmentBroker,
    now: Now,
    credential_id: CredentialId,
) -> IssuedCredential:
    """A credential in another's place."""
    with database.changing(caller.actor) as connection:
        return replace_credential(connection, caller, credential_id, broker=broker, now=now)


@router.post(
    "/{credential_id}/revoke",
    summary="Revoke a credential",
    description=_(
        "For good; it stays in the list. The broker ends the equipment's connection some seconds "
        "later, and no other's."
    ),
    response_description=_("The credential with the moment of its end."),
    responses=problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def post_revocation(
    caller: CurrentCaller, database: Database, credential_id: CredentialId
) -> Credential:
    """A credential that opens nothing any more."""
    with database.changing(caller.actor) as connection:
        return revoke_credential(connection, caller, credential_id)
