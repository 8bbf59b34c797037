"""Holidays: what is known of each year, who said so, and what is wrong with a file."""

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

import verifier.procedure
from jieru.errors import UserError
from verifier.procedure.holidays import HolidayYear, load_holidays

_FILE = Path(verifier.procedure.__file__).parent / "holidays.yaml"
_DOCUMENT = Path(__file__).parents[4] / "docs" / "annual-count.md"
_KNOWN = load_holidays()
_BY_YEAR = [pytest.param(year, found, id=str(year)) for year, found in _KNOWN.years.items()]
_GOOD = """\
years:
  2027:
    notices:
      - title: 国务院办公厅关于2027年部分节假日安排的通知
        number: 国办发明电〔2026〕99号
        issued_on: 2026-11-05
    days_off: [
      2026-12-31,
      2027-01-01,
      2027-05-06,
    ]
    worked_weekends: [
      2027-05-08,
      2027-05-09,
    ]
"""
"""Made up, for the tests."""


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


def _written(folder: Path, content: str | bytes) -> str:
    path = folder / "holidays.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def _free_days(year: int) -> int:
    days = (date(year, 1, 1) + timedelta(days=each) for each in range(366))
    return sum(day.year == year and not _KNOWN.is_working_day(day) for day in days)


def test_the_years_that_come_with_jieru_have_no_hole() -> None:
    """From 2020 on."""
    years = list(_KNOWN.years)
    assert years == list(range(2020, 2020 + len(years)))
    assert years[-1] >= 2026


@pytest.mark.parametrize(("year", "found"), _BY_YEAR)
def test_every_year_cites_the_notice_of_the_state_council(year: int, found: HolidayYear) -> None:
    """Title, number and date agree: a notice comes out the year before, a change of it later."""
    first, *changes = found.notices
    assert first.title == f"国务院办公厅关于{year}年部分节假日安排的通知"
    assert first.issued_on.year == year - 1
    assert all(each.issued_on.year == year for each in changes)
    for each in found.notices:
        assert re.fullmatch(rf"国办发明电〔{each.issued_on.year}〕[0-9]+号", each.number)


@pytest.mark.parametrize(
    ("year", "days"),
    [(2020, 117), (2021, 115), (2022, 116), (2023, 116), (2024, 115), (2025, 117), (2026, 117)],
)
def test_a_year_has_as_many_free_days_as_is_known_of_it(year: int, days: int) -> None:
    """Found with another calendar, chinesecalendar 1.11.0, which agrees on each of 2,557 days."""
    assert _free_days(year) == days


@pytest.mark.parametrize(("year", "found"), _BY_YEAR)
def test_a_year_gives_the_days_that_the_law_gives(year: int, found: HolidayYear) -> None:
    """Days shifted are worked for, so what remains is 11 days, 13 since 2025, weekends besides.

    Where a holiday falls on a weekend, its day is made up for. In 2020 the Spring Festival was
    prolonged by 31 January, a Friday, and by the Saturday that was to be worked for the 30th.
    """
    by_law = 11 if year < 2025 else 13
    added = 2 if year == 2020 else 0
    weekdays = sum(day.weekday() < 5 for day in found.days_off)
    assert weekdays - len(found.worked_weekends) == by_law + added


@pytest.mark.parametrize(
    ("day", "is_worked"),
    [
        # The Spring Festival of 2020, before and after it was prolonged.
        (date(2020, 1, 31), False),
        (date(2020, 2, 1), False),
        (date(2020, 2, 3), True),
        # New Year's Eve 2022 by the notice of 2023.
        (date(2022, 12, 31), False),
        # Both days of a weekend.
        (date(2023, 10, 7), True),
        (date(2023, 10, 8), True),
        # 除夕 of 2024 was no day off, that of 2025 was.
        (date(2024, 2, 9), True),
        (date(2025, 1, 28), False),
        # National Day, a worked Saturday for it, and weekdays and weekends like any other.
        (date(2026, 10, 7), False),
        (date(2026, 10, 10), True),
        (date(2026, 10, 13), True),
        (date(2026, 10, 17), False),
    ],
)
def test_a_day_that_everybody_knows_is_as_it_was(day: date, *, is_worked: bool) -> None:
    """Checked against the notices by hand."""
    assert _KNOWN.is_working_day(day) is is_worked


def test_of_a_year_that_is_not_known_weekends_are_days_off_and_nothing_else() -> None:
    """National Day 2100 is a Friday."""
    assert _KNOWN.is_working_day(date(2100, 10, 1))
    assert not _KNOWN.is_working_day(date(2100, 10, 2))
    assert _KNOWN.unknown_years(date(2100, 10, 1)) == {2100}


def test_the_last_week_of_a_year_is_known_with_the_year_after_it() -> None:
    """The notice of 2019 made Monday 2018-12-31 a day off, and had the Saturday before worked."""
    last = max(_KNOWN.years)
    assert _KNOWN.unknown_years(date(last, 12, 24)) == set()
    assert _KNOWN.unknown_years(date(last, 12, 25)) == {last + 1}


