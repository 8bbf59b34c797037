"""Causes of a difference: what of the things that a determination rests on is not what it was."""

from typing import Any

import pytest

from verifier.procedure.causes import Cause, differences_by_policy, differences_with_causes


def _entry(uscc: str = "U1", **changes: object) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "uscc": uscc,
        "name": "E",
        "outcome": "counted",
        "criteria": [{"name": "district", "is_met": True}],
        "devices": [],
        "decisions": [],
        "closing": None,
        "registry_sha256": "r",
        "presence_sha256": "p",
    }
    return {**entry, **changes}


def _document(**entries: dict[str, Any]) -> dict[str, Any]:
    return {
        "count_id": "2026-1",
        "total_yuan": 0,
        "platforms": [
            {"platform": platform, "lines": [], "enterprises": [entry]}
            for platform, entry in entries.items()
        ],
    }


def _causes(
    before: dict[str, Any],
    after: dict[str, Any],
    *,
    is_document_intact: bool = True,
    is_program_same: bool = True,
) -> dict[str, tuple[Cause, ...]]:
    found = differences_with_causes(
        before, after, is_document_intact=is_document_intact, is_program_same=is_program_same
    )
    return {each.platform: each.causes for each in found}


@pytest.mark.parametrize(
    ("changes", "causes"),
    [
        ({"presence_sha256": "q"}, (Cause.PRESENCE,)),
        ({"registry_sha256": "s"}, (Cause.REGISTRY,)),
        ({"registry_sha256": "s", "presence_sha256": "q"}, (Cause.REGISTRY,)),
        ({"decisions": [{"id": 1}]}, (Cause.DECISION,)),
        ({"closing": {"id": 1}}, (Cause.DECISION,)),
        ({"presence_sha256": "q", "closing": {"id": 1}}, (Cause.PRESENCE, Cause.DECISION)),
    ],
)
@pytest.mark.parametrize("is_program_same", [True, False])
def test_what_a_determination_rests_on_is_its_cause_whatever_the_program(
    changes: dict[str, Any], causes: tuple[Cause, ...], *, is_program_same: bool
) -> None:
    """Its own change is enough to explain it."""
    before, after = _document(alpha=_entry()), _document(alpha=_entry(**changes))
    assert _causes(before, after, is_program_same=is_program_same) == {"alpha": causes}


@pytest.mark.parametrize(
    ("is_document_intact", "is_program_same", "cause"),
    [
        (True, True, Cause.UNEXPLAINED),
        (True, False, Cause.CODE),
        (False, True, Cause.DOCUMENT),
        (False, False, Cause.DOCUMENT),
    ],
)
def test_without_a_change_of_its_own_the_document_or_the_program_is_the_cause(
    *, is_document_intact: bool, is_program_same: bool, cause: Cause
) -> None:
    """A program of the same name never is."""
    before, after = _document(alpha=_entry()), _document(alpha=_entry(outcome="held"))
    found = _causes(
        before, after, is_document_intact=is_document_intact, is_program_same=is_program_same
    )
    assert found == {"alpha": (cause,)}


def _counted_once(measured: str, *, is_district_met: bool = True) -> list[dict[str, object]]:
    return [
        {"name": "district", "is_met": is_district_met},
        {"name": "counted_once", "measured": measured},
    ]


def test_another_platform_that_is_not_listed_is_seen_by_its_criterion() -> None:
    """Only that criterion looks beyond the case; where another changed too, it explains nothing."""
    before = _document(alpha=_entry(criteria=_counted_once("alpha")))
    after = _document(alpha=_entry(criteria=_counted_once("beta"), outcome="counted_elsewhere"))
    assert _causes(before, after) == {"alpha": (Cause.OTHER_PLATFORM,)}
    criteria = _counted_once("beta", is_district_met=False)
    after = _document(alpha=_entry(criteria=criteria, outcome="out_of_scope"))
    assert _causes(before, after) == {"alpha": (Cause.UNEXPLAINED,)}


def test_another_platform_that_is_listed_is_the_cause_where_it_changed() -> None:
    """The same enterprise there has a change of its own."""
    before = _document(alpha=_entry(), beta=_entry(outcome="counted_elsewhere"))
    after = _document(alpha=_entry(decisions=[{"id": 1}], outcome="excluded"), beta=_entry())
    assert _causes(before, after) == {"alpha": (Cause.DECISION,), "beta": (Cause.OTHER_PLATFORM,)}


def test_an_enterprise_that_came_or_went_is_a_change_of_the_registry() -> None:
    """It is on one side only."""
    before, after = _document(alpha=_entry()), _document(beta=_entry())
    assert _causes(before, after) == {"alpha": (Cause.REGISTRY,), "beta": (Cause.REGISTRY,)}


def test_another_policy_explains_what_it_changes_and_nothing_else() -> None:
    """A criterion measured otherwise changes no result."""
    under_frozen = _document(alpha=_entry(), beta=_entry())
    under_todays = _document(alpha=_entry(outcome="pending"), beta=_entry(criteria=[]))
    (found,) = differences_by_policy(under_frozen, under_todays)
    assert (found.platform, found.causes, found.keys) == ("alpha", (Cause.POLICY,), ("outcome",))
