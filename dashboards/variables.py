"""Variables: what a reader chooses at the top of a dashboard, asked of the same views."""

from typing import Final, Literal

from dashboards.queries import DATASOURCE, Json, plain_sql

__all__ = ["choice"]

_SHOWN: Final = 0
_ON_DASHBOARD_LOAD: Final = 1
_NOT_SORTED: Final = 0


def choice(
    name: str, label: str, description: str, sql: str, *, many: Literal["one", "many"] = "one"
) -> Json:
    """A variable whose values a query gives, in the query's order.

    Args:
        name: as queries and addresses have it.
        label: in Chinese, before the box.
        description: in both languages.
        sql: `__text` and `__value`; the first row is what is chosen at first, unless all is.
        many: `many` lets several be chosen, and all, which is the start.
    """
    is_many = many == "many"
    everything = {"selected": True, "text": ["All"], "value": ["$__all"]}
    return {
        # A value that the query did not give is none of the registry's.
        "allowCustomValue": False,
        **({"current": everything} if is_many else {}),
        "datasource": DATASOURCE,
        "description": description,
        "hide": _SHOWN,
        "includeAll": is_many,
        "label": label,
        "multi": is_many,
        "name": name,
        "options": [],
        "query": plain_sql(sql),
        "refresh": _ON_DASHBOARD_LOAD,
        "regex": "",
        "skipUrlSync": False,
        "sort": _NOT_SORTED,
        "type": "query",
    }
