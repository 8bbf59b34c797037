"""Sources for programs."""

import json
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.registry.sources.answers import (
    NewSource,
    ReadyMadeFormat,
    ReadyMadeFormats,
    SourcePage,
    SourceRecord,
    Trial,
    TriedSample,
)
from api.registry.sources.queries import (
    SourceFilter,
    declare_source,
    end_source,
    list_sources,
    read_source,
)
from api.registry.sources.trials import try_sample
from api.web.database import Database
from api.web.language import RequestedLanguage
from api.web.paging import RequestedPage
from api.web.policy import CurrentPolicy
from api.web.problems import Kind, problem_responses
from api.web.records import CREATE_PROBLEMS
from jieru.i18n import marked as _
from jieru.sources.formats import write_format
from jieru.sources.ready_made import ready_made
from registry.sources import SourceAddress

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/sources", tags=["sources"], route_class=GatedRoute)

Platform = Annotated[str, Path(description=_("The platform's code."))]
Name = Annotated[str, Path(description=_("The source's name on the platform."))]


@router.get(
    "",
    summary="List sources",
    description=_(
        "Every version, by platform, name and version. An operator sees those of the own platform."
    ),
    response_description=_("One page of sources."),
    responses=problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_sources(
    caller: CurrentCaller,
    database: Database,
    page: RequestedPage,
    wanted: Annotated[SourceFilter, Depends()],
) -> SourcePage:
    """One page of sources."""
    with database.snapshot() as connection:
        return list_sources(connection, caller, wanted, page)


@router.post(
    "",
    status_code=201,
    summary="Declare a source",
    description=_(
        "How messages of a platform are read that are not in the format of Jieru. Declared again "
        "under the same name it is the next version, in force from then on."
    ),
    response_description=_("The version; Location is the source's address."),
    responses=CREATE_PROBLEMS,
)
def post_source(
    caller: CurrentCaller,
    database: Database,
    policy: CurrentPolicy,
    response: Response,
    new: NewSource,
) -> SourceRecord:
    """Declare a source."""
    with database.changing(caller.actor) as connection:
        record = declare_source(connection, caller, new, policy)
    response.headers["location"] = f"/api/v1/sources/{record.platform}/{record.name}"
    return record


@router.get(
    "/ready-made",
    summary="List ready-made formats",
    description=_("Formats of well-known products, with which a source may be declared."),
    response_description=_("All of them."),
)
def get_ready_made(language: RequestedLanguage) -> ReadyMadeFormats:
    """All ready-made formats."""
    return ReadyMadeFormats(
        items=[
            ReadyMadeFormat(
                name=name,
                title=each.title.zh if language == "zh" else each.title.en,
                cites=each.cites,
                format=json.loads(write_format(each.format)),
            )
            for name, each in ready_made().items()
        ]
    )


@router.post(
    "/trials",
    summary="Try a sample",
    description=_(
        "What a format reads in a message: its rows, and each fault with its place. Nothing is "
        "kept, and no device is looked up."
    ),
    response_description=_("Rows and faults."),
    responses=problem_responses(Kind.TOO_LARGE, Kind.INVALID_REQUEST),
)
def post_trial(trial: Trial, language: RequestedLanguage, policy: CurrentPolicy) -> TriedSample:
    """Try a sample."""
    return try_sample(trial, language, policy)


@router.get(
    "/{platform}/{name}",
    summary="Read a source",
    description=_("Its newest version."),
    response_description=_("The source."),
    responses=problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_source(
    caller: CurrentCaller, database: Database, platform: Platform, name: Name
) -> SourceRecord:
    """One source."""
    with database.reading() as connection:
        return read_source(connection, caller, SourceAddress(platform, name))


@router.post(
    "/{platform}/{name}/end",
    summary="End a source",
    description=_("Its messages are refused from now on, until it is declared again."),
    response_description=_("The source as it is now."),
    responses=problem_responses(
        Kind.NOT_FOUND, Kind.CONFLICT, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY
    ),
)
def post_end(
    caller: CurrentCaller, database: Database, platform: Platform, name: Name
) -> SourceRecord:
    """End a source."""
    with database.changing(caller.actor) as connection:
        return end_source(connection, caller, SourceAddress(platform, name))
