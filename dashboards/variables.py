"""Variables: what a reader chooses at the top of a dashboard, asked of the same views."""

from dataclasses import KW_ONLY, dataclass

from dashboards.panels import Query
from jieru.vocabulary import Text

__all__ = ["Variable"]


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice whose values a query gives, in the query's order."""

    name: str
    """As queries and addresses have it."""
    label: Text
    """Before the box."""
    description: Text
    sql: Query
    """`__text` and `__value`; the first row is what is chosen at first, unless all is."""
    _: KW_ONLY
    is_multi: bool = False
    """Whether several may be chosen, and all, which is the start."""
