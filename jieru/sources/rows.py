"""From the bytes of one message to its rows, each good or with its fault. Pure, total and bounded.

Whatever the bytes are there is an answer, made from them and the format alone, in a time and with a
memory that the limits below bound. So every row can be made again from the bytes that are kept.
"""

import json
import zlib
from collections.abc import Iterator
from functools import lru_cache
from operator import attrgetter
from typing import Final, NamedTuple

import msgspec

from jieru.i18n import marked as _
from jieru.refusals.said import Said, excerpt
from jieru.sources.clean import Most, clean_rows
from jieru.sources.formats import Format, RowRule, StatusRule
from jieru.sources.paths import (
    Key,
    Looking,
    Node,
    NotThereError,
    Path,
    Place,
    Spot,
    TooMuchError,
    spots,
)
from jieru.sources.row import At, Row, path_of
from jieru.wire import (
    EXPONENT_LIMIT,
    PAYLOAD_LIMIT_BYTES,
    SEQ_MAX,
    SERIAL,
    DeviceStatus,
    RejectionReason,
    is_storable,
    is_too_deep,
)

__all__ = [
    "EXPANDED_LIMIT_BYTES",
    "MESSAGE_LIMIT_BYTES",
    "PLACES_LIMIT",
    "ROWS_LIMIT",
    "Decoded",
    "Fault",
    "Row",
    "decode_rows",
]

MESSAGE_LIMIT_BYTES: Final = 256 * 1024
"""As it came, compressed or not."""
EXPANDED_LIMIT_BYTES: Final = 4 * 1024 * 1024
"""What gzip may make of it: sixteen times as much, and JSON of equipment makes eight."""
ROWS_LIMIT: Final = 10_000
_TOO_MANY: Final = Said(_("It has more than {limit} rows."), {"limit": f"{ROWS_LIMIT:,}"})
PLACES_LIMIT: Final = 100_000
"""Lines, members and items that are looked at for rows: ten for each row that there may be."""
_MOST: Final = Most(ROWS_LIMIT, PLACES_LIMIT)
_TOO_MANY_PLACES: Final = _("It has more than {limit} places where rows may be.")
_SHOWN: Final = 400
_EXCERPT_BYTES: Final = 200
"""More than an excerpt shows, of whatever characters."""

_check: Final = msgspec.json.Decoder(msgspec.Raw).decode


class Fault(NamedTuple):
    """A row, or a whole message, that cannot be read."""

    path: str
    """`$`: the whole message."""
    reason: RejectionReason
    said: Said
    serial: str | None = None
    """Whose it is, where that was read."""
    shown: bytes = b""
    """Its beginning."""


class Decoded(NamedTuple):
    """What one message holds."""

    rows: list[Row]
    faults: list[Fault]


class _WrongError(Exception):
    """A part of a row that cannot be read."""

    def __init__(
        self, said: Said, reason: RejectionReason = RejectionReason.MALFORMED_PAYLOAD
    ) -> None:
        super().__init__(said.message)
        self.said = said
        self.reason = reason


def decode_rows(payload: bytes, declared: Format, serial_of_topic: str | None = None) -> Decoded:
    """Read one message.

    Args:
        payload: all of it.
        declared: how its source writes.
        serial_of_topic: the last part of its topic, where there is one.
    """
    decoded = Decoded([], [])
    try:
        document = _expanded(payload, declared)
        clean = _clean(document, declared, serial_of_topic)
        if clean is not None:
            return Decoded(_merged(clean), [])
        looking = Looking(PLACES_LIMIT)
        for line, text in _documents(document, declared):
            looking.look()
            _read_document(text, line, declared, serial_of_topic, decoded, looking)
    except TooMuchError:
        said = Said(_TOO_MANY_PLACES, {"limit": f"{PLACES_LIMIT:,}"})
        reason = RejectionReason.PAYLOAD_TOO_LARGE
        decoded.faults.append(Fault("$", reason, said, None, payload[:_SHOWN]))
    except _WrongError as wrong:
        decoded.faults.append(Fault("$", wrong.reason, wrong.said, None, payload[:_SHOWN]))
    return Decoded(_merged(decoded.rows), decoded.faults)


def _clean(document: bytes, declared: Format, serial_of_topic: str | None) -> list[Row] | None:
    """The rows of a message with nothing wrong in it, where it can be read at one go."""
    if not declared.shapes or (declared.is_lines and document.count(b"\n") > ROWS_LIMIT):
        return None
    return clean_rows(list(_documents(document, declared)), declared, serial_of_topic, _MOST)


