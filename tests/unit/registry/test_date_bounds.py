"""Between which days the dates lie that people enter: the last one taken, the first refused."""

from datetime import date, timedelta

import pytest

from registry.changes import Changes, Registered
from registry.date_bounds import implausible_date, implausible_dates, implausible_dates_of_row
from registry.kinds import KINDS
from registry.rows import FileRow

_TODAY = date(2026, 11, 30)
_DAY = timedelta(days=1)
(_CONNECTIONS,) = KINDS["connections"].relations


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


@pytest.mark.parametrize(
    ("column", "first", "last"),
    [
        ("signed_on", date(2000, 1, 1), _TODAY),
        ("recognised_on", date(2000, 1, 1), _TODAY + timedelta(days=366)),
        ("revoked_on", date(2000, 1, 1), _TODAY + timedelta(days=366)),
        ("from_date", date(2015, 1, 1), _TODAY + timedelta(days=366)),
        ("assigned_from", date(2015, 1, 1), _TODAY + timedelta(days=366)),
        ("to_date", date(2015, 1, 1), _TODAY + timedelta(days=30 * 366)),
        ("assigned_to", date(2015, 1, 1), _TODAY + timedelta(days=30 * 366)),
        ("ended_on", date(2015, 1, 1), _TODAY + timedelta(days=366)),
    ],
)
def test_a_date_lies_between_its_bounds(column: str, first: date, last: date) -> None:
    """Both inclusive; each refusal names the bound."""
    assert implausible_date(column, first, _TODAY) is None
    assert implausible_date(column, last, _TODAY) is None
    early = implausible_date(column, first - _DAY, _TODAY)
    late = implausible_date(column, last + _DAY, _TODAY)
    assert str(early) == f"{first - _DAY} is before {first}, the earliest day that is taken here."
    assert str(late).startswith(f"{last + _DAY} is after {last}, the latest day")


def test_every_date_of_a_file_has_its_bounds() -> None:
    """A column that comes later may not be forgotten."""
    dated = {column.name for kind in KINDS.values() for column in kind.columns}
    dated = {name for name in dated if name.endswith(("_on", "_date", "_from", "_to"))}
    unbounded = [name for name in dated if implausible_date(name, date(1990, 1, 1), None) is None]
    assert unbounded == []


def test_a_simulation_knows_no_today_and_what_is_no_date_is_not_judged() -> None:
    """It plays another time; texts and numbers have rules of their own."""
    assert implausible_date("signed_on", date(2099, 1, 1), None) is None
    assert implausible_date("signed_on", date(1990, 1, 1), None) is not None
    assert implausible_date("signed_on", None, _TODAY) is None
    assert implausible_date("contract_no", date(1990, 1, 1), _TODAY) is None


def _row(**values: object) -> FileRow:
    said = {
        "platform": "ab",
        "uscc": "A",
        "from_date": date(1990, 1, 1),
        "contract_no": None,
        "signed_on": date(2099, 1, 1),
        "to_date": None,
    }
    return FileRow(7, {**said, **values})  # type: ignore[dict-item]


def test_only_what_is_new_to_the_registry_is_judged() -> None:
    """What an earlier release took stays, and a file that is imported twice changes nothing."""
    row = _row()
    before: Registered = {("ab", "A", date(1990, 1, 1)): (None, date(2099, 1, 1), None)}
    created = implausible_dates(_CONNECTIONS, Changes([row], []), {}, _TODAY)
    assert [(each.row, each.column) for each in created] == [(7, "from_date"), (7, "signed_on")]
    ended = Changes([], [_row(to_date=date(2026, 12, 31))])
    assert list(implausible_dates(_CONNECTIONS, ended, before, _TODAY)) == []
    far = Changes([], [_row(to_date=date(2099, 1, 1))])
    (refused,) = implausible_dates(_CONNECTIONS, far, before, _TODAY)
    assert refused.column == "to_date"
    of_row = implausible_dates_of_row(row, _TODAY)
    assert [each.column for each in of_row] == ["from_date", "signed_on"]
