"""Payloads that are no JSON object in UTF-8, and what they are instead. Pure."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Final

from jieru.i18n import marked as _
from jieru.refusals.foreign import Foreign, recognised_array
from jieru.refusals.said import Detail, Said, excerpt

__all__ = ["text_fault"]

_GZIP: Final = b"\x1f\x8b"
_ZLIB: Final = (b"\x78\x01", b"\x78\x9c", b"\x78\xda")
_BYTE_ORDER_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_IDEOGRAPH: Final = re.compile("[\u4e00-\u9fff]")
_NOT_A_NUMBER: Final = re.compile(r"[:\[,]\s*-?(NaN|Infinity|inf|nan)\b")
_PYTHON_WORD: Final = re.compile(r":\s*(True|False|None)\b")
_JSON_IN_JSON: Final = ("{", "[")


def text_fault(payload: bytes) -> Detail | dict[str, object]:
    """What keeps a payload from being a JSON object.

    Returns:
        The object, where nothing does.
    """
    for look in _LOOKS:
        found = look(payload)
        if found is not None:
            return found
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        return _not_utf8(payload, error.start)
    try:
        document = json.loads(text, parse_constant=_refuse)
    except RecursionError:
        return Detail(Said(_("It is nested too deep.")))
    except ValueError as error:
        return _not_json(text, error)
    if isinstance(document, dict):
        return document
    return _no_object(document)


def _refuse(word: str) -> object:
    raise ValueError(word)


def _empty(payload: bytes) -> Detail | None:
    if payload.strip():
        return None
    return Detail(
        Said(_("It is empty; a JSON object is expected.")),
        Said(_("An empty message is also how a retained one is deleted at the broker.")),
    )


def _compressed(payload: bytes) -> Detail | None:
    if not payload.startswith((_GZIP, *_ZLIB)):
        return None
    return Detail(
        Said(_("It is compressed; a JSON object in UTF-8 is expected.")),
        Foreign.COMPRESSED.cause,
        Foreign.COMPRESSED.remedy,
    )


def _marked(payload: bytes) -> Detail | None:
    if not payload.startswith(_BYTE_ORDER_MARKS):
        return None
    return Detail(
        Said(_("It begins with a byte order mark, which is not JSON.")),
        Said(_("Write UTF-8 without a byte order mark.")),
    )


def _ended_by_nul(payload: bytes) -> Detail | None:
    if not payload.endswith(b"\0"):
        return None
    return Detail(
        Said(_("It ends with a NUL (U+0000), which is not JSON.")),
        Said(_("A text of C sent with its end: send strlen(text) bytes.")),
    )


_LOOKS: Final[Sequence[Callable[[bytes], Detail | None]]] = (
    _empty,
    _compressed,
    _marked,
    _ended_by_nul,
)


def _not_utf8(payload: bytes, place: int) -> Detail:
    fault = Said(
        _("Byte {place} is not UTF-8."),
        {"place": str(place + 1)},
    )
    try:
        text = payload.decode("gb18030")
    except UnicodeDecodeError:
        text = ""
    if _IDEOGRAPH.search(text):
        return Detail(
            fault,
            Said(
                _("It is GBK (GB 18030), in which it reads {text}: send UTF-8."),
                {
                    "text": excerpt(_around(text, _IDEOGRAPH)),
                },
            ),
        )
    return Detail(fault, Said(_("A binary format, or a text in another encoding.")))


def _around(text: str, wanted: re.Pattern[str]) -> str:
    match = wanted.search(text)
    return text[match.start() :] if match else text


def _not_json(text: str, error: ValueError) -> Detail:
    place = error.pos if isinstance(error, json.JSONDecodeError) else None
    if place is None:
        number = _NOT_A_NUMBER.search(text)
        word = number[1] if number else str(error)
        return Detail(
            Said(_("{word} is not JSON."), {"word": excerpt(word)}),
            Said(_("A value that was not measured: leave it out.")),
        )
    fault = Said(
        _("It is not JSON from character {place} on: {text}"),
        {"place": str(place + 1), "text": excerpt(text[place:]) or "…"},
    )
    is_cut = place >= len(text.rstrip()) or str(error).startswith("Unterminated")
    cause = next((message for message, applies in _causes(text, is_cut=is_cut) if applies), None)
    return Detail(fault, None if cause is None else Said(cause))


def _causes(text: str, *, is_cut: bool) -> Sequence[tuple[str, bool]]:
    """What a text that is not JSON may be, the likeliest first, and whether it is."""
    begun = text.lstrip()
    return (
        (_("A value that was not measured: leave it out."), bool(_NOT_A_NUMBER.search(text))),
        (
            _("A dictionary as Python prints it: write it with json.dumps."),
            begun.startswith(("{'", "{u'")) or bool(_PYTHON_WORD.search(text)),
        ),
        (_("XML or HTML: a JSON object is expected."), begun.startswith("<")),
        (
            _("It was cut off: many clients send no more than their buffer holds (256 bytes)."),
            is_cut,
        ),
        (
            _("Several objects in one message: publish each by itself."),
            begun.startswith("{") and "\n" in text,
        ),
        (
            _("Plain text or numbers: a JSON object is expected."),
            not begun.startswith(("{", "[", '"')),
        ),
    )


def _no_object(document: object) -> Detail:
    if isinstance(document, list):
        fault = Said(
            _("It is an array of {number}; an object is expected."),
            {"number": f"{len(document):,}"},
        )
        foreign = recognised_array(document)
        return Detail(fault, foreign.cause, foreign.remedy)
    if isinstance(document, str) and document.lstrip().startswith(_JSON_IN_JSON):
        return Detail(
            Said(_("It is a text in quotation marks; an object is expected.")),
            Said(_("JSON that was made into JSON once more: encode it once.")),
        )
    return Detail(
        Said(
            _("It is {found}; an object is expected."),
            {"found": excerpt(json.dumps(document, ensure_ascii=False))},
        )
    )
