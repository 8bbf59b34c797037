"""A signal as values, and as JSON."""

from datetime import date

from verifier.trust.signal import STRENGTHS, Kind, Signal, Strength


def test_every_kind_has_a_strength() -> None:
    """Hard are those that no honest fleet shows at all."""
    assert set(STRENGTHS) == set(Kind)
    hard = {kind for kind, strength in STRENGTHS.items() if strength is Strength.HARD}
    assert hard == {"recorded_late", "counter_fell", "counter_continued", "no_heartbeats"}


def test_json_has_the_keys_that_are_relied_on() -> None:
    """Those of design section 8, dates in ISO 8601."""
    signal = Signal(
        Kind.RHYTHM_ALIKE,
        "xielian",
        "91350302MA0TAL2M8N",
        0.71,
        0.5,
        date(2026, 3, 2),
        date(2026, 5, 30),
        ("press-1",),
    )
    assert signal.to_json_object() == {
        "kind": "rhythm_alike",
        "platform": "xielian",
        "uscc": "91350302MA0TAL2M8N",
        "strength": "soft",
        "score": 0.71,
        "threshold": 0.5,
        "from_on": "2026-03-02",
        "to_on": "2026-05-30",
        "devices": ["press-1"],
    }


def test_the_digested_form_has_all_of_it_and_no_number_with_a_point() -> None:
    """So every program writes the same bytes."""
    signal = Signal(
        Kind.HANDED_OVER,
        "xielian",
        "91350302MA0TAL2M8N",
        3,
        3.0,
        date(2026, 3, 2),
        date(2026, 3, 2),
        (),
        {"uscc": "91350302MA0TAL2M8N", "serials": ["a"]},
    )
    found = signal.to_canonical_object()
    assert (found["score"], found["threshold"]) == ("3.0000", "3.0000")
    assert found["detail"] == {"uscc": "91350302MA0TAL2M8N", "serials": ["a"]}
