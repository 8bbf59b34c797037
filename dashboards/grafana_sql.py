"""What Grafana sends to PostgreSQL for the SQL of a panel: variables first, then macros. Pure.

Follows the PostgreSQL datasource (the front end's variables, the back end's comments, intervals
and macros, in that order), with two differences: what Grafana would pass on unexpanded, or what
would depend on the reader's clock or browser, is an error here.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple
from urllib.parse import quote

from jieru.calendar import SHANGHAI

__all__ = [
    "ALL",
    "AllValue",
    "Expansion",
    "Fill",
    "TimeRange",
    "Value",
    "chosen_value",
    "expand",
    "formatted",
    "interval_name",
]

ALL: Final = "$__all"
"""What Grafana writes down for a variable whose choice is All."""

_VARIABLE: Final = re.compile(
    r"\$(?P<plain>\w+)(?P<call>\()?"
    r"|\[\[(?P<bracketed>\w+?)(?::(?P<bracketed_format>\w+))?\]\]"
    r"|\$\{(?P<braced>\w+)(?::(?P<braced_format>[^}]+))?\}",
    re.ASCII,
)
_MACRO: Final = re.compile(r"\$(\w+)\(([^)]*)\)", re.ASCII)
_TEXT_OR_COMMENT: Final = re.compile(
    r"(?P<text>'(?:[^']|'')*'?|\"(?:[^\"]|\"\")*\"?|\$\$.*?(?:\$\$|\Z))|/\*.*?(?:\*/|\Z)|--[^\n]*",
    re.ASCII | re.DOTALL,
)
_DAYS_OR_WEEKS: Final = re.compile(r"(\d+)([dw])", re.ASCII)
_DURATION: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smh]))+", re.ASCII)
_DURATION_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[smh])", re.ASCII)
_UNITS: Final = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_DATE_TOKENS: Final = {
    "YYYY": "%Y",
    "MM": "%m",
    "DD": "%d",
    "HH": "%H",
    "mm": "%M",
    "ss": "%S",
}
_DATE_TOKEN: Final = re.compile(r"[A-Za-z]+")
_FILLS: Final = frozenset({"NULL", "previous"})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST_PLAIN: Final = 1_000_000
"""From here on Go writes a float with an exponent."""


@dataclass(frozen=True, slots=True)
class AllValue:
    """What a variable says for All where its author wrote that down: used as it is."""

    text: str


Value = str | Sequence[str] | AllValue
"""Of a variable: one, or several where it is multi-valued or All is chosen."""


class TimeRange(NamedTuple):
    """What the time picker shows; both ends belong to it."""

    begins_at: datetime
    ends_at: datetime


class Fill(NamedTuple):
    """How Grafana fills intervals without a row."""

    interval: timedelta
    value: float | str
    """A number, `NULL` or `previous`."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """SQL that PostgreSQL understands."""

    sql: str
    fill: Fill | None = None


@dataclass(slots=True)
class _Query:
    """The state of one expansion."""

    time_range: TimeRange
    has_timescaledb: bool
    fill: Fill | None = field(default=None)


def expand(
    sql: str,
    variables: Mapping[str, Value],
    time_range: TimeRange,
    *,
    interval: timedelta = timedelta(minutes=1),
    has_timescaledb: bool = False,
) -> Expansion:
    """The SQL of a panel or a variable as Grafana sends it.

    Args:
        sql: `rawSql` of a target, or a variable's query.
        variables: the dashboard's, by name.
        time_range: of the dashboard.
        interval: `$__interval`, which Grafana chooses by the range and the width of the panel.
        has_timescaledb: the switch of that name in the datasource's settings.

    Raises:
        ValueError: a variable, a format or a macro is unknown or used wrongly.
    """
    sql = _with_variables(sql, _with_built_in(variables, time_range, interval))
    sql = _TEXT_OR_COMMENT.sub(lambda match: match["text"] or "", sql)
    for name, moment in zip(("From", "To"), time_range, strict=True):
        sql = sql.replace(f"$__unixEpoch{name}()", str(_nanoseconds(moment) // 10**9))
    query = _Query(time_range, has_timescaledb)
    expanded = _MACRO.sub(lambda match: _expand_macro(match, sql, query), sql)
    return Expansion(expanded, query.fill)


def chosen_value(
    chosen: str | Sequence[str],
    options: Sequence[str],
    *,
    is_multi: bool = False,
    all_value: str | None = None,
) -> Value:
    """What a variable is worth when its reader has chosen so.

    Args:
        chosen: a value or values, or `ALL`.
        options: every value that could be chosen, which All stands for.
        is_multi: whether several may be chosen, for then one is a list of one.
        all_value: what the dashboard says in place of all options.
    """
    several = [chosen] if isinstance(chosen, str) else list(chosen)
    if several[:1] == [ALL]:
        return AllValue(all_value) if all_value else list(options)
    return several if is_multi or not isinstance(chosen, str) else chosen


def interval_name(interval: timedelta) -> str:
    """An interval in the one unit that Grafana writes it in: 90 minutes are 1h."""
    units = {"y": timedelta(days=365)} | {unit: _UNITS[unit] for unit in ("d", "h", "m", "s", "ms")}
    for unit, length in units.items():
        if interval >= length:
            return f"{interval // length}{unit}"
    return "1ms"


# Variables ----------------------------------------------------------------------------------


def _with_built_in(
    variables: Mapping[str, Value], time_range: TimeRange, interval: timedelta
) -> dict[str, Value]:
    return {
        **variables,
        "__from": str(_milliseconds(time_range.begins_at)),
        "__to": str(_milliseconds(time_range.ends_at)),
        "__interval": interval_name(interval),
        "__interval_ms": str(interval // _UNITS["ms"]),
    }


def _with_variables(sql: str, variables: Mapping[str, Value]) -> str:
    def value_of(match: re.Match[str]) -> str:
        name = match["plain"] or match["bracketed"] or match["braced"]
        if name not in variables:
            if match["call"]:
                return match[0]  # a macro
            raise ValueError(f"there is no variable {name}")
        wanted = match["bracketed_format"] or match["braced_format"]
        return formatted(name, variables[name], wanted) + (match["call"] or "")

    return _VARIABLE.sub(value_of, sql)


def formatted(name: str, value: Value, wanted: str | None = None) -> str:
    """A variable's value in a format; None: that of the PostgreSQL datasource.

    Raises:
        ValueError: there is no such format, or the value has none.
    """
    if isinstance(value, AllValue):
        return value.text
    if wanted is None:
        # The datasource's own format: its author quotes a single value, it quotes several.
        return value.replace("'", "''") if isinstance(value, str) else _sql_literals(value)
    form, *arguments = wanted.split(":")
    if form == "date":
        return _date(value, ":".join(arguments))
    if form not in _FORMATS:
        raise ValueError(f"variable {name} is asked for in an unknown format: {form}")
    return _FORMATS[form](name, value)


def _values(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value


def _sql_literals(values: Sequence[str]) -> str:
    return ",".join("'" + each.replace("'", "''") + "'" for each in values)


def _sql_string(_name: str, value: str | Sequence[str]) -> str:
    # Grafana escapes double quotes too, though they mean nothing inside a literal.
    return _sql_literals(_values(value)).replace('"', '\\"')


def _quoted_with(mark: str) -> Callable[[str, str | Sequence[str]], str]:
    def quoted(_name: str, value: str | Sequence[str]) -> str:
        return ",".join(mark + each.replace(mark, f"\\{mark}") + mark for each in _values(value))

    return quoted


def _glob(_name: str, value: str | Sequence[str]) -> str:
    values = _values(value)
    return values[0] if len(values) == 1 else "{" + ",".join(values) + "}"


def _regex(_name: str, value: str | Sequence[str]) -> str:
    escaped = [re.sub(r"[\\^$*+?.()|[\]{}/]", r"\\\g<0>", each) for each in _values(value)]
    return escaped[0] if len(escaped) == 1 else "(" + "|".join(escaped) + ")"


def _json(_name: str, value: str | Sequence[str]) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(list(value), ensure_ascii=False, separators=(",", ":"))


def _query_parameters(name: str, value: str | Sequence[str]) -> str:
    return "&".join(f"var-{name}={quote(each, safe='-_.~')}" for each in _values(value))


def _percent_encoded(_name: str, value: str | Sequence[str]) -> str:
    text = value if isinstance(value, str) else "{" + ",".join(value) + "}"
    return quote(text, safe="-_.~")


_FORMATS: Final[dict[str, Callable[[str, str | Sequence[str]], str]]] = {
    "csv": lambda _name, value: ",".join(_values(value)),
    "raw": lambda _name, value: ",".join(_values(value)),
    "pipe": lambda _name, value: "|".join(_values(value)),
    "text": lambda _name, value: " + ".join(_values(value)),
    "glob": _glob,
    "regex": _regex,
    "json": _json,
    "sqlstring": _sql_string,
    "singlequote": _quoted_with("'"),
    "doublequote": _quoted_with('"'),
    "queryparam": _query_parameters,
    "percentencode": _percent_encoded,
}


def _date(value: str | Sequence[str], form: str) -> str:
    if not isinstance(value, str) or not value.removeprefix("-").isdecimal():
        raise ValueError(f"no instant: {value}")
    moment = _EPOCH + timedelta(milliseconds=int(value))
    if form in {"", "iso"}:
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"
    if form == "seconds":
        return str(round(int(value) / 1000))
    if form == "ms":
        return value
    # In the time zone of the dashboards, which is the city's.
    return _DATE_TOKEN.sub(
        lambda token: moment.astimezone(SHANGHAI).strftime(_known_date_token(token[0])), form
    )


def _known_date_token(token: str) -> str:
    if token not in _DATE_TOKENS:
        raise ValueError(f"unknown part of a date format: {token}")
    return _DATE_TOKENS[token]


# Macros -------------------------------------------------------------------------------------


def _expand_macro(match: re.Match[str], sql: str, query: _Query) -> str:
    name = match[1]
    arguments = [each.strip(" ") for each in match[2].split(",")]
    # A comma behind the first such call makes it a column of its own, as before Grafana 5.3.
    after = sql.index(match[0]) + len(match[0])
    if name == "__timeGroup" and sql[after : after + 1] == ",":
        name = "__timeGroupAlias"
    if name not in _MACROS:
        raise ValueError(f"unknown macro {name}")
    return _MACROS[name](query, arguments)


def _time_filter(query: _Query, arguments: list[str]) -> str:
    begins, ends = (_literal(moment) for moment in query.time_range)
    return f"{arguments[0]} BETWEEN {begins} AND {ends}"


def _time_group(query: _Query, arguments: list[str]) -> str:
    seconds = _interval_of(query, "__timeGroup", arguments).total_seconds()
    if query.has_timescaledb:
        return f"time_bucket('{seconds:.3f}s',{arguments[0]})"
    length = _as_go_writes(seconds)
    return f"floor(extract(epoch from {arguments[0]})/{length})*{length}"


def _unix_epoch_group(query: _Query, arguments: list[str]) -> str:
    seconds = _interval_of(query, "__unixEpochGroup", arguments).total_seconds()
    length = _as_go_writes(seconds)
    return f"floor(({arguments[0]})/{length})*{length}"


def _epoch_filter(nanoseconds_each: int) -> "_Macro":
    def expanded(query: _Query, arguments: list[str]) -> str:
        begins, ends = (_nanoseconds(moment) // nanoseconds_each for moment in query.time_range)
        return f"{arguments[0]} >= {begins} AND {arguments[0]} <= {ends}"

    return expanded


def _as_time(macro: "_Macro") -> "_Macro":
    return lambda query, arguments: f'{macro(query, arguments)} AS "time"'


_Macro = Callable[[_Query, list[str]], str]
_MACROS: Final[dict[str, _Macro]] = {
    "__time": _as_time(lambda _query, arguments: arguments[0]),
    "__timeEpoch": lambda _query, arguments: f'extract(epoch from {arguments[0]}) as "time"',
    "__timeFilter": _time_filter,
    "__timeFrom": lambda query, _arguments: _literal(query.time_range.begins_at),
    "__timeTo": lambda query, _arguments: _literal(query.time_range.ends_at),
    "__timeGroup": _time_group,
    "__timeGroupAlias": _as_time(_time_group),
    "__unixEpochFilter": _epoch_filter(10**9),
    "__unixEpochNanoFilter": _epoch_filter(1),
    "__unixEpochNanoFrom": lambda query, _arguments: str(_nanoseconds(query.time_range.begins_at)),
    "__unixEpochNanoTo": lambda query, _arguments: str(_nanoseconds(query.time_range.ends_at)),
    "__unixEpochGroup": _unix_epoch_group,
    "__unixEpochGroupAlias": _as_time(_unix_epoch_group),
}


def _interval_of(query: _Query, macro: str, arguments: list[str]) -> timedelta:
    if len(arguments) not in {2, 3}:
        raise ValueError(f"{macro} takes a column, an interval and a value for gaps or none")
    interval = _parsed_interval(arguments[1].strip("'"))
    for value in arguments[2:]:
        query.fill = Fill(interval, value if value in _FILLS else float(value))
    return interval


def _parsed_interval(text: str) -> timedelta:
    # Grafana knows months (M) and years (y) too, but as long as the present ones are.
    if match := _DAYS_OR_WEEKS.fullmatch(text):
        interval = int(match[1]) * _UNITS[match[2]]
    elif _DURATION.fullmatch(text):
        parts = _DURATION_PART.findall(text)
        interval = sum((float(number) * _UNITS[unit] for number, unit in parts), timedelta())
    else:
        raise ValueError(f"no interval: {text}")
    if interval <= timedelta():
        raise ValueError(f"an interval must be positive: {text}")
    return interval


def _literal(moment: datetime) -> str:
    """An instant as RFC 3339 with as many digits as it needs, quoted."""
    moment = moment.astimezone(UTC)
    fraction = f".{moment.microsecond:06}".rstrip("0").rstrip(".")
    return f"'{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z'"


def _as_go_writes(number: float) -> str:
    """A float in the shortest form that Go prints it in: 300, 0.02, 1.0368e+06."""
    shortest = Decimal(repr(number)).normalize()
    if number < _LARGEST_PLAIN:
        return f"{shortest:f}"
    mantissa, exponent = f"{shortest:e}".split("e+")
    return f"{mantissa}e+{int(exponent):02}"


def _nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _UNITS["ms"]
