"""Which signals open a case."""

from dataclasses import replace
from datetime import date
from typing import Final

import pytest

from verifier.trust.cases.opening import Known, Of, to_open
from verifier.trust.signal import Kind, Signal

_OF: Final = Of("alpha", "91350300MA2XN0T34K")
_SOFT: Final = Signal(
    Kind.NOT_LIVE,
    *_OF,
    score=0.5,
    threshold=0.3,
    from_on=date(2026, 3, 1),
    to_on=date(2026, 5, 1),
    devices=("CNC-1",),
)
_OTHER_SOFT: Final = replace(_SOFT, kind=Kind.REQUIRED_HOURS, score=0.9, threshold=0.8)
_HARD: Final = replace(_SOFT, kind=Kind.COUNTER_FELL, score=1, threshold=1)


def _opened(*signals: Signal, known: Known | None = None) -> list[tuple[Signal, ...]]:
    found = to_open(signals, {} if known is None else {_OF: known})
    assert all(each.of == _OF for each in found)
    return [each.signals for each in found]


def test_one_hard_signal_opens_a_case_and_one_soft_one_does_not() -> None:
    """A soft one is what an honest fleet shows now and then."""
    assert _opened(_HARD) == [(_HARD,)]
    assert _opened(_SOFT) == []


def test_two_soft_signals_of_different_kinds_open_a_case() -> None:
    """Two of one kind are one."""
    assert _opened(_SOFT, _OTHER_SOFT) == [(_SOFT, _OTHER_SOFT)]
    assert _opened(_SOFT, replace(_SOFT, devices=("CNC-2",))) == []


def test_two_soft_signals_of_two_enterprises_open_none() -> None:
    """Each enterprise is looked at by itself, on each platform."""
    assert to_open([_SOFT, replace(_OTHER_SOFT, uscc="91350300MA2XN0T35K")], {}) == []
    assert to_open([_SOFT, replace(_OTHER_SOFT, platform="beta")], {}) == []


def test_cases_come_in_the_order_of_platform_and_enterprise() -> None:
    """Whatever the order of signals."""
    others = [replace(_HARD, platform="beta"), replace(_HARD, uscc="91350300MA2XN0T30K"), _HARD]
    assert [each.of for each in to_open(others, {})] == sorted(
        Of(each.platform, each.uscc) for each in others
    )


def test_while_a_case_is_open_nothing_opens_another() -> None:
    """It has all signals on its page."""
    assert _opened(_HARD, known=Known(is_open=True, signals=[])) == []


def test_what_was_known_when_it_was_cleared_opens_nothing_again() -> None:
    """Though it comes back each night, and a little stronger with each day."""
    cleared = Known(is_open=False, signals=[_SOFT, _OTHER_SOFT, _HARD])
    crept = replace(_SOFT, score=0.52)
    assert _opened(crept, _OTHER_SOFT, _HARD, known=cleared) == []


@pytest.mark.parametrize(
    "change",
    [{"score": 2.0}, {"devices": ("CNC-1", "CNC-2")}, {"kind": Kind.COUNTER_CONTINUED}],
)
def test_a_hard_signal_that_is_new_stronger_or_elsewhere_opens_a_case(
    change: dict[str, object],
) -> None:
    """One counter that fell was explained; the next one was not."""
    new = replace(_HARD, **change)  # type: ignore[arg-type]
    assert _opened(new, known=Known(is_open=False, signals=[_HARD])) == [(new,)]


