"""What a commit did with each request of a batch.

Which row a result is of is told by the message itself, not by what it says: two may say the same.
"""

from collections.abc import Iterable, Sequence

from ingest.decode import Heartbeat
from ingest.http.post import Outcome, Post, RowLabel
from ingest.writer import Written

__all__ = ["outcomes"]


def outcomes(posts: Sequence[Post], written: Written) -> list[Outcome]:
    """What became of each request of a batch, in their order."""
    found = [Outcome() for _post in posts]
    place: dict[int, tuple[int, RowLabel]] = {}
    for number, post in enumerate(posts):
        reading = post.reading
        for message, label in zip(reading.rows, reading.labels, strict=True):
            place[id(message)] = number, label
        for rejection, label in zip(reading.rejections, reading.refused_labels, strict=True):
            place[id(rejection.message)] = number, label
        found[number].apart = len(reading.rows)

    def each(heartbeats: Iterable[Heartbeat]) -> Iterable[tuple[Outcome, Heartbeat]]:
        return ((found[place[id(each.message)][0]], each) for each in heartbeats)

    for outcome, _heartbeat in each(written.heartbeats):
        outcome.duplicates += 1
        outcome.apart -= 1
    for outcome, heartbeat in each(written.new):
        outcome.duplicates -= 1
        outcome.accepted += 1
        outcome.late += heartbeat.is_late
    for outcome, _heartbeat in each(written.excess):
        outcome.excess += 1
        outcome.apart -= 1
    of_no_row = {id(each) for post in posts for each in post.reading.rejections}
    for rejection in written.rejections:
        number, label = place[id(rejection.message)]
        found[number].rejected.append((label, rejection))
        found[number].apart -= id(rejection) not in of_no_row
    return found
