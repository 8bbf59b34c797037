"""What holds for every dashboard: each rule says where it is broken."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

__all__ = ["INVARIANTS", "Dashboards", "Finding", "columns_named", "panels_of"]

Json = dict[str, Any]
Dashboards = Sequence[Json]
Finding = str

_COLUMNS: Final = 24
_UID: Final = re.compile(r"[a-z0-9-]{1,40}")
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")
_ENGLISH: Final = re.compile(r"[A-Za-z][a-z]+(,? [A-Za-z]+){2}")
_DATASOURCE: Final = {"type": "grafana-postgresql-datasource", "uid": "jieru-auditor"}
_UNITS: Final = frozenset({"locale", "none", "percentunit", "s", "ms", "bytes"})
_REFRESHED: Final = "jieru-operations"

_VARIABLE: Final = re.compile(r"\$\{(\w+)(?::(\w+))?[^}]*\}|\$(\w+)(\()?")
_GLOBALS: Final = frozenset({"__interval", "__interval_ms"})
_MACROS: Final = frozenset(
    {"__timeFilter", "__timeFrom", "__timeTo", "__timeGroup", "__timeGroupAlias"}
)
_IN_A_LINK: Final = re.compile(r"\$\{__data\.fields\.(\w+)(?:\.numeric|:percentencode)\}")

_TEXT: Final = re.compile(r"'(?:[^']|'')*'")
_NOT_A_SOURCE: Final = re.compile(r"extract\(\w+ FROM|IS (?:NOT )?DISTINCT FROM", re.IGNORECASE)
_SOURCE: Final = re.compile(r"\b(?:FROM|JOIN)\s+(?:LATERAL\s+)?([\w.]+\(?|\()", re.IGNORECASE)
_NO_TABLES: Final = frozenset({"(", "generate_series(", "unnest("})


def panels_of(dashboard: Json) -> list[Json]:
    """The panels that ask something: all but the headings of rows."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries_of(dashboard: Json) -> Iterator[tuple[str, str]]:
    """Every query, with the place where it stands."""
    for panel in panels_of(dashboard):
        for target in panel["targets"]:
            yield f"{dashboard['uid']}/{panel['id']}", target["rawSql"]
    for variable in dashboard["templating"]["list"]:
        yield f"{dashboard['uid']}/{variable['name']}", variable["query"]


def links_of(dashboard: Json) -> Iterator[tuple[str, str, Json | None]]:
    """Every link's address, with its place and, for one behind a value, its panel."""
    for link in dashboard["links"]:
        yield f"{dashboard['uid']}/{link['title']}", link["url"], None
    for panel in panels_of(dashboard):
        for override in panel["fieldConfig"]["overrides"]:
            for each in override["properties"]:
                if each["id"] == "links":
                    for link in each["value"]:
                        yield f"{dashboard['uid']}/{panel['id']}", link["url"], panel


def columns_named(sql: str) -> set[str]:
    """Words that may be columns of a query: every word outside of its texts."""
    return set(re.findall(r"\w+", _TEXT.sub("''", sql)))


def variables_of(dashboard: Json) -> set[str]:
    """Names of the variables."""
    return {variable["name"] for variable in dashboard["templating"]["list"]}


# The rules ----------------------------------------------------------------------------------


def uids_are_unique(dashboards: Dashboards) -> Iterator[Finding]:
    """And of a form that fits into an address."""
    for uid, number in Counter(each["uid"] for each in dashboards).items():
        if number > 1 or not _UID.fullmatch(uid):
            yield f"uid {uid}, {number} times"


def panels_have_ids_of_their_own(dashboards: Dashboards) -> Iterator[Finding]:
    """Rows too; addresses and alert rules hold them."""
    for dashboard in dashboards:
        for number, times in Counter(panel["id"] for panel in dashboard["panels"]).items():
            if times > 1:
                yield f"{dashboard['uid']}/{number} stands {times} times"


def every_datasource_is_ours(dashboards: Dashboards) -> Iterator[Finding]:
    """One uid, one type, everywhere."""
    for dashboard in dashboards:
        named = [variable["datasource"] for variable in dashboard["templating"]["list"]]
        for panel in panels_of(dashboard):
            named += [panel["datasource"], *(each["datasource"] for each in panel["targets"])]
        yield from (f"{dashboard['uid']} asks {each}" for each in named if each != _DATASOURCE)


