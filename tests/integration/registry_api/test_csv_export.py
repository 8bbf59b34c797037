"""Lists as CSV files, which the import takes back."""

from datetime import date
from pathlib import Path

import pytest

from api.access.roles import Role
from jieru.audit import Actor
from registry.importing import import_file
from registry.kinds import KindName
from tests.support.registry_api import RegistryApi

_ACTOR = Actor("command:tests", "command line")


def _build(api: RegistryApi) -> str:
    """Records with values that are hard to write."""
    api.build.platform("alpha")
    api.build.platform("beta")
    uscc = api.build.enterprise(1)
    api.build.connection("alpha", uscc, signed_on=date(2025, 1, 1))
    api.build.device("alpha", "-1", uscc, date(2025, 1, 1), date(2025, 2, 1))
    api.build.assignment("alpha", "-1", uscc, date(2025, 3, 1))
    api.build.device("alpha", "b")
    api.build.device("beta", "c", uscc)
    api.connection.execute("UPDATE devices SET name = '=1+1', kind = '''=2' WHERE serial = 'b'")
    api.connection.execute("UPDATE enterprises SET name = '甲,\"乙\"'")
    api.connection.execute("UPDATE devices SET expected_interval_s = 60 WHERE serial = '-1'")
    return uscc


@pytest.mark.parametrize(
    ("path", "kind", "rows"),
    [
        ("platforms", "platforms", 2),
        ("recognitions", "recognitions", 2),
        ("enterprises", "enterprises", 1),
        ("connections", "connections", 1),
        ("devices", "devices", 4),
        ("assignments", "devices", 3),
    ],
)
async def test_what_was_exported_can_be_imported(
    api: RegistryApi, tmp_path: Path, path: str, kind: KindName, rows: int
) -> None:
    """And changes nothing."""
    _build(api)
    answer = await api.ask("GET", f"/{path}.csv", state="all")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="{path}.csv"'
    file = tmp_path / "file.csv"
    file.write_bytes(answer.content)
    result = import_file(api.connection, kind, file, districts={"licheng"}, actor=_ACTOR)
    assert (result.created, result.changed, result.unchanged) == (0, 0, rows)


async def test_a_spreadsheet_computes_nothing_of_it(api: RegistryApi) -> None:
    """What looks like a formula is written with an apostrophe; the file says that it is UTF-8."""
    _build(api)
    text = (await api.ask("GET", "/devices.csv", platform="alpha", text="b")).content.decode()
    assert text == (
        "\ufeffplatform,serial,uscc,kind,name,assigned_from,assigned_to,expected_interval_s\r\n"
        "alpha,b,,''=2,'=1+1,,,300\r\n"
    )


async def test_the_same_filter_and_the_same_scope_hold(api: RegistryApi) -> None:
    """An operator exports the own platform's."""
    uscc = _build(api)
    own = await api.ask("GET", "/devices.csv", enterprise=uscc, by=Role.OPERATOR, of="alpha")
    assert [line.split(",")[1] for line in own.text.splitlines()[1:]] == ["'-1", "'-1"]
    wrong = await api.ask("GET", "/devices.csv", status="broken")
    assert wrong.status_code == 422


async def test_a_long_list_is_exported_whole(api: RegistryApi) -> None:
    """In more than one chunk, each record once."""
    api.build.platform("alpha")
    api.connection.execute("""
        INSERT INTO devices (platform_id, serial)
        SELECT id, 'd' || lpad(n::text, 5, '0') FROM platforms, generate_series(1, 12001) AS n
    """)
    lines = (await api.ask("GET", "/devices.csv")).text.splitlines()
    serials = [line.split(",")[1] for line in lines[1:]]
    assert serials == [f"d{number:05}" for number in range(1, 12_002)]
