"""SQL is expanded as Grafana's PostgreSQL datasource documents and tests it."""

from datetime import UTC, datetime, timedelta

import pytest

from dashboards.grafana_sql import (
    ALL,
    AllValue,
    Expansion,
    Fill,
    TimeRange,
    Value,
    chosen_value,
    expand,
    interval_name,
)

_FROM = datetime(2018, 4, 12, 18, tzinfo=UTC)
_RANGE = TimeRange(_FROM, _FROM + timedelta(minutes=5))


def _expanded(sql: str, **variables: Value) -> str:
    return expand(sql, variables, _RANGE).sql


@pytest.mark.parametrize(
    ("sql", "expanded"),
    [
        ("$__time(at)", 'at AS "time"'),
        ("min($__time(at))", 'min(at AS "time")'),
        ("$__timeEpoch(at)", 'extract(epoch from at) as "time"'),
        (
            "$__timeFilter(at)",
            "at BETWEEN '2018-04-12T18:00:00Z' AND '2018-04-12T18:05:00Z'",
        ),
        ("$__timeFrom()", "'2018-04-12T18:00:00Z'"),
        ("$__timeTo()", "'2018-04-12T18:05:00Z'"),
        ("$__timeGroup(at,'5m')", "floor(extract(epoch from at)/300)*300"),
        ("$__timeGroup(at , 5m)", "floor(extract(epoch from at)/300)*300"),
        ("$__timeGroup(at,'1h30m')", "floor(extract(epoch from at)/5400)*5400"),
        ("$__timeGroup(at,'12d')", "floor(extract(epoch from at)/1.0368e+06)*1.0368e+06"),
        ("$__timeGroup(at,'20ms')", "floor(extract(epoch from at)/0.02)*0.02"),
        ("$__timeGroupAlias(at,'5m')", 'floor(extract(epoch from at)/300)*300 AS "time"'),
        ("$__timeGroup(at,'5m'), n", 'floor(extract(epoch from at)/300)*300 AS "time", n'),
        ("$__timeGroup(at,'5m') as t, n", "floor(extract(epoch from at)/300)*300 as t, n"),
        ("$__unixEpochFilter(at)", "at >= 1523556000 AND at <= 1523556300"),
        ("$__unixEpochFrom()", "1523556000"),
        ("$__unixEpochTo()", "1523556300"),
        ("$__unixEpochNanoFilter(at)", "at >= 1523556000000000000 AND at <= 1523556300000000000"),
        ("$__unixEpochNanoFrom()", "1523556000000000000"),
        ("$__unixEpochNanoTo()", "1523556300000000000"),
        ("$__unixEpochGroup(at+3,'5m')", "floor((at+3)/300)*300"),
        ("$__unixEpochGroupAlias(at+3,'5m')", 'floor((at+3)/300)*300 AS "time"'),
    ],
)
def test_a_macro_becomes_the_text_that_grafana_makes_of_it(sql: str, expanded: str) -> None:
    """Word for word, with the quirks."""
    assert _expanded(f"SELECT {sql}") == f"SELECT {expanded}"


@pytest.mark.parametrize(
    ("length", "bucket"), [("5m", "300.000s"), ("12d", "1036800.000s"), ("20ms", "0.020s")]
)
def test_with_timescaledb_a_group_is_a_bucket(length: str, bucket: str) -> None:
    """As the datasource's switch of that name says."""
    sql = f"GROUP BY $__timeGroup(at, '{length}')"
    expanded = expand(sql, {}, _RANGE, has_timescaledb=True).sql
    assert expanded == f"GROUP BY time_bucket('{bucket}',at)"


def test_an_instant_has_as_many_digits_as_it_needs() -> None:
    """Half a second is .5."""
    begins_at = datetime(1960, 2, 1, 7, 0, 0, 500_000, tzinfo=UTC)
    expanded = expand("$__timeFrom() $__unixEpochFrom()", {}, TimeRange(begins_at, _FROM)).sql
    assert expanded == "'1960-02-01T07:00:00.5Z' -312915600"


@pytest.mark.parametrize(
    ("value", "fill"), [("NULL", "NULL"), ("previous", "previous"), ("0", 0.0), ("1.5", 1.5)]
)
def test_a_third_argument_says_how_gaps_are_filled(value: str, fill: float | str) -> None:
    """It leaves no trace in the SQL: Grafana fills them afterwards."""
    expansion = expand(f"$__timeGroup(at,'5m',{value})", {}, _RANGE)
    assert expansion.sql == "floor(extract(epoch from at)/300)*300"
    assert expansion.fill == Fill(timedelta(minutes=5), fill)
    assert expand("SELECT 1", {}, _RANGE) == Expansion("SELECT 1")


