"""Explanations: the same outcome as the count, with everything it rests on."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.integration.verifier.conftest import WORKED_EXAMPLE, Run
from tests.support.people import personal_key_file
from tests.support.registry_builder import RegistryBuilder, days_between
from tests.support.registry_files import uscc_of
from verifier.counting.explain import explain
from verifier.counting.run import count_year
from verifier.policy import load_policy

_POLICY = load_policy("putian-2026")
_AS_OF = date(2027, 4, 5)


def _explained(
    database: psycopg.Connection, uscc: str, as_of: date = _AS_OF, year: int = 2026
) -> Any:  # noqa: ANN401 - JSON
    database.commit()
    explanation = explain(database, year, "alpha", uscc, as_of=as_of, policy=_POLICY)
    counted = count_year(database, year, as_of=as_of, policy=_POLICY).to_json_object()
    found: Any = json.loads(json.dumps(explanation.to_json_object()))
    (listed,) = (
        each
        for platform in json.loads(json.dumps(counted))["platforms"]
        for each in platform["enterprises"]
        if (platform["platform"], each["uscc"]) == ("alpha", uscc)
    )
    # Whatever else it says, it says what the count says.
    assert {name: found[name] for name in listed} == listed
    return found


def _criteria(found: Any) -> dict[str, tuple[object, object, bool | None]]:  # noqa: ANN401 - JSON
    return {
        each["criterion"]: (each["measured"], each["required"], each["met"])
        for each in found["criteria"]
    }


def test_a_counted_enterprise_is_explained_over_its_window(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """Every criterion, every device, every day."""
    uscc = registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    found = _explained(database, uscc)
    assert (found["outcome"], found["reasons"]) == ("counted", [])
    assert found["period"] == {
        "kind": "window",
        "first_day": "2026-03-02",
        "last_day": "2026-05-30",
    }
    criteria = _criteria(found)
    assert criteria["active_hours_per_day_min"] == (5, 4, True)
    assert criteria["active_devices_min"] == (3, 3, True)
    assert criteria["window_days"] == (90, 90, True)
    assert criteria["active_days_min"] == (78, 60, True)
    assert criteria["longest_gap_days_max"] == (1, 20, True)
    # Which is reported only.
    assert criteria.pop("confirmed") == ({"answer": "none"}, "report", None)
    assert all(met for _measured, _required, met in criteria.values())
    assert {each["clause"] for each in found["criteria"]} == {"1.2", "附则", None}
    assert [(each["serial"], each["active_days"]) for each in found["devices"]] == [
        ("m1-0", 78),
        ("m1-1", 78),
        ("m1-2", 78),
    ]
    assert found["devices"][0]["first_active_on"] == "2026-03-02"
    assert found["devices"][0]["last_active_on"] == "2026-05-30"
    assert found["connections"][0]["from_date"] == "2025-01-01"


def test_the_calendar_has_a_mark_for_every_day_with_evidence(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """Active, silent, not connected; nothing after `as_of`."""
    registry.platform()
    uscc = registry.enterprise()
    registry.connection("alpha", uscc, date(2026, 2, 20), date(2026, 6, 21))
    for serial in ("a", "b", "c"):
        registry.presence(registry.device("alpha", serial, uscc), WORKED_EXAMPLE)
    calendar = _explained(database, uscc, as_of=date(2026, 7, 2))["calendar"]
    assert {each["month"]: each["days"] for each in calendar} == {
        "2026-01": "-" * 31,
        "2026-02": "-" * 19 + "." * 9,
        "2026-03": ".######.######.######.######.##",
        "2026-04": "####.######.######.######.####",
        "2026-05": "##.######.######.######.######.",
        "2026-06": "######.######.######" + "-" * 10,
        "2026-07": "--",
    }


def test_a_pending_enterprise_is_measured_so_far(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """Over the window it could still have."""
    uscc = registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    found = _explained(database, uscc, as_of=date(2026, 3, 31))
    assert (found["outcome"], found["pending_until"]) == ("pending", "2026-05-30")
    assert found["period"] == {
        "kind": "possible",
        "first_day": "2026-03-02",
        "last_day": "2026-03-31",
    }
    criteria = _criteria(found)
    assert criteria["window_days"] == (30, 90, False)
    assert criteria["active_days_min"] == (26, 60, False)
    assert criteria["longest_gap_days_max"] == (1, 20, True)


def test_a_failed_enterprise_is_measured_at_its_best_attempt(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """Which criterion failed, and by how much."""
    days = [
        *days_between(date(2026, 2, 1), date(2026, 2, 10)),
        *days_between(date(2026, 6, 1), date(2026, 7, 15)),
    ]
    uscc = registry.served_enterprise(1, registry.platform(), days)
    found = _explained(database, uscc)
    assert (found["outcome"], found["reasons"]) == ("not_effective", ["effective_window"])
    assert found["period"] == {
        "kind": "attempt",
        "first_day": "2026-06-01",
        "last_day": "2026-08-29",
    }
    criteria = _criteria(found)
    assert criteria["active_days_min"] == (45, 60, False)
    assert criteria["longest_gap_days_max"] == (45, 20, False)
    assert criteria["effective_window"][0] is None


def test_too_few_devices_and_hours_show_in_the_measures(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """Never three at a time, and one of them never long enough."""
    registry.platform()
    uscc = registry.enterprise()
    registry.connection("alpha", uscc)
    for serial, hours in (("a", 8), ("b", 5), ("c", 3)):
        device_id = registry.device("alpha", serial, uscc)
        registry.presence(device_id, WORKED_EXAMPLE, range(8, 8 + hours))
    found = _explained(database, uscc)
    assert found["period"] == {
        "kind": "year",
        "first_day": "2026-01-01",
        "last_day": "2026-12-31",
    }
    criteria = _criteria(found)
    assert criteria["active_hours_per_day_min"] == (8, 4, True)
    assert criteria["active_devices_min"] == (2, 3, False)
    assert criteria["active_days_min"] == (0, 60, False)
    assert [each["active_days"] for each in found["devices"]] == [104, 104, 0]


def test_nobody_heard_is_explained_too(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """An enterprise without a device, before and after the year."""
    registry.platform()
    uscc = registry.enterprise()
    registry.connection("alpha", uscc)
    found = _explained(database, uscc)
    assert (found["outcome"], found["devices"]) == ("not_effective", [])
    assert _criteria(found)["active_hours_per_day_min"] == (0, 4, False)
    early = _explained(database, uscc, as_of=date(2025, 6, 30))
    assert (early["outcome"], early["pending_until"]) == ("pending", "2026-03-31")


def test_a_device_that_changed_hands_is_counted_for_its_own_time(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """Its other owner's days are not in this explanation."""
    registry.platform()
    uscc, other = registry.enterprise(1), registry.enterprise(2)
    for each in (uscc, other):
        registry.connection("alpha", each)
    moved_on = date(2026, 4, 1)
    for serial in ("a", "b", "c"):
        device_id = registry.device("alpha", serial, other, to_date=moved_on)
        registry.assignment("alpha", serial, uscc, moved_on)
        registry.presence(device_id, WORKED_EXAMPLE)
    found = _explained(database, uscc)
    assert found["connected_on"] == "2026-04-01"
    assert found["devices"][0]["assigned"] == [{"from_date": "2026-04-01", "to_date": None}]
    assert {each["active_days"] for each in found["devices"]} == {
        sum(moved_on <= day <= date(2026, 6, 29) for day in WORKED_EXAMPLE)
    }


