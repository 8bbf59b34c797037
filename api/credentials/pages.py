"""Credentials of equipment for people: issued, replaced and revoked from its page."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from api.access.gate import GatedRoute
from api.credentials.answers import Credential, IssuedCredential, NewCredential
from api.credentials.queries import issue_credential, replace_credential, revoke_credential
from api.credentials.routes import CredentialId, EquipmentBroker
from api.devices.pages import device_steps
from api.platforms.pages import platform_steps
from api.web.announcement import Done, go_on
from api.web.forms import FormValues, read_form
from api.web.visit import CurrentVisit, Visit
from jieru.wire import DeviceAddress

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)


@router.post("/credentials")
def take_issue(visit: CurrentVisit, broker: EquipmentBroker, values: FormValues) -> HTMLResponse:
    """A new credential, its secret shown this once."""
    wanted = read_form(NewCredential, values)
    with visit.database.changing(visit.caller.actor) as connection:
        issued = issue_credential(connection, visit.caller, wanted, broker=broker, now=visit.now)
    return _secret(visit, issued)


@router.post("/credentials/{credential_id}/replace")
def take_replacement(
    visit: CurrentVisit, broker: EquipmentBroker, credential_id: CredentialId
) -> HTMLResponse:
    """A credential in another's place, its secret shown this once."""
    with visit.database.changing(visit.caller.actor) as connection:
        issued = replace_credential(
            connection, visit.caller, credential_id, broker=broker, now=visit.now
        )
    return _secret(visit, issued)


@router.post("/credentials/{credential_id}/revoke")
def take_revocation(visit: CurrentVisit, credential_id: CredentialId) -> Response:
    """The end of a credential."""
    with visit.database.changing(visit.caller.actor) as connection:
        revoked = revoke_credential(connection, visit.caller, credential_id)
    return go_on(_steps(visit, revoked)[-1][1], Done.REVOKED)


def _steps(visit: Visit, credential: Credential) -> list[tuple[str, str]]:
    """The pages that lead to its equipment."""
    if credential.serial is None:
        return platform_steps(visit, credential.platform, credential.platform)
    return device_steps(visit, DeviceAddress(credential.platform, credential.serial))


def _secret(visit: Visit, issued: IssuedCredential) -> HTMLResponse:
    # Nothing of this page has an address of its own, so it is offered in no other language.
    steps = _steps(visit, issued)
    return visit.render(
        "credentials/secret.html",
        {"credential": issued, "steps": steps, "back": steps[-1][1], "languages": {}},
    )
