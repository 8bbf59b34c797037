"""Outcomes and their precedence, reasons, uniqueness in the city, overlaps."""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from tests.unit.verifier.builders import (
    a_case,
    a_decision,
    a_platform,
    a_window,
    an_enterprise,
    policy_with,
)
from verifier.counting.determination import Determination, Outcome, determinations, overlaps
from verifier.counting.eligibility import Case
from verifier.counting.registry import Connection, Decision, Platform, Recognition
from verifier.policy import Level, Policy

_POLICY = policy_with()
_CITY = policy_with(connection_uniqueness="city")
_MARCH = date(2026, 3, 2)


def _only(case: Case, year: int = 2026, policy: Policy = _POLICY) -> Determination:
    (found,) = determinations([case], year, policy)
    return found


def _outcome(case: Case, year: int = 2026, policy: Policy = _POLICY) -> Outcome:
    return _only(case, year, policy).outcome


def _recognised(level: Level, since: date, until: date | None = None) -> Platform:
    return a_platform(recognitions=(Recognition(level, since, until),))


def _possible() -> Case:
    return a_case(None, possible_window=a_window(date(2026, 12, 1)))


# --- Each outcome ---------------------------------------------------------------------------------


def test_a_newly_connected_enterprise_is_counted() -> None:
    """Everything holds, nothing is a reason."""
    found = _only(a_case(_MARCH))
    assert (found.outcome, found.connected_on, found.reasons) == (Outcome.COUNTED, _MARCH, [])


def test_an_open_hold_holds() -> None:
    """Until it is withdrawn."""
    found = _only(a_case(decisions=(a_decision("hold"),)))
    assert (found.outcome, found.reasons) == (Outcome.HELD, ["not_held"])


def test_an_open_exclusion_excludes() -> None:
    """Whatever the evidence."""
    found = _only(a_case(decisions=(a_decision("exclude"),)))
    assert (found.outcome, found.reasons) == (Outcome.EXCLUDED, ["not_excluded"])
    assert _outcome(a_case(None, decisions=(a_decision("exclude"),))) is Outcome.EXCLUDED


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (a_case(enterprise=an_enterprise(district="other")), "district"),
        (a_case(enterprise=an_enterprise(industry_code="I6510")), "industry"),
        (a_case(enterprise=an_enterprise(industry_code=None)), "industry"),
        (a_case(platform=a_platform(operator_uscc=an_enterprise().uscc)), "not_own_operator"),
    ],
)
def test_district_industry_and_operator_are_the_scope(case: Case, reason: str) -> None:
    """Each by itself."""
    found = _only(case)
    assert (found.outcome, found.reasons) == (Outcome.OUT_OF_SCOPE, [reason])


def test_another_enterprise_s_operator_does_no_harm() -> None:
    """Only the platform's own operator is out."""
    operator = an_enterprise(2).uscc
    assert _outcome(a_case(platform=a_platform(operator_uscc=operator))) is Outcome.COUNTED


def test_every_industry_of_a_section_is_in_scope() -> None:
    """The first letter decides, with or without digits."""
    for code in ("C", "C13", "C1810"):
        assert _outcome(a_case(enterprise=an_enterprise(industry_code=code))) is Outcome.COUNTED


def test_a_platform_never_recognised_earns_nothing() -> None:
    """No recognition at all."""
    found = _only(a_case(platform=a_platform(recognitions=())))
    assert found.outcome is Outcome.PLATFORM_NOT_RECOGNISED
    assert found.reasons == ["platform_recognised"]


@pytest.mark.parametrize(
    ("since", "until", "outcome"),
    [
        (_MARCH, None, Outcome.COUNTED),
        (_MARCH + timedelta(1), None, Outcome.PLATFORM_NOT_RECOGNISED),
        (date(2025, 1, 1), _MARCH, Outcome.PLATFORM_NOT_RECOGNISED),
        (date(2025, 1, 1), _MARCH + timedelta(1), Outcome.COUNTED),
    ],
)
def test_recognition_is_from_its_day_until_the_day_before_it_is_revoked(
    since: date, until: date | None, outcome: Outcome
) -> None:
    """On the day the enterprise was connected."""
    assert _outcome(a_case(_MARCH, platform=_recognised("municipal", since, until))) is outcome