def test_decisions_stand_in_the_explanation_withdrawn_ones_too(
    jieru: Run, database: psycopg.Connection, registry: RegistryBuilder, tmp_path: Path
) -> None:
    """A waiver names itself beside what it requires."""
    uscc = registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE, devices=1)
    database.commit()
    key = personal_key_file(database, tmp_path, "lin")
    who = ("--reason", "小微企业", "--key-file", key)
    jieru("decide", "hold", "alpha", uscc, *who)
    jieru("decide", "withdraw", "1", *who)
    jieru(
        *("decide", "waive", "alpha", uscc),
        *("--criterion", "active_devices_min", "--value", "1", *who),
    )
    assert _explained(database, uscc)["outcome"] == "not_effective"
    database.rollback()
    second = personal_key_file(database, tmp_path, "chen")
    assert jieru("decide", "confirm", "2", "--key-file", second)[0] == 0
    found = _explained(database, uscc)
    assert found["outcome"] == "counted"
    assert [(each["kind"], each["withdrawn_by"]) for each in found["decisions"]] == [
        ("hold", "lin"),
        ("waive", None),
    ]
    (devices,) = (each for each in found["criteria"] if each["criterion"] == "active_devices_min")
    assert (devices["measured"], devices["required"], devices["waiver_id"]) == (1, 1, 2)
    _code, out, _err = jieru("explain", "2026", "alpha", uscc, "--as-of", "2027-04-05")
    assert "at least 1 (waiver, decision 2)" in out
    assert "小微企业" in out


