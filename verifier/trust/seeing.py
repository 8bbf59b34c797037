"""All signals of what was gathered, in one order. Pure."""

from collections.abc import Callable, Iterator
from typing import Final

from verifier.policy import SignalParameters
from verifier.trust.gathered import Gathered
from verifier.trust.seen_in_heartbeats import seen_in_heartbeats
from verifier.trust.seen_in_presence import seen_in_presence
from verifier.trust.seen_in_registry import seen_in_registry
from verifier.trust.signal import Signal
from verifier.trust.thresholds import Thresholds, thresholds_of

__all__ = ["find_signals"]


_Seen = Callable[[Gathered, Thresholds], Iterator[Signal]]
_EVERYWHERE: Final[tuple[_Seen, ...]] = (seen_in_registry, seen_in_presence, seen_in_heartbeats)


def find_signals(
    gathered: Gathered, parameters: SignalParameters, failures: list[Exception] | None = None
) -> list[Signal]:
    """Every signal, by platform, enterprise, kind and time.

    Args:
        gathered: what was heard and written down.
        parameters: the thresholds.
        failures: takes what went wrong in one of registry, presence and heartbeats, so that what
            was seen before and in the others is not lost; None: the first is raised.
    """
    thresholds = thresholds_of(parameters)
    found: list[Signal] = []
    for see in _EVERYWHERE:
        try:
            found.extend(see(gathered, thresholds))
        except Exception as failure:
            if failures is None:
                raise
            failures.append(failure)
    return sorted(found, key=_order)


def _order(signal: Signal) -> tuple[str, str, str, str, tuple[str, ...], str]:
    return (
        signal.platform,
        signal.uscc,
        signal.kind.value,
        signal.from_on.isoformat(),
        signal.devices,
        str(sorted(signal.detail.items())),
    )