@pytest.mark.parametrize(
    ("since", "until", "outcome"),
    [
        (date(2026, 12, 31), None, Outcome.COUNTED),
        (date(2027, 1, 1), None, Outcome.PLATFORM_NOT_RECOGNISED),
        (date(2025, 1, 1), date(2026, 12, 31), Outcome.PLATFORM_NOT_RECOGNISED),
        (date(2025, 1, 1), date(2027, 1, 1), Outcome.COUNTED),
    ],
)
def test_recognition_may_be_asked_for_on_the_year_s_last_day(
    since: date, until: date | None, outcome: Outcome
) -> None:
    """`recognition_on: year_end`."""
    policy = policy_with(recognition_on="year_end")
    case = a_case(_MARCH, platform=_recognised("municipal", since, until))
    assert _outcome(case, policy=policy) is outcome


def test_of_several_levels_held_on_a_day_the_highest_is_measured() -> None:
    """National before provincial before municipal, whatever their names' order."""
    since = date(2025, 1, 1)
    held: list[tuple[list[Level], Level]] = [
        (["provincial", "national", "municipal"], "national"),
        (["municipal", "provincial"], "provincial"),
    ]
    for levels, highest in held:
        platform = a_platform(recognitions=tuple(Recognition(each, since) for each in levels))
        (recognised,) = (
            each
            for each in _only(a_case(platform=platform)).criteria
            if each.name.value == "platform_recognised"
        )
        assert recognised.measured == {"on": "2026-03-02", "level": highest}


def test_a_recognition_too_low_is_none() -> None:
    """Where the policy asks for more than municipal."""
    policy = policy_with(recognition_level_min="provincial")
    for level, outcome in (
        ("municipal", Outcome.PLATFORM_NOT_RECOGNISED),
        ("provincial", Outcome.COUNTED),
        ("national", Outcome.COUNTED),
    ):
        platform = _recognised(level, date(2025, 1, 1))  # type: ignore[arg-type]
        assert _outcome(a_case(platform=platform), policy=policy) is outcome


@pytest.mark.parametrize(
    ("connected_on", "outcome"),
    [
        (date(2025, 12, 31), Outcome.POLICY_NOT_IN_FORCE),
        (date(2026, 1, 1), Outcome.COUNTED),
        (date(2029, 12, 31), Outcome.COUNTED),
        (date(2030, 1, 1), Outcome.POLICY_NOT_IN_FORCE),
    ],
)
def test_the_policy_is_in_force_from_its_first_to_its_last_day(
    connected_on: date, outcome: Outcome
) -> None:
    """Both inclusive."""
    found = _only(a_case(connected_on), year=connected_on.year)
    assert found.outcome is outcome
    assert (found.reasons == ["policy_in_force"]) == (outcome is Outcome.POLICY_NOT_IN_FORCE)


def test_a_window_of_an_earlier_year_was_connected_earlier() -> None:
    """And is so in every later year."""
    case = a_case(date(2026, 12, 31))
    assert [_outcome(case, year) for year in (2026, 2027, 2029)] == [
        Outcome.COUNTED,
        Outcome.CONNECTED_EARLIER,
        Outcome.CONNECTED_EARLIER,
    ]
    assert _only(case, 2027).reasons == ["newly_connected"]


def test_a_window_of_a_later_year_is_no_window_for_this_one() -> None:
    """The figures of the later window stay out of this year's."""
    found = _only(a_case(date(2027, 1, 1)))
    assert found.outcome is Outcome.NOT_EFFECTIVE
    assert (found.window, found.year_counted) == (None, 2027)
    assert found.reasons == ["effective_window"]


def test_without_a_window_it_is_pending_while_one_is_possible() -> None:
    """And not effective once none is."""
    pending = _only(_possible())
    assert pending.outcome is Outcome.PENDING
    assert pending.pending_until == a_window(date(2026, 12, 1)).last_day
    assert pending.reasons == ["effective_window"]
    not_effective = _only(a_case(None))
    assert (not_effective.outcome, not_effective.pending_until) == (Outcome.NOT_EFFECTIVE, None)


def test_the_year_may_be_that_of_the_window_s_last_day() -> None:
    """`count_year_of: window_end`."""
    policy = policy_with(count_year_of="window_end")
    case = a_case(date(2026, 12, 1))
    assert _outcome(case, 2026, policy) is Outcome.NOT_EFFECTIVE
    assert _outcome(case, 2027, policy) is Outcome.COUNTED
    assert _outcome(case, 2028, policy) is Outcome.CONNECTED_EARLIER