@pytest.mark.parametrize(
    "days",
    [
        {"to_on": date(2026, 5, 2)},
        {"from_on": date(2026, 2, 28)},
        {"from_on": date(2026, 6, 1), "to_on": date(2026, 6, 1)},
    ],
)
@pytest.mark.parametrize(
    "kind",
    [Kind.RECORDED_LATE, Kind.COUNTER_FELL, Kind.COUNTER_CONTINUED, Kind.NO_HEARTBEATS],
)
def test_what_is_done_on_further_days_is_new(kind: Kind, days: dict[str, date]) -> None:
    """Who was cleared of one registration made afterwards is not cleared of the next."""
    old = replace(_HARD, kind=kind)
    new = replace(old, **days)  # type: ignore[arg-type]
    assert _opened(new, known=Known(is_open=False, signals=[old])) == [(new,)]
    fewer = replace(old, from_on=date(2026, 3, 2), to_on=date(2026, 4, 30))
    assert _opened(fewer, known=Known(is_open=False, signals=[old])) == []


def _alike(uscc: str, came_later: str = "self") -> Signal:
    return replace(
        _HARD,
        kind=Kind.RHYTHM_ALIKE,
        devices=("CNC-1", "CNC-2", "CNC-3"),
        detail={"platform": "beta", "uscc": uscc, "lag_days": 7, "came_later": came_later},
    )


def test_a_copy_of_another_enterprise_is_new() -> None:
    """Machines that were found alike with one, and explained, are alike with another now."""
    known = Known(is_open=False, signals=[_alike("91350300MA2XN0T35K")])
    other = _alike("91350300MA2XN0T36K")
    assert _opened(other, known=known) == [(other,)]


def test_a_likeness_that_goes_on_is_the_same_until_the_next_year() -> None:
    """It has a day more each night; the evidence of another year is looked at anew."""
    known = Known(is_open=False, signals=[_alike("91350300MA2XN0T35K")])
    longer = replace(_alike("91350300MA2XN0T35K"), to_on=date(2026, 9, 1))
    assert _opened(longer, known=known) == []
    later = replace(longer, from_on=date(2027, 1, 1), to_on=date(2027, 4, 1))
    assert _opened(later, known=known) == [(later,)]


def test_what_was_soft_and_is_hard_is_new() -> None:
    """Such as a likeness of which it shows by now that the other was there first."""
    known = Known(is_open=False, signals=[_alike("91350300MA2XN0T35K", "other")])
    hard = _alike("91350300MA2XN0T35K")
    assert _opened(hard, known=known) == [(hard,)]


def test_soft_signals_with_another_enterprise_are_new() -> None:
    """One more behind the gateway, one more with the same values."""
    sharing = replace(
        _SOFT, kind=Kind.GATEWAY_SHARED, detail={"gateway": "box-1", "site": "", "with": ["A", "B"]}
    )
    repeat = replace(_SOFT, kind=Kind.METRICS_REPEAT, detail={"with": ["A"]})
    known = Known(is_open=False, signals=[sharing, repeat])
    assert _opened(sharing, repeat, known=known) == []
    further = (
        replace(sharing, detail={"gateway": "box-1", "site": "", "with": ["B", "C"]}),
        replace(repeat, detail={"with": ["B"]}),
    )
    assert _opened(*further, known=known) == [further]
    fewer = replace(sharing, detail={"gateway": "box-1", "site": "", "with": ["B"]})
    assert _opened(fewer, replace(repeat, detail={"with": []}), known=known) == []


def test_after_a_clearing_two_new_soft_signals_are_needed_again() -> None:
    """One that is known adds nothing to one that is new."""
    cleared = Known(is_open=False, signals=[_SOFT])
    assert _opened(_SOFT, _OTHER_SOFT, known=cleared) == []
    stronger = replace(_SOFT, score=0.9)
    assert _opened(stronger, _OTHER_SOFT, known=cleared) == [(stronger, _OTHER_SOFT)]


def test_a_score_below_its_threshold_is_stronger_the_lower_it_is() -> None:
    """As that of measured values without memory."""
    low = replace(_SOFT, kind=Kind.METRICS_WITHOUT_MEMORY, score=0.15, threshold=0.2)
    known = Known(is_open=False, signals=[low])
    lower = replace(low, score=0.0)
    assert _opened(lower, _OTHER_SOFT, known=known) == [(lower, _OTHER_SOFT)]
    assert _opened(low, _OTHER_SOFT, known=known) == []
