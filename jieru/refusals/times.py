"""Times that no honest clock of today shows, and what they look like. Pure."""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from jieru.calendar import SHANGHAI
from jieru.i18n import marked as _
from jieru.refusals.said import Detail, Refused, Said
from jieru.wire import LATEST_TIMESTAMP_MS

__all__ = ["before_epoch", "future_timestamp"]

_YEAR_MS: Final = 366 * 86_400_000
_HOUR_MS: Final = 3_600_000
_ZONE_HOURS: Final = 8
_NEAR_MS: Final = 15 * 60_000
_EPOCH: Final = datetime.fromtimestamp(0, SHANGHAI)
_EARLIEST_MS: Final = -62_000_000_000_000
"""Before it, and beyond LATEST_TIMESTAMP_MS, no civil date is shown."""


class _Time(msgspec.Struct):
    ts: int


def before_epoch(message: Refused) -> Detail:
    """A time before 2020."""
    ts = _ts_of(message)
    fault = Said(
        _("ts is {ts}, which is {time}; the earliest is 2020-01-01."),
        {"ts": str(ts), "time": _in_words(ts)},
    )
    if _is_about(ts * 1_000, message.received_ms):
        return Detail(fault, Said(_("Seconds instead of milliseconds: multiply by 1,000.")))
    if 0 <= ts < _YEAR_MS:
        return Detail(
            fault,
            Said(_("Time since the machine started, or a clock without a battery: set it by NTP.")),
        )
    return Detail(fault, Said(_("The machine's clock is wrong: set it by NTP.")))


def future_timestamp(message: Refused) -> Detail:
    """A time that lies ahead of receipt."""
    ts = _ts_of(message)
    fault = Said(
        _("ts is {ts}, which is {time}; it was received at {received}."),
        {"ts": str(ts), "time": _in_words(ts), "received": _in_words(message.received_ms)},
    )
    if _is_about(ts // 1_000, message.received_ms):
        return Detail(fault, Said(_("Microseconds instead of milliseconds: divide by 1,000.")))
    if _is_about(ts // 1_000_000, message.received_ms):
        return Detail(fault, Said(_("Nanoseconds instead of milliseconds: divide by 1,000,000.")))
    if abs(ts - message.received_ms - _ZONE_HOURS * _HOUR_MS) <= _NEAR_MS:
        return Detail(
            fault, Said(_("Beijing time taken for UTC, 8 hours ahead: ts counts from 1970 in UTC."))
        )
    return Detail(fault, Said(_("The machine's clock is wrong: set it by NTP.")))


def _is_about(ts_ms: int, received_ms: int) -> bool:
    """Whether it would be a time that equipment sends: no more than a year away."""
    return abs(ts_ms - received_ms) <= _YEAR_MS


def _ts_of(message: Refused) -> int:
    """The `ts` of a message that was read well."""
    return msgspec.json.decode(message.payload, type=_Time).ts


def _in_words(ts_ms: int) -> str:
    if not _EARLIEST_MS < ts_ms < LATEST_TIMESTAMP_MS:
        return "—"
    moment = _EPOCH + timedelta(milliseconds=ts_ms)
    return f"{moment:%Y-%m-%d %H:%M:%S}"
