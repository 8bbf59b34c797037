"""How the installation is, for programs that watch it."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request

from api.access.gate import GatedRoute
from api.administration.answers import (
    AccountList,
    CheckAnswer,
    Examination,
    ProcessList,
)
from api.administration.examining import Examining
from api.administration.queries import list_accounts, list_processes
from api.web.clock import Now
from api.web.database import Database
from api.web.language import language_of
from api.web.problems import Kind, problem_responses
from api.web.services import service
from jieru.i18n import marked as _
from jieru.i18n import translations

__all__ = ["CurrentExamining", "router"]

router = APIRouter(prefix="/api/v1/administration", tags=["administration"], route_class=GatedRoute)

CurrentExamining = Annotated[Examining, Depends(service(Examining))]


@router.get(
    "/examination",
    summary="Examine the installation",
    description=_(
        "What `jieru doctor --json` finds, as the process sees it that serves the console: each "
        "part, how it is and what to do."
    ),
    response_description=_("The checks."),
    responses=problem_responses(Kind.DATABASE_AWAY),
)
def get_examination(
    request: Request, examining: CurrentExamining, database: Database, now: Now
) -> Examination:
    """Every check."""
    translate = translations(language_of(request)).gettext
    return Examination(
        examined_at=now,
        checks=[
            CheckAnswer(
                name=each.name,
                area=each.area,
                title=translate(each.title),
                state=each.state,
                finding=each.finding.spoken(translate),
                advice=each.advice.spoken(translate) if each.advice else None,
            )
            for each in examining.examine(database, now)
        ],
    )


@router.get(
    "/processes",
    summary="List processes",
    description=_("What each process said of itself at its last start; secrets are hidden."),
    response_description=_("The processes."),
    responses=problem_responses(Kind.DATABASE_AWAY),
)
def get_processes(database: Database) -> ProcessList:
    """All processes that said what they are."""
    with database.reading() as connection:
        return ProcessList(items=list_processes(connection))


@router.get(
    "/accounts",
    summary="List accounts",
    description=_(
        "Accounts of people, disabled ones too. People alone change them, in the console or with "
        "`jieru user`."
    ),
    response_description=_("The accounts."),
    responses=problem_responses(Kind.DATABASE_AWAY),
)
def get_accounts(database: Database) -> AccountList:
    """All accounts."""
    with database.reading() as connection:
        return AccountList(items=list_accounts(connection))
