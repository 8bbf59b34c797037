"""A count as the page shows it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.counts.view import (
    ROWS_PER_PAGE,
    Filter,
    chart_data,
    determinations_page,
    outcome_matrix,
    parameter_rows,
)
from tests.unit.api.counting import POLICY, count_of, determination, platform_count
from verifier.counting.award import AwardLine
from verifier.counting.count import Count
from verifier.counting.determination import Outcome
from verifier.counting.figures import figures_of_count, figures_of_document


def english(message: str) -> str:
    """Message ids are English already."""
    return message


def city() -> Count:
    """Three platforms: one past the cap, one newly national, one paid by clause 2.2 alone."""
    past_the_cap = [determination(number) for number in range(17)]
    past_the_cap.append(determination(50, Outcome.PENDING, name="Acme (Putian) Ltd"))
    return count_of(
        platform_count("xielian", past_the_cap),
        platform_count("guolian", [determination(60, platform="guolian")], title_yuan=300_000),
        platform_count(
            "wuming",
            [determination(70, Outcome.OUT_OF_SCOPE, platform="wuming")],
            more=[AwardLine("2.2", 1, 50_000, 50_000)],
        ),
    )


def test_platforms_come_by_award_with_every_clause_apart() -> None:
    """The highest first."""
    figures = figures_of_count(city())
    assert figures.clauses == ("1.1", "1.2", "2.2")
    assert [each.platform for each in figures.by_award] == ["guolian", "xielian", "wuming"]
    national, capped, other = figures.by_award
    assert [national.amount_yuan(clause) for clause in figures.clauses] == [300_000, 10_000, 0]
    assert national.award_yuan == 310_000
    assert (capped.uncapped_yuan, capped.capped_yuan) == (170_000, 150_000)
    assert [each.is_capped for each in figures.by_award] == [False, True, False]
    assert (capped.counted, capped.pending) == (17, 1)
    assert [other.amount_yuan(clause) for clause in figures.clauses] == [0, 0, 50_000]


def test_a_clause_that_pays_nobody_this_year_has_its_column() -> None:
    """Those of the policy are always shown."""
    figures = figures_of_count(count_of(platform_count("xielian", [determination()])))
    assert figures.clauses == ("1.1", "1.2")


def test_exactly_at_the_cap_nothing_is_taken_away() -> None:
    """15 enterprises earn 150,000 with the cap and without."""
    count = count_of(platform_count("xielian", [determination(number) for number in range(15)]))
    (platform,) = figures_of_count(count).platforms
    assert platform.award_yuan == 150_000
    assert not platform.is_capped


def test_the_clauses_add_up_to_the_total() -> None:
    """And the total is the count's own."""
    count = city()
    figures = figures_of_count(count)
    assert (figures.at_the_cap, figures.outcomes.total()) == (1, 20)
    assert figures.uncapped_yuan == 180_000
    amounts = [figures.amount_yuan(clause) for clause in figures.clauses]
    assert amounts == [300_000, 160_000, 50_000]
    assert sum(amounts) == figures.total_yuan == count.total_yuan


def test_a_stored_count_has_the_figures_of_the_count_it_was() -> None:
    """As JSON they are read back."""
    count = city()
    assert figures_of_document(count.to_json_object()) == figures_of_count(count)


def test_only_outcomes_that_occur_are_listed() -> None:
    """With how often, on each platform and in all."""
    matrix = outcome_matrix(figures_of_count(city()), english)
    assert [each.value for each in matrix.outcomes] == ["counted", "out_of_scope", "pending"]
    assert matrix.totals == [18, 1, 1]
    assert [(each.platform, numbers) for each, numbers in matrix.rows] == [
        ("xielian", [17, 0, 1]),
        ("guolian", [1, 0, 0]),
        ("wuming", [0, 1, 0]),
    ]


