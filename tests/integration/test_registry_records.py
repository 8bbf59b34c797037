"""Single records of the registry, written by its own rules, without the API."""

from collections.abc import Iterator
from datetime import date
from typing import Final

import psycopg
import pytest

from jieru.audit import command_actor
from jieru.database import connect
from jieru.wire import DeviceAddress
from registry.assignments import change_assignment, create_assignment
from registry.connections import create_connection, end_connection
from registry.devices import change_device, create_device, reopen_device
from registry.enterprises import change_enterprise, create_enterprise
from registry.importing import Importer, ImportRejected, import_parsed, parse_file
from registry.platforms import change_platform, end_platform
from registry.recognitions import create_recognition, end_recognition
from registry.refusals import (
    ChangedMeanwhileError,
    ConflictError,
    NotKeptError,
    NotRegisteredError,
    WrongColumnsError,
)
from tests.support.registry_builder import RegistryBuilder
from tests.support.registry_files import uscc_of

_DEVICE: Final = DeviceAddress("alpha", "CNC-01")
_DAY: Final = date(2026, 6, 1)


@pytest.fixture
def connection(embedded_database_url: str) -> Iterator[psycopg.Connection]:
    """Two platforms, an enterprise connected to the first, and its device."""
    with connect(embedded_database_url) as connection:
        build = RegistryBuilder(connection)
        build.platform("alpha")
        build.platform("beta")
        uscc = build.enterprise(1)
        build.connection("alpha", uscc)
        build.device("alpha", "CNC-01", uscc, date(2026, 1, 1), _DAY)
        yield connection


def test_only_what_is_registered_is_changed(connection: psycopg.Connection) -> None:
    """A key that nothing has is refused."""
    with pytest.raises(NotRegisteredError):
        change_platform(connection, "gamma", {"name": "丙"}, None)


def test_a_change_is_made_to_the_revision_that_was_read(connection: psycopg.Connection) -> None:
    """A later one is told; whoever names none changes the present one."""
    change_device(connection, _DEVICE, {"name": "车床"}, [1])
    with pytest.raises(ChangedMeanwhileError) as refused:
        change_device(connection, _DEVICE, {"name": "铣床"}, [1])
    assert refused.value.revision == 2
    change_device(connection, _DEVICE, {"name": "铣床"}, None)
    row = connection.execute("SELECT name, kind, expected_interval_s FROM devices").fetchone()
    assert row == ("铣床", "CNC", 300)


def test_each_wrong_column_is_named(connection: psycopg.Connection) -> None:
    """In the words of the import files, with the reason that a file would get."""
    said = {"platform": "gamma", "level": "royal", "recognised_on": "2026-02-30"}
    with pytest.raises(WrongColumnsError) as refused:
        create_recognition(connection, said)
    assert {each.column for each in refused.value.columns} == {"platform", "level", "recognised_on"}
    assert str(refused.value.columns[-1].reason)


def test_a_formula_is_the_text_that_was_said(connection: psycopg.Connection) -> None:
    """No cell of a spreadsheet stands between a record and what is said of it."""
    for number, name in enumerate(("=1+1", "'=1+1", " @a "), 2):
        said = {"uscc": uscc_of(number), "name": name, "district": "licheng"}
        create_enterprise(connection, said, districts=["licheng"], own_platform=None)
    names = connection.execute("SELECT name FROM enterprises ORDER BY id OFFSET 1").fetchall()
    assert names == [("=1+1",), ("'=1+1",), ("@a",)]


def test_what_others_keep_is_not_changed(connection: psycopg.Connection) -> None:
    """The rule of an operator's file: only what the own platform keeps."""
    said = {"uscc": uscc_of(2), "name": "乙厂", "district": "licheng"}
    create_enterprise(connection, said, districts=["licheng"], own_platform="alpha")
    _rename(connection, "alpha")
    with pytest.raises(NotKeptError):
        _rename(connection, "beta")
    _rename(connection, None)
    with pytest.raises(NotKeptError):  # what the bureau changes, the bureau keeps
        _rename(connection, "alpha")


def test_an_end_is_recorded_once_and_after_the_beginning(connection: psycopg.Connection) -> None:
    """Of a period; the day is the one that is wrong."""
    said = {"platform": "beta", "level": "national", "recognised_on": "2026-03-01"}
    recognition_id = create_recognition(connection, said)
    with pytest.raises(WrongColumnsError) as refused:
        end_recognition(connection, recognition_id, date(2026, 3, 1), None)
    assert [each.column for each in refused.value.columns] == ["on"]
    end_recognition(connection, recognition_id, date(2026, 3, 2), None)
    with pytest.raises(ConflictError):
        end_recognition(connection, recognition_id, _DAY, None)


