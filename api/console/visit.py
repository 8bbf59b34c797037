"""What every page of the console needs: who asks, at which moment, in which language."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse

from api.access.caller import Caller, CurrentCaller
from api.access.roles import Permission
from api.console.rendering import render
from api.web.clock import Now, StepsNow
from api.web.database import Database, RequestDatabase
from api.web.filters import today_of
from api.web.language import language_of
from jieru.i18n import Language, translations

__all__ = ["CurrentVisit", "Visit"]


@dataclass(frozen=True, slots=True)
class Visit:
    """A person's request for a page."""

    request: Request
    database: RequestDatabase
    caller: Caller
    now: datetime
    steps_now: datetime
    """By which steps of a count are due."""

    @property
    def today(self) -> date:
        """The civil day."""
        return today_of(self.now)

    @property
    def steps_today(self) -> date:
        """The civil day by which steps of a count are due."""
        return today_of(self.steps_now)

    @property
    def language(self) -> Language:
        """Of the reader."""
        return language_of(self.request)

    def translate(self, message: str) -> str:
        """A message in the reader's language."""
        return translations(self.language).gettext(message)

    def may(self, permission: Permission) -> bool:
        """Whether the reader's role has a permission."""
        return self.caller.may(permission)

    def wants_part(self, name: str) -> bool:
        """Whether htmx asks for the part of the page with this id, and nothing else."""
        return self.request.headers.get("hx-target") == name

    def render(
        self, template: str, values: Mapping[str, object], *, status: int = 200
    ) -> HTMLResponse:
        """A page or a part of one; a whole page of a simulation says that it is one."""
        marked = {"marks_simulation": self.database.is_simulation(), **values}
        return render(self.request, template, marked, status=status)


def _visit(
    request: Request, database: Database, caller: CurrentCaller, now: Now, steps_now: StepsNow
) -> Visit:
    return Visit(request, database, caller, now, steps_now)


CurrentVisit = Annotated[Visit, Depends(_visit)]
