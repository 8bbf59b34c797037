"""What a reader of Grafana gets: its queries, expanded and run by the auditors' role."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg

from dashboards.grafana_sql import ALL, TimeRange, Value, chosen_value, expand
from dashboards.grafana_time import time_range

__all__ = ["Given", "GrafanaReader", "panels_of", "sql_of"]

Json = Mapping[str, Any]

_QUERY: Final = "query"


@dataclass(frozen=True, slots=True)
class Given:
    """What a query gave."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    """PostgreSQL's names of the columns' types."""
    rows: list[tuple[Any, ...]]

    def column(self, name: str) -> list[Any]:
        """The values of one column."""
        place = self.columns.index(name)
        return [row[place] for row in self.rows]


def panels_of(dashboard: Json) -> Iterator[Json]:
    """The panels that show something."""
    return (panel for panel in dashboard["panels"] if panel["type"] != "row")


def sql_of(panel: Json) -> str:
    """Its one query, with variables and macros."""
    (target,) = panel["targets"]
    sql: str = target["rawSql"]
    return sql


@dataclass(frozen=True, slots=True)
class GrafanaReader:
    """Reads dashboards at one moment."""

    connection: psycopg.Connection
    """Of the auditors' role."""
    now: datetime
    """When the dashboards are looked at."""
    interval: timedelta = timedelta(minutes=1)
    """What Grafana makes of the span of time and the width of a panel."""

    def span_of(self, dashboard: Json) -> TimeRange:
        """What a dashboard opens with."""
        return time_range(dashboard["time"]["from"], dashboard["time"]["to"], self.now)

    def options(
        self, variable: Json, values: Mapping[str, Value], span: TimeRange
    ) -> list[tuple[str, str]]:
        """The texts and values that a variable offers; one text stands there once."""
        given = self.given(variable[_QUERY], values, span)
        pairs = zip(given.column("__text"), given.column("__value"), strict=True)
        return list({text: (text, value) for text, value in reversed(list(pairs))}.values())[::-1]

    def values(
        self,
        dashboard: Json,
        chosen: Mapping[str, str | Sequence[str]],
        span: TimeRange | None = None,
    ) -> dict[str, Value]:
        """Every variable of a dashboard: as chosen, else as it opens."""
        values: dict[str, Value] = {}
        for variable in dashboard["templating"]["list"]:
            options = self.options(variable, values, span or self.span_of(dashboard))
            known = [value for _text, value in options]
            first: str | Sequence[str] = [ALL] if variable["multi"] else (known or [""])[0]
            values[variable["name"]] = chosen_value(
                chosen.get(variable["name"], first), known, is_multi=variable["multi"]
            )
        return values

    def given(self, sql: str, values: Mapping[str, Value], span: TimeRange) -> Given:
        """What a query gives."""
        expanded = expand(sql, values, span, interval=self.interval).sql
        with self.connection.transaction():
            cursor = self.connection.execute(expanded.encode(), prepare=False)
        description = cursor.description or ()
        types = self.connection.adapters.types
        names = [types[column.type_code] for column in description]
        return Given(
            tuple(column.name for column in description),
            tuple(each.name for each in names),
            cursor.fetchall(),
        )
