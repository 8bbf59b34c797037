"""What people alone may do, and when they did it: by the database's clock, which all share."""

from datetime import datetime
from typing import Annotated

from fastapi import Depends

from api.access.caller import Caller, CurrentCaller
from api.web.clock import Clock, Now
from api.web.database import Database
from api.web.problems import Kind, Problem
from api.web.services import service
from jieru.errors import UserError
from jieru.i18n import marked as _
from verifier.procedure.clock import step_instant

__all__ = ["StepInstant", "instant_of_steps", "require_person"]


def require_person(caller: Caller) -> None:
    """Refuse a program with a key: people answer for public money.

    Raises:
        Problem: it is one.
    """
    if caller.form_token is None:
        raise Problem(
            Kind.FORBIDDEN,
            _("Only a person who signed in may do this, not a program with a key."),
        )


def instant_of_steps(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    clock: Annotated[Clock, Depends(service(Clock))],
) -> datetime:
    """The moment at which a step is taken: by the database's clock, if that is not a moved one.

    Raises:
        Problem: a program asks, or the application's clock is far from the database's.
    """
    require_person(caller)
    if clock.steps is not None:
        return clock.steps()
    try:
        with database.reading() as connection:
            return step_instant(connection, now)
    except UserError as error:
        raise Problem(Kind.CONFLICT, error.message, **error.values) from None


StepInstant = Annotated[datetime, Depends(instant_of_steps)]
