"""Every dashboard there is. Pure."""

from dashboards.enterprise import enterprise
from dashboards.integrity import integrity
from dashboards.operations import operations
from dashboards.overview import overview
from dashboards.platform import platform
from dashboards.queries import Json

__all__ = ["all_dashboards"]


def all_dashboards() -> list[Json]:
    """The dashboards as Grafana takes them, in the order in which a reader goes through them."""
    return [overview(), platform(), enterprise(), integrity(), operations()]