# --- Who is listed --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "end", "years"),
    [
        (date(2026, 12, 31), None, [2026, 2027]),
        (date(2026, 1, 1), date(2026, 1, 2), [2026]),
        (date(2025, 5, 1), date(2026, 1, 1), [2025]),
        (date(2025, 12, 31), date(2027, 1, 1), [2025, 2026]),
        (date(2027, 1, 1), None, [2027]),
    ],
)
def test_an_enterprise_is_listed_in_every_year_its_connection_overlaps(
    first: date, end: date | None, years: list[int]
) -> None:
    """`to_date` is exclusive."""
    case = a_case(None, connections=(Connection(first, end),))
    assert [year for year in (2025, 2026, 2027) if determinations([case], year, _POLICY)] == years


def test_a_window_is_listed_in_its_year_though_the_connection_ended_before() -> None:
    """Under `window_end` it would else count for a year that does not list it."""
    policy = policy_with(count_year_of="window_end")
    connection = Connection(date(2026, 1, 1), date(2026, 12, 28))
    case = a_case(date(2026, 10, 10), connections=(connection,))
    assert _outcome(case, 2027, policy) is Outcome.COUNTED


# --- Precedence -----------------------------------------------------------------------------------


def test_the_first_outcome_that_applies_wins_and_every_reason_is_listed() -> None:
    """With a window: taken away one by one, each gives way to the next."""
    everything_wrong: dict[str, object] = {
        "enterprise": an_enterprise(district="other"),
        "platform": a_platform("beta", recognitions=()),
        "decisions": (a_decision("exclude", number=1), a_decision("hold", number=2)),
    }
    policy = policy_with(connection_uniqueness="city", in_force_from=date(2026, 6, 1))
    elsewhere = a_case(date(2026, 7, 1), platform=a_platform("alpha"))
    steps: list[tuple[dict[str, object], int, Outcome]] = [
        ({}, 2027, Outcome.OUT_OF_SCOPE),
        ({"enterprise": an_enterprise()}, 2027, Outcome.EXCLUDED),
        ({"decisions": (a_decision("hold"),)}, 2027, Outcome.CONNECTED_EARLIER),
        ({}, 2026, Outcome.PLATFORM_NOT_RECOGNISED),
        ({"platform": a_platform("beta")}, 2026, Outcome.POLICY_NOT_IN_FORCE),
        ({"window": a_window(date(2026, 8, 1))}, 2026, Outcome.COUNTED_ELSEWHERE),
    ]
    state: dict[str, object] = {**everything_wrong, "window": a_window(_MARCH)}
    reasons = []
    for change, year, outcome in steps:
        state |= change
        case = a_case(**state)  # type: ignore[arg-type]
        found = determinations([elsewhere, case], year, policy)[-1]
        assert found.outcome is outcome
        reasons.append(set(found.reasons))
    assert reasons[0] == {
        "newly_connected",
        "platform_recognised",
        "policy_in_force",
        "district",
        "not_excluded",
        "not_held",
        "counted_once",
    }
    assert reasons[-1] == {"counted_once", "not_held"}
    assert _outcome(a_case(**state), policy=policy) is Outcome.HELD  # type: ignore[arg-type]


def test_without_a_window_scope_and_exclusion_come_before_pending() -> None:
    """A hold does not."""
    possible = a_window(date(2026, 12, 1))
    wrong = an_enterprise(district="other")
    excluded = (a_decision("exclude"),)
    assert _outcome(a_case(None, enterprise=wrong, decisions=excluded)) is Outcome.OUT_OF_SCOPE
    assert _outcome(a_case(None, possible_window=possible, decisions=excluded)) is Outcome.EXCLUDED
    held = _only(a_case(None, possible_window=possible, decisions=(a_decision("hold"),)))
    assert (held.outcome, held.reasons) == (Outcome.PENDING, ["effective_window", "not_held"])


# --- On several platforms -------------------------------------------------------------------------


def _on(code: str, connected_on: date, signed_on: date | None = None, /, **changes: object) -> Case:
    values: dict[str, object] = {
        "platform": a_platform(code),
        "connections": (Connection(date(2025, 1, 1), signed_on=signed_on),),
        **changes,
    }
    return a_case(connected_on, **values)


def _counted_under_city(cases: Sequence[Case], year: int = 2026) -> list[str]:
    return [
        each.platform.code
        for each in determinations(cases, year, _CITY)
        if each.outcome is Outcome.COUNTED
    ]


