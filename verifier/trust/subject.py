"""A signal of a case, in the words of the registry. Pure."""

from datetime import date

from verifier.trust.gathered import Gathered
from verifier.trust.signal import Detail, Kind, Signal

__all__ = ["signal_of_case"]

_DECIMALS = 4


def signal_of_case(
    gathered: Gathered,
    kind: Kind,
    case: int,
    *,
    score: float,
    threshold: float,
    span: tuple[date, date],
    devices: tuple[str, ...] = (),
    detail: Detail | None = None,
) -> Signal:
    """A signal of the enterprise and platform of a case.

    Args:
        gathered: has the case.
        kind: what was seen.
        case: its place among the cases.
        score: rounded to four decimals.
        threshold: from where on it is a signal.
        span: first and last day on which it was seen.
        devices: serials of those it was seen in.
        detail: what a case shows of it.
    """
    subject = gathered.cases[case]
    return Signal(
        kind=kind,
        platform=subject.platform.code,
        uscc=subject.enterprise.uscc,
        score=round(float(score), _DECIMALS),
        threshold=float(threshold),
        from_on=span[0],
        to_on=max(span),
        devices=devices,
        detail=detail or {},
    )
