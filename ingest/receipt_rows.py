"""Rows without a time of their own, which over HTTPS may have that of receipt. Pure.

A request waits nowhere on its way, unlike a message at a broker. Whether a policy takes such a time
is the policy's to say; what it takes is marked beside the heartbeat for good.
"""

from collections.abc import Sequence

from ingest.decode import Rejection
from ingest.source_rows import SourceRow
from jieru.wire import RejectionReason

__all__ = ["ReceiptRow", "timed_by_receipt"]


class ReceiptRow(SourceRow, frozen=True, gc=False, kw_only=True):
    """A row whose time is that of its receipt."""


def timed_by_receipt(
    rejections: Sequence[Rejection],
) -> tuple[list[SourceRow], list[Rejection]]:
    """Of what was refused, the rows that lack a time alone, with that of receipt; and the rest."""
    rows: list[SourceRow] = []
    rest: list[Rejection] = []
    for each in rejections:
        row = each.message
        if each.reason is RejectionReason.NO_TIMESTAMP and isinstance(row, SourceRow):
            rows.append(_timed(row))
        else:
            rest.append(each)
    return rows, rest


def _timed(row: SourceRow) -> SourceRow:
    """The row with its time before all else that it says."""
    rest = row.payload.removeprefix(b"{")
    payload = b'{"ts":%d' % row.received_ms + (b"" if rest == b"}" else b",") + rest
    return ReceiptRow(
        row.topic,
        payload,
        len(payload),
        row.received_ms,
        row.packet_id,
        source=row.source,
        path=row.path,
    )