def test_per_platform_an_enterprise_counts_on_each_and_is_reported() -> None:
    """As the text reads; the overlap is for review."""
    cases = [_on("alpha", date(2026, 5, 1)), _on("beta", _MARCH)]
    assert [each.outcome for each in determinations(cases, 2026, _POLICY)] == [
        Outcome.COUNTED,
        Outcome.COUNTED,
    ]
    (overlap,) = overlaps(cases, 2026, _POLICY)
    assert [(each.platform_code, each.year) for each in overlap.claims] == [
        ("beta", 2026),
        ("alpha", 2026),
    ]


def test_an_overlap_with_an_earlier_year_is_reported_too() -> None:
    """In the later year, where the second award is about to be paid."""
    cases = [_on("alpha", date(2027, 5, 1)), _on("beta", _MARCH)]
    assert overlaps(cases, 2026, _POLICY) == []
    (overlap,) = overlaps(cases, 2027, _POLICY)
    assert [(each.platform_code, each.year) for each in overlap.claims] == [
        ("beta", 2026),
        ("alpha", 2027),
    ]
    assert overlaps(cases, 2028, _POLICY) == []


def test_an_overlap_is_found_behind_enterprises_that_have_none() -> None:
    """One on a single platform, and one without a window."""
    cases = [
        _on("alpha", _MARCH, enterprise=an_enterprise(7)),
        a_case(None, platform=a_platform("alpha"), enterprise=an_enterprise(1)),
        a_case(None, platform=a_platform("beta"), enterprise=an_enterprise(1)),
        *(_on(code, _MARCH, enterprise=an_enterprise(2)) for code in ("alpha", "beta")),
    ]
    (overlap,) = overlaps(cases, 2026, _POLICY)
    assert overlap.enterprise == an_enterprise(2)


def test_overlaps_are_in_the_order_of_their_codes() -> None:
    """Whatever the order of the cases."""
    cases = [
        _on(platform, _MARCH, enterprise=an_enterprise(number))
        for number in (3, 1, 2)
        for platform in ("alpha", "beta")
    ]
    found = [each.enterprise.uscc for each in overlaps(cases, 2026, _POLICY)]
    assert found == sorted(an_enterprise(number).uscc for number in (1, 2, 3))


def test_what_is_not_counted_is_no_overlap() -> None:
    """Held, excluded, not recognised."""
    first = _on("alpha", _MARCH)
    uncounted: list[dict[str, object]] = [
        {"decisions": (a_decision("hold"),)},
        {"decisions": (a_decision("exclude"),)},
        {"platform": a_platform("beta", recognitions=())},
    ]
    for changes in uncounted:
        assert overlaps([first, _on("beta", _MARCH, **changes)], 2026, _POLICY) == []


def test_in_the_city_only_the_earliest_counts() -> None:
    """The other is counted elsewhere, which is its reason."""
    cases = [_on("alpha", date(2026, 5, 1)), _on("beta", _MARCH)]
    later, earlier = determinations(cases, 2026, _CITY)
    assert (later.outcome, later.reasons) == (Outcome.COUNTED_ELSEWHERE, ["counted_once"])
    assert earlier.outcome is Outcome.COUNTED
    assert overlaps(cases, 2026, _CITY) == []


def test_on_the_same_day_the_earlier_contract_counts() -> None:
    """An unknown date of contract comes after every known one."""
    early, late = date(2025, 11, 1), date(2025, 12, 1)
    assert _counted_under_city([_on("alpha", _MARCH, late), _on("beta", _MARCH, early)]) == ["beta"]
    assert _counted_under_city([_on("alpha", _MARCH), _on("beta", _MARCH, late)]) == ["beta"]


def test_with_the_same_contract_date_the_first_code_counts() -> None:
    """So that there is always exactly one."""
    day = date(2025, 11, 1)
    assert _counted_under_city([_on("beta", _MARCH, day), _on("alpha", _MARCH, day)]) == ["alpha"]
    assert _counted_under_city([_on("beta", _MARCH), _on("alpha", _MARCH)]) == ["alpha"]


def test_a_connection_that_covers_no_day_of_the_window_has_no_contract_date() -> None:
    """It comes after every known one, rather than to stop the count."""
    ended = (Connection(date(2025, 1, 1), date(2025, 6, 1), signed_on=date(2024, 1, 1)),)
    cases = [_on("alpha", _MARCH, connections=ended), _on("beta", _MARCH, date(2026, 1, 1))]
    assert _counted_under_city(cases) == ["beta"]


