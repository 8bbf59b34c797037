"""What Grafana asks: its datasource, and one query of it as its JSON has it."""

from typing import Any, Final, Literal, TypeAlias

from dashboards.queries import plain_sql

__all__ = ["DATASOURCE", "DATASOURCE_TYPE", "DATASOURCE_UID", "Json", "QueryFormat", "target"]

Json: TypeAlias = dict[str, Any]
"""An object of Grafana's JSON."""

QueryFormat = Literal["table", "time_series"]

DATASOURCE_UID: Final = "jieru-auditor"
DATASOURCE_TYPE: Final = "grafana-postgresql-datasource"
DATASOURCE: Final[Json] = {"type": DATASOURCE_TYPE, "uid": DATASOURCE_UID}


def target(sql: str, *, query_format: QueryFormat = "table", ref_id: str = "A") -> Json:
    """One query of a panel."""
    return {
        "datasource": DATASOURCE,
        "editorMode": "code",
        "format": query_format,
        "rawQuery": True,
        "rawSql": plain_sql(sql),
        "refId": ref_id,
    }
