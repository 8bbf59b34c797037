"""All signals of what was gathered, in one order. Pure."""

from verifier.policy import SignalParameters
from verifier.trust.gathered import Gathered
from verifier.trust.seen_in_heartbeats import seen_in_heartbeats
from verifier.trust.seen_in_presence import seen_in_presence
from verifier.trust.seen_in_registry import seen_in_registry
from verifier.trust.signal import Signal
from verifier.trust.thresholds import thresholds_of

__all__ = ["find_signals"]


def find_signals(gathered: Gathered, parameters: SignalParameters) -> list[Signal]:
    """Every signal, by platform, enterprise, kind and time.

    Args:
        gathered: what was heard and written down.
        parameters: the thresholds.
    """
    thresholds = thresholds_of(parameters)
    found = [
        *seen_in_registry(gathered, thresholds),
        *seen_in_presence(gathered, thresholds),
        *seen_in_heartbeats(gathered, thresholds),
    ]
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
