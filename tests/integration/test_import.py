"""Importing files into a database."""

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jieru.audit import Actor
from jieru.database import connect
from jieru.errors import UserError, WorldError
from registry.importing import OTHER_DISTRICT, ImportRejected, ImportResult, import_file
from registry.kinds import KINDS, KindName
from tests.support.registry_files import uscc_of, write_registry_csv
from verifier.policy import load_policy

GUIDE = Path(__file__).parents[2] / "docs" / "import.md"
ACTOR = Actor("command:tests", "command line")
DISTRICTS = {"licheng", OTHER_DISTRICT}
ONE, TWO, OPERATOR = uscc_of(1), uscc_of(2), uscc_of(99)
TABLES = ("platforms", "recognitions", "enterprises", "connections", "devices", "assignments")
Importer = Callable[..., ImportResult]


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


@pytest.fixture
def connection(embedded_database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to an empty registry."""
    with connect(embedded_database_url) as opened:
        yield opened


@pytest.fixture
def do_import(connection: psycopg.Connection, tmp_path: Path) -> Importer:
    """Imports rows of one kind."""

    def run(
        kind: KindName, *rows: Sequence[str | date | None], dry_run: bool = False
    ) -> ImportResult:
        path = write_registry_csv(tmp_path, kind, *rows)
        return import_file(
            connection, kind, path, districts=DISTRICTS, actor=ACTOR, dry_run=dry_run
        )

    return run


@pytest.fixture
def city(do_import: Importer) -> Importer:
    """The same, into a registry with two platforms and two enterprises."""
    do_import("platforms", ["ab", "甲平台", OPERATOR], ["cd", "乙平台", ""])
    do_import("enterprises", [ONE, "一厂", "licheng", "C1951"], [TWO, "二厂", "other", ""])
    return do_import


def contents(connection: psycopg.Connection) -> dict[str, list[tuple[object, ...]]]:
    """Every row of the registry, ids and transaction ids included: who rewrites a row is seen."""
    return {
        table: connection.execute(
            f"SELECT xmin::text, t::text FROM {table} t ORDER BY id"  # noqa: S608 - our own names
        ).fetchall()
        for table in TABLES
    }


def rejection(run: Callable[[], object]) -> list[tuple[int, str, str]]:
    """Which rows are refused, where and why."""
    with pytest.raises(ImportRejected) as rejected:
        run()
    return [(row, column, str(reason)) for row, column, reason in rejected.value.row_errors]


FILES: dict[KindName, list[list[str]]] = {
    "platforms": [["ab", "甲平台", OPERATOR], ["cd", "乙平台", ""]],
    "recognitions": [
        ["ab", "municipal", "2025-01-01", ""],
        ["ab", "national", "2026-01-01", "2026-07-01"],
        ["ab", "national", "2026-09-01", ""],
    ],
    "enterprises": [[ONE, "一厂", "licheng", "C1951"], [TWO, "二厂", "other", ""]],
    "connections": [
        ["ab", ONE, "HT-1", "2025-12-01", "2026-01-01", "2026-06-01"],
        ["ab", ONE, "HT-2", "", "2026-06-01", ""],
        ["cd", ONE, "", "", "2026-02-01", ""],
        ["ab", TWO, "", "", "2026-02-01", ""],
    ],
    "devices": [
        ["ab", "1", ONE, "铣床", "一号", "2026-01-01", "2026-03-01"],
        ["ab", "1", TWO, "铣床", "一号", "2026-03-01", ""],
        ["cd", "1", ONE, "", "", "2026-01-01", ""],
        ["cd", "2", "", "", "", "", ""],
    ],
}


def test_all_five_files_are_stored_and_a_second_import_changes_nothing(
    connection: psycopg.Connection, do_import: Importer
) -> None:
    """Not even the version of a row."""
    for kind, rows in FILES.items():
        assert do_import(kind, *rows) == ImportResult(created=len(rows), changed=0, unchanged=0)
    before = contents(connection)
    assert {table: len(rows) for table, rows in before.items()} == {
        "platforms": 2,
        "recognitions": 3,
        "enterprises": 2,
        "connections": 4,
        "devices": 3,
        "assignments": 3,
    }
    for kind, rows in FILES.items():
        assert do_import(kind, *rows) == ImportResult(created=0, changed=0, unchanged=len(rows))
    assert contents(connection) == before


def test_what_is_stored_is_what_the_files_say(
    connection: psycopg.Connection, do_import: Importer
) -> None:
    """Column by column, empty cells as NULL."""
    for kind, rows in FILES.items():
        do_import(kind, *rows)
    assert connection.execute("SELECT code, name, operator_uscc FROM platforms").fetchall() == [
        ("ab", "甲平台", OPERATOR),
        ("cd", "乙平台", None),
    ]
    assert connection.execute(
        "SELECT uscc, name, district, industry_code FROM enterprises"
    ).fetchall() == [(ONE, "一厂", "licheng", "C1951"), (TWO, "二厂", "other", None)]
    assert connection.execute(
        "SELECT level, recognised_on, revoked_on FROM recognitions ORDER BY recognised_on"
    ).fetchall() == [
        ("municipal", date(2025, 1, 1), None),
        ("national", date(2026, 1, 1), date(2026, 7, 1)),
        ("national", date(2026, 9, 1), None),
    ]
    assert connection.execute(
        """
        SELECT contract_no, signed_on, from_date, to_date FROM connections
        JOIN platforms ON platforms.id = platform_id
        JOIN enterprises ON enterprises.id = enterprise_id
        WHERE code = 'ab' AND uscc = %s ORDER BY from_date
        """,
        (ONE,),
    ).fetchall() == [
        ("HT-1", date(2025, 12, 1), date(2026, 1, 1), date(2026, 6, 1)),
        ("HT-2", None, date(2026, 6, 1), None),
    ]
    assert connection.execute(
        """
        SELECT code, serial, kind, devices.name, uscc, from_date, to_date FROM devices
        JOIN platforms ON platforms.id = platform_id
        LEFT JOIN assignments ON device_id = devices.id
        LEFT JOIN enterprises ON enterprises.id = enterprise_id
        ORDER BY code, serial, from_date
        """
    ).fetchall() == [
        ("ab", "1", "铣床", "一号", ONE, date(2026, 1, 1), date(2026, 3, 1)),
        ("ab", "1", "铣床", "一号", TWO, date(2026, 3, 1), None),
        ("cd", "1", None, None, ONE, date(2026, 1, 1), None),
        ("cd", "2", None, None, None, None, None),
    ]


@pytest.mark.parametrize(
    ("kind", "row", "query", "value"),
    [
        ("platforms", ["ab", "新名", TWO], "SELECT name FROM platforms WHERE id = 1", "新名"),
        (
            "enterprises",
            [ONE, "一厂", "other", ""],
            f"SELECT concat(district, industry_code) FROM enterprises WHERE uscc = '{ONE}'",  # noqa: S608
            "other",
        ),
        (
            "recognitions",
            ["ab", "municipal", "2025-01-01", "2026-01-01"],
            "SELECT revoked_on FROM recognitions WHERE level = 'municipal'",
            date(2026, 1, 1),
        ),
        (
            "connections",
            ["ab", TWO, "HT-9", "2026-01-05", "2026-02-01", "2026-03-01"],
            "SELECT concat(contract_no, ' ', to_date) FROM connections WHERE contract_no = 'HT-9'",
            "HT-9 2026-03-01",
        ),
        (
            "devices",
            ["cd", "1", ONE, "车床", "", "2026-01-01", ""],
            "SELECT kind FROM devices WHERE kind = '车床'",
            "车床",
        ),
        (
            "devices",
            ["cd", "1", ONE, "", "", "2026-01-01", "2026-02-01"],
            "SELECT to_date FROM assignments WHERE to_date = '2026-02-01'",
            date(2026, 2, 1),
        ),
        (
            "devices",
            ["ab", "1", TWO, "铣床", "一号", "2026-03-01", "2026-04-01"],
            "SELECT to_date FROM assignments WHERE to_date = '2026-04-01'",
            date(2026, 4, 1),
        ),
    ],
)
def test_a_row_with_other_values_changes_the_record(
    connection: psycopg.Connection,
    do_import: Importer,
    kind: KindName,
    row: list[str],
    query: str,
    value: object,
) -> None:
    """An empty cell empties it: the file is what is true."""
    for each, rows in FILES.items():
        do_import(each, *rows)
    counted = {table: len(rows) for table, rows in contents(connection).items()}
    assert do_import(kind, row) == ImportResult(created=0, changed=1, unchanged=0)
    assert connection.execute(query).fetchall() == [(value,)]
    assert {table: len(rows) for table, rows in contents(connection).items()} == counted


def test_the_interval_of_a_device_stays_where_a_file_says_nothing_of_it(
    connection: psycopg.Connection, city: Importer, tmp_path: Path
) -> None:
    """Files without the column, and empty cells; a new device has the usual one."""
    path = tmp_path / "devices.csv"
    header = ",".join(column.name for column in KINDS["devices"].everyday_columns)
    path.write_text(f"{header}\nab,slow,,,,,,3600\nab,usual,,,,,,\n", encoding="utf-8")
    import_file(connection, "devices", path, districts=DISTRICTS, actor=ACTOR)
    intervals = "SELECT serial, expected_interval_s FROM devices ORDER BY serial"
    assert connection.execute(intervals).fetchall() == [("slow", 3600), ("usual", 300)]
    assert city("devices", ["ab", "slow", "", "", "", "", ""]).unchanged == 1
    assert city("devices", ["ab", "slow", "", "", "新名", "", ""]).changed == 1
    path.write_text(f"{header}\nab,usual,,,,,,60\n", encoding="utf-8")
    changed = import_file(connection, "devices", path, districts=DISTRICTS, actor=ACTOR)
    assert changed.changed == 1
    assert connection.execute(intervals).fetchall() == [("slow", 3600), ("usual", 60)]


def test_a_device_passes_on_when_its_file_ends_the_earlier_assignment(
    connection: psycopg.Connection, city: Importer
) -> None:
    """Both rows may be in the same file, in any order."""
    city("devices", ["ab", "d", ONE, "", "", "2026-01-01", ""])
    result = city(
        "devices",
        ["ab", "d", TWO, "", "", "2026-05-01", ""],
        ["ab", "d", ONE, "", "", "2026-01-01", "2026-05-01"],
    )
    assert result == ImportResult(created=1, changed=1, unchanged=0)
    assert connection.execute(
        "SELECT from_date, to_date FROM assignments ORDER BY from_date"
    ).fetchall() == [(date(2026, 1, 1), date(2026, 5, 1)), (date(2026, 5, 1), None)]


def test_every_kind_of_error_is_reported_at_once_and_nothing_is_imported(
    connection: psycopg.Connection, city: Importer
) -> None:
    """Errors of cells, of references and of the registry, ordered by row and column."""
    city("devices", ["ab", "old", ONE, "", "", "2026-01-01", ""])
    before = contents(connection)
    found = rejection(
        lambda: city(
            "devices",
            ["ab", "good", ONE, "", "", "2026-01-01", ""],
            ["ef", "bad serial", uscc_of(3), "", "", "2026-01-01", ""],
            ["ab", "old", TWO, "", "", "2026-03-01", ""],
            ["ab", "good", ONE, "", "", "2026-01-01", ""],
            ["ab", "short", "x"],
            ["ab", "new", ONE, "", "", "2026-02-30", ""],
        )
    )
    assert [(row, column) for row, column, _reason in found] == [
        (3, "platform"),
        (3, "serial"),
        (3, "uscc"),
        (4, "assigned_from"),
        (5, "platform, serial, assigned_from"),
        (6, ""),
        (7, "assigned_from"),
    ]
    assert found[3][2] == (
        "Begins while the one registered from 2026-01-01 is open: list that one too, with "
        "assigned_to 2026-03-01 or earlier."
    )
    assert contents(connection) == before


def test_the_rejection_says_how_many_rows_are_wrong(city: Importer) -> None:
    """In one sentence."""
    with pytest.raises(ImportRejected) as rejected:
        city("platforms", ["X", "", ""], ["Y", "乙", ""])
    assert str(rejected.value) == (
        "Nothing was imported from platforms.csv. Errors: 3; bad rows: 2."
    )


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [
        (
            "recognitions",
            ["ab", "national", "2026-01-01", ""],
            ["ab", "national", "2027-01-01", ""],
        ),
        (
            "connections",
            ["ab", ONE, "", "", "2026-01-01", "2026-06-01"],
            ["ab", ONE, "", "", "2026-05-01", ""],
        ),
        (
            "devices",
            ["ab", "d", ONE, "", "", "2026-01-01", ""],
            ["ab", "d", ONE, "", "", "2026-05-01", ""],
        ),
    ],
)
def test_an_overlap_with_the_registry_is_refused(
    city: Importer, kind: KindName, first: list[str], second: list[str]
) -> None:
    """For each kind that has periods, whichever comes first."""
    city(kind, first)
    assert [row for row, _column, _reason in rejection(lambda: city(kind, second))] == [2]


@pytest.mark.parametrize(
    ("start", "end", "is_refused"),
    [
        ("2025-12-01", "2026-01-01", False),
        ("2025-12-01", "2026-01-02", True),
        ("2025-12-01", None, True),
        ("2026-02-28", None, True),
        ("2026-02-28", "2026-03-01", True),
        ("2026-03-01", None, False),
        ("2026-03-01", "2026-03-02", False),
    ],
)
def test_the_database_too_refuses_assignments_that_overlap(
    connection: psycopg.Connection, city: Importer, start: str, end: str | None, is_refused: bool
) -> None:
    """To the day, and only those of the same device."""
    day = ["2026-01-01", "2026-03-01"]
    city("devices", ["ab", "d", ONE, "", "", *day], ["ab", "e", "", "", "", "", ""])
    add = """
        INSERT INTO assignments (device_id, enterprise_id, from_date, to_date)
        SELECT devices.id, enterprises.id, %s, %s FROM devices, enterprises
        WHERE serial = %s AND uscc = %s
    """
    connection.execute(add, (start, end, "e", TWO))
    refusal = pytest.raises(psycopg.errors.ExclusionViolation) if is_refused else nullcontext()
    with refusal:
        connection.execute(add, (start, end, "d", TWO))


def test_recognitions_of_two_levels_may_overlap(city: Importer) -> None:
    """A national platform stays a municipal one."""
    city("recognitions", ["ab", "municipal", "2025-01-01", ""])
    assert city("recognitions", ["ab", "national", "2026-01-01", ""]).created == 1


def test_an_assignment_cannot_pass_to_another_enterprise(
    connection: psycopg.Connection, city: Importer
) -> None:
    """Evidence hangs on it."""
    city("devices", ["ab", "d", ONE, "", "", "2026-01-01", ""])
    before = contents(connection)
    ((row, column, reason),) = rejection(
        lambda: city("devices", ["ab", "d", TWO, "", "", "2026-01-01", ""])
    )
    assert (row, column) == (2, "uscc")
    assert f"Registered with {ONE}" in reason
    assert contents(connection) == before


def test_nothing_may_outlast_what_has_ended(city: Importer, connection: psycopg.Connection) -> None:
    """Connections and assignments of an ended enterprise or device, and devices of a platform."""
    city("devices", ["ab", "d1", "", "", "", "", ""])
    connection.execute("UPDATE enterprises SET ended_on = '2026-05-01' WHERE uscc = %s", (TWO,))
    connection.execute("UPDATE devices SET ended_on = '2026-06-01'")
    connection.execute("UPDATE platforms SET ended_on = '2026-07-01' WHERE code = 'cd'")
    connection.commit()
    connected = rejection(
        lambda: city(
            "connections",
            ["ab", TWO, "", "", "2026-01-01", ""],
            ["ab", ONE, "", "", "2026-01-01", ""],
            ["cd", ONE, "", "", "2026-01-01", "2026-07-02"],
        )
    )
    assert [each[:2] for each in connected] == [(2, "to_date"), (4, "to_date")]
    assert "ended on 2026-05-01" in connected[0][2]
    assigned = rejection(
        lambda: city(
            "devices",
            ["ab", "d1", ONE, "", "", "2026-01-01", "2026-06-02"],
            ["cd", "d2", "", "", "", "", ""],
        )
    )
    assert [each[:2] for each in assigned] == [(2, "assigned_to"), (3, "platform")]
    city("devices", ["ab", "d1", ONE, "", "", "2026-01-01", "2026-06-01"])
    city("connections", ["ab", TWO, "", "", "2026-01-01", "2026-05-01"])


def test_a_district_must_be_one_of_those_passed_in(city: Importer) -> None:
    """The policy's, and other."""
    ((row, column, _reason),) = rejection(
        lambda: city("enterprises", [uscc_of(3), "三厂", "hanjiang", ""])
    )
    assert (row, column) == (2, "district")


def test_a_dry_run_reports_the_same_and_writes_nothing(
    connection: psycopg.Connection, city: Importer
) -> None:
    """Whether the file is right or wrong."""
    before = contents(connection)
    good = [["ab", "改名", ""], ["ef", "新平台", ""], ["cd", "乙平台", ""]]
    expected = ImportResult(created=1, changed=1, unchanged=1)
    assert city("platforms", *good, dry_run=True) == expected
    bad = ["ab", ONE, "", "", "never", ""]
    dry = rejection(lambda: city("connections", bad, dry_run=True))
    assert contents(connection) == before
    assert rejection(lambda: city("connections", bad)) == dry
    assert city("platforms", *good) == expected


def test_an_import_joins_the_transaction_of_its_caller(
    connection: psycopg.Connection, city: Importer
) -> None:
    """Several files can be all or none together."""
    before = contents(connection)
    with connection.transaction(force_rollback=True):
        city("platforms", ["ef", "丙平台", ""])
        assert city("recognitions", ["ef", "national", "2026-01-01", ""]).created == 1
    assert contents(connection) == before


def test_a_workbook_gives_the_same_registry_as_a_csv_file(
    connection: psycopg.Connection, city: Importer, tmp_path: Path
) -> None:
    """With numbers as numbers and dates as dates."""
    path = tmp_path / "devices.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet, day = book.add_worksheet(), book.add_format({"num_format": "yyyy/m/d"})
        sheet.write_row(0, 0, ["平台", "设备序列号", "统一社会信用代码", "kind", "name"])
        sheet.write_row(0, 5, ["assigned_from", "assigned_to"])
        sheet.write_row(1, 0, ["ab", 12, ONE, "铣床", 350304.0])
        sheet.write_datetime(1, 5, date(2026, 1, 1), day)
        sheet.write_string(1, 6, "2026-02-01")
        sheet.write_row(3, 0, ["cd", "0012"])
    result = import_file(connection, "devices", path, districts=DISTRICTS, actor=ACTOR)
    assert result == ImportResult(created=2, changed=0, unchanged=0)
    again = city(
        "devices",
        ["ab", "12", ONE, "铣床", "350304", "2026-01-01", "2026-02-01"],
        ["cd", "0012", "", "", "", "", ""],
    )
    assert again == ImportResult(created=0, changed=0, unchanged=2)


def test_two_imports_at_once_wait_for_one_another(
    embedded_database_url: str, city: Importer, tmp_path: Path
) -> None:
    """The second sees what the first has written, so it reports instead of colliding."""
    del city  # its registry is what is needed
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    first = write_registry_csv(folders[0], "devices", ["ab", "d", ONE, "", "", "2026-01-01", ""])
    second = write_registry_csv(folders[1], "devices", ["ab", "d", TWO, "", "", "2026-02-01", ""])
    found: list[tuple[int, str, str]] = []

    def import_second() -> None:
        with connect(embedded_database_url) as other:
            found.extend(
                rejection(
                    lambda: import_file(other, "devices", second, districts=DISTRICTS, actor=ACTOR)
                )
            )

    with connect(embedded_database_url) as one, connect(embedded_database_url) as watcher:
        with one.transaction():
            import_file(one, "devices", first, districts=DISTRICTS, actor=ACTOR)
            waiting = threading.Thread(target=import_second)
            waiting.start()
            wait_for_a_blocked_session(watcher)
            assert not found
        waiting.join(30)
    assert [(row, column) for row, column, _reason in found] == [(2, "assigned_from")]


def wait_for_a_blocked_session(watcher: psycopg.Connection) -> None:
    """Return once a session of this database waits for a lock."""
    watcher.autocommit = True
    blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    while watcher.execute(blocked).fetchone() != (1,):
        watcher.execute("SELECT pg_sleep(0.02)")


def test_what_the_database_refuses_after_all_is_one_sentence(
    connection: psycopg.Connection, city: Importer
) -> None:
    """Its constraints are the last line."""
    connection.execute("ALTER TABLE platforms ADD CONSTRAINT no_bad_name CHECK (name <> '坏')")
    connection.commit()
    with pytest.raises(UserError, match=r"refused the rows of platforms\.csv.*no_bad_name"):
        city("platforms", ["ef", "好", ""], ["gh", "坏", ""])
    assert connection.execute("SELECT count(*) FROM platforms").fetchone() == (2,)


def test_a_database_that_goes_away_is_one_sentence(
    embedded_database_url: str, city: Importer, tmp_path: Path
) -> None:
    """The world's error, to be tried again."""
    del city
    path = write_registry_csv(tmp_path, "platforms", ["ef", "丙", ""])
    with connect(embedded_database_url) as one, connect(embedded_database_url) as killer:
        killer.execute("SELECT pg_terminate_backend(%s)", (one.info.backend_pid,))
        with pytest.raises(WorldError, match=r"failed during the import of platforms\.csv"):
            import_file(one, "platforms", path, districts=DISTRICTS, actor=ACTOR)


def test_an_import_is_entered_in_the_audit_under_its_actor(
    connection: psycopg.Connection, city: Importer
) -> None:
    """One entry for each record that it created or changed."""
    city("devices", ["ab", "d", ONE, "", "", "2026-01-01", ""])
    city("devices", ["ab", "d", ONE, "铣床", "", "2026-01-01", ""])
    entries = connection.execute(
        "SELECT actor, origin, action, record_kind FROM audit_entries"
        " WHERE record_kind IN ('devices', 'assignments') ORDER BY number"
    ).fetchall()
    assert entries == [
        (ACTOR.name, ACTOR.origin, "create", "devices"),
        (ACTOR.name, ACTOR.origin, "create", "assignments"),
        (ACTOR.name, ACTOR.origin, "change", "devices"),
    ]


def test_ingesters_hear_of_new_devices_and_of_nothing_else(
    embedded_database_url: str, city: Importer
) -> None:
    """An import that changes no device leaves them no reason to read anew."""
    with connect(embedded_database_url, autocommit=True) as ingester:
        row = ["ab", "d", ONE, "", "", "2026-01-01", ""]
        before = _version_of_devices(ingester)
        city("devices", row)
        after = _version_of_devices(ingester)
        assert after > before
        city("devices", row)
        assert _version_of_devices(ingester) == after


def _version_of_devices(connection: psycopg.Connection) -> int:
    row = connection.execute(
        "SELECT version FROM change_versions WHERE kind = 'devices'"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_the_guide_has_the_right_columns_and_an_example_that_works(
    city: Importer, connection: psycopg.Connection, tmp_path: Path
) -> None:
    """docs/import.md, which people copy from."""
    guide = GUIDE.read_text(encoding="utf-8")
    for kind in KINDS.values():
        columns = ", ".join(
            f"**{c.name}**" if c.is_required else c.name for c in kind.everyday_columns
        )
        chinese = ", ".join(column.chinese for column in kind.everyday_columns)
        assert f"| {kind.name} | {columns} | {chinese} | {', '.join(kind.key)} |" in guide
    city("platforms", ["xielian", "协联", ""])
    example = tmp_path / "example.csv"
    example.write_text(guide.partition("```csv\n")[2].partition("```")[0], encoding="utf-8")
    result = import_file(connection, "devices", example, districts=DISTRICTS, actor=ACTOR)
    assert result == ImportResult(created=2, changed=0, unchanged=0)


def test_the_guide_lists_the_districts_of_the_policy() -> None:
    """All of them, as rows of its table, and `other`."""
    guide = GUIDE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (\S+) \| (\d*) *\|$", guide, re.MULTILINE)
    districts = load_policy("putian-2026").districts.value
    assert rows == [(slug, each.name, each.code or "") for slug, each in districts.items()]
    assert "has `other`" in guide


def test_all_five_files_are_stored_on_timescaledb_too(database_url: str, tmp_path: Path) -> None:
    """The server that evidence is kept on is an older PostgreSQL."""
    with connect(database_url) as connection:
        for expected in ("created", "unchanged"):
            for kind, rows in FILES.items():
                path = write_registry_csv(tmp_path, kind, *rows)
                result = import_file(connection, kind, path, districts=DISTRICTS, actor=ACTOR)
                assert getattr(result, expected) == len(rows)


starts = st.integers(0, 9)
DeviceTuple = tuple[str, str, str, str, int, int | None]
device_rows = st.lists(
    st.tuples(
        st.sampled_from(["ab", "cd"]),
        st.sampled_from(["1", "2"]),
        st.sampled_from([ONE, TWO]),
        st.sampled_from(["", "铣床"]),
        starts,
        st.integers(1, 5) | st.none(),
    ),
    max_size=5,
)


def as_file(rows: Sequence[DeviceTuple]) -> list[list[str]]:
    """Devices as their file has them, with days by number."""

    def day(number: int) -> str:
        return (date(2026, 1, 1) + timedelta(days=number)).isoformat()

    return [
        [platform, serial, uscc, kind, "", day(start), day(start + days) if days else ""]
        for platform, serial, uscc, kind, start, days in rows
    ]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=device_rows, second=device_rows)
def test_any_file_imported_twice_changes_nothing_the_second_time(
    connection: psycopg.Connection,
    city: Importer,
    first: Sequence[DeviceTuple],
    second: Sequence[DeviceTuple],
) -> None:
    """Whatever it holds and whatever came before; a rejected file leaves everything as it was.

    No file that passes our checks may meet a constraint of the database.
    """
    with connection.transaction(force_rollback=True):
        for rows in (first, second):
            listed = as_file(rows)
            before = contents(connection)
            try:
                city("devices", *listed)
            except ImportRejected:
                assert contents(connection) == before
                continue
            once = contents(connection)
            again = city("devices", *listed)
            assert (again.created, again.changed) == (0, 0)
            assert contents(connection) == once
