"""Credentials of equipment for people: issued, replaced and revoked from its page."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from api.access.gate import GatedRoute
from api.console.announcement import Done, go_on
from api.console.breadcrumbs import Breadcrumbs, device_breadcrumbs, platform_breadcrumbs
from api.console.forms import FormValues, read_form
from api.console.visit import CurrentVisit, Visit
from api.registry.credentials.answers import Credential, IssuedCredential, NewCredential
from api.registry.credentials.programs import (
    EquipmentWaysIn,
    connect_page_address,
    filled_program,
    first_serial,
    fitting_snippets,
)
from api.registry.credentials.queries import issue_credential, replace_credential, revoke_credential
from api.registry.credentials.routes import CredentialId, EquipmentBroker
from jieru.credentials.usernames import parse_username
from jieru.credentials.ways_in import WaysIn
from jieru.wire import DeviceAddress

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)


@router.post("/credentials")
def take_issue(
    visit: CurrentVisit, broker: EquipmentBroker, ways_in: EquipmentWaysIn, values: FormValues
) -> HTMLResponse:
    """A new credential, its secret shown this once."""
    wanted = read_form(NewCredential, values)
    with visit.database.changing(visit.caller.actor) as connection:
        issued = issue_credential(connection, visit.caller, wanted, broker=broker, now=visit.now)
    return _secret(visit, ways_in, issued)


@router.post("/credentials/{credential_id}/replace")
def take_replacement(
    visit: CurrentVisit,
    broker: EquipmentBroker,
    ways_in: EquipmentWaysIn,
    credential_id: CredentialId,
) -> HTMLResponse:
    """A credential in another's place, its secret shown this once."""
    with visit.database.changing(visit.caller.actor) as connection:
        issued = replace_credential(
            connection, visit.caller, credential_id, broker=broker, now=visit.now
        )
    return _secret(visit, ways_in, issued)


@router.post("/credentials/{credential_id}/revoke")
def take_revocation(visit: CurrentVisit, credential_id: CredentialId) -> Response:
    """The end of a credential."""
    with visit.database.changing(visit.caller.actor) as connection:
        revoked = revoke_credential(connection, visit.caller, credential_id)
    return go_on(_breadcrumbs(visit, revoked)[-1][1], Done.REVOKED)


def _breadcrumbs(visit: Visit, credential: Credential) -> Breadcrumbs:
    """The pages that lead to its equipment."""
    if credential.serial is None:
        return platform_breadcrumbs(visit, credential.platform, credential.platform)
    return device_breadcrumbs(visit, DeviceAddress(credential.platform, credential.serial))


def _secret(visit: Visit, ways_in: WaysIn, issued: IssuedCredential) -> HTMLResponse:
    """The one answer that knows the secret, and so the only one with programs that have it."""
    user = parse_username(issued.username)
    if user is None:
        raise ValueError(f"{issued.username} is no user of equipment")
    with visit.database.reading() as connection:
        serial = user.serial or first_serial(connection, issued.platform)
    publishing = ways_in.publishing(issued.username, secret=issued.secret, serial=serial)
    # Nothing of this page has an address of its own, so it is offered in no other language.
    breadcrumbs = _breadcrumbs(visit, issued)
    return visit.render(
        "credentials/secret.html",
        {
            "credential": issued,
            "breadcrumbs": breadcrumbs,
            "back": breadcrumbs[-1][1],
            "connect_address": connect_page_address(user),
            "programs": [
                filled_program(each, publishing, visit.language)
                for each in fitting_snippets(user.publisher.kind)
            ],
            "languages": {},
        },
    )