def test_the_contract_of_the_day_of_connection_decides() -> None:
    """Not that of an earlier connection of the same two."""
    old = Connection(date(2020, 1, 1), date(2021, 1, 1), signed_on=date(2019, 1, 1))
    new = Connection(date(2026, 1, 1), signed_on=date(2025, 12, 1))
    cases = [
        _on("alpha", _MARCH, connections=(old, new)),
        _on("beta", _MARCH, date(2025, 11, 1)),
    ]
    assert _counted_under_city(cases) == ["beta"]


@pytest.mark.parametrize(
    "changes",
    [
        {"decisions": (a_decision("exclude"),)},
        {"platform": a_platform("beta", recognitions=())},
        {"platform": a_platform("beta", operator_uscc=an_enterprise().uscc)},
        {"window": None},
    ],
)
def test_where_it_would_not_count_it_does_not_stand_in_the_way(changes: dict[str, object]) -> None:
    """The other platform gets it."""
    earlier = _on("beta", _MARCH, **changes)
    assert _counted_under_city([_on("alpha", date(2026, 5, 1)), earlier]) == ["alpha"]


def test_a_connection_of_before_the_policy_does_not_stand_in_the_way() -> None:
    """It never counted."""
    cases = [_on("alpha", date(2026, 5, 1)), _on("beta", date(2025, 5, 1))]
    assert _counted_under_city(cases) == ["alpha"]


def test_a_hold_keeps_its_place() -> None:
    """Or both would be paid once the hold is lifted."""
    held = _on("beta", _MARCH, decisions=(a_decision("hold"),))
    outcomes = [
        each.outcome for each in determinations([_on("alpha", date(2026, 5, 1)), held], 2026, _CITY)
    ]
    assert outcomes == [Outcome.COUNTED_ELSEWHERE, Outcome.HELD]


def test_what_counted_in_an_earlier_year_counts_nowhere_else_later() -> None:
    """Though that platform's connection is over by then."""
    over = (Connection(date(2026, 1, 1), date(2026, 12, 1)),)
    cases = [_on("alpha", date(2027, 5, 1)), _on("beta", _MARCH, connections=over)]
    (found,) = determinations(cases, 2027, _CITY)
    assert found.outcome is Outcome.COUNTED_ELSEWHERE


def test_other_enterprises_are_no_competitors() -> None:
    """Uniqueness is per enterprise."""
    cases = [
        _on("alpha", date(2026, 5, 1)),
        _on("beta", _MARCH, enterprise=an_enterprise(2)),
    ]
    assert _counted_under_city(cases) == ["alpha", "beta"]


# --- Measures -------------------------------------------------------------------------------------


def test_every_criterion_says_what_was_measured_and_required() -> None:
    """With its clause, and whether the text or a decision asks for it."""
    measured = {each.name.value: each for each in _only(a_case(_MARCH)).criteria}
    window = measured["effective_window"]
    assert window.measured == {
        "first_day": "2026-03-02",
        "last_day": "2026-05-30",
        "active_days": 90,
        "longest_gap_days": 0,
    }
    assert (window.clause, window.basis) == ("1.2", "decision")
    recognised = measured["platform_recognised"]
    assert recognised.measured == {"on": "2026-03-02", "level": "municipal"}
    assert recognised.required == "municipal"
    assert measured["policy_in_force"].required == {"from": "2026-01-01", "to": "2029-12-31"}
    assert measured["district"].measured == "licheng"
    assert measured["not_held"].clause is None


def test_without_a_window_nothing_is_measured_on_the_day_of_connection() -> None:
    """Neither met nor failed."""
    unmeasured = {each.name.value for each in _only(a_case(None)).criteria if each.is_met is None}
    assert unmeasured == {
        "live_share_min",
        "newly_connected",
        "platform_recognised",
        "policy_in_force",
        "confirmed",
    }


def _criteria(
    case: Case, policy: Policy = _POLICY
) -> dict[str, tuple[object, object, object, str]]:
    """Measured, required, clause and basis of each criterion."""
    return {
        each.name.value: (each.measured, each.required, each.clause, each.basis)
        for each in _only(case, policy=policy).criteria
    }


