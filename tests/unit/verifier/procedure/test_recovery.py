"""Recoveries: exact in yuan, with the cap considered."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from verifier.procedure.comparison import compare_documents
from verifier.procedure.recovery import RecoveryLine, recovery_lines

_EACH, _CAP, _TITLE = 10_000, 150_000, 300_000
_ENTERPRISES = [f"{number:018}" for number in range(25)]


def _document(
    counted: set[str],
    *,
    has_title: bool = False,
    each_yuan: int = _EACH,
    cap_yuan: int = _CAP,
    more: tuple[tuple[str, int], ...] = (),
) -> dict[str, Any]:
    """A count of one platform; `more` are award lines of further clauses, in yuan."""
    amount = min(len(counted) * each_yuan, cap_yuan)
    lines = [{"clause": "1.2", "count": len(counted), "amount_yuan": amount}]
    if has_title:
        lines.append({"clause": "1.1", "count": 1, "amount_yuan": _TITLE})
    lines += [{"clause": clause, "count": 1, "amount_yuan": yuan} for clause, yuan in more]
    return {
        "count_id": "2026-1",
        "total_yuan": sum(line["amount_yuan"] for line in lines),
        "platforms": [
            {
                "platform": "alpha",
                "lines": lines,
                "enterprises": [
                    {
                        "uscc": uscc,
                        "name": uscc,
                        "outcome": "counted" if uscc in counted else "excluded",
                    }
                    for uscc in _ENTERPRISES
                ],
            }
        ],
        "parameters": [
            {"name": "award_per_enterprise_yuan", "clause": "1.2", "value": each_yuan},
            {"name": "award_cap_yuan", "clause": "1.2", "value": cap_yuan},
            {"name": "national_title_award_yuan", "clause": "1.1", "value": _TITLE},
        ],
    }


def _first(number: int) -> set[str]:
    return set(_ENTERPRISES[:number])


def test_seventeen_that_become_sixteen_are_no_recovery_at_a_cap_of_fifteen() -> None:
    """The award stays what it is."""
    assert (
        recovery_lines(_document(_first(17)), _document(_first(16)), {("alpha", "1.2"): _CAP}) == []
    )


def test_sixteen_that_become_fourteen_are_one_award() -> None:
    """Two fell away, and the cap had kept one of them back."""
    lines = recovery_lines(_document(_first(16)), _document(_first(14)), {("alpha", "1.2"): _CAP})
    assert lines == [
        RecoveryLine("alpha", "1.2", "removed", _ENTERPRISES[14], _EACH),
        RecoveryLine("alpha", "1.2", "removed", _ENTERPRISES[15], _EACH),
        RecoveryLine("alpha", "1.2", "cap", None, -_EACH),
    ]


def test_another_amount_of_the_award_is_told_from_the_cap() -> None:
    """The same enterprises at 9,000 yuan."""
    lines = recovery_lines(
        _document(_first(2)), _document(_first(2), each_yuan=9_000), {("alpha", "1.2"): 20_000}
    )
    assert lines == [RecoveryLine("alpha", "1.2", "policy", None, 2_000)]


def test_a_title_that_falls_away_is_claimed_back() -> None:
    """Clause 1.1 has no enterprises."""
    paid = {("alpha", "1.2"): 10_000, ("alpha", "1.1"): _TITLE}
    lines = recovery_lines(_document(_first(1), has_title=True), _document(_first(1)), paid)
    assert lines == [RecoveryLine("alpha", "1.1", "title", None, _TITLE)]


def test_an_award_of_any_other_clause_is_claimed_back_under_that_clause() -> None:
    """It is not a national title, though it has no enterprises either."""
    lines = recovery_lines(
        _document(_first(1), has_title=True, more=(("2.2", 200_000),)),
        _document(_first(1), more=(("2.2", 50_000),)),
        {("alpha", "1.2"): 10_000, ("alpha", "1.1"): _TITLE, ("alpha", "2.2"): 200_000},
    )
    assert lines == [
        RecoveryLine("alpha", "1.1", "title", None, _TITLE),
        RecoveryLine("alpha", "2.2", "award", None, 150_000),
    ]


def test_two_lines_of_one_clause_are_one_claim() -> None:
    """What is paid is known by clause alone."""
    lines = recovery_lines(
        _document(_first(1), more=(("2.2", 200_000), ("2.2", 30_000))),
        _document(_first(1), more=(("2.2", 200_000),)),
        {("alpha", "2.2"): 230_000},
    )
    assert lines == [RecoveryLine("alpha", "2.2", "award", None, 30_000)]


@given(
    st.sets(st.sampled_from(_ENTERPRISES)),
    st.sets(st.sampled_from(_ENTERPRISES)),
    st.integers(0, 25).map(lambda number: min(number * _EACH, _CAP)),
)
def test_the_lines_add_up_to_what_was_paid_too_much(
    before: set[str], after: set[str], paid_yuan: int
) -> None:
    """To the yuan; and there is no line where nothing was."""
    lines = recovery_lines(_document(before), _document(after), {("alpha", "1.2"): paid_yuan})
    too_much = max(paid_yuan - min(len(after) * _EACH, _CAP), 0)
    assert sum(each.amount_yuan for each in lines) == too_much
    assert bool(lines) == (too_much > 0)
    if lines:
        assert {each.uscc for each in lines if each.kind == "removed"} == before - after


def test_a_comparison_names_enterprises_and_award_lines() -> None:
    """Both ways round."""
    comparison = compare_documents(_document(_first(2)), _document({_ENTERPRISES[0]}))
    (change,) = comparison.enterprises
    assert (change.kind, change.uscc, change.keys) == ("outcome", _ENTERPRISES[1], ("outcome",))
    (line,) = comparison.platforms
    assert (line.count_before, line.count_after) == (2, 1)
    assert (line.yuan_before, line.yuan_after) == (20_000, 10_000)
    assert compare_documents(_document(_first(2)), _document(_first(2))).is_empty


def test_an_enterprise_on_one_side_only_is_added_or_removed() -> None:
    """It has no outcome on the other."""
    full, empty = _document(_first(1)), _document(_first(1))
    empty["platforms"][0]["enterprises"] = []
    removed = compare_documents(full, empty).enterprises[0]
    added = compare_documents(empty, full).enterprises[0]
    assert (removed.kind, removed.outcome_before, removed.outcome_after) == (
        "removed",
        "counted",
        None,
    )
    assert (added.kind, added.outcome_before, added.outcome_after) == ("added", None, "counted")
