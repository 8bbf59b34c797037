"""Reading scenario files: what is taken, and how a broken one is refused."""

from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from jieru.errors import UserError
from simulators.scenario import load_scenario, shipped_scenarios
from tests.unit.simulators.cities import scenario

_TODAY = date(2026, 11, 23)

_MAY = "{ from_date = 2026-05-01, to_date = 2026-06-01 }"

_GOOD = """
title = "test"
year = 2026
as_of = 2026-12-31
seed = 1

[habits.day]
starts_at = [8]
hours_per_shift = 5

[habits.festival]
starts_at = [8]
hours_per_shift = 5
spring_festival_stop = { days_before = 6, days_after = 9 }

[[platforms]]
code = "xielian"
name = "协联"

[[platforms]]
code = "haichuang"
name = "海创"
operator = "one"

[[enterprises]]
key = "one"
district = "licheng"
industry_code = "C1953"
[[enterprises.connections]]
platform = "xielian"
from_date = 2026-03-01
habit = "day"
faults = [{ kind = "flaky", share = 0.1 }]

[[enterprises]]
key = "two"
district = "licheng"
industry_code = "C1953"
[[enterprises.connections]]
platform = "haichuang"
from_date = 2026-03-01
mirrors = "one"

[[decisions]]
kind = "waive"
platform = "xielian"
enterprise = "one"
criterion = "active_devices_min"
value = 1
reason = "one press"
decided_by = "Lin"
"""


def _file(folder: Path, text: str) -> str:
    path = folder / "broken.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def _refusal(folder: Path, old: str, new: str) -> str:
    assert _GOOD.count(old) == 1
    with pytest.raises(UserError) as refused:
        load_scenario(_file(folder, _GOOD.replace(old, new)), today=_TODAY)
    return str(refused.value)


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    """Tables, dates, decisions and defaults."""
    scenario = load_scenario(_file(tmp_path, _GOOD), today=_TODAY)
    served = scenario.enterprises[0].connections[0]
    assert (served.from_date, served.devices) == (date(2026, 3, 1), 3)
    assert scenario.policy.active_days_min == 60
    assert scenario.decisions[0].value == 1


def test_a_shipped_scenario_is_read_by_its_name() -> None:
    """Without a folder or an ending."""
    assert shipped_scenarios() == ["cheating-city", "faults", "small-city", "worked-example"]
    assert load_scenario("small-city", today=_TODAY).year == 2026


def test_relative_days_are_counted_from_today(tmp_path: Path) -> None:
    """And the year is that of `as_of` where it is left out."""
    text = _GOOD.replace("as_of = 2026-12-31", 'as_of = "today-330"').replace("year = 2026", "")
    scenario = load_scenario(_file(tmp_path, text), today=_TODAY)
    assert (scenario.as_of, scenario.year) == (date(2025, 12, 28), 2025)


def test_a_missing_scenario_names_those_there_are() -> None:
    """Neither shipped nor a file."""
    with pytest.raises(UserError, match=r"no scenario nowhere.*small-city"):
        load_scenario("nowhere", today=_TODAY)


def test_a_file_that_is_not_toml_is_refused_with_the_place(tmp_path: Path) -> None:
    """The line, as the reader of TOML says it."""
    with pytest.raises(UserError, match=r"broken\.toml is not TOML: .*line 1"):
        load_scenario(_file(tmp_path, "title = test"), today=_TODAY)


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    """As no TOML."""
    path = tmp_path / "broken.toml"
    path.write_bytes('title = "小城"'.encode("gbk"))
    with pytest.raises(UserError, match="is not TOML"):
        load_scenario(str(path), today=_TODAY)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("seed = 1\n", "", "Scenario broken.toml, seed: is missing"),
        ("as_of = 2026-12-31\n", "", "as_of: is missing"),
        ("seed = 1", "seed = 1\nspeed = 2", "speed: is no key that a scenario knows"),
        ("as_of = 2026-12-31", 'as_of = "soon"', "as_of: must be a date such as 2026-03-02"),
        ("as_of = 2026-12-31", "as_of = 2026-12-31T08:00:00", "as_of: must be a date"),
        ("[habits.day]\nstarts_at = [8]", "[habits.day]\nstarts_at = [8, 9]",
         "habits.day: the shifts overlap"),
        ("share = 0.1", "share = 1.5",
         "enterprises[one].connections[xielian].faults[1].share: Input should be less"),
        (", share = 0.1", "", "enterprises[one].connections[xielian].faults[1].share: is missing"),
        ('kind = "flaky"', 'kind = "lazy"', "enterprises[one].connections[xielian].faults[1]"),
        ('habit = "day"', "", "names neither a habit nor an enterprise that it mirrors"),
        ('mirrors = "one"', 'mirrors = "one"\nhabit = "day"', "has no behaviour of its own"),
        ('mirrors = "one"', 'mirrors = "none"',
         "enterprises[two].connections[haichuang].mirrors: nothing is called none"),
        ('mirrors = "one"', 'mirrors = "two"', "can be mirrored"),
        ('habit = "day"', 'habit = "night"',
         "enterprises[one].connections[xielian].habit: nothing is called night"),
        ('habit = "day"', 'habit = "day"\nto_date = 2026-03-01',
         "enterprises[one].connections[xielian]: to_date must be after from_date"),
        ('habit = "day"', 'habit = "festival"\nto_date = 2031-02-01',
         "the date of the Spring Festival of 2031 is not known"),
        ('habit = "day"', 'habit = "day"\ndevices = 0', "devices: Input should be greater"),
        ("share = 0.1", "share = 0.1, devices = [4]", "a fault names a device beyond the last"),
        ("share = 0.1", "share = 0.1, from_date = 2026-03-02, to_date = 2026-03-02",
         "to_date must be after from_date"),
        ('habit = "day"', f'habit = "day"\nworks = [{_MAY}, {_MAY}]',
         "the periods of work overlap"),
        ('[[enterprises.connections]]\nplatform = "xielian"',
         '[[enterprises.connections]]\nplatform = "elsewhere"', "nothing is called elsewhere"),
        ('operator = "one"', 'operator = "none"', "platforms[haichuang].operator: nothing is"),
        ('key = "two"', 'key = "one"', "enterprises: one is there twice"),
        ('code = "haichuang"', 'code = "xielian"', "platforms: xielian is there twice"),
        ('code = "xielian"', 'code = "X"', "platforms[X].code: String should match pattern"),
        ('key = "two"', 'key = "two"\ncount = 2\nname = "x"', "has no single name"),
        ('platform = "xielian"\nenterprise', 'platform = "none"\nenterprise',
         "decisions[none].platform: nothing is called none"),
        ('enterprise = "one"', 'enterprise = "none"',
         "decisions[xielian].enterprise: nothing is called none"),
        ("value = 1", "", "a waiver, and nothing else, has a criterion and a value"),
        ('kind = "waive"', 'kind = "hold"', "a waiver, and nothing else, has a criterion"),
        ('criterion = "active_devices_min"', 'criterion = "districts"',
         "decisions[xielian].criterion: Input should be"),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_by_key_and_problem(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    """One sentence that names the file, the key as it stands there, and what is wrong."""
    refusal = _refusal(tmp_path, old, new)
    assert refusal.startswith("Scenario broken.toml, ")
    assert expected in refusal


def test_a_cheat_that_nobody_knows_is_refused() -> None:
    """By its name."""
    with pytest.raises(ValidationError, match="nothing is called lies"):
        scenario(drawn={"first_on": date(2026, 1, 1), "honest": 3, "cheats": ["lies"]})
