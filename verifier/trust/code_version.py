"""Which program ran the signals: the release, and a digest of the code that finds them."""

from functools import cache
from pathlib import Path
from typing import Final

from verifier.procedure.code_version import version_of_modules

__all__ = ["SIGNAL_MODULES", "signals_code_version"]

SIGNAL_MODULES: Final = (
    "jieru.calendar",
    "jieru.presence",
    "verifier.counting.activity",
    "verifier.counting.award",
    "verifier.counting.backdated",
    "verifier.counting.backdating",
    "verifier.counting.count",
    "verifier.counting.determination",
    "verifier.counting.eligibility",
    "verifier.counting.evaluation",
    "verifier.counting.evidence",
    "verifier.counting.late_notices",
    "verifier.counting.live_days",
    "verifier.counting.live_hours",
    "verifier.counting.reading",
    "verifier.counting.registry",
    "verifier.counting.windows",
    "verifier.policy",
    "verifier.policy.checked_yaml",
    "verifier.policy.load",
    "verifier.policy.model",
    "verifier.procedure.canonical",
    "verifier.trust.counters",
    "verifier.trust.effort",
    "verifier.trust.fleet",
    "verifier.trust.gateways",
    "verifier.trust.gathered",
    "verifier.trust.handover",
    "verifier.trust.interruptions",
    "verifier.trust.metrics",
    "verifier.trust.precedence",
    "verifier.trust.reading",
    "verifier.trust.registration",
    "verifier.trust.rhythm",
    "verifier.trust.run",
    "verifier.trust.running",
    "verifier.trust.seeing",
    "verifier.trust.seen_in_heartbeats",
    "verifier.trust.seen_in_presence",
    "verifier.trust.seen_in_registry",
    "verifier.trust.signal",
    "verifier.trust.stops",
    "verifier.trust.subject",
    "verifier.trust.thresholds",
    "verifier.trust.windows",
)
"""All that can change a signal or a byte of its digest; a test compares them with the imports."""


@cache
def signals_code_version(root: Path | None = None) -> str:
    """For instance `0.1.0+5b1e08c3d9aa`: two programs of one such name find alike.

    Args:
        root: the folder of the packages; None: of this program.
    """
    if root is None:
        return version_of_modules(SIGNAL_MODULES)
    return version_of_modules(SIGNAL_MODULES, root)
