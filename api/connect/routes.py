"""Connecting equipment, for programs."""

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Response

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.connect.answers import ArrivalList, AuthorityAnswer, BrokerAnswer, ConnectionAnswer
from api.connect.arrivals import arrivals_of
from api.connect.subjects import SubjectName, find_subject
from api.registry.credentials.programs import EquipmentWaysIn, first_serial
from api.web.clock import Now
from api.web.database import Database
from api.web.language import RequestedLanguage
from api.web.problems import Kind, Problem, problem_responses
from jieru.credentials.authority import AUTHORITY_FILE_NAME
from jieru.i18n import marked as _

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/connect", tags=["connect"], route_class=GatedRoute)

_RECENT: Final = timedelta(hours=1)
_PEM: Final = "application/x-pem-file"

Platform = Annotated[str, Path(description=_("The platform's code."))]
Gateway = Annotated[
    str | None,
    Query(description=_("A gateway's name."), max_length=100, pattern=r"^[^\x00]*$"),
]
Serial = Annotated[
    str | None,
    Query(description=_("A device's serial."), max_length=100, pattern=r"^[^\x00]*$"),
]


@router.get(
    "/authority.pem",
    summary="Download the authority's certificate",
    description=_("What equipment must trust to know the broker; no key is in it."),
    response_description=_("One certificate or several, in PEM."),
    response_class=Response,
    responses={
        200: {"content": {_PEM: {"schema": {"type": "string"}}}},
        **problem_responses(Kind.NOT_FOUND),
    },
)
def get_authority(ways_in: EquipmentWaysIn) -> Response:
    """The file."""
    if ways_in.authority is None:
        raise Problem(
            Kind.NOT_FOUND,
            _("No certificate is handed out here: the administrator can name one."),
        )
    disposition = f'attachment; filename="{AUTHORITY_FILE_NAME}"'
    return Response(
        ways_in.authority.pem, media_type=_PEM, headers={"Content-Disposition": disposition}
    )


@router.get(
    "/{platform}",
    summary="Read how equipment connects",
    description=_(
        "Address, username and topic of a device that publishes itself, of a gateway, or with "
        "neither of the platform's cloud. The secret is nowhere but in the answer that issued it."
    ),
    response_description=_("What equipment must be told."),
    responses=problem_responses(
        Kind.NOT_FOUND, Kind.REFUSED, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY
    ),
)
def get_connection(
    caller: CurrentCaller,
    database: Database,
    ways_in: EquipmentWaysIn,
    platform: Platform,
    gateway: Gateway = None,
    serial: Serial = None,
) -> ConnectionAnswer:
    """How one connects."""
    name = SubjectName(platform, gateway, serial)
    with database.snapshot() as connection:
        subject = find_subject(connection, caller, name)
        any_serial = serial or first_serial(connection, platform)
    publishing = ways_in.publishing(name.username, serial=any_serial)
    certificates = ways_in.authority.certificates if ways_in.authority else ()
    return ConnectionAnswer(
        broker=BrokerAnswer(
            host=publishing.host,
            port=publishing.port,
            is_tls=publishing.is_tls,
            is_named=ways_in.is_broker_named,
        ),
        https_url=publishing.https_url if ways_in.https_url else None,
        authority=[AuthorityAnswer(**each._asdict()) for each in certificates],
        kind=name.user.publisher.kind,
        username=name.username,
        topic=publishing.topic,
        has_credential=subject.has_credential,
    )


@router.get(
    "/{platform}/arrivals",
    summary="List what arrived",
    description=_(
        "Heartbeats and rejections of the last hour of a device, of a gateway, or of the platform, "
        "newest first: the last fifty. Of a platform and of a gateway the heartbeats of its fifty "
        "devices that were registered last."
    ),
    response_description=_("What arrived."),
    responses=problem_responses(
        Kind.NOT_FOUND, Kind.REFUSED, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY
    ),
)
def get_arrivals(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    language: RequestedLanguage,
    platform: Platform,
    gateway: Gateway = None,
    serial: Serial = None,
) -> ArrivalList:
    """What arrived of late."""
    with database.snapshot() as connection:
        subject = find_subject(connection, caller, SubjectName(platform, gateway, serial))
        found = arrivals_of(connection, subject, now - _RECENT, language, now=now)
    return ArrivalList(items=found)
