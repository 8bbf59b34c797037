"""The registry of a scenario as import files."""

import csv
from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

from simulators.registry_files import write_registry
from tests.unit.simulators.cities import (
    MONDAY,
    city,
    connection,
    enterprise,
    fault,
    mirror_of,
)

_COLUMNS = {
    "platforms": "code,name,operator_uscc",
    "recognitions": "platform,level,recognised_on,revoked_on",
    "enterprises": "uscc,name,district,industry_code",
    "connections": "platform,uscc,contract_no,signed_on,from_date,to_date",
    "devices": "platform,serial,uscc,kind,name,assigned_from,assigned_to",
}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_files_have_the_columns_of_the_design_in_the_order_of_import(tmp_path: Path) -> None:
    """Design section 8, to the letter."""
    paths = write_registry(city(), tmp_path)
    assert list(paths) == list(_COLUMNS)
    for kind, path in paths.items():
        assert path.name == f"{kind}.csv"
        assert path.read_text(encoding="utf-8").split("\n", 1)[0] == _COLUMNS[kind]


def test_the_rows_say_what_the_fleet_is(tmp_path: Path) -> None:
    """Dates as in the design; what is open or unknown is empty."""
    ends = MONDAY + timedelta(days=9)
    fleet = city(enterprise("one", connection(devices=1), connection(to_date=ends, devices=1)))
    company = fleet.companies[0]
    paths = write_registry(fleet, tmp_path)
    assert _rows(paths["enterprises"]) == [
        {
            "uscc": company.uscc,
            "name": company.name,
            "district": "licheng",
            "industry_code": "C1953",
        }
    ]
    still_open, ended = _rows(paths["connections"])
    assert (still_open["signed_on"], still_open["from_date"]) == ("2026-03-02", "2026-03-02")
    assert (still_open["to_date"], ended["to_date"]) == ("", "2026-03-11")
    assert _rows(paths["devices"])[1] == {
        "platform": "xielian",
        "serial": "SHO-00002",
        "uscc": company.uscc,
        "kind": "shoe-moulding-machine",
        "name": "1号制鞋成型机",
        "assigned_from": "2026-03-02",
        "assigned_to": "2026-03-11",
    }
    assert _rows(paths["recognitions"])[0] == {
        "platform": "xielian",
        "level": "municipal",
        "recognised_on": "2025-01-01",
        "revoked_on": "",
    }


def test_an_unknown_device_is_in_no_file(tmp_path: Path) -> None:
    """That is what makes it unknown."""
    served = connection(devices=2, faults=[fault("unknown-device", devices=[1])])
    paths = write_registry(city(enterprise("one", served)), tmp_path)
    assert [row["serial"] for row in _rows(paths["devices"])] == ["SHO-00002"]


def test_a_mirrored_machine_is_registered_under_both_enterprises(tmp_path: Path) -> None:
    """One serial, two platforms, two credit codes."""
    fleet = city(enterprise("one", connection(devices=1)), enterprise("two", mirror_of("one")))
    rows = _rows(write_registry(fleet, tmp_path)["devices"])
    assert {row["serial"] for row in rows} == {"SHO-00001"}
    assert [row["platform"] for row in rows] == ["xielian", "haichuang"]
    assert [row["uscc"] for row in rows] == [company.uscc for company in fleet.companies]


def test_a_drawn_city_says_when_it_was_recorded(tmp_path: Path) -> None:
    """In a column that only simulations have; a bank split by day is assigned by day."""
    drawn = {"first_on": date(2026, 1, 1), "honest": 3, "cheats": ["backdated-shells"]}
    fleet = city(drawn=drawn)
    paths = write_registry(fleet, tmp_path)
    connections, devices = _rows(paths["connections"]), _rows(paths["devices"])
    assert any(row["recorded_on"] > row["from_date"] for row in connections)
    shared = Counter(row["serial"] for row in devices if row["recorded_on"])
    assert max(shared.values()) >= 2
    spans = sorted(
        (row["assigned_from"], row["assigned_to"])
        for row in devices
        if shared[row["serial"]] > 1 and row["serial"] == max(shared, key=shared.__getitem__)
    )
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