def _expanded(payload: bytes, declared: Format) -> bytes:
    if len(payload) > MESSAGE_LIMIT_BYTES:
        raise _WrongError(
            _too_long(len(payload), MESSAGE_LIMIT_BYTES), RejectionReason.PAYLOAD_TOO_LARGE
        )
    if not declared.is_gzip:
        return payload
    reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        document = reader.decompress(payload, EXPANDED_LIMIT_BYTES + 1)
    except zlib.error:
        raise _WrongError(Said(_("It is not compressed with gzip, as its source says."))) from None
    if len(document) > EXPANDED_LIMIT_BYTES:
        raise _WrongError(
            _too_long(len(document), EXPANDED_LIMIT_BYTES), RejectionReason.PAYLOAD_TOO_LARGE
        )
    if not reader.eof:
        raise _WrongError(Said(_("It was cut off: gzip's end is missing.")))
    return document


def _too_long(length: int, limit: int) -> Said:
    return Said(
        _("It has {bytes} bytes; a message of a source has at most {limit}."),
        {"bytes": f"{length:,}", "limit": f"{limit:,}"},
    )


def _documents(document: bytes, declared: Format) -> Iterator[tuple[int, bytes]]:
    """Each document of a message, and the number of its line; 0: there are no lines."""
    if not declared.is_lines:
        yield 0, document
        return
    for number, line in enumerate(document.split(b"\n"), start=1):
        if line.strip():
            yield number, line


def _read_document(
    text: bytes,
    line: int,
    declared: Format,
    serial_of_topic: str | None,
    decoded: Decoded,
    looking: Looking,
) -> None:
    start = f"#{line}$" if line else "$"
    said = _unreadable(text)
    if said is not None and len(decoded.faults) >= ROWS_LIMIT:
        raise _WrongError(_TOO_MANY, RejectionReason.PAYLOAD_TOO_LARGE)
    if said is not None:
        decoded.faults.append(
            Fault(start, RejectionReason.MALFORMED_PAYLOAD, said, None, text[:_SHOWN])
        )
        return
    missing, whole = [], Node(text)
    for number, rule in enumerate(declared.rules):
        try:
            for spot in spots(whole, rule.each, looking):
                if len(decoded.rows) + len(decoded.faults) >= ROWS_LIMIT:
                    raise _WrongError(_TOO_MANY, RejectionReason.PAYLOAD_TOO_LARGE)
                at = At(line, number, spot.keys)
                _read_row(spot, at, declared, serial_of_topic, decoded)
        except NotThereError as error:
            missing.append(str(error))
    # One of several rules may find nothing: a gateway reports itself, or its devices, or both.
    if len(missing) == len(declared.rules):
        deepest = max(missing, key=len)
        decoded.faults.append(
            Fault(
                start,
                RejectionReason.MALFORMED_PAYLOAD,
                Said(
                    _("The rows are not where its source has them; it differs at {path}."),
                    {
                        "path": deepest,
                    },
                ),
                None,
                text[:_SHOWN],
            )
        )


def _unreadable(text: bytes) -> Said | None:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return Said(_("Byte {place} is not UTF-8."), {"place": str(error.start + 1)})
    if is_too_deep(text):
        return Said(_("It is nested too deep."))
    try:
        _check(text)
    except msgspec.MsgspecError as error:
        return Said(_("It is not JSON: {error}."), {"error": str(error)})
    return None


def _read_row(
    spot: Spot, at: At, declared: Format, serial_of_topic: str | None, decoded: Decoded
) -> None:
    rule, serial = declared.rules[at.rule], None
    try:
        serial = _serial(spot, rule, serial_of_topic)
        decoded.rows.append(
            Row(
                at,
                serial,
                _time(spot, rule),
                _seq(spot, rule),
                _status(spot, rule.status),
                _metrics(spot, rule),
            )
        )
    except _WrongError as wrong:
        shown = spot.nodes[-1].raw[:_SHOWN]
        path = path_of(at, declared)
        decoded.faults.append(Fault(path, wrong.reason, wrong.said, serial, shown))


def _found(spot: Spot, places: tuple[Place, ...], topic: str | None = None) -> str | None:
    """The first of some places that has a text or a number, as text; None: none has."""
    for place in places:
        if isinstance(place, Path):
            node = spot.at(place)
            text = None if node is None else node.text()
        else:
            text = str(spot.keys[place.star - 1]) if isinstance(place, Key) else topic
        if text is not None:
            return text
    return None


def _serial(spot: Spot, rule: RowRule, topic: str | None) -> str:
    name = _found(spot, rule.serial, topic)
    if name is None:
        raise _WrongError(Said(_("No serial is where its source has it.")))
    serial = rule.serials.get(name, name)
    if not SERIAL.fullmatch(serial):
        raise _WrongError(
            Said(
                _(
                    "{name} cannot be a serial (1 to 64 of A-Z, a-z, 0-9, period, _ and -): name "
                    "its serial in the source."
                ),
                {"name": excerpt(name)},
            )
        )
    return serial