def test_an_installation_adds_a_year(tmp_path: Path) -> None:
    """Without a new release; what it says of the last days of the year before holds, too."""
    holidays = load_holidays(_written(tmp_path, _GOOD))
    assert set(holidays.years) == {*_KNOWN.years, 2027}
    assert not holidays.is_working_day(date(2027, 5, 6))
    assert holidays.is_working_day(date(2027, 5, 8))
    assert not holidays.is_working_day(date(2026, 12, 31))
    assert holidays.unknown_years(date(2026, 12, 31)) == set()


def test_an_installation_puts_a_year_in_the_place_of_ours(tmp_path: Path) -> None:
    """Nothing of what we knew of that year is left."""
    earlier = _GOOD.replace("2027", "2025").replace("2026", "2024").replace("2025-05-08", "")
    earlier = earlier.replace("2025-05-09", "2025-05-10").replace("      ,\n", "")
    holidays = load_holidays(_written(tmp_path, earlier))
    assert holidays.is_working_day(date(2025, 10, 1))
    assert not holidays.is_working_day(date(2025, 5, 6))


@pytest.mark.parametrize(
    ("before", "after", "line", "said"),
    [
        ("title:", "titel:", 4, "years.2027.notices.0.titel is not known here."),
        (
            "        number: 国办发明电〔2026〕99号\n",
            "",
            4,
            "years.2027.notices.0.number is missing.",
        ),
        ("国办发明电〔2026〕99号", "99号", 5, "years.2027.notices.0.number must match"),
        ("issued_on: 2026-11-05", "issued_on: soon", 6, "issued_on must be a date such as"),
        ("2027-01-01", "2027-02-30", 9, "years.2027.days_off.1: there is no 2027-02-30."),
        ("2027-01-01", "'2027-01-01'", 9, "years.2027.days_off.1 must be a date such as"),
        ("2027-01-01", "2026-12-31", 9, "years.2027.days_off: 2026-12-31 is listed twice."),
        ("2027-05-08", "2027-05-06", 13, "worked_weekends: 2027-05-06 is listed twice."),
        ("2027-05-06", "2026-12-30", 10, "days_off: 2026-12-30 comes after a later day."),
        ("2026-12-31", "2026-12-24", 8, "2026-12-24 is neither in 2027 nor in the week before it."),
        ("2027-05-06", "2028-01-01", 10, "2028-01-01 is neither in 2027 nor in the week before"),
        ("2027-05-09", "2027-05-10", 14, "2027-05-10 is neither a Saturday nor a Sunday."),
        ("  2027:", "  27:", 2, "years.27 must match"),
        (
            "2026-12-31,\n      2027-01-01,\n      2027-05-06,\n",
            "",
            7,
            "days_off may not be empty.",
        ),
        ("years:", "year:", 1, "year is not known here."),
        ("    worked_weekends: [", "    worked_weekends: 1\n    x: [", 12, "must be a list."),
    ],
)
def test_a_broken_file_is_refused_with_its_line(
    tmp_path: Path, before: str, after: str, line: int, said: str
) -> None:
    """One sentence: file, line and what is wrong."""
    assert before in _GOOD
    path = _written(tmp_path, _GOOD.replace(before, after, 1))
    with pytest.raises(UserError) as refused:
        load_holidays(path)
    assert str(refused.value).startswith(f"{path}, line {line}: ")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "line 1: the file must be a mapping with years."),
        ("years: {}", "line 1: years may not be empty."),
        ("a: [", "line 1: not YAML"),
        (b"\xff\xfe\xff", "line 1: not YAML"),
    ],
)
def test_a_file_that_is_none_of_holidays_is_refused(
    tmp_path: Path, content: str | bytes, said: str
) -> None:
    """Empty, or no YAML at all."""
    with pytest.raises(UserError, match=re.escape(said)):
        load_holidays(_written(tmp_path, content))


def test_a_file_that_is_not_there_is_named_with_its_setting(tmp_path: Path) -> None:
    """Nothing is left out silently."""
    missing = str(tmp_path / "nowhere.yaml")
    with pytest.raises(UserError, match="JIERU_HOLIDAYS_FILE") as refused:
        load_holidays(missing)
    assert missing in str(refused.value)


def test_the_file_that_comes_with_jieru_may_be_an_installation_s_own() -> None:
    """One form: what people copy to add a year is what we read ourselves."""
    assert load_holidays(str(_FILE)).years == _KNOWN.years


def test_the_example_of_the_documents_is_a_file_of_holidays(tmp_path: Path) -> None:
    """Whoever copies it has only days to change."""
    text = _DOCUMENT.read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(years:.*?)```", text, re.DOTALL)
    assert 2027 in load_holidays(_written(tmp_path, example)).years
