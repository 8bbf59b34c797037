"""What each signal says, for people who decide about others, and what may explain it. Pure.

Shares come as 0 to 1 or in percent, as their threshold does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from jieru.i18n import marked as _
from verifier.trust.signal import Kind

__all__ = ["EXPLANATIONS", "Explanation", "measured_text"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A kind of signal in words, in English for the catalogue."""

    title: str
    seen: str
    """What was seen."""
    innocent: str
    """How it may come about without any fraud: what to ask for."""
    unit: str
    """Of score and threshold: `days`, `share`, `number`."""


EXPLANATIONS: Final[Mapping[Kind, Explanation]] = {
    Kind.RECORDED_LATE: Explanation(
        _("Registered long after its first day"),
        _("The registration reached the server long after the day from which it is to count."),
        _("Look at the contract and at what was sent in those days; ask why it came late."),
        "days",
    ),
    Kind.COUNTER_FELL: Explanation(
        _("A counter fell"),
        _("A counter of a device read less than before, though the device had not started anew."),
        _("A controller or a meter may have been replaced: ask for the record of the repair."),
        "number",
    ),
    Kind.COUNTER_CONTINUED: Explanation(
        _("A counter went on under another device"),
        _("A device went silent, and another one went on with its counter, within its usual step."),
        _("A device may have got a new serial: ask for the nameplates of both."),
        "days",
    ),
    Kind.NO_HEARTBEATS: Explanation(
        _("Hours without heartbeats"),
        _("Hours count as heard, and no heartbeat is kept that would prove them."),
        _("Ask the operator of this system first: archives may be missing or damaged."),
        "number",
    ),
    Kind.REQUIRED_HOURS: Explanation(
        _("Just the required hours"),
        _("On nearly every active day the devices were heard for exactly the hours required."),
        _("Some trades work in one short shift: ask for attendance or for bills of electricity."),
        "share",
    ),
    Kind.SILENT_WHEN_FULL: Explanation(
        _("Silent as soon as it was enough"),
        _("As soon as the days sufficed for the award, all devices went silent."),
        _("It may be seasonal, or a stop that was declared: compare with the declarations."),
        "days",
    ),
    Kind.NOT_LIVE: Explanation(
        _("Sent long afterwards"),
        _("A large share of the hours was not heard as it passed, but sent afterwards."),
        _("A gateway that stores and forwards does this: ask for its make and its network."),
        "share",
    ),
    Kind.RHYTHM_ALIKE: Explanation(
        _("The same exceptions as another enterprise"),
        _(
            "Devices depart from their usual hours at the same times as devices of another "
            "enterprise, or as those did some weeks before. Compare both calendars below."
        ),
        _("Enterprises under one roof share power cuts and shifts: look at both addresses."),
        "share",
    ),
    Kind.HANDED_OVER: Explanation(
        _("Machines that moved on"),
        _(
            "Devices of another enterprise stopped, and as many began here some days later, in the "
            "same second of their interval."
        ),
        _("Machines are sold and leased: ask for the contract and the invoice."),
        "number",
    ),
    Kind.GATEWAY_SHARED: Explanation(
        _("One gateway for many enterprises"),
        _("One gateway sends for more enterprises than its site explains."),
        _("Industrial parks share gateways: compare with the gateway's registered site."),
        "number",
    ),
    Kind.METRICS_REPEAT: Explanation(
        _("Measured values that repeat"),
        _("Long rows of measured values come again figure by figure, here or at another device."),
        _("A simulator or a recording does this; a gauge that hangs may."),
        "share",
    ),
    Kind.METRICS_WITHOUT_MEMORY: Explanation(
        _("Measured values at random"),
        _("Measured values know nothing of the ones before, as if they were drawn at random."),
        _("A coarse gauge that reads rarely may look so: ask how it is read."),
        "share",
    ),
    Kind.HEARD_WHILE_STOPPED: Explanation(
        _("Heard while declared stopped"),
        _("Devices were heard on days for which a stop or a repair was declared."),
        _("The stop may have ended early, or concerned some machines only: ask which."),
        "days",
    ),
}

_WHOLE: Final = 1.0
_PERCENT: Final = 100


def measured_text(kind: Kind, value: float, beside: float) -> str:
    """A score or a threshold as it is shown, without its unit but for the sign of percent.

    Args:
        kind: of signal.
        value: what is to be shown.
        beside: the other one of score and threshold, which tells whether shares are in percent.
    """
    if EXPLANATIONS[kind].unit == "share":
        in_percent = max(abs(value), abs(beside)) > _WHOLE
        return f"{value if in_percent else value * _PERCENT:.0f}%"
    return f"{value:.10g}"
