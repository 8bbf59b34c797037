"""The rows of a clean message, read at one go. Pure.

Most messages have nothing wrong with them, and for those a row costs a tenth or less of what
`jieru.sources.rows` needs to tell what is wrong, and where. Whatever is read here is exactly what
would be read there: a property test holds one against the other for every ready-made format and for
formats drawn at random. In any doubt there is no answer, and the message is read there.
"""

import json
import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import chain, repeat
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from jieru.sources.formats import Format, RowRule, StatusRule
from jieru.sources.paths import Key, Path, Place
from jieru.sources.row import At, Row
from jieru.sources.shape import NotCleanError, Shape, Spread
from jieru.sources.times import LARGEST_MS
from jieru.wire import (
    PAYLOAD_DEPTH_LIMIT,
    PAYLOAD_LIMIT_BYTES,
    SEQ_MAX,
    SERIAL,
    DeviceStatus,
    is_storable,
    is_too_deep,
)

__all__ = ["Most", "clean_rows"]

_BACKSLASH: Final = b"\\"
_MAY_BE_NO_CHARACTER: Final = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_CLASSES: Final = bytes(
    1 if byte in b"0123456789+-" else 2 if byte in b"eE" else 0 for byte in range(256)
)
_LONG_EXPONENT: Final = b"\2\1\1\1"
_NEGATIVE_ZERO: Final = re.compile(rb"-0\s*[,}\]]")
"""The one integer that is not written as Python writes it."""
_OPENING: Final = ord("{")
_NOT_OPENING: Final = bytes(set(range(256)) - set(b"[{"))
_WHOLE_MS: Final = {"ms": 1, "s": 1_000}
"""Of units in which an integer is a whole number of milliseconds: how many."""
_LONGEST_SEQ: Final = len(str(SEQ_MAX))
_STATUSES: Final = {each.value for each in DeviceStatus}


class Most(NamedTuple):
    """The limits of a message."""

    rows: int
    places: int
    """Documents, and members and items that stars stand for."""


def clean_rows(
    documents: Sequence[tuple[int, bytes]],
    declared: Format,
    serial_of_topic: str | None,
    most: Most,
) -> list[Row] | None:
    """The rows of a message, not yet merged; None: it is not clean, or its format has no shape.

    Args:
        documents: each with the number of its line, 0 where there are none.
        declared: how its source writes.
        serial_of_topic: the last part of its topic, where there is one.
        most: how much it may hold.
    """
    if not documents:
        return None
    shape = declared.shapes.get(documents[0][1].lstrip()[:1])
    if shape is None:
        return None
    try:
        return _rows(documents, declared, shape, serial_of_topic, most)
    except (
        NotCleanError,
        msgspec.MsgspecError,
        UnicodeDecodeError,
        RecursionError,
        ValueError,  # of a time
    ):
        return None


def _rows(
    documents: Sequence[tuple[int, bytes]],
    declared: Format,
    shape: Shape,
    topic: str | None,
    most: Most,
) -> list[Row]:
    texts = [text for _line, text in documents]
    text = texts[0] if len(texts) == 1 else b"\n".join(texts)
    _check_characters(text)
    if _openings(text) > 2 * most.places:  # each of which would be made into something
        raise NotCleanError
    roots = list(map(shape.read_document, texts))
    opened: dict[Hashable, int] = {}
    rows: list[Row] = []
    found, looked = 0, len(documents)
    raws = _Raws({}, [])
    for place, number in enumerate(shape.rules):
        spread = shape.spread(place, roots, opened)
        if spread is None:
            continue
        found, looked = found + 1, looked + spread.looked
        if len(rows) + len(spread) > most.rows or looked > most.places:
            raise NotCleanError
        if spread.keys:
            lines = [line for line, _text in documents]
            columns = _Columns(spread, topic, text, raws)
            rows += _rows_of(columns, lines, number, declared.rules[number])
    if not found or (len(documents) > 1 and len(shape.rules) > 1):
        raise NotCleanError  # rows of several rules alternate, document by document
    _check_raws(texts, text, raws, rows, shape, sum(opened.values()))
    return rows


