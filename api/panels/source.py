"""The dashboards' queries, run as Grafana would run them: by the auditors' role, reading only."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Final

import psycopg
from fastapi import Depends

from api.panels.drawing import Result
from api.web.database import RequestDatabase
from api.web.recent import RecentResults
from api.web.services import service
from dashboards.catalogue import all_dashboards
from dashboards.grafana_sql import TimeRange, Value, expand
from jieru.auditor.fence import ROLE

__all__ = ["TIMEOUT_S", "CurrentPanels", "PanelSource"]

TIMEOUT_S: Final = 10
"""A panel that takes longer is stopped."""

_KEPT_S: Final = 5.0
_POINTS: Final = 300
"""Of a series, about as many as a panel is wide enough for."""
_INTERVALS: Final = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(days=1),
)
_MAY_ACT_AS: Final = """
    SELECT coalesce((
        SELECT pg_has_role(oid, CASE WHEN current_setting('server_version_num')::integer >= 160000
                                     THEN 'SET' ELSE 'MEMBER' END)
        FROM pg_roles WHERE rolname = %s), false)
"""
_READ_ONLY: Final = """
    SET TRANSACTION READ ONLY;
    SET LOCAL statement_timeout = '{timeout_s}s';
    SET LOCAL work_mem = '32MB';
    SET LOCAL jit = off;
    SET LOCAL search_path = audit
"""
_AS_AUDITOR: Final = f"SET LOCAL ROLE {ROLE}"


class PanelSource:
    """Runs the queries of all dashboards; a result is at most a few seconds old."""

    def __init__(self, database: RequestDatabase, *, timeout_s: float = TIMEOUT_S) -> None:
        """Ask nothing yet.

        Args:
            database: whose schema `audit` is read.
            timeout_s: a query that takes longer is stopped.
        """
        self._begin = _READ_ONLY.format(timeout_s=timeout_s)
        self._database = database
        self._recent = RecentResults[str, Result](_KEPT_S)
        self._may_act_as_auditor: bool | None = None
        self.dashboards = {each.uid: each for each in all_dashboards()}

    def result(self, sql: str, variables: Mapping[str, Value], time_range: TimeRange) -> Result:
        """What a query of Grafana's gives.

        Args:
            sql: with variables and macros.
            variables: by name.
            time_range: that is looked at.

        Raises:
            psycopg.errors.QueryCanceled: it took too long.
        """
        expanded = expand(sql, variables, time_range, interval=_interval_of(time_range)).sql
        return self._recent.get(expanded, lambda: self._read(expanded))

    def _read(self, sql: str) -> Result:
        with self._database.reading() as connection, connection.transaction():
            connection.execute(self._begin.encode())
            # Where the program's own role may not, it reads the same views by its own rights.
            if self._may_be_auditor(connection):
                connection.execute(_AS_AUDITOR)
            cursor = connection.execute(sql.encode(), prepare=False)
            rows = cursor.fetchall()
            return Result(tuple(column.name for column in cursor.description or ()), rows)

    def _may_be_auditor(self, connection: psycopg.Connection) -> bool:
        if self._may_act_as_auditor is None:
            row = connection.execute(_MAY_ACT_AS, (ROLE,)).fetchone()
            self._may_act_as_auditor = bool(row and row[0])
        return self._may_act_as_auditor


def _interval_of(time_range: TimeRange) -> timedelta:
    """The finest interval that makes no more points than fit."""
    span = time_range.ends_at - time_range.begins_at
    return next((each for each in _INTERVALS if span / each <= _POINTS), _INTERVALS[-1])


CurrentPanels = Annotated[PanelSource, Depends(service(PanelSource))]
