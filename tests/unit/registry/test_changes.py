"""What a file would change beside what is registered."""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.changes import (
    Changes,
    Ends,
    Registered,
    changes_to,
    forbidden_changes,
    outlasting,
    overlaps,
)
from registry.kinds import KINDS
from registry.rows import FileRow, RowError

DEVICES, ASSIGNMENTS = KINDS["devices"].relations


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


def day(number: int | None) -> date | None:
    """The first days of 2026 by number."""
    return None if number is None else date(2026, 1, 1) + timedelta(days=number)


def device_row(
    number: int,
    start: int | None,
    end: int | None = None,
    *,
    serial: str = "d",
    uscc: str = "A",
    name: str | None = None,
    interval_s: int | None = None,
) -> FileRow:
    """One row of a devices file, with days by number."""
    return FileRow(
        number,
        {
            "platform": "ab",
            "serial": serial,
            "uscc": uscc if start is not None else None,
            "kind": None,
            "name": name,
            "assigned_from": day(start),
            "assigned_to": day(end),
            "expected_interval_s": interval_s,
        },
    )


def assignments(*periods: tuple[int, int | None], uscc: str = "A") -> Registered:
    """Registered assignments of the device `d`."""
    return {("ab", "d", day(start)): (uscc, day(end)) for start, end in periods}


def spoken(errors: Sequence[RowError]) -> list[tuple[int, str, str]]:
    """Errors as the reader sees them."""
    return [(row, column, str(reason)) for row, column, reason in errors]


def test_a_record_is_created_changed_or_left() -> None:
    """By its key; every other column can change it."""
    new, renamed, same = (
        device_row(2, 0, serial="new"),
        device_row(3, 0, serial="renamed", name="二号"),
        device_row(4, 0, serial="same", name="三号"),
    )
    registered: Registered = {
        ("ab", "renamed"): (None, "一号", 300),
        ("ab", "same"): (None, "三号", 300),
        ("ab", "absent"): (None, None, 300),
    }
    assert changes_to(DEVICES, [new, renamed, same], registered) == Changes([new], [renamed], [])


@pytest.mark.parametrize(("said", "is_changed"), [(None, False), (300, False), (60, True)])
def test_an_empty_interval_leaves_the_registered_one(said: int | None, is_changed: bool) -> None:
    """Files that know nothing of intervals must not reset them."""
    row = device_row(2, 0, interval_s=said)
    changes = changes_to(DEVICES, [row], {("ab", "d"): (None, None, 300)})
    assert changes == Changes([], [row] if is_changed else [], [])


def test_a_device_of_two_rows_is_created_once() -> None:
    """By its first row."""
    first, second = device_row(2, 0, 5), device_row(3, 5)
    assert changes_to(DEVICES, [first, second], {}).created == [first]
    assert changes_to(ASSIGNMENTS, [first, second], {}).created == [first, second]


def test_a_device_without_an_assignment_says_nothing_of_assignments() -> None:
    """Nor does it end the one that is registered."""
    row = device_row(2, None)
    assert changes_to(ASSIGNMENTS, [row], assignments((0, None))) == Changes([], [], [])
    assert overlaps(ASSIGNMENTS, [row], assignments((0, None))) == []


def test_closing_an_open_assignment_changes_it() -> None:
    """The usual reason for listing it again."""
    row = device_row(2, 0, 9)
    assert changes_to(ASSIGNMENTS, [row], assignments((0, None))).changed == [row]


def test_an_assignment_cannot_pass_to_another_enterprise() -> None:
    """That would rewrite evidence."""
    errors = forbidden_changes(
        ASSIGNMENTS, [device_row(7, 0, uscc="B")], assignments((0, None), uscc="A")
    )
    assert spoken(errors) == [
        (
            7,
            "uscc",
            (
                "Registered with A from this date, and evidence hangs on it: keep that row, "
                "set its assigned_to, and add a row with a later assigned_from."
            ),
        )
    ]


def test_an_assignment_that_keeps_its_enterprise_is_allowed() -> None:
    """And so is a new one, and a name."""
    rows = [device_row(2, 0, 5), device_row(3, 5, uscc="B")]
    assert forbidden_changes(ASSIGNMENTS, rows, assignments((0, None))) == []
    assert forbidden_changes(DEVICES, rows, {("ab", "d"): (None, "一号", 300)}) == []


