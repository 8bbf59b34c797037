"""Files whose rows begin long before they are imported, or say when they were recorded."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import psycopg
import pytest

from jieru.audit import Actor
from jieru.csv_file import csv_file
from jieru.database import connect
from registry.importing import ImportRejected, ImportResult, import_file
from registry.kinds import KindName
from tests.support.registry_files import uscc_of

_ACTOR: Final = Actor("command:tests", "command line")
_USCC: Final = uscc_of(1)
_SERVED: Final = ("platform", "uscc", "contract_no", "signed_on", "from_date", "to_date")
_DEVICES: Final = ("platform", "serial", "uscc", "kind", "name", "assigned_from", "assigned_to")
_RECORDED: Final = """
    SELECT from_date, (recorded_at AT TIME ZONE 'Asia/Shanghai')::date FROM {} ORDER BY from_date
"""


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


def _import(
    connection: psycopg.Connection,
    folder: Path,
    kind: KindName,
    *rows: Sequence[str],
    dry_run: bool = False,
) -> ImportResult:
    path = folder / f"{kind}.csv"
    path.write_bytes(csv_file(rows))
    return import_file(
        connection,
        kind,
        path,
        districts={"licheng"},
        actor=_ACTOR,
        backdate_days_max=7,
        dry_run=dry_run,
    )


def _fill(connection: psycopg.Connection) -> None:
    connection.execute("INSERT INTO platforms (code, name) VALUES ('ab', 'A')")
    connection.execute(
        "INSERT INTO enterprises (uscc, name, district) VALUES (%s, 'E', 'licheng')", (_USCC,)
    )


def test_rows_that_begin_long_ago_are_named_before_they_are_imported(
    embedded_database_url: str, tmp_path: Path
) -> None:
    """And afterwards; those of a week ago and those to come are not."""
    with connect(embedded_database_url) as connection:
        _fill(connection)
        ((today,),) = connection.execute(
            "SELECT (now() AT TIME ZONE 'Asia/Shanghai')::date"
        ).fetchall()
        rows = [
            ["ab", f"m{ago}", _USCC, "", "", str(today - timedelta(days=ago)), ""]
            for ago in (8, 7, 0, -5, 300)
        ]
        rows.append(["ab", "unassigned", "", "", "", "", ""])
        for dry_run in (True, False):
            result = _import(connection, tmp_path, "devices", _DEVICES, *rows, dry_run=dry_run)
            assert result.backdated_rows == (2, 6)
            assert result.evidence_from == today - timedelta(days=7)
        again = _import(connection, tmp_path, "devices", _DEVICES, *rows)
        assert (again.backdated_rows, again.evidence_from) == ((), None)


def test_rows_that_go_on_after_an_end_long_past_are_named_before_they_are_imported(
    embedded_database_url: str, tmp_path: Path
) -> None:
    """For their evidence of the days between is lost; one that ended a week ago loses nothing."""
    with connect(embedded_database_url) as connection:
        _fill(connection)
        ((today,),) = connection.execute(
            "SELECT (now() AT TIME ZONE 'Asia/Shanghai')::date"
        ).fetchall()

        def rows(*ends: str) -> list[list[str]]:
            return [
                ["ab", f"m{place}", _USCC, "", "", "2025-03-01", end]
                for place, end in enumerate(ends)
            ]

        long_ago, recently = (str(today - timedelta(days=days)) for days in (8, 7))
        ended = rows(long_ago, recently, long_ago, long_ago)
        _import(connection, tmp_path, "devices", _DEVICES, *ended)
        for dry_run in (True, False):
            on = rows("", "", str(today), "2025-04-01")
            result = _import(connection, tmp_path, "devices", _DEVICES, *on, dry_run=dry_run)
            assert result.backdated_rows == (2, 4)
            assert result.evidence_from == today - timedelta(days=7)


def test_a_real_database_refuses_to_be_told_when_it_recorded(
    embedded_database_url: str, tmp_path: Path
) -> None:
    """It has a clock of its own; an empty column is as good as none."""
    with connect(embedded_database_url) as connection:
        _fill(connection)
        header = (*_SERVED, "recorded_on")
        row = ["ab", _USCC, "1", "", "2026-03-01", ""]
        with pytest.raises(ImportRejected) as rejected:
            _import(connection, tmp_path, "connections", header, [*row, "2026-03-01"])
        ((number, column, reason),) = rejected.value.row_errors
        assert (number, column) == (2, "recorded_on")
        assert str(reason) == "A real database records by its own clock: leave this column out."
        assert _import(connection, tmp_path, "connections", header, [*row, ""]).created == 1


def test_a_simulation_records_on_the_first_day_or_when_the_file_says(
    embedded_simulation_url: str, tmp_path: Path
) -> None:
    """Under either name of the column; nothing is late there."""
    with connect(embedded_simulation_url) as connection:
        _fill(connection)
        connections = _import(
            connection,
            tmp_path,
            "connections",
            (*_SERVED, "登记日期"),
            ["ab", _USCC, "1", "", "2025-03-01", "2025-04-01", ""],
            ["ab", _USCC, "2", "", "2025-05-01", "", "2025-07-09"],
        )
        assert connections.backdated_rows == ()
        _import(
            connection,
            tmp_path,
            "devices",
            (*_DEVICES, "recorded_on"),
            ["ab", "m1", _USCC, "", "", "2025-05-01", "", "2025-07-10"],
        )
        assert connection.execute(_RECORDED.format("connections").encode()).fetchall() == [
            (date(2025, 3, 1), date(2025, 3, 1)),
            (date(2025, 5, 1), date(2025, 7, 9)),
        ]
        assert connection.execute(_RECORDED.format("assignments").encode()).fetchall() == [
            (date(2025, 5, 1), date(2025, 7, 10))
        ]
