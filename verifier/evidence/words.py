"""Differences of evidence in words."""

from typing import Final

from jieru.i18n import marked as _
from verifier.evidence.differences import DifferenceKind

__all__ = ["DIFFERENCE_SENTENCES"]

DIFFERENCE_SENTENCES: Final = {
    DifferenceKind.INVENTED: _(
        "{device} (publisher {publisher}), {hour}: presence counts this hour, and no heartbeat "
        "that came in time stands behind it."
    ),
    DifferenceKind.LOST: _(
        "{device} (publisher {publisher}), {hour}: a heartbeat came in time, and presence does "
        "not have this hour."
    ),
    DifferenceKind.INVENTED_LATE: _(
        "{device} (publisher {publisher}), {hour}: presence says it was heard late, and no "
        "heartbeat stands behind it."
    ),
    DifferenceKind.LOST_LATE: _(
        "{device} (publisher {publisher}), {hour}: a heartbeat came late, and presence does not "
        "say so."
    ),
    DifferenceKind.INVENTED_LIVE: _(
        "{device} (publisher {publisher}), {hour}: presence says it was heard live, and no "
        "heartbeat arrived while it was fresh."
    ),
    DifferenceKind.LOST_LIVE: _(
        "{device} (publisher {publisher}), {hour}: a heartbeat arrived while it was fresh, and "
        "presence does not say so."
    ),
}
