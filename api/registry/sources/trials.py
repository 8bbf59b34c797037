"""A sample read by a format, exactly as an ingester would read it; nothing of it is kept."""

import binascii
from base64 import b64decode
from typing import Final

from api.registry.sources.answers import Trial, TriedFault, TriedRow, TriedSample
from api.registry.sources.queries import content_of
from api.web.problems import Kind, Problem, WrongField
from jieru.errors import UserError
from jieru.i18n import Language, translations
from jieru.i18n import marked as _
from jieru.sources.row import path_of
from jieru.sources.rows import decode_rows
from registry.sources import usable_format
from verifier.policy import Policy

__all__ = ["try_sample"]

_SHOWN: Final = 100


def try_sample(trial: Trial, language: Language, policy: Policy) -> TriedSample:
    """What the format reads in the sample.

    Raises:
        Problem: the format cannot be used, or the sample is not given in one way.
    """
    content = content_of(trial.ready_made, trial.format)
    try:
        _text, declared = usable_format(content, takes_receipt_time=policy.takes_receipt_time)
    except UserError as reason:
        raise _wrong("format", reason) from None
    decoded = decode_rows(_sample(trial), declared, trial.serial_of_topic)
    translate = translations(language).gettext
    return TriedSample(
        rows_number=len(decoded.rows),
        faults_number=len(decoded.faults),
        rows=[
            TriedRow(
                path=path_of(row.at, declared),
                serial=row.serial,
                ts=row.ts_ms,
                seq=row.seq,
                status=row.status.value if row.status else None,
                metrics=row.metrics.decode() if row.metrics is not None else None,
            )
            for row in decoded.rows[:_SHOWN]
        ],
        faults=[
            TriedFault(
                path=fault.path,
                reason=fault.reason,
                fault=fault.said.spoken(translate),
                serial=fault.serial,
                shown=fault.shown.decode(errors="replace"),
            )
            for fault in decoded.faults[:_SHOWN]
        ],
    )


def _sample(trial: Trial) -> bytes:
    if (trial.text is None) == (trial.base64 is None):
        raise _wrong("text", UserError(_("Give the message as text, or in Base64.")))
    if trial.text is not None:
        return trial.text.encode()
    try:
        return b64decode(trial.base64 or "", validate=True)
    except (binascii.Error, ValueError):
        raise _wrong("base64", UserError(_("It is not Base64."))) from None


def _wrong(field: str, reason: UserError) -> Problem:
    return Problem(Kind.INVALID_REQUEST).about([WrongField(field, reason)])
