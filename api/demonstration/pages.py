"""The form that every page of a demonstration has: let a week pass, or a month."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.access.next_page import local_page
from api.web.demonstration import LONGEST_MOVE_DAYS, Demonstration
from api.web.problems import Kind, Problem
from api.web.services import services_of

__all__ = ["router"]

_SEE_OTHER: Final = 303

router = APIRouter(route_class=GatedRoute, include_in_schema=False)


def _demonstration(request: Request) -> Demonstration:
    found = services_of(request).find(Demonstration)
    if found is None:
        raise Problem(Kind.NOT_FOUND)
    return found


@router.post("/demonstration/clock")
def take_days(
    caller: CurrentCaller,
    demonstration: Annotated[Demonstration, Depends(_demonstration)],
    days: Annotated[int, Form(ge=1, le=LONGEST_MOVE_DAYS)],
    back: Annotated[str, Form(max_length=2_000)] = "/",
) -> RedirectResponse:
    """Days pass for the steps of counts, for everybody who looks at this demonstration."""
    del caller  # whoever signed in
    demonstration.move(days)
    return RedirectResponse(local_page(back), _SEE_OTHER)
