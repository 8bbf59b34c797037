"""Every dashboard there is. Pure."""

from dashboards.enterprise import enterprise
from dashboards.integrity import integrity
from dashboards.layout import Dashboard
from dashboards.operations import operations
from dashboards.overview import overview
from dashboards.platform import platform
from dashboards.trust import trust

__all__ = ["all_dashboards"]


def all_dashboards() -> list[Dashboard]:
    """The dashboards, in the order in which a reader goes through them."""
    return [overview(), platform(), enterprise(), integrity(), trust(), operations()]