class _Raws(NamedTuple):
    """What is kept of a message as it came."""

    own: dict[Hashable, list[bytes]]
    """Of each row its own part, by its place in the tree."""
    shared: list[bytes]
    """Of each row a part that it shares with others."""


def _check_characters(text: bytes) -> None:
    """No byte that is not UTF-8, and no half of a surrogate pair, were it in a name."""
    if not text.isascii():
        text.decode()
    if _BACKSLASH in text and _MAY_BE_NO_CHARACTER.search(text) and not is_storable(text):
        raise NotCleanError


def _check_raws(
    texts: Sequence[bytes],
    text: bytes,
    raws: _Raws,
    rows: Sequence[Row],
    shape: Shape,
    opened: int,
) -> None:
    """What is kept as it came is what the database takes, and nothing is nested too deep."""
    own = list(chain.from_iterable(raws.own.values()))
    joined = b"\n".join(own)
    shared = b"\n".join(set(raws.shared))
    if _LONG_EXPONENT in (joined + shared if shared else joined).translate(_CLASSES) and not all(
        is_storable(row.metrics) for row in rows if row.metrics is not None
    ):
        raise NotCleanError
    # None deeper than it may be: each bracket is the tree's, or of a row's, or one too many.
    opening = _openings(text)
    if opening <= PAYLOAD_DEPTH_LIMIT:
        return
    deepest_of_raws = PAYLOAD_DEPTH_LIMIT // 2
    others = opening - _openings(joined) - opened
    if shape.depth + deepest_of_raws + others <= PAYLOAD_DEPTH_LIMIT and not any(
        _openings(each) > deepest_of_raws for each in own if len(each) > 2 * deepest_of_raws
    ):
        return
    if any(map(is_too_deep, texts)):
        raise NotCleanError


def _openings(text: bytes) -> int:
    return len(text.translate(None, _NOT_OPENING))


class _Columns(NamedTuple):
    """What there is to make rows of one rule from."""

    spread: Spread
    topic: str | None
    text: bytes
    """All of the message."""
    raws: _Raws

    def texts(self, places: Sequence[Place]) -> Sequence[str | None]:
        """Of each row the first of some places that has a text or a number, as text."""
        first, *others = (self._texts_at(place) for place in places)
        for other in others:
            first = [one if one is not None else two for one, two in zip(first, other, strict=True)]
        return first

    def _texts_at(self, place: Place) -> list[str | None]:
        if isinstance(place, Path):
            return self._written(self.spread.column(place))
        if isinstance(place, Key):
            keys: list[Any] = list(map(itemgetter(place.star - 1), self.spread.keys))
            return keys if set(map(type, keys)) == {str} else list(map(str, keys))
        return [self.topic] * len(self.spread)

    def _written(self, column: list[Any]) -> list[str | None]:
        """Values as the document has them.

        Raises:
            NotCleanError: one is a number that Python may write otherwise.
        """
        kinds = set(map(type, column))
        if kinds == {str}:
            return column
        if float in kinds or (int in kinds and 0 in column and _NEGATIVE_ZERO.search(self.text)):
            raise NotCleanError
        return list(map(_as_written, column))

    def integers(self, places: Sequence[Place]) -> list[int] | None:
        """The one place's values, where all are written as integers; None: they are not."""
        (place, *others) = places
        if others or not isinstance(place, Path):
            return None
        column = self.spread.column(place)
        return column if set(map(type, column)) == {int} else None


def _as_written(value: str | int | UnsetType | None) -> str | None:
    if value is None or isinstance(value, UnsetType):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _rows_of(columns: _Columns, lines: Sequence[int], number: int, rule: RowRule) -> Iterable[Row]:
    spread = columns.spread
    row_lines = repeat(lines[0]) if len(lines) == 1 else map(lines.__getitem__, spread.documents)
    return map(
        Row,
        map(At, row_lines, repeat(number), spread.keys),
        _serials(columns, rule),
        _times(columns, rule),
        _seqs(columns, rule),
        _statuses(columns, rule.status),
        _metrics(columns, rule),
    )


