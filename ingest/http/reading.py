"""What the pipeline reads of a batch of requests: each was read before it was queued."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ingest.decode import Rejection
from ingest.http.post import Aside
from ingest.message import Message
from ingest.source_rows import SourceMessage

__all__ = ["PostedReader"]


@dataclass(slots=True)
class _Rows:
    rows: list[Message] = field(default_factory=list)
    kept: list[SourceMessage] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)


class PostedReader:
    """Puts what is no row beside the rows again."""

    async def read(self, messages: Sequence[Message], *, is_leaving: Callable[[], bool]) -> _Rows:  # noqa: ARG002
        """The rows of a batch."""
        read = _Rows()
        for message in messages:
            if isinstance(message, Aside):
                read.kept += message.reading.kept
                read.rejections += message.reading.rejections
            else:
                read.rows.append(message)
        return read

    async def close(self) -> None:
        """There is nothing to leave."""
