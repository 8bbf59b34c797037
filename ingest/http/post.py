"""One request on its way to the database: what it holds, and what it will be told. Pure."""

from asyncio import Future
from collections.abc import Sequence
from dataclasses import dataclass, field

from ingest.decode import Rejection
from ingest.message import Batch, Message
from ingest.source_rows import SourceMessage

__all__ = ["Aside", "Outcome", "Post", "PostedBatch", "Reading", "RowLabel"]

RowLabel = int | str
"""Which row of its request: a number from 0, or a path in another's format."""


@dataclass(slots=True)
class Reading:
    """What the body of one request holds."""

    rows: list[Message] = field(default_factory=list)
    """In the form of native messages."""
    labels: list[RowLabel] = field(default_factory=list)
    """Of the rows, in their order."""
    rejections: list[Rejection] = field(default_factory=list)
    """Of what can be no row."""
    refused_labels: list[RowLabel] = field(default_factory=list)
    kept: list[SourceMessage] = field(default_factory=list)
    """The message itself, where it is in another's format."""

    def take(self, row: Message, label: RowLabel) -> None:
        """Add a row."""
        self.rows.append(row)
        self.labels.append(label)

    def refuse(self, rejection: Rejection, label: RowLabel) -> None:
        """Add one that is none."""
        self.rejections.append(rejection)
        self.refused_labels.append(label)


class Aside(Message, frozen=True, gc=False, kw_only=True):
    """Stands in a batch for what of a request is no row: it goes into the same transaction."""

    reading: Reading


@dataclass(slots=True)
class Outcome:
    """What a commit did with one request."""

    accepted: int = 0
    """Stored now."""
    duplicates: int = 0
    """Stored before."""
    late: int = 0
    """Of the accepted ones, those that came too late to count."""
    excess: int = 0
    """Beyond their devices' rate: counted, and not kept."""
    apart: int = 0
    """Kept, to be stored behind all others."""
    rejected: list[tuple[RowLabel, Rejection]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Post:
    """A request that waits for its commit."""

    platform: str
    reading: Reading
    answer: Future[Outcome]

    @property
    def size(self) -> int:
        """Rows, and one for what is none."""
        reading = self.reading
        return len(reading.rows) + bool(reading.rejections or reading.kept)

    def messages(self) -> list[Message]:
        """What goes into a batch."""
        reading = self.reading
        if not (reading.rejections or reading.kept):
            return reading.rows
        return [*reading.rows, Aside("", b"", 0, 0, None, reading=reading)]


@dataclass(frozen=True, slots=True)
class PostedBatch(Batch):
    """The messages of some requests."""

    posts: Sequence[Post]