def _time(spot: Spot, rule: RowRule) -> int | None:
    if rule.ts is None:
        return None
    text = _found(spot, rule.ts)
    if text is None:
        raise _WrongError(Said(_("No time is where its source has it.")))
    try:
        return rule.read_time(text)
    except ValueError:
        raise _WrongError(
            Said(_("{found} is not a time as its source writes them."), {"found": excerpt(text)})
        ) from None


def _seq(spot: Spot, rule: RowRule) -> int | None:
    text = _found(spot, rule.seq)
    if text is None:
        return None
    if not (len(text) <= len(str(SEQ_MAX)) and text.isascii() and text.isdigit()) or (
        int(text) > SEQ_MAX
    ):
        raise _WrongError(
            Said(
                _("seq must be an integer from 0 to 2^63 - 1; it is {found}."),
                {"found": excerpt(text)},
            )
        )
    return int(text)


def _status(spot: Spot, rule: StatusRule | None) -> DeviceStatus | None:
    text = None if rule is None else _found(spot, rule.places)
    if rule is None or text is None:
        return None
    if text in rule.known:
        return rule.known[text]
    if not rule.known and text in _STATUSES:
        return DeviceStatus(text)
    if rule.otherwise is None:
        raise _WrongError(
            Said(
                _("The source does not say which status {found} is."),
                {"found": excerpt(text)},
            )
        )
    return None if rule.otherwise == "leave_out" else DeviceStatus(rule.otherwise)


_STATUSES: Final = {each.value for each in DeviceStatus}


def _metrics(spot: Spot, rule: RowRule) -> bytes | None:
    if rule.metrics is not None:
        node = spot.at(rule.metrics)
        if node is None:
            return None
        metrics = node.raw
        if not metrics.startswith(b"{"):
            found = metrics[:_EXCERPT_BYTES].decode(errors="ignore")
            raise _WrongError(
                Said(_("metrics must be an object; it is {found}."), {"found": excerpt(found)})
            )
    elif rule.metric_name is not None and rule.metric_value is not None:
        name, node = _found(spot, (rule.metric_name,)), spot.at(rule.metric_value)
        if name is None or node is None:
            return None
        _check_length(_written_bytes(name) + len(node.raw) + len(b"{:}"))
        metrics = b"{" + json.dumps(name, ensure_ascii=False).encode() + b":" + node.raw + b"}"
    else:
        return None
    _check_length(len(metrics))
    if not is_storable(metrics):
        raise _WrongError(
            Said(
                _(
                    "Metrics hold U+0000, half of a surrogate pair, or a number with an exponent "
                    "beyond {limit}."
                ),
                {"limit": str(EXPONENT_LIMIT)},
            )
        )
    return metrics


_TIME: Final = attrgetter("ts_ms")
_SERIAL: Final = attrgetter("serial")


def _check_length(length: int) -> None:
    if length > PAYLOAD_LIMIT_BYTES:
        raise _WrongError(
            Said(
                _("It has {bytes} bytes; a heartbeat has at most {limit}."),
                {"bytes": f"{length:,}", "limit": f"{PAYLOAD_LIMIT_BYTES:,}"},
            ),
            RejectionReason.PAYLOAD_TOO_LARGE,
        )


@lru_cache(maxsize=2)  # a name as long as the message may be that of every row
def _written_bytes(name: str) -> int:
    return len(json.dumps(name, ensure_ascii=False).encode())


def _merged(rows: list[Row]) -> list[Row]:
    """Rows of one device and moment made one, in the place of the first.

    Formats that have a time for each value make a row of each; and a device has one heartbeat at a
    moment, of which a second would be taken for a repetition.
    """
    times = list(map(_TIME, rows))
    if len(set(times)) == len(rows) or (
        len(set(zip(map(_SERIAL, rows), times, strict=True))) == len(rows)
    ):
        return rows
    by_moment: dict[tuple[str, int | None], int] = {}
    merged: list[Row] = []
    for row in rows:
        place = by_moment.setdefault((row.serial, row.ts_ms), len(merged))
        if place == len(merged):
            merged.append(row)
        else:
            merged[place] = _both(merged[place], row)
    return merged


def _both(row: Row, other: Row) -> Row:
    """One row of two; values that would be too much for a heartbeat stay in the message alone."""
    metrics = row.metrics if row.metrics is not None else other.metrics
    if row.metrics is not None and other.metrics is not None:
        joined = row.metrics.rstrip()[:-1] + b"," + other.metrics.lstrip()[1:]
        is_kept = len(row.metrics) > len(b"{}") and len(other.metrics) > len(b"{}")
        metrics = joined if is_kept and len(joined) <= PAYLOAD_LIMIT_BYTES else row.metrics
    return Row(
        row.at,
        row.serial,
        row.ts_ms,
        row.seq if row.seq is not None else other.seq,
        row.status if row.status is not None else other.status,
        metrics,
    )