def test_the_chart_has_the_figures_of_the_table() -> None:
    """The cap comes from the policy; every other clause has a bar of its own."""
    chart = chart_data(figures_of_count(city()), "en", english)
    assert chart["cap"] == 150_000
    assert chart["locale"] == "EN"
    assert chart["platforms"] == [
        {"name": "平台 guolian", "counted": 1, "uncapped": 10_000, "award": 10_000,
         "others": [300_000, 0]},
        {"name": "平台 xielian", "counted": 17, "uncapped": 170_000, "award": 150_000,
         "others": [0, 0]},
        {"name": "平台 wuming", "counted": 0, "uncapped": 0, "award": 0, "others": [0, 50_000]},
    ]  # fmt: skip
    words = chart["words"]
    assert isinstance(words, dict)
    assert words["others"] == ["Clause 1.1, national title", "Clause 2.2"]


@pytest.mark.parametrize(
    ("wanted", "matching"),
    [
        (Filter(), 20),
        (Filter(outcome="pending"), 1),
        (Filter(platform="xielian"), 18),
        (Filter(platform="guolian", outcome="pending"), 0),
        (Filter(text="acme"), 1),
        (Filter(text="  ACME "), 1),
        (Filter(text="MA00000060"), 1),
        (Filter(text="ma0000006"), 1),
        (Filter(text="华昌"), 19),
        (Filter(outcome="no such outcome"), 0),
    ],
)
def test_a_filter_leaves_what_fits_it(wanted: Filter, matching: int) -> None:
    """Name and code, whatever the case."""
    page = determinations_page(city(), wanted, 1, english)
    assert page.matching == matching
    assert len(page.rows) == matching


def test_a_row_has_the_figures_of_its_window() -> None:
    """A row without a window has none."""
    rows = determinations_page(city(), Filter(), 1, english).rows
    counted, without = rows[0], rows[-1]
    assert (counted.window_active_days, counted.window_longest_gap_days) == (78, 1)
    assert (without.connected_on, without.window_active_days) == (None, None)


@given(number=st.integers(1, 500), enterprises=st.integers(0, 400))
def test_pages_hold_every_row_once(number: int, enterprises: int) -> None:
    """One too far shows the last; the links name the first, the last and the neighbours."""
    count = count_of(platform_count("xielian", [determination(i) for i in range(enterprises)]))
    last = max(1, (enterprises + ROWS_PER_PAGE - 1) // ROWS_PER_PAGE)
    page = determinations_page(count, Filter(), number, english)
    assert page.number == min(number, last)
    linked = [link.number for link in page.links if link.number is not None]
    assert linked[0] == 1
    assert linked[-1] == last
    assert page.number in linked
    assert linked == sorted(set(linked))
    seen = [
        row.uscc
        for each in range(1, last + 1)
        for row in determinations_page(count, Filter(), each, english).rows
    ]
    assert len(seen) == len(set(seen)) == enterprises


def test_page_numbers_left_out_are_marked() -> None:
    """1 … 4 5 6 7 8 … 20."""
    count = count_of(platform_count("xielian", [determination(i) for i in range(1_000)]))
    links = determinations_page(count, Filter(), 6, english).links
    assert [link.number for link in links] == [1, None, 4, 5, 6, 7, 8, None, 20]


def test_every_parameter_is_shown_with_its_basis() -> None:
    """Values as people read them."""
    rows = {row.name: row for row in parameter_rows(POLICY, "en", english)}
    assert rows["award_cap_yuan"].value == "150,000 yuan"
    assert not rows["award_cap_yuan"].is_decided
    assert rows["active_days_min"].value == "60 days"
    assert rows["active_days_min"].is_decided
    assert rows["districts"].value.startswith("荔城区, ")
    assert rows["industry_sections"].value == "C"
    assert rows["in_force_to"].value == "2029-12-31"
    assert rows["count_year_of"].value == "window_start"
    assert set(rows) == set(POLICY.parameters())
