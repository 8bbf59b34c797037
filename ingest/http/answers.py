"""What a request is told once it is committed."""

from collections.abc import Callable

from ingest.decode import Rejection
from ingest.http.post import Outcome
from ingest.source_rows import SourceRow
from jieru.i18n import Language, translations
from jieru.refusals.detail import detail_of
from jieru.refusals.said import Refused

__all__ = ["DETAILS_MAX", "told"]

DETAILS_MAX = 100
"""Rows that are explained; those beyond have their reason alone."""


def told(outcome: Outcome, language: Language) -> dict[str, object]:
    """The answer's document."""
    translate = translations(language).gettext
    rejected: list[dict[str, object]] = []
    for label, rejection in outcome.rejected:
        row: dict[str, object] = {"row": label, "reason": rejection.reason.value}
        if len(rejected) < DETAILS_MAX:
            row["detail"] = _detail(rejection, translate)
        rejected.append(row)
    return {
        "accepted": outcome.accepted,
        "duplicates": outcome.duplicates,
        "late": outcome.late,
        "excess": outcome.excess,
        "apart": outcome.apart,
        "rejected": rejected,
    }


def _detail(rejection: Rejection, translate: Callable[[str], str]) -> str:
    message = rejection.message
    if isinstance(message, SourceRow) and message.said is not None:
        return message.said.spoken(translate)
    refused = Refused(message.topic, message.payload, message.payload_bytes, message.received_ms)
    return detail_of(rejection.reason, refused).spoken(translate)