@pytest.mark.parametrize(
    ("sql", "expanded"),
    [
        ("h = $host", "h = server01"),
        ("h = '${host}'", "h = 'server01'"),
        ("h = '[[host]]'", "h = 'server01'"),
        ("h ILIKE '%$host%'", "h ILIKE '%server01%'"),
        ("n = '$name'", "n = 'O''Brien'"),
        ("n IN ($names)", "n IN ('O''Brien','D''Angelo')"),
        ("n IN ('$names')", "n IN (''O''Brien','D''Angelo'')"),
        ("n IN (${names:sqlstring})", "n IN ('O''Brien','D''Angelo')"),
        ("n = ${name:sqlstring}", "n = 'O''Brien'"),
        ("n = ${marked:sqlstring}", "n = 'say \\\"hello\\\"'"),
        ("n IN (${names:singlequote})", "n IN ('O\\'Brien','D\\'Angelo')"),
        ("${host:doublequote}", '"server01"'),
        ("${names:csv}", "O'Brien,D'Angelo"),
        ("[[names:csv]]", "O'Brien,D'Angelo"),
        ("${names:raw} ${host:raw}", "O'Brien,D'Angelo server01"),
        ("${names:pipe}", "O'Brien|D'Angelo"),
        ("${names:glob} ${host:glob}", "{O'Brien,D'Angelo} server01"),
        ("${names:text}", "O'Brien + D'Angelo"),
        ("${names:json} ${host:json}", '["O\'Brien","D\'Angelo"] server01'),
        ("${dotted:regex} ${names:regex}", "a\\.b (O'Brien|D'Angelo)"),
        ("${names:queryparam}", "var-names=O%27Brien&var-names=D%27Angelo"),
        ("${host:percentencode}", "server01"),
        ("${names:percentencode}", "%7BO%27Brien%2CD%27Angelo%7D"),
        ("f($all)", "f(.*)"),
        ("f(${all:sqlstring})", "f(.*)"),
        ("$host(1)", "server01(1)"),
    ],
)
def test_a_variable_becomes_the_text_that_its_format_makes_of_it(sql: str, expanded: str) -> None:
    """Without one, the datasource's: quotes doubled, several quoted and joined."""
    variables: dict[str, Value] = {
        "host": "server01",
        "name": "O'Brien",
        "names": ["O'Brien", "D'Angelo"],
        "marked": 'say "hello"',
        "dotted": "a.b",
        "all": AllValue(".*"),
    }
    assert _expanded(sql, **variables) == expanded


def test_variables_come_before_macros() -> None:
    """So one can stand in the other's argument."""
    assert _expanded("$__timeGroup($column,'$__interval')", column="at") == (
        "floor(extract(epoch from at)/60)*60"
    )


def test_the_range_and_the_interval_are_variables() -> None:
    """In milliseconds, or as a date."""
    sql = "$__from ${__to} $__interval_ms ${__from:date} ${__from:date:seconds} ${__to:date:ms}"
    assert _expanded(sql) == (
        "1523556000000 1523556300000 60000 2018-04-12T18:00:00.000Z 1523556000 1523556300000"
    )
    assert _expanded("${__from:date:YYYY-MM-DD HH:mm}") == "2018-04-13 02:00"


def test_comments_are_taken_out_first_but_not_from_texts() -> None:
    """What stands in a comment is never expanded."""
    sql = "SELECT '--$__timeFrom()' -- $__nothing()\n, $$/*$$ /* $__no() */, \"a--b\""
    assert _expanded(sql) == ("SELECT '--'2018-04-12T18:00:00Z'' \n, $$/*$$ , \"a--b\"")


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("SELECT $__timeFitler(at)", "unknown macro __timeFitler"),
        ("SELECT '$platfrom'", "no variable platfrom"),
        ("SELECT '${platfrom:sqlstring}'", "no variable platfrom"),
        ("SELECT [[platfrom]]", "no variable platfrom"),
        ("SELECT $1", "no variable 1"),
        ("SELECT ${host:sqlsrting}", "unknown format: sqlsrting"),
        ("SELECT ${host:date}", "no instant: server01"),
        ("SELECT ${__from:date:dddd}", "unknown part of a date format: dddd"),
        ("$__timeGroup(at)", "takes a column"),
        ("$__timeGroup(at,'5m',0,0)", "takes a column"),
        ("$__timeGroup(at,'1M')", "no interval: 1M"),
        ("$__timeGroup(at,'0s')", "must be positive"),
        ("$__timeGroup(at,'5m',none)", "none"),
    ],
)
def test_what_grafana_would_not_understand_is_an_error(sql: str, complaint: str) -> None:
    """A slip in a name never reaches PostgreSQL."""
    with pytest.raises(ValueError, match=complaint):
        _expanded(sql, host="server01")


def test_all_stands_for_every_option_or_for_what_its_author_wrote() -> None:
    """The latter is used as it is, whatever the format."""
    options = ["alpha", "beta"]
    assert chosen_value(ALL, options) == options
    assert chosen_value([ALL], options, is_multi=True) == options
    assert chosen_value(ALL, options, all_value=".*") == AllValue(".*")
    assert chosen_value("beta", options) == "beta"
    assert chosen_value("beta", options, is_multi=True) == ["beta"]


@pytest.mark.parametrize(
    ("interval", "name"),
    [
        (timedelta(milliseconds=0), "1ms"),
        (timedelta(milliseconds=20), "20ms"),
        (timedelta(seconds=30), "30s"),
        (timedelta(minutes=90), "1h"),
        (timedelta(hours=36), "1d"),
        (timedelta(days=800), "2y"),
    ],
)
def test_an_interval_is_named_in_its_largest_unit(interval: timedelta, name: str) -> None:
    """The rest is dropped, as Grafana does."""
    assert interval_name(interval) == name