def test_an_enterprise_counted_elsewhere_is_explained_like_in_the_count(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """Under `city`, the other platform is looked at too."""
    uscc = registry.enterprise()
    for code, days in (("alpha", WORKED_EXAMPLE[5:]), ("beta", WORKED_EXAMPLE)):
        registry.platform(code)
        registry.connection(code, uscc)
        for serial in ("a", "b", "c"):
            registry.presence(registry.device(code, serial, uscc), days)
    database.commit()
    changed = _POLICY.connection_uniqueness.model_copy(update={"value": "city"})
    city = _POLICY.model_copy(update={"connection_uniqueness": changed})
    found = explain(database, 2026, "alpha", uscc, as_of=_AS_OF, policy=city)
    assert found.determination.outcome.value == "counted_elsewhere"
    (criterion,) = (each for each in found.criteria if each.name == "counted_once")
    assert (criterion.measured, criterion.is_met) == ("beta", False)


def test_a_window_of_an_earlier_year_is_the_period_of_the_explanation(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """The calendar then begins there."""
    uscc = registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    found = _explained(database, uscc, year=2027)
    assert (found["outcome"], found["period"]["kind"]) == ("connected_earlier", "window")
    assert found["calendar"][0]["month"] == "2026-03"
    assert found["calendar"][-1] == {"month": "2027-04", "days": "....."}


# --- The command ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("as_of", "said"),
    [
        ("2027-04-05", "Connected on 2026-03-02; effective window until 2026-05-30"),
        (
            "2026-03-31",
            "Measured so far over 2026-03-02 to 2026-03-31; complete on 2026-05-30 at the earliest",
        ),
        ("2026-02-01", "No window has begun; complete on 2026-05-02 at the earliest"),
    ],
)
def test_the_command_prints_tables(
    jieru: Run,
    database: psycopg.Connection,
    registry: RegistryBuilder,
    as_of: str,
    said: str,
) -> None:
    """Outcome, criteria, devices and a calendar whose ruler fits its days."""
    uscc = registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    database.commit()
    code, out, _err = jieru("explain", "2026", "alpha", uscc, "--as-of", as_of)
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == f"第1鞋厂 ({uscc}) on 平台 alpha (alpha), count of 2026"
    assert said in lines
    assert any("荔城区" in line and "仙游县" in line for line in lines)
    assert any("2025-" not in line and "municipal" in line for line in lines)
    ruler = next(line for line in lines if "1...5" in line)
    january = next(line for line in lines if line.strip().startswith("2026-01"))
    assert ruler.index("1...5") == january.index("." * 31)


def test_the_command_says_when_there_was_no_or_no_good_attempt(
    jieru: Run, database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """Once the year can hold no more."""
    registry.platform()
    silent = registry.served_enterprise(1, "alpha", [])
    brief = registry.served_enterprise(
        2, "alpha", [date(2026, 6, 1) + timedelta(day) for day in range(9)]
    )
    database.commit()
    arguments = ("--as-of", "2027-04-05")
    assert (
        "No attempt in 2026-01-01 to 2026-12-31"
        in jieru("explain", "2026", "alpha", silent, *arguments)[1]
    )
    assert (
        "Best attempt: 2026-06-01 to 2026-08-29"
        in jieru("explain", "2026", "alpha", brief, *arguments)[1]
    )


def test_the_command_prints_json(
    jieru: Run, database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """All of standard output is one object."""
    uscc = registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    database.commit()
    code, out, _err = jieru("explain", "2026", "alpha", uscc, "--json")
    found = json.loads(out)
    assert (code, found["platform"], found["uscc"]) == (0, "alpha", uscc)
    assert found["simulation"] is False


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["2026", "gamma", "{uscc}"], "There is no platform gamma."),
        (["2026", "alpha", "123"], "123 is not a unified social credit code."),
        (["2026", "alpha", uscc_of(9)], f"There is no enterprise {uscc_of(9)}."),
        (
            ["2026", "beta", "{uscc}"],
            "The enterprise {uscc} was never connected to the platform beta.",
        ),
        (
            ["2024", "alpha", "{uscc}"],
            "The enterprise {uscc} has no connection with the platform alpha in 2024.",
        ),
        (["3000", "alpha", "{uscc}"], "The year 3000 cannot be counted: only 2020 to 2100 can."),
        (["MMXXVI", "alpha", "{uscc}"], "MMXXVI is not a year such as 2026."),
    ],
)
def test_a_wrong_argument_is_one_sentence(
    jieru: Run,
    database: psycopg.Connection,
    registry: RegistryBuilder,
    arguments: list[str],
    said: str,
) -> None:
    """And exit code 1, without a traceback."""
    uscc = registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE[:1])
    registry.platform("beta")
    database.commit()
    code, out, err = jieru("explain", *(each.format(uscc=uscc) for each in arguments))
    assert (code, out, err) == (1, "", f"Error: {said.format(uscc=uscc)}\n")