def test_each_criterion_names_its_numbers_its_clause_and_its_basis() -> None:
    """What a page and a signed count show of it, to the letter."""
    operator = an_enterprise(2).uscc
    uscc = an_enterprise().uscc
    found = _criteria(a_case(_MARCH, platform=a_platform(operator_uscc=operator)))
    (window, required, clause, basis) = found.pop("effective_window")
    assert isinstance(window, dict)
    assert required == {
        "active_hours_per_day_min": 4,
        "active_devices_min": 3,
        "window_days": 90,
        "active_days_min": 60,
        "longest_gap_days_max": 20,
    }
    assert (clause, basis) == (_POLICY.active_days_min.clause, "decision")
    districts = tuple(_POLICY.districts.value)
    in_force = {"from": "2026-01-01", "to": "2029-12-31"}
    recognised = {"on": "2026-03-02", "level": "municipal"}
    assert found == {
        "live_share_min": (None, 0, "1.2", "decision"),
        "newly_connected": (2026, 2026, _POLICY.count_year_of.clause, "decision"),
        "platform_recognised": (recognised, "municipal", "1.2", "decision"),
        "policy_in_force": ("2026-03-02", in_force, _POLICY.in_force_to.clause, "decision"),
        "district": ("licheng", districts, _POLICY.districts.clause, _POLICY.districts.basis),
        "industry": (
            "C1810",
            _POLICY.industry_sections.value,
            _POLICY.industry_sections.clause,
            _POLICY.industry_sections.basis,
        ),
        "not_own_operator": (uscc, {"not": operator}, "1.2", "decision"),
        "not_excluded": ([], (), None, "decision"),
        "not_held": ([], (), None, "decision"),
        "confirmed": ({"answer": "none"}, "report", "1.2", "decision"),
    }


def test_a_waiver_changes_what_is_required_of_a_window() -> None:
    """Of the one enterprise."""
    waived = a_case(decisions=(a_decision("waive", "active_devices_min", 1),))
    (_window, required, _clause, _basis) = _criteria(waived)["effective_window"]
    assert isinstance(required, dict)
    assert (required["active_devices_min"], required["window_days"]) == (1, 90)


def test_in_the_city_the_criterion_names_the_platform_that_has_it() -> None:
    """Beside the one that asks; nobody where none would count."""
    cases = [_on("alpha", date(2026, 5, 1)), _on("beta", _MARCH)]
    clause, basis = _CITY.connection_uniqueness.clause, _CITY.connection_uniqueness.basis
    later, earlier = determinations(cases, 2026, _CITY)
    for each, code in ((later, "alpha"), (earlier, "beta")):
        once = each.criteria[-1]
        assert (once.measured, once.required) == ("beta", code)
        assert (once.clause, once.basis) == (clause, basis)
    (alone,) = determinations([_on("alpha", _MARCH)], 2026, _CITY)
    assert (alone.criteria[-1].measured, alone.criteria[-1].is_met) == (None, True)


def test_a_platform_without_a_level_is_measured_as_none() -> None:
    """In words, since the reader sees it."""
    found = _criteria(a_case(_MARCH, platform=a_platform(recognitions=())))
    assert found["platform_recognised"][0] == {"on": "2026-03-02", "level": "none"}


@pytest.mark.parametrize(
    ("criterion", "first", "second"),
    [
        ("policy_in_force", "in_force_from", "in_force_to"),
        ("platform_recognised", "recognition_level_min", "recognition_on"),
    ],
)
def test_a_criterion_rests_on_the_text_where_all_its_parameters_do(
    criterion: str, first: str, second: str
) -> None:
    """One that the municipality had to decide makes it a decision."""

    def basis(*bases: str) -> str:
        policy = _POLICY.model_copy(
            update={
                name: getattr(_POLICY, name).model_copy(update={"basis": each})
                for name, each in zip((first, second), bases, strict=True)
            }
        )
        return _criteria(a_case(_MARCH), policy)[criterion][3]

    assert basis("text", "text") == "text"
    assert basis("decision", "text") == "decision"
    assert basis("text", "decision") == "decision"


def test_what_stands_against_an_enterprise_is_named() -> None:
    """Open decisions by their number; a platform whose operator is not known asks for nothing."""
    found = _criteria(a_case(decisions=(a_decision("hold", number=7),)))
    assert found["not_held"][0] == ["7"]
    assert found["not_excluded"][0] == []
    assert found["not_own_operator"][1] is None


@pytest.mark.parametrize(
    "decision",
    [
        a_decision("hold", "active_devices_min", 1),
        a_decision("waive", "active_devices_min", None),
        a_decision("waive", "no_such_criterion", 1),
    ],
)
def test_only_a_waiver_of_a_numeric_criterion_with_its_value_changes_it(
    decision: Decision,
) -> None:
    """Whatever else a decision says."""
    waived = _criteria(a_case(decisions=(decision,)))["effective_window"][1]
    assert waived == _criteria(a_case())["effective_window"][1]
