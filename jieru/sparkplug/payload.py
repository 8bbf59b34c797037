"""One payload of Sparkplug B, unpacked and split into its metrics. Pure, total and bounded."""

import zlib
from typing import Any, Final, NamedTuple

from jieru.i18n import marked as _
from jieru.refusals.said import Said
from jieru.sources.rows import MESSAGE_LIMIT_BYTES, ROWS_LIMIT
from jieru.sparkplug.schema import NotSparkplugError, Part, read
from jieru.wire import RejectionReason

__all__ = ["EXPANDED_LIMIT_BYTES", "METRICS_LIMIT", "Payload", "UnreadableError", "read_payload"]

EXPANDED_LIMIT_BYTES: Final = 1024 * 1024
"""What a compressed body may become: a metric of two bytes takes some fifty times as much here."""
METRICS_LIMIT: Final = ROWS_LIMIT
"""Of one payload, those within templates and the cells of data sets included."""
_COMPRESSED: Final = b"SPBV1.0_COMPRESSED"
"""Tahu's sign of a payload whose body is another one."""
_ALGORITHM: Final = b"algorithm"


class Payload(NamedTuple):
    """What a payload says before a look at its metrics."""

    timestamp: int | None
    """Milliseconds since 1970, as it came."""
    metrics: list[bytes]


class UnreadableError(Exception):
    """A payload that cannot be read."""

    def __init__(
        self, said: Said, reason: RejectionReason = RejectionReason.MALFORMED_PAYLOAD
    ) -> None:
        """Keep what is said of it."""
        super().__init__(said.message)
        self.said = said
        self.reason = reason


def read_payload(content: bytes) -> Payload:
    """Read one payload, unpacked where it is compressed as Tahu does it.

    Raises:
        UnreadableError: it is no such payload, or more than the limits allow.
    """
    if len(content) > MESSAGE_LIMIT_BYTES:
        raise _too_long(len(content), MESSAGE_LIMIT_BYTES)
    found = _parsed(content)
    if found.uuid == _COMPRESSED:
        found = _parsed(_unpacked(found))
        if found.uuid == _COMPRESSED:
            raise UnreadableError(Said(_("It is compressed twice.")))
    if len(found.metrics) > METRICS_LIMIT:
        raise too_many()
    return Payload(found.timestamp if found.HasField("timestamp") else None, list(found.metrics))


def too_many() -> UnreadableError:
    """What is said of more metrics than are read."""
    return UnreadableError(
        Said(_("It has more than {limit} metrics."), {"limit": f"{METRICS_LIMIT:,}"}),
        RejectionReason.PAYLOAD_TOO_LARGE,
    )


def not_sparkplug() -> UnreadableError:
    """What is said of bytes that are no protobuf."""
    return UnreadableError(Said(_("It is not a payload of Sparkplug B (protobuf).")))


def _parsed(content: bytes) -> Any:  # noqa: ANN401 - what the library makes has no type
    try:
        return read(Part.PAYLOAD, content)
    except NotSparkplugError:
        raise not_sparkplug() from None


def _unpacked(outer: Any) -> bytes:  # noqa: ANN401 - the same
    algorithm = _algorithm(outer)
    bits = {b"GZIP": zlib.MAX_WBITS | 16, b"DEFLATE": zlib.MAX_WBITS}.get(algorithm)
    if bits is None:
        raise UnreadableError(
            Said(
                _("It is compressed with {algorithm}, which is neither GZIP nor DEFLATE."),
                {"algorithm": algorithm[:20].decode(errors="replace")},
            )
        )
    reader = zlib.decompressobj(wbits=bits)
    try:
        content = reader.decompress(outer.body, EXPANDED_LIMIT_BYTES + 1)
    except zlib.error:
        raise UnreadableError(
            Said(
                _("Its body is not compressed with {algorithm}, as it says."),
                {"algorithm": algorithm.decode()},
            )
        ) from None
    if len(content) > EXPANDED_LIMIT_BYTES:
        raise _too_long(len(content), EXPANDED_LIMIT_BYTES)
    if not reader.eof:
        raise UnreadableError(Said(_("It was cut off: the end of its body is missing.")))
    return content


def _algorithm(outer: Any) -> bytes:  # noqa: ANN401 - the same
    for content in outer.metrics[:METRICS_LIMIT]:
        try:
            metric = read(Part.METRIC, content)
        except NotSparkplugError:
            raise not_sparkplug() from None
        if metric.name == _ALGORITHM:
            return bytes(metric.string_value).upper()
    return b"DEFLATE"


def _too_long(length: int, limit: int) -> UnreadableError:
    return UnreadableError(
        Said(
            _("It has {bytes} bytes; a message of a source has at most {limit}."),
            {"bytes": f"{length:,}", "limit": f"{limit:,}"},
        ),
        RejectionReason.PAYLOAD_TOO_LARGE,
    )
