"""Keys of a heartbeat that break the contract, and what they look like. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

from jieru.i18n import marked as _
from jieru.refusals.said import Detail, Said, excerpt
from jieru.wire import (
    EXPONENT_LIMIT,
    PAYLOAD_DEPTH_LIMIT,
    SEQ_MAX,
    DeviceStatus,
    is_too_deep,
)

__all__ = ["key_fault"]

_Object = Mapping[str, object]

_OTHER_NAMES: Final = ("timestamp", "time", "ts_ms", "datetime", "date", "t", "at", "event_time")
"""Under which others send the time, in lower case."""
_DIGITS: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_ISO_TIME: Final = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}([T ][0-9]{2}.*)?")
_NUMBER_OF_TS: Final = re.compile(rb'"ts"\s*:\s*(-?[0-9][0-9.eE+-]*)')


def key_fault(document: _Object, payload: bytes) -> Detail:
    """The first key that breaks the contract, in the order in which the reader looks.

    Args:
        document: a JSON object that was not taken.
        payload: its bytes, as far as they are kept.
    """
    for key, look in (("ts", _ts), ("seq", _seq), ("status", _status), ("metrics", _metrics)):
        if key in document or key == "ts":
            found = look(document, payload)
            if found is not None:
                return found
    if is_too_deep(payload):
        return Detail(
            Said(
                _("It is nested deeper than {limit} objects and arrays."),
                {"limit": str(PAYLOAD_DEPTH_LIMIT)},
            )
        )
    return Detail(
        Said(
            _(
                "Metrics hold U+0000, half of a surrogate pair, or a number with an exponent "
                "beyond {limit}."
            ),
            {"limit": str(EXPONENT_LIMIT)},
        ),
        Said(_("A text of a fixed length with its filling: cut it at the first NUL.")),
    )


def _detail(message: str, found: object, cause: str | None = None) -> Detail:
    return Detail(
        Said(message, {"found": excerpt(json.dumps(found, ensure_ascii=False))}),
        None if cause is None else Said(cause),
    )


def _ts(document: _Object, payload: bytes) -> Detail | None:
    if "ts" not in document:
        return _without_ts(document)
    found = document["ts"]
    message = _("ts must be an integer, milliseconds since 1970; it is {found}.")
    match found:
        case int() if not isinstance(found, bool):
            is_written_otherwise = (number := _NUMBER_OF_TS.search(payload)) and not (
                number[1].lstrip(b"-").isdigit()
            )
            return _detail(message, found) if is_written_otherwise else None
        case float():
            cause = _("A number with a fraction or an exponent: write 13 digits and nothing else.")
            number = _NUMBER_OF_TS.search(payload)
            shown = number[1].decode() if number else str(found)
            return Detail(Said(message, {"found": excerpt(shown)}), Said(cause))
        case str():
            return _detail(message, found, _cause_of_text(found))
        case _:
            return _detail(message, found)


def _cause_of_text(found: str) -> str | None:
    if _DIGITS.fullmatch(found.strip()):
        return _("A number in quotation marks: send it without.")
    if _ISO_TIME.match(found):
        return _("A date as text: send milliseconds since 1970, or declare a source.")
    return None


def _without_ts(document: _Object) -> Detail:
    fault = Said(_("ts is missing: milliseconds since 1970, an integer."))
    for key in document:
        if key.lower().lstrip("@_") in _OTHER_NAMES or (key != "ts" and key.lower() == "ts"):
            return Detail(fault, Said(_("The time is called {key} here."), {"key": excerpt(key)}))
    return Detail(fault)


def _seq(document: _Object, _payload: bytes) -> Detail | None:
    found = document["seq"]
    if type(found) is int and 0 <= found <= SEQ_MAX:
        return None
    cause = None
    if isinstance(found, str):
        cause = _("A number in quotation marks: send it without.")
    elif found is None:
        cause = _("Leave out what is not known.")
    return _detail(_("seq must be an integer from 0 to 2^63 - 1; it is {found}."), found, cause)


def _status(document: _Object, _payload: bytes) -> Detail | None:
    found = document["status"]
    if isinstance(found, str) and found in _STATUSES:
        return None
    cause = None
    if isinstance(found, str) and found.strip().lower() in _STATUSES:
        cause = _("Write it in small letters.")
    elif found is None:
        cause = _("Leave out what is not known.")
    elif isinstance(found, str | int):
        cause = _("A status of your own: send the one that comes nearest, or declare a source.")
    return _detail(
        _("status must be running, idle, fault, stopped or maintenance; it is {found}."),
        found,
        cause,
    )


def _metrics(document: _Object, _payload: bytes) -> Detail | None:
    found = document["metrics"]
    if isinstance(found, dict):
        return None
    cause = None
    if isinstance(found, list):
        cause = _("Name each value: an object of names and values.")
    elif found is None:
        cause = _("Leave out what is not known.")
    elif isinstance(found, str):
        cause = _("An object that was made into text: send the object itself.")
    return _detail(_("metrics must be an object; it is {found}."), found, cause)


_STATUSES: Final[Sequence[str]] = [each.value for each in DeviceStatus]
