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
from jieru.refusals.said import shown_bytes
from jieru.sources.row import path_of
from jieru.sources.rows import decode_rows
from jieru.sparkplug.births import NO_BIRTH, BirthNames, names_of_birth
from jieru.sparkplug.rows import decode_sparkplug, place_of
from registry.sources import usable_format
from verifier.policy import Policy

__all__ = ["try_sample"]

_SHOWN: Final = 100
_ANY_DEVICE: Final = "device"
"""For a sample whose topic is not said."""


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
    sample, name, unknown_aliases = _sample(trial), trial.serial_of_topic, 0
    if declared.sparkplug is None:
        rows, faults = decode_rows(sample, declared, name)
    else:
        rows, faults, unknown_aliases = decode_sparkplug(
            sample, declared.sparkplug, name or _ANY_DEVICE, _names(trial)
        )
    translate = translations(language).gettext
    return TriedSample(
        rows_number=len(rows),
        faults_number=len(faults),
        rows=[
            TriedRow(
                path=path_of(row.at, declared) if declared.sparkplug is None else place_of(row.at),
                serial=row.serial,
                ts=row.ts_ms,
                seq=row.seq,
                status=row.status.value if row.status else None,
                metrics=row.metrics.decode() if row.metrics is not None else None,
            )
            for row in rows[:_SHOWN]
        ],
        faults=[
            TriedFault(
                path=fault.path,
                reason=fault.reason,
                fault=fault.said.spoken(translate),
                serial=fault.serial,
                shown=shown_bytes(fault.shown),
            )
            for fault in faults[:_SHOWN]
        ],
        unknown_aliases=unknown_aliases,
    )


def _names(trial: Trial) -> BirthNames:
    if trial.birth_base64 is None:
        return NO_BIRTH
    return names_of_birth(_of_base64(trial.birth_base64, "birth_base64"))


def _sample(trial: Trial) -> bytes:
    given = [each for each in (trial.text, trial.base64, trial.hex) if each is not None]
    if len(given) != 1:
        raise _wrong(
            "text", UserError(_("Give the message as text, in Base64, or in hexadecimal."))
        )
    if trial.text is not None:
        return trial.text.encode()
    if trial.base64 is not None:
        return _of_base64(trial.base64, "base64")
    try:
        return bytes.fromhex(trial.hex or "")
    except ValueError:
        raise _wrong("hex", UserError(_("It is not hexadecimal."))) from None


def _of_base64(text: str, field: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _wrong(field, UserError(_("It is not Base64."))) from None


def _wrong(field: str, reason: UserError) -> Problem:
    return Problem(Kind.INVALID_REQUEST).about([WrongField(field, reason)])
