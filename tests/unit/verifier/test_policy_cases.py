"""The golden cases of tests/policy_cases, through the pure functions that a count is made of."""

from collections import defaultdict
from dataclasses import asdict, replace
from datetime import datetime, time
from typing import Final

import pytest

from jieru.calendar import SHANGHAI
from tests.support.policy_cases import (
    DESIGN,
    PolicyCase,
    Seen,
    cases_in,
    hours_heard,
    pairs,
    policy_of,
    read_policy_cases,
    spread,
    uscc_by_name,
)
from tests.unit.verifier.builders import DeviceLife, evidence_of, presence_of
from verifier.counting.determination import Outcome
from verifier.counting.eligibility import Case, CriterionName
from verifier.counting.evaluation import activity_of_cases, evaluation_of
from verifier.counting.registry import (
    Confirmation,
    Connection,
    Decision,
    Enterprise,
    Platform,
    Recognition,
)
from verifier.policy import WAIVABLE, load_policy

_CASES: Final = read_policy_cases()
_PARAMETERS: Final = load_policy("putian-2026").parameters()


# --- From a case to a count, without a database ---------------------------------------------------


def _platforms(case: PolicyCase) -> dict[str, Platform]:
    uscc = uscc_by_name(case)
    return {
        code: Platform(
            code=code,
            name=code,
            operator_uscc=uscc[each.operator] if each.operator else None,
            recognitions=tuple(
                Recognition(one.level, one.from_date, one.to_date) for one in each.recognitions
            ),
        )
        for code, each in case.platforms.items()
    }


def _enterprises(case: PolicyCase) -> dict[str, Enterprise]:
    uscc = uscc_by_name(case)
    return {
        name: Enterprise(uscc[name], name, each.district, each.industry)
        for name, each in case.enterprises.items()
    }


def _cases(case: PolicyCase) -> list[Case]:
    platforms, enterprises = _platforms(case), _enterprises(case)
    connections: dict[tuple[str, str], list[Connection]] = defaultdict(list)
    for each in case.connections:
        for name in spread(each.enterprise):
            connections[each.platform, name].append(
                Connection(
                    each.from_date,
                    each.to_date,
                    signed_on=each.signed,
                    recorded_on=each.recorded,
                )
            )
    return [
        Case(
            platform=platforms[code],
            enterprise=enterprises[name],
            connections=tuple(sorted(served, key=lambda each: each.from_date)),
            decisions=_open_decisions(case, code, name),
            confirmations=_confirmations(case, code, name),
        )
        for (code, name), served in connections.items()
    ]


def _open_decisions(case: PolicyCase, platform: str, enterprise: str) -> tuple[Decision, ...]:
    return tuple(
        Decision(
            id=number,
            kind=each.decide,
            criterion=each.criterion,
            value=each.value,
            reason="seen on site",
            decided_by="Lin",
            decided_at=datetime.combine(each.decided, time(18), SHANGHAI),
        )
        for number, each in enumerate(case.decisions, start=1)
        if each.platform == platform
        and enterprise in spread(each.enterprise)
        and not each.withdrawn
        and not each.waits
    )


def _confirmations(case: PolicyCase, platform: str, enterprise: str) -> tuple[Confirmation, ...]:
    return tuple(
        Confirmation(each.from_date, each.says, case.as_of)
        for each in case.connections
        if each.says and each.platform == platform and enterprise in spread(each.enterprise)
    )


def _device_lives(case: PolicyCase) -> list[DeviceLife]:
    uscc = uscc_by_name(case)
    heard = hours_heard(case)
    lives: dict[str, DeviceLife] = {}
    for each in case.devices:
        for serial, name in pairs(each.device, each.enterprise):
            life = lives.setdefault(
                serial,
                DeviceLife(each.platform, heard[serial].on_time, live=heard[serial].live),
            )
            life.assigned.append((uscc[name], each.from_date, each.to_date))
            if each.recorded is not None:
                life.recorded[uscc[name], each.from_date] = each.recorded
    return list(lives.values())


def _seen(case: PolicyCase) -> Seen:
    policy = policy_of(case)
    lives = _device_lives(case)
    # Platforms without an enterprise too: their titles are paid.
    platforms = tuple(_platforms(case).values())
    evidence = replace(evidence_of(_cases(case), lives), platforms=platforms)
    activity = activity_of_cases(evidence, presence_of(lives), case.as_of, policy)
    count = evaluation_of(evidence, activity, case.year, case.as_of, policy).count
    return Seen(
        determinations=[each for platform in count.platforms for each in platform.determinations],
        lines={
            each.platform.code: [asdict(line) for line in each.lines] for each in count.platforms
        },
        overlaps=count.overlaps,
    )


# --- The cases ------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.name)
def test_a_golden_case_comes_out_as_reasoned(case: PolicyCase) -> None:
    """Outcome, figures and money are those of the policy's text and the design."""
    assert _seen(case).shown(case) == case.expected(), case.because


# --- That they are complete -----------------------------------------------------------------------