def test_a_new_record_has_an_id_and_room(connection: psycopg.Connection) -> None:
    """A second one of the same time has none."""
    said = {"platform": "beta", "uscc": uscc_of(1), "from_date": "2026-01-01"}
    connection_id = create_connection(connection, said)
    end_connection(connection, connection_id, _DAY, [1])
    create_connection(connection, {**said, "from_date": "2026-06-01"})
    with pytest.raises(ConflictError):
        create_connection(connection, {**said, "from_date": "2026-05-31", "to_date": "2026-06-02"})


@pytest.mark.parametrize(
    ("column", "day"),
    [("from_date", "1990-01-01"), ("signed_on", "2099-01-01"), ("to_date", "2099-01-01")],
)
def test_a_date_that_nobody_can_mean_is_refused(
    connection: psycopg.Connection, column: str, day: str
) -> None:
    """By hand and in a file alike, in the same words (finding S5)."""
    said = {"platform": "beta", "uscc": uscc_of(1), "from_date": "2026-01-01", column: day}
    with pytest.raises(WrongColumnsError) as refused:
        create_connection(connection, said)
    ((wrong, reason),) = refused.value.columns
    assert wrong == column
    columns = ("platform", "uscc", "contract_no", "signed_on", "from_date", "to_date")
    text = ",".join(columns) + "\n" + ",".join(said.get(name, "") for name in columns) + "\n"
    file = parse_file("connections", text.encode(), "connections.csv")
    with pytest.raises(ImportRejected) as rejected:
        import_parsed(connection, file, districts=[], importer=Importer(command_actor()))
    (error,) = rejected.value.row_errors
    assert (error.column, str(error.reason)) == (column, str(reason))


def test_what_an_earlier_release_took_can_be_ended_and_imported_again(
    connection: psycopg.Connection,
) -> None:
    """Only what is new is judged."""
    connection.execute("UPDATE connections SET from_date = '1990-01-01', signed_on = '2099-01-01'")
    row = f"alpha,{uscc_of(1)},alpha-{uscc_of(1)[-4:]},2099-01-01,1990-01-01,"
    header = "platform,uscc,contract_no,signed_on,from_date,to_date\n"
    for end, changed in (("", 0), ("2026-12-01", 1)):
        file = parse_file("connections", f"{header}{row}{end}\n".encode(), "connections.csv")
        done = import_parsed(connection, file, districts=[], importer=Importer(command_actor()))
        assert done.changed == changed
    connection.execute("UPDATE connections SET to_date = NULL")
    ((connection_id,),) = connection.execute("SELECT id FROM connections")
    with pytest.raises(WrongColumnsError) as refused:
        end_connection(connection, connection_id, date(2099, 1, 1), None)
    assert [each.column for each in refused.value.columns] == ["on"]
    end_connection(connection, connection_id, date(2026, 12, 1), None)
    with pytest.raises(WrongColumnsError):
        end_platform(connection, "beta", date(2099, 1, 1), None, today=_DAY)


def test_nothing_outlasts_an_ended_platform(connection: psycopg.Connection) -> None:
    """Neither by a file nor by hand: a device, its reopening, an assignment of one."""
    connection.execute("UPDATE connections SET to_date = '2026-06-01'")
    connection.execute("UPDATE devices SET ended_on = '2026-06-01'")
    end_platform(connection, "alpha", _DAY, None, today=_DAY)
    with pytest.raises(ConflictError):
        create_device(connection, {"platform": "alpha", "serial": "CNC-02"})
    with pytest.raises(ConflictError):
        reopen_device(connection, _DEVICE, None)
    connection.execute("UPDATE devices SET ended_on = NULL")
    said = {**_DEVICE._asdict(), "uscc": uscc_of(1), "assigned_from": "2026-06-01"}
    with pytest.raises(ConflictError) as refused:
        create_assignment(connection, said)
    assert refused.value.values["name"] == "alpha"
    ((assignment_id,),) = connection.execute("SELECT id FROM assignments")
    with pytest.raises(ConflictError):
        change_assignment(connection, assignment_id, {"assigned_to": None}, None)
    change_assignment(connection, assignment_id, {"assigned_to": "2026-05-01"}, None)
    header = "platform,serial,uscc,kind,name,assigned_from,assigned_to\n"
    row = f"alpha,CNC-01,{uscc_of(1)},CNC,机床 CNC-01,2026-06-01,\n"
    file = parse_file("devices", (header + row).encode(), "devices.csv")
    with pytest.raises(ImportRejected) as rejected:
        import_parsed(connection, file, districts=[], importer=Importer(command_actor()))
    assert [error.column for error in rejected.value.row_errors] == ["assigned_to"]


def _rename(connection: psycopg.Connection, own_platform: str | None) -> None:
    change_enterprise(
        connection,
        uscc_of(2),
        {"name": "乙厂二"},
        None,
        districts=["licheng"],
        own_platform=own_platform,
    )
