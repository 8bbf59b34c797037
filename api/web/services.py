"""What the application was given when it was put together, one of each kind."""

from collections.abc import Callable
from typing import TypeVar

from starlette.requests import Request

__all__ = ["Services", "service", "services_of"]

Service = TypeVar("Service")


class Services:
    """Finds by its type what a route needs, so that no route knows who made it."""

    def __init__(self, *given: object) -> None:
        """Keep one service of each type; None stands for one that this application lacks."""
        self._given = {type(one): one for one in given if one is not None}

    def find(self, kind: type[Service]) -> Service | None:
        """The service of a type, or None where this application has none."""
        found = self._given.get(kind)
        return found if isinstance(found, kind) else None

    def get(self, kind: type[Service]) -> Service:
        """The service of a type.

        Raises:
            LookupError: the application was put together without it.
        """
        found = self.find(kind)
        if found is None:
            raise LookupError(f"the application was given no {kind.__name__}")
        return found


def services_of(request: Request) -> Services:
    """What this request's application was given."""
    services: Services = request.app.state.services
    return services


def service(kind: type[Service]) -> Callable[[Request], Service]:
    """A dependency of routes: the application's service of a type."""

    def of_request(request: Request) -> Service:
        return services_of(request).get(kind)

    return of_request
