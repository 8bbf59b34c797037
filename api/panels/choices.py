"""What a reader chooses above the panels: a dashboard's variables and its span of time. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import urlencode

from dashboards.grafana_sql import ALL, Value, chosen_value
from dashboards.panels import query_in
from dashboards.variables import Variable
from jieru.vocabulary import Text

__all__ = ["PERIODS", "Chosen", "Option", "chosen", "depends_on", "parameter_of", "query_of"]

PERIODS: Final = (
    "now-6h",
    "now-24h",
    "now-7d",
    "now-30d",
    "now-90d",
    "now-120d",
    "now-1y",
    "now-2y",
)
"""Beginnings of spans of time that end now."""

_PARAMETER: Final = "var-"


class Option(NamedTuple):
    """One value that can be chosen."""

    text: str
    value: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """A variable, what could be chosen, and what is."""

    name: str
    label: Text
    options: Sequence[Option]
    values: Sequence[str]
    """What of it is chosen; `ALL` alone stands for all of it."""
    is_multi: bool

    @property
    def parameter(self) -> str:
        """Its name in an address."""
        return parameter_of(self.name)

    @property
    def is_all(self) -> bool:
        """Whether everything is chosen."""
        return list(self.values) == [ALL]

    @property
    def value(self) -> Value:
        """What queries get."""
        options = [option.value for option in self.options]
        if self.is_multi:
            return chosen_value(self.values, options, is_multi=True)
        return self.values[0] if self.values else ""


def parameter_of(name: str) -> str:
    """What a variable is called in an address, as in Grafana's."""
    return f"{_PARAMETER}{name}"


def chosen(
    variable: Variable, options: Sequence[Option], asked: Sequence[str], *, is_stale: bool
) -> Chosen | None:
    """What is chosen for a variable; None where something else was asked for than there is.

    Args:
        variable: what is chosen.
        options: what its query gave.
        asked: the values in the address; none: what the dashboard begins with.
        is_stale: another choice, on which the options depend, was just changed: a value that is no
            option any more gives way to the first one.
    """
    is_multi = variable.is_multi
    values = list(dict.fromkeys(asked)) if is_multi else list(asked[-1:])
    known = {option.value for option in options}
    if is_multi and (not values or ALL in values):
        values = [ALL]
    elif not set(values) <= known:
        if not is_stale:
            return None
        values = []
    first = [options[0].value] if options else []
    return Chosen(variable.name, variable.label, options, values or first, is_multi)


def depends_on(variable: Variable) -> set[str]:
    """The variables that stand in a variable's query."""
    return set(re.findall(r"\$\{(\w+):", query_in(variable.sql, "zh"), re.ASCII))


def query_of(choices: Sequence[Chosen], period: Mapping[str, str]) -> str:
    """The choices as the query of an address."""
    values = [(each.parameter, value) for each in choices for value in each.values]
    return urlencode([*values, *period.items()])