def test_no_two_cases_have_one_name() -> None:
    """A name is what a case is known by."""
    names = [case.name for case in _CASES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_is_expected_somewhere(outcome: Outcome) -> None:
    """No outcome is without a case."""
    assert any(each.outcome is outcome for case in _CASES for each in case.expect.determinations)


@pytest.mark.parametrize("criterion", CriterionName)
def test_every_criterion_is_somewhere_the_only_reason(criterion: CriterionName) -> None:
    """No criterion is without a case in which it alone fails."""
    assert any(
        each.reasons == [criterion] for case in _CASES for each in case.expect.determinations
    )


@pytest.mark.parametrize("criterion", WAIVABLE)
def test_every_waivable_criterion_is_waived_somewhere(criterion: str) -> None:
    """And an enterprise counts by it."""
    assert any(
        (each.decide, each.criterion) == ("waive", criterion) and case.expect.total_yuan > 0
        for case in _CASES
        for each in case.decisions
    )


@pytest.mark.parametrize(
    "parameter", [name for name in _PARAMETERS if name != "annual_budget_yuan"]
)
def test_every_parameter_decides_a_case(parameter: str) -> None:
    """Under the policy's own value some case would come out otherwise."""
    assert any(
        _seen(case.without_override(parameter)).shown(case) != case.expected()
        for case in _CASES
        if parameter in case.policy
    )


def test_the_budget_is_in_a_case_and_changes_nothing() -> None:
    """The text cuts no award when the year's fund is used up."""
    (case,) = (case for case in _CASES if "annual_budget_yuan" in case.policy)
    assert case.policy["annual_budget_yuan"] < case.expect.total_yuan
    assert _seen(case.without_override("annual_budget_yuan")).shown(case) == case.expected()


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.name)
def test_every_cited_clause_is_one_of_the_policy(case: PolicyCase) -> None:
    """Where the policy has no such clause the case cites the design, as a decision."""
    clauses = {each.clause for each in _PARAMETERS.values()}
    assert case.clause in clauses | {DESIGN}
    assert case.clause != DESIGN or case.basis == "decision"


def test_every_clause_of_the_policy_is_cited() -> None:
    """No clause is without a case."""
    assert {each.clause for each in _PARAMETERS.values()} <= {case.clause for case in _CASES}


# --- That a mistake in a case is found ------------------------------------------------------------

_GOOD: Final = """
about: One case.
cases:
  - name: A case
    clause: design 7
    basis: decision
    expect: {outcome: counted, connected_on: 2026-03-02, total_yuan: 10000}
"""


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("about:", "abuot:", "abuot"),
        ("about: One case.", "", "about"),
        ("basis: decision", "bases: decision", "bases"),
        ("expect:", "expects:", "expect"),
        ("basis: decision", "basis: decision\n    basis: text", "a key is given twice"),
        ("basis: decision", "basis: decision\n    policy: {windows: 1}", "windows is no parameter"),
        (
            "basis: decision",
            "basis: decision\n    policy: {window_days: 0}",
            "greater than or equal",
        ),
        ("basis: decision", "basis: decision\n    year: 2027", "another year"),
        ("basis: decision", "basis: decision\n    heard: [{device: d4, days: [2026-03-02]}]", "d4"),
        (
            "basis: decision",
            "basis: decision\n    heard: [{device: d1, from: 2026-03-03, to: 2026-03-02}]",
            "no day at all",
        ),
        (
            "{outcome: counted, connected_on: 2026-03-02,",
            "{determinations: [{outcome: counted}, {outcome: held}],",
            "two determinations",
        ),
        ("basis: decision", "basis: decision\n    devices: [{device: d1..x3}]", "d1..x3"),
        (
            "basis: decision",
            "basis: decision\n    devices: [{device: d1..d3, enterprise: e1..e2}]",
            "e1..e2",
        ),
        (
            "basis: decision",
            "basis: decision\n    devices: [{device: d1..d3}, {device: d1, platform: beta}]",
            "d1 is on two platforms",
        ),
        ("outcome: counted", "outcome: count", "outcome"),
        ("outcome: counted", "outcome: counted, platform: beta", "beta"),
        ("outcome: counted", "outcome: counted, determinations: []", "determinations"),
        ("total_yuan: 10000", "total_yuan: 10000.0", "total_yuan"),
        ("2026-03-02", '"2026-03-02"', "connected_on"),
    ],
)
def test_a_mistake_in_a_case_is_an_error(right: str, wrong: str, said: str) -> None:
    """Nothing that a case says is passed over."""
    assert len(cases_in(_GOOD)) == 1
    with pytest.raises(ValueError, match=said):
        cases_in(_GOOD.replace(right, wrong))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("counted", "held"),
        ("2026-03-02", "2026-03-03"),
        ("10000", "20000"),
        ("total_yuan", "reasons: [district], total_yuan"),
        ("total_yuan", "year_counted: 2027, total_yuan"),
        ("total_yuan", "pending_until: 2026-05-30, total_yuan"),
        ("total_yuan", "window_active_days: 77, total_yuan"),
        ("total_yuan", "window_longest_gap_days: 2, total_yuan"),
        ("total_yuan", "lines: {alpha: []}, total_yuan"),
        ("total_yuan", "overlaps: [{enterprise: shoes, platforms: [alpha]}], total_yuan"),
        ("{outcome: counted, connected_on: 2026-03-02,", "{determinations: [],"),
    ],
)
def test_every_expectation_can_fail(right: str, wrong: str) -> None:
    """A case that expects something else of the worked example is found out."""
    (good,), (bad,) = cases_in(_GOOD), cases_in(_GOOD.replace(right, wrong))
    assert _seen(good).shown(good) == good.expected()
    assert _seen(bad).shown(bad) != bad.expected()
