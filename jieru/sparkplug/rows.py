"""From one message of Sparkplug B to its rows, each good or with its fault. Pure, total, bounded.

Metrics of one time are one row, in the order in which their times come first. Whatever the bytes
are there is an answer, made from them, the declared format and the birth alone; so every row can be
made again from what is kept.
"""

import json
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from jieru.i18n import marked as _
from jieru.refusals.said import Said, excerpt
from jieru.sources.formats import SparkplugRule
from jieru.sources.row import At, Row
from jieru.sources.rows import Fault
from jieru.sparkplug.births import NO_BIRTH, BirthNames
from jieru.sparkplug.payload import Payload, UnreadableError, read_payload
from jieru.sparkplug.schema import Part
from jieru.sparkplug.values import Budget, read_part, text_of, value_of
from jieru.wire import PAYLOAD_LIMIT_BYTES, SERIAL, DeviceStatus, RejectionReason

__all__ = ["SparkplugDecoded", "decode_sparkplug", "place_of"]

_ROOM: Final = PAYLOAD_LIMIT_BYTES - len(
    b'{"ts":18446744073709551615,"status":"maintenance","metrics":{}}'
)
"""For metrics in a heartbeat; what does not fit stays in the message alone."""
_SHOWN: Final = 400
_HISTORICAL: Final = "is_historical"
"""Among the metrics of a row of which every one is: it waited where it was measured."""
_STATUSES: Final = {each.value for each in DeviceStatus}


class SparkplugDecoded(NamedTuple):
    """What one message holds."""

    rows: list[Row]
    faults: list[Fault]
    unknown_aliases: int = 0
    """Metrics whose number no birth names: they are called `alias:12`."""


def place_of(at: At) -> str:
    """Where a row stands, for people: the first metric of its time; `$` where there are none."""
    return "".join(["$", *(f".metrics[{key}]" for key in at.keys)])


@dataclass(slots=True)
class _Moment:
    """The metrics of one time."""

    first: int | None
    """Its place; None: the message has no metrics."""
    values: dict[str, object] = field(default_factory=dict)
    is_historical: bool = True


def decode_sparkplug(
    payload: bytes, rule: SparkplugRule, name: str, birth: BirthNames = NO_BIRTH
) -> SparkplugDecoded:
    """Read one message.

    Args:
        payload: all of it.
        rule: how its platform declared it.
        name: of the device, or the edge node, that its topic names.
        birth: the newest that came before, for a message that is none itself.
    """
    shown = payload[:_SHOWN]
    try:
        serial = _serial(name, rule)
        moments, unknown = _moments(read_payload(payload), birth)
    except UnreadableError as wrong:
        return SparkplugDecoded([], [Fault("$", wrong.reason, wrong.said, None, shown)])
    decoded = SparkplugDecoded([], [], unknown)
    for ts_ms, moment in moments.items():
        at = At(0, 0, () if moment.first is None else (moment.first,))
        try:
            status = _status(moment, rule)
        except UnreadableError as wrong:
            decoded.faults.append(Fault(place_of(at), wrong.reason, wrong.said, serial, shown))
        else:
            decoded.rows.append(Row(at, serial, ts_ms, None, status, _metrics(moment, rule)))
    return decoded


def _serial(name: str, rule: SparkplugRule) -> str:
    serial = rule.serials.get(name, name)
    if SERIAL.fullmatch(serial):
        return serial
    raise UnreadableError(
        Said(
            _(
                "{name} cannot be a serial (1 to 64 of A-Z, a-z, 0-9, period, _ and -): name "
                "its serial in the source."
            ),
            {"name": excerpt(name)},
        )
    )


def _moments(payload: Payload, birth: BirthNames) -> tuple[dict[int | None, _Moment], int]:
    """The metrics by time, and how many of them nobody named."""
    if not payload.metrics:
        return {payload.timestamp: _Moment(None, is_historical=False)}, 0
    moments: dict[int | None, _Moment] = {}
    budget, unknown = Budget(), 0
    budget.spend(len(payload.metrics))
    for at, content in enumerate(payload.metrics):
        metric = read_part(Part.METRIC, content)
        name = None
        if metric.HasField("name"):
            name = text_of(metric.name)
        elif metric.HasField("alias"):
            name = birth.by_alias.get(metric.alias)
        if name is None:
            name = f"alias:{metric.alias}" if metric.HasField("alias") else f"metric:{at}"
            unknown += 1
        datatype = metric.datatype if metric.HasField("datatype") else birth.datatypes.get(name)
        # Of what was measured before, the time of sending says nothing.
        otherwise = None if metric.is_historical else payload.timestamp
        ts_ms = metric.timestamp if metric.HasField("timestamp") else otherwise
        moment = moments.setdefault(ts_ms, _Moment(at))
        value = value_of(metric, datatype, budget)
        moment.values[name] = None if metric.is_null else value
        moment.is_historical = moment.is_historical and metric.is_historical
    return moments, unknown


def _status(moment: _Moment, rule: SparkplugRule) -> DeviceStatus | None:
    found = next(
        (moment.values[name] for name in rule.status_names if moment.values.get(name) is not None),
        None,
    )
    if found is None:
        return None
    text = found if isinstance(found, str) else json.dumps(found)
    if text in rule.known_statuses:
        return rule.known_statuses[text]
    if not rule.known_statuses and text in _STATUSES:
        return DeviceStatus(text)
    if rule.other_status is None:
        raise UnreadableError(
            Said(_("The source does not say which status {found} is."), {"found": excerpt(text)}),
            RejectionReason.MALFORMED_PAYLOAD,
        )
    return None if rule.other_status == "leave_out" else DeviceStatus(rule.other_status)


def _metrics(moment: _Moment, rule: SparkplugRule) -> bytes | None:
    """A JSON object of as many as a heartbeat has room for, in their order."""
    values = dict(moment.values)
    if rule.metrics is not None:
        values = {name: value for name, value in values.items() if name in rule.metrics}
    if moment.is_historical:
        values = {_HISTORICAL: True, **values}
    parts: list[bytes] = []
    room = _ROOM
    for name, value in values.items():
        written = json.dumps({name: value}, ensure_ascii=False, separators=(",", ":"))
        part = written[1:-1].encode()
        if len(part) + 1 <= room:
            parts.append(part)
            room -= len(part) + 1
    return b"{" + b",".join(parts) + b"}" if parts else None
