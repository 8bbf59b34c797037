"""Rows without a time of their own, which over HTTPS may have that of receipt. Pure.

A request waits nowhere on its way, unlike a message at a broker. Whether a policy takes such a time
is the policy's to say; what it takes is marked beside the heartbeat for good.
"""

import msgspec

from ingest.source_rows import RowsRead, SourceRow
from jieru.wire import RejectionReason

__all__ = ["ReceiptRow", "timed_by_receipt"]


class ReceiptRow(SourceRow, frozen=True, gc=False, kw_only=True):
    """A row whose time is that of its receipt."""


def timed_by_receipt(read: RowsRead) -> RowsRead:
    """The same, but what lacks a time alone is a row that has that of receipt.

    Messages of which there are such rows are marked, for they hold others each time they come.
    """
    timed: list[SourceRow] = []
    rest = []
    sources: set[int] = set()
    for each in read.rejections:
        row = each.message
        if each.reason is RejectionReason.NO_TIMESTAMP and isinstance(row, SourceRow):
            timed.append(_timed(row))
            sources.add(id(row.source))
        else:
            rest.append(each)
    kept = [
        msgspec.structs.replace(each, has_receipt_times=True) if id(each) in sources else each
        for each in read.kept
    ]
    return RowsRead([*read.rows, *timed], kept, rest)


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
