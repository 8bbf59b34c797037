"""What a person did in a count, and which steps that leaves to another."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jieru.errors import UserError
from verifier.procedure.names import is_same_person
from verifier.procedure.separation import (
    CHECKING,
    MAKING,
    Deed,
    DeedKind,
    Strictness,
    barring_deed,
    refusal_of,
    require_another_person,
)
from verifier.procedure.states import RULES, Step

_REAL, _SIMULATION = Strictness.SEVERAL_PEOPLE, Strictness.ONE_NAME
_AT = datetime(2027, 5, 6, 1, tzinfo=UTC)


def _deed(kind: DeedKind, person: str = "lin", *, hours: int = 0) -> Deed:
    return Deed(kind, person, _AT + timedelta(hours=hours), 7, "alpha", "9135", "某厂")


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


@pytest.mark.parametrize("kind", DeedKind)
def test_every_deed_keeps_from_checking_or_from_paying(kind: DeedKind) -> None:
    """Each with a sentence of its own, that names person, count and what is left to others."""
    deeds = [_deed(kind)]
    barred = {step for step in RULES if barring_deed(step, "lin", deeds, _REAL) is not None}
    checks = {Step.FREEZE, Step.PROPOSE_OVERRIDE, Step.OVERRIDE, Step.APPROVE_PAYMENT}
    assert barred == (checks if kind in MAKING else {Step.PAY})
    said = str(refusal_of(deeds[0], "2026-1"))
    assert said.startswith("lin ")
    assert "2026-1" in said
    assert "another person must" in said
    assert "{" not in said


def test_making_and_checking_share_nothing() -> None:
    """And are all that there is."""
    assert not MAKING & CHECKING
    assert set(DeedKind) == MAKING | CHECKING


def test_the_weightiest_deed_is_told() -> None:
    """Whoever submitted is told that, whatever else the same person did, and when first."""
    deeds = [
        _deed(DeedKind.CLOSED),
        _deed(DeedKind.DECIDED, hours=1),
        _deed(DeedKind.SUBMITTED, hours=3),
        _deed(DeedKind.SUBMITTED, hours=2),
    ]
    found = barring_deed(Step.FREEZE, "lin", deeds, _REAL)
    assert found is not None
    assert (found.kind, found.done_at) == (DeedKind.SUBMITTED, _AT + timedelta(hours=2))


def test_whoever_drafted_or_submitted_once_stays_a_maker() -> None:
    """Though the count was returned, and another person made what is in review now."""
    deeds = [_deed(DeedKind.SUBMITTED, "lin"), _deed(DeedKind.SUBMITTED, "chen", hours=1)]
    assert barring_deed(Step.FREEZE, "lin", deeds, _REAL) is not None
    assert barring_deed(Step.FREEZE, "lin", deeds, _SIMULATION) is None
    assert barring_deed(Step.FREEZE, "chen", deeds, _SIMULATION) is not None


def test_a_simulation_lets_one_name_do_all_but_check_what_it_submitted() -> None:
    """Drafting, deciding and checking included."""
    deeds = [_deed(kind) for kind in DeedKind if kind is not DeedKind.SUBMITTED]
    for step in RULES:
        assert barring_deed(step, "lin", deeds, _SIMULATION) is None
    assert Strictness.of(is_simulation=True) is _SIMULATION
    assert Strictness.of(is_simulation=False) is _REAL


def test_what_another_did_keeps_nobody_from_anything() -> None:
    """Nor is nobody in particular kept from it."""
    deeds = [_deed(kind) for kind in DeedKind]
    for step in RULES:
        require_another_person(step, "2026-1", "chen", deeds, _REAL)
        assert barring_deed(step, None, deeds, _REAL) is None
    with pytest.raises(UserError, match="lin submitted the count 2026-1"):
        require_another_person(Step.FREEZE, "2026-1", "lin", deeds, _REAL)
    lone = replace(deeds[0], person="LIN")
    with pytest.raises(UserError, match="LIN drafted"):
        require_another_person(Step.FREEZE, "2026-1", "lin", [lone], _REAL)


@pytest.mark.parametrize(
    "other",
    ["lin", "LIN", " lin", "l i n", "user:lin", "User:Lin", "ｌｉｎ", "lin\u3000", "ＬＩＮ"],
)
def test_spellings_of_a_name_are_one_person(other: str) -> None:
    """Case, width, space and the audit's prefix make nobody else."""
    assert is_same_person("lin", other)
    assert not is_same_person("chen", other)
    assert not is_same_person(None, other)