def panels_do_not_overlap(dashboards: Dashboards) -> Iterator[Finding]:
    """And none is wider than the grid, or empty."""
    for dashboard in dashboards:
        places = [(panel["id"], panel["gridPos"]) for panel in dashboard["panels"]]
        for number, at in places:
            if at["x"] < 0 or at["x"] + at["w"] > _COLUMNS or min(at["w"], at["h"]) < 1:
                yield f"{dashboard['uid']}/{number} leaves the grid"
        for (one, a), (other, b) in combinations(places, 2):
            if (
                a["x"] < b["x"] + b["w"]
                and b["x"] < a["x"] + a["w"]
                and a["y"] < b["y"] + b["h"]
                and b["y"] < a["y"] + a["h"]
            ):
                yield f"{dashboard['uid']}/{one} overlaps {other}"


def every_variable_is_defined(dashboards: Dashboards) -> Iterator[Finding]:
    """In a query: a variable of the dashboard, quoted for SQL, or what Grafana defines itself."""
    for dashboard in dashboards:
        known = variables_of(dashboard)
        for place, sql in queries_of(dashboard):
            for braced, form, plain, call in _VARIABLE.findall(sql):
                if braced and (braced not in known or form != "sqlstring"):
                    yield f"{place} uses ${{{braced}:{form}}}"
                if plain and plain not in (_MACROS if call else _GLOBALS):
                    yield f"{place} uses ${plain}"


def every_variable_is_used(dashboards: Dashboards) -> Iterator[Finding]:
    """By a panel, or by a variable that is asked after it; and none is asked too early."""
    for dashboard in dashboards:
        used = {
            name
            for panel in panels_of(dashboard)
            for target in panel["targets"]
            for name, *_ in _VARIABLE.findall(target["rawSql"])
        }
        asked: set[str] = set()
        for variable in dashboard["templating"]["list"]:
            needed = {name for name, *_ in _VARIABLE.findall(variable["query"])} - {""}
            if not needed <= asked:
                yield f"{dashboard['uid']}/{variable['name']} comes before {needed - asked}"
            used |= needed
            asked.add(variable["name"])
        yield from (f"{dashboard['uid']}/{name} is not used" for name in asked - used)


def every_panel_is_described(dashboards: Dashboards) -> Iterator[Finding]:
    """In Chinese and in English, with the views that it rests on; dashboards and variables too."""
    for dashboard in dashboards:
        told = {dashboard["uid"]: dashboard["description"]}
        for variable in dashboard["templating"]["list"]:
            told[f"{dashboard['uid']}/{variable['name']}"] = variable["description"]
        for panel in panels_of(dashboard):
            place = f"{dashboard['uid']}/{panel['id']}"
            told[place] = panel.get("description", "")
            for view in re.findall(r"audit\.\w+", panel["targets"][0]["rawSql"]):
                if view not in told[place]:
                    yield f"{place} does not name {view}"
        for place, text in told.items():
            if not (_CHINESE.search(text) and _ENGLISH.search(text)):
                yield f"{place} is described as {text!r}"


def titles_are_chinese(dashboards: Dashboards) -> Iterator[Finding]:
    """Of dashboards, rows, panels, columns, variables and links."""
    for dashboard in dashboards:
        titles = [dashboard["title"], *(panel["title"] for panel in dashboard["panels"])]
        titles += [variable["label"] for variable in dashboard["templating"]["list"]]
        titles += [link["title"] for link in dashboard["links"]]
        for panel in panels_of(dashboard):
            for override in panel["fieldConfig"]["overrides"]:
                titles += [
                    each["value"] for each in override["properties"] if each["id"] == "displayName"
                ]
        yield from (
            f"{dashboard['uid']} says {title!r}" for title in titles if not _CHINESE.search(title)
        )


