"""Every route and what its caller must be allowed to do: the one place where that is said.

A route that is missing here is answered to nobody, and keeps the application from starting.
"""

from typing import Final

from api.access.roles import Permission

__all__ = ["ROUTES", "Public"]


class Public:
    """In place of a permission: the route is open to everyone."""


ROUTES: Final[dict[tuple[str, str], Permission | type[Public]]] = {
    # Nothing about anybody in particular.
    ("GET", "/healthz"): Public,
    ("GET", "/docs"): Public,
    # Counts
    ("GET", "/counts"): Permission.READ_COUNTS,
    ("GET", "/counts/{year}"): Permission.READ_COUNTS,
    ("GET", "/counts/{year}/{platform}/{uscc}"): Permission.READ_COUNTS,
    ("GET", "/api/v1/counts/{year}"): Permission.READ_COUNTS,
    ("GET", "/api/v1/counts/{year}/{platform}/{uscc}"): Permission.READ_COUNTS,
}