@pytest.mark.parametrize(
    ("rows", "registered", "errors"),
    [
        ([(0, 5), (5, None)], [], []),
        ([(0, None)], [(0, 3)], []),
        ([(0, 5), (5, None)], [(0, None)], []),
        ([(5, 9)], [(0, 5), (9, None)], []),
        (
            [(0, None), (5, None)],
            [],
            [
                (
                    3,
                    "assigned_from",
                    (
                        "Begins while row 2 is open: set assigned_to of row 2 to 2026-01-06 or "
                        "earlier."
                    ),
                )
            ],
        ),
        (
            [(5, None), (0, 7)],
            [],
            [
                (
                    2,
                    "assigned_from",
                    "Begins on 2026-01-06, before row 3 ends on 2026-01-08: correct one of them.",
                )
            ],
        ),
        (
            [(5, None)],
            [(0, None)],
            [
                (
                    2,
                    "assigned_from",
                    (
                        "Begins while the one registered from 2026-01-01 is open: list that "
                        "one too, with assigned_to 2026-01-06 or earlier."
                    ),
                )
            ],
        ),
        (
            [(5, None)],
            [(0, 7)],
            [
                (
                    2,
                    "assigned_from",
                    (
                        "Begins on 2026-01-06, before the one registered from 2026-01-01 ends on "
                        "2026-01-08: correct one of them."
                    ),
                )
            ],
        ),
        (
            [(0, None)],
            [(5, 7), (7, None)],
            [
                (
                    2,
                    "assigned_to",
                    (
                        "Goes on when the one registered from 2026-01-06 begins: set "
                        "assigned_to to 2026-01-06 or earlier."
                    ),
                )
            ],
        ),
        ([(0, 9), (2, 3), (5, 7)], [], [(3, "assigned_from", ""), (4, "assigned_from", "")]),
    ],
)
def test_periods_of_one_subject_may_not_overlap(
    rows: list[tuple[int, int | None]],
    registered: list[tuple[int, int | None]],
    errors: list[tuple[int, str, str]],
) -> None:
    """In the file or against the registry; both are named, with what to do."""
    listed = [device_row(number, *period) for number, period in enumerate(rows, 2)]
    found = spoken(overlaps(ASSIGNMENTS, listed, assignments(*registered)))
    assert sorted((row, column) for row, column, _reason in found) == [
        (row, column) for row, column, _reason in errors
    ]
    for (_row, _column, reason), (_, _, expected) in zip(sorted(found), errors, strict=True):
        assert reason == expected or not expected


def test_other_devices_do_not_matter() -> None:
    """A period is only compared with those of its own subject."""
    rows = [device_row(2, 0, serial="d"), device_row(3, 1, serial="e")]
    assert overlaps(ASSIGNMENTS, rows, {("cd", "d", day(2)): ("A", None)}) == []


def test_a_row_whose_end_is_refused_stands_for_its_registered_period() -> None:
    """Else the row that follows it would be blamed for an end that is only mistyped."""
    mistyped = device_row(2, 0)
    del mistyped.values["assigned_to"]
    assert overlaps(ASSIGNMENTS, [mistyped, device_row(3, 5)], assignments((0, None))) == []


periods = st.dictionaries(
    st.integers(0, 12), st.one_of(st.none(), st.integers(1, 6)), max_size=4
).map(lambda found: [(start, length and start + length) for start, length in found.items()])
HORIZON = 20


def covered(all_periods: Sequence[tuple[int, int | None]]) -> list[int]:
    """Each day as often as a period covers it."""
    return [day for start, end in all_periods for day in range(start, end or HORIZON)]


@given(rows=periods, registered=periods)
def test_an_overlap_is_found_exactly_when_a_day_is_covered_twice(
    rows: list[tuple[int, int | None]], registered: list[tuple[int, int | None]]
) -> None:
    """Against a model that counts days; what is registered does not overlap by itself."""
    starts = {start for start, _end in rows}
    disjoint: list[tuple[int, int | None]] = []
    for period in registered:
        days = covered([*disjoint, period])
        if len(days) == len(set(days)):
            disjoint.append(period)
    final = covered([*rows, *(period for period in disjoint if period[0] not in starts)])
    listed = [device_row(number, *period) for number, period in enumerate(rows, 2)]
    found = overlaps(ASSIGNMENTS, listed, assignments(*disjoint))
    assert bool(found) == (len(final) != len(set(final)))
    assert len({error.row for error in found}) == len(found)


def test_an_assignment_may_not_outlast_the_device_the_platform_or_the_enterprise() -> None:
    """The end of whichever ended first is named, at the column to mend."""
    rows = [device_row(2, 0, 10), device_row(3, 10, 20), device_row(4, 20)]
    platform = rows[0].values["platform"]
    ended = date(2026, 1, 11)
    all_ends: list[Ends] = [
        {("platform",): {(platform,): ended}},
        {("uscc",): {("A",): ended}},
        {("platform", "serial"): {(platform, "d"): ended}},
    ]
    for ends in all_ends:
        errors = outlasting(ASSIGNMENTS, rows, ends)
        assert [(error.row, error.column) for error in errors] == [
            (3, "assigned_to"),
            (4, "assigned_to"),
        ]
        assert "ended on 2026-01-11" in str(errors[0].reason)


def test_no_device_is_added_to_a_platform_that_has_ended() -> None:
    """It has no period of its own; the platform's cell is at fault."""
    row = device_row(2, 0, 10)
    ends: Ends = {("platform",): {(row.values["platform"],): date(2030, 1, 1)}}
    assert [error.column for error in outlasting(DEVICES, [row], ends)] == ["platform"]