def _serials(columns: _Columns, rule: RowRule) -> Sequence[str]:
    return _each_once(columns.texts(rule.serial), lambda name: _serial(name, rule))


def _serial(name: str, rule: RowRule) -> str:
    serial = rule.serials.get(name, name)
    if not SERIAL.fullmatch(serial):
        raise NotCleanError
    return serial


_To = TypeVar("_To")


def _each_once(found: Sequence[str | None], made: Callable[[str], _To]) -> list[_To]:
    """Something made of each text, of equal ones once.

    Raises:
        NotCleanError: one is not there.
    """
    distinct = set(found)
    known: dict[str | None, _To] = {each: made(each) for each in distinct if each is not None}
    if None in distinct:
        raise NotCleanError
    return list(map(known.__getitem__, found))


def _times(columns: _Columns, rule: RowRule) -> Iterable[int | None]:
    if rule.ts is None:
        return repeat(None)
    scale = _WHOLE_MS.get(rule.time_unit)
    integers = columns.integers(rule.ts) if scale else None
    if scale and integers is not None:
        if max(map(abs, (max(integers), min(integers)))) * scale > LARGEST_MS:
            raise NotCleanError
        return integers if scale == 1 else [each * scale for each in integers]
    return _each_once(columns.texts(rule.ts), rule.read_time)


def _seqs(columns: _Columns, rule: RowRule) -> Iterable[int | None]:
    if not rule.seq:
        return repeat(None)
    return [None if each is None else _seq(each) for each in columns.texts(rule.seq)]


def _seq(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > _LONGEST_SEQ or int(text) > SEQ_MAX:
        raise NotCleanError
    return int(text)


def _statuses(columns: _Columns, rule: StatusRule | None) -> Iterable[DeviceStatus | None]:
    if rule is None:
        return repeat(None)
    texts = columns.texts(rule.places)
    known = {each: None if each is None else _status(each, rule) for each in set(texts)}
    return [known[each] for each in texts]


def _status(text: str, rule: StatusRule) -> DeviceStatus | None:
    if text in rule.known:
        return rule.known[text]
    if not rule.known and text in _STATUSES:
        return DeviceStatus(text)
    if rule.otherwise is None:
        raise NotCleanError
    return None if rule.otherwise == "leave_out" else DeviceStatus(rule.otherwise)


def _metrics(columns: _Columns, rule: RowRule) -> Iterable[bytes | None]:
    if rule.metrics is not None:
        metrics = _raws(columns, rule.metrics)
        if not set(map(itemgetter(0), filter(None, metrics))) <= {_OPENING}:
            raise NotCleanError
        return metrics
    if rule.metric_name is not None and rule.metric_value is not None:
        names = columns.texts((rule.metric_name,))
        begun = {
            name: b"{" + json.dumps(name, ensure_ascii=False).encode() + b":" for name in set(names)
        }
        metrics = [
            None if name is None or value is None else begun[name] + value + b"}"
            for name, value in zip(names, _raws(columns, rule.metric_value), strict=True)
        ]
        return _short(metrics)
    return repeat(None)


def _raws(columns: _Columns, path: Path) -> Sequence[bytes | None]:
    column = columns.spread.column(path)
    if not columns.spread.is_own(path):
        # One for all rows, or a long one would be copied as often as there are rows.
        distinct = {id(each): None if each is UNSET else bytes(each) for each in column}
        columns.raws.shared.extend(each for each in distinct.values() if each is not None)
        return _short([distinct[id(each)] for each in column])
    raws: list[bytes]
    found: Sequence[bytes | None]
    try:
        found = raws = list(map(bytes, column))
    except TypeError:  # of UNSET
        found = [None if each is UNSET else bytes(each) for each in column]
        raws = [each for each in found if each is not None]
    columns.raws.own[columns.spread.part_at(path)] = raws
    return _short(found)


def _short(raws: Sequence[bytes | None]) -> Sequence[bytes | None]:
    """What is too long by itself is never put together with a name."""
    if max(map(len, filter(None, raws)), default=0) > PAYLOAD_LIMIT_BYTES:
        raise NotCleanError
    return raws