def queries_read_views_only(dashboards: Dashboards) -> Iterator[Finding]:
    """One SELECT each, of views of `audit` and what is computed from them."""
    for dashboard in dashboards:
        for place, sql in queries_of(dashboard):
            code = _NOT_A_SOURCE.sub("(", _TEXT.sub("''", sql))
            sources = _SOURCE.findall(code)
            foreign = [
                each for each in sources if each not in _NO_TABLES and not each.startswith("audit.")
            ]
            if foreign or not any(each.startswith("audit.") for each in sources):
                yield f"{place} reads {foreign or 'nothing'}"
            if not code.startswith("SELECT") or ";" in code or "--" in code or "/*" in code:
                yield f"{place} is no plain SELECT"


def links_lead_somewhere(dashboards: Dashboards) -> Iterator[Finding]:
    """To a dashboard that there is, with variables it has, from columns and variables there are."""
    targets = {each["uid"]: variables_of(each) for each in dashboards}
    for dashboard in dashboards:
        own = variables_of(dashboard)
        for place, url, panel in links_of(dashboard):
            address = urlsplit(url)
            uid = address.path.removeprefix("/d/")
            if uid not in targets:
                yield f"{place} leads to {uid}"
                continue
            passed, unread = _passed(address.query)
            yield from (f"{place} has {each!r} in its address" for each in unread)
            for name, value in passed.items():
                if name not in targets[uid] | {"from", "to"}:
                    yield f"{place} passes {name} to {uid}"
                column, variable = _IN_A_LINK.fullmatch(value), re.match(r"\$\{(\w+):", value)
                if column and panel and column[1] in columns_named(panel["targets"][0]["rawSql"]):
                    continue
                if not variable or variable[1] not in own:
                    yield f"{place} takes {value}"


def _passed(query: str) -> tuple[Mapping[str, str], list[str]]:
    """What an address passes on by name, and what in it is nothing of the kind."""
    pairs = re.findall(r"(?:^|&)\$\{(\w+):queryparam\}", query)
    rest = re.sub(r"(?:^|&)\$\{\w+:queryparam\}", "", query)
    passed = {name: f"${{{name}:queryparam}}" for name in pairs}
    unread = []
    for name, value in parse_qsl(rest, strict_parsing=bool(rest)):
        if name.startswith("var-") or name in {"from", "to"}:
            passed[name.removeprefix("var-")] = value
        else:
            unread.append(name)
    return passed, unread


def columns_are_there(dashboards: Dashboards) -> Iterator[Finding]:
    """An override names a column of the query; or, where `metric` names the series, any word."""
    for dashboard in dashboards:
        for panel in panels_of(dashboard):
            sql = panel["targets"][0]["rawSql"]
            words = columns_named(sql)
            named = [each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"]]
            if category := panel["options"].get("xField"):
                named.append(category)
            for name in named:
                if name not in words and "AS metric" not in sql:
                    yield f"{dashboard['uid']}/{panel['id']} has no column {name}"


def units_are_known(dashboards: Dashboards) -> Iterator[Finding]:
    """A misspelt unit would show as text behind each figure."""
    for dashboard in dashboards:
        for panel in panels_of(dashboard):
            field = panel["fieldConfig"]
            units = [field["defaults"]["unit"]]
            for override in field["overrides"]:
                units += [each["value"] for each in override["properties"] if each["id"] == "unit"]
            for unit in units:
                if unit not in _UNITS and not unit.startswith("suffix:"):
                    yield f"{dashboard['uid']}/{panel['id']} has the unit {unit}"


def nothing_is_edited_in_place(dashboards: Dashboards) -> Iterator[Finding]:
    """Read only, in the city's time, asked again by itself only where now is what matters."""
    for dashboard in dashboards:
        kept = (
            dashboard["editable"] is False
            and dashboard["schemaVersion"] == 42
            and dashboard["timezone"] == "Asia/Shanghai"
            and bool(dashboard["refresh"]) == (dashboard["uid"] == _REFRESHED)
        )
        if not kept:
            yield f"{dashboard['uid']} can be edited, or tells another time"


INVARIANTS: Final[tuple[Callable[[Dashboards], Iterator[Finding]], ...]] = (
    uids_are_unique,
    panels_have_ids_of_their_own,
    every_datasource_is_ours,
    panels_do_not_overlap,
    every_variable_is_defined,
    every_variable_is_used,
    every_panel_is_described,
    titles_are_chinese,
    queries_read_views_only,
    links_lead_somewhere,
    columns_are_there,
    units_are_known,
    nothing_is_edited_in_place,
)
