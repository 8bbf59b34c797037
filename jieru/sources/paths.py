"""Where something stands in a document: a small language of paths, and nothing that computes. Pure.

A path begins at `$`, the document, and goes on by `.name` or `["any name"]` (a member of an
object), `[3]` (an item of an array), `[*]` (each item) and `.*` (each member). What the first star
stands for is `@1`, the second `@2`, the last one `@`; the name or the place that it has there is
`key:1`, `key:2`.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple, cast

import msgspec

from jieru.errors import UserError
from jieru.refusals.said import excerpt

__all__ = [
    "Key",
    "Looking",
    "Node",
    "NotThereError",
    "Path",
    "Spot",
    "Star",
    "TooMuchError",
    "Topic",
    "parse_path",
    "parse_rows",
    "path_with_gaps",
    "spots",
]

_TOKEN: Final = re.compile(
    r"""\.(?P<star>\*) | \.(?P<name>[A-Za-z0-9_@:-]+) | \[(?P<each>\*)\] | \[(?P<place>[0-9]{1,6})\]
    | \[(?P<text>"(?:[^"\\]|\\.)*")\]""",
    re.VERBOSE,
)
_ANCHOR: Final = re.compile(r"\$|@([1-9]?)")
_KEY: Final = re.compile(r"key:([1-9])")
_STEPS_MAX: Final = 16
_STARS_MAX: Final = 4


class NotThereError(Exception):
    """The document has nothing where a path leads; the message is what it has instead."""


class TooMuchError(Exception):
    """A document has more places where rows may be than anybody looks at."""


class Star(NamedTuple):
    """Each member of an object, or each item of an array."""

    of_members: bool


Step = str | int | Star
"""A member's name, an item's place, or all of either."""


@dataclass(frozen=True, slots=True)
class Path:
    """Where one value stands."""

    text: str
    anchor: int
    """0: the document; 1 and above: what that star stands for."""
    steps: tuple[str | int, ...]


class Key(NamedTuple):
    """The name, or the place, of what a star stands for."""

    star: int


class Topic(NamedTuple):
    """The last part of the topic."""


Place = Path | Key | Topic


class Node:
    """A part of a document, as its bytes; it is read as far as it is looked into, and once."""

    __slots__ = ("_below", "_text", "raw")

    def __init__(self, raw: bytes) -> None:
        """Hold the bytes of one JSON value."""
        self.raw = raw.strip()
        self._below: _Below | _Unread | None = _UNREAD
        self._text: str | _Unread | None = _UNREAD

    def child(self, step: str | int) -> "Node":
        """A member of an object, or an item of an array.

        Raises:
            NotThereError: there is none.
        """
        below = self._read_below()
        try:
            # Each by its own kind of step: an array has no names, an object no numbers.
            found = below[step]  # type: ignore[index]
        except (TypeError, KeyError, IndexError):
            raise NotThereError from None
        if isinstance(found, Node):
            return found
        node = Node(bytes(found))
        below[step] = node  # type: ignore[index]
        return node

    def children(self, star: Star) -> Iterator[tuple[str | int, "Node"]]:
        """Each member of an object, or each item of an array, by its name or place.

        Raises:
            NotThereError: it is something else.
        """
        below = self._read_below()
        if star.of_members and isinstance(below, dict):
            return ((name, self.child(name)) for name in below)
        if not star.of_members and isinstance(below, list):
            return ((place, self.child(place)) for place in range(len(below)))
        raise NotThereError

    def text(self) -> str | None:
        """A text's own characters, or a number, true or false as it is written.

        None: anything else.
        """
        if isinstance(self._text, _Unread):
            self._text = _read_text(self.raw)
        return self._text

    # What cannot be read is remembered too, or a document could have it tried for every row.
    def _read_below(self) -> "_Below | None":
        if isinstance(self._below, _Unread):
            try:
                self._below = self._parsed()
            except msgspec.MsgspecError:  # half of a surrogate pair in a name
                self._below = None
        return self._below

    def _parsed(self) -> "_Below | None":
        match self.raw[:1]:
            case b"{":
                return _read_object(self.raw)
            case b"[":
                return _read_array(self.raw)
        return None


_Below = dict[str, msgspec.Raw | Node] | list[msgspec.Raw | Node]
"""What was looked at is a node, the rest still its bytes."""


class _Unread(Enum):
    UNREAD = "unread"


_UNREAD: Final = _Unread.UNREAD

_Read = Callable[[bytes], _Below]
_read_object: Final = cast("_Read", msgspec.json.Decoder(dict[str, msgspec.Raw]).decode)
_read_array: Final = cast("_Read", msgspec.json.Decoder(list[msgspec.Raw]).decode)
_read_string: Final = msgspec.json.Decoder(str).decode


def _read_text(raw: bytes) -> str | None:
    if raw.startswith(b'"'):
        try:
            return _read_string(raw)
        except msgspec.MsgspecError:  # half of a surrogate pair
            return None
    return None if raw == b"null" or raw[:1] in (b"{", b"[") else raw.decode()


class Spot(NamedTuple):
    """One row's place in a document: what each star stands for."""

    nodes: tuple[Node, ...]
    """The document first."""
    keys: tuple[str | int, ...]

    def at(self, path: Path) -> Node | None:
        """What stands somewhere; None: nothing does."""
        node = self.nodes[path.anchor]
        for step in path.steps:
            try:
                node = node.child(step)
            except NotThereError:
                return None
        return node


def parse_path(text: str, stars: int) -> Place:
    """Read one place of a format.

    Args:
        text: a path without stars, `key:1`, or `topic`.
        stars: how many the path of the rows has.

    Raises:
        UserError: it is not written as paths are, or names a star that is not there.
    """
    if text == "topic":
        return Topic()
    if match := _KEY.fullmatch(text):
        return Key(_star(text, int(match[1]), stars))
    match = _ANCHOR.match(text)
    if match is None:
        raise UserError(
            "The path {path} must begin with $ (the document) or @ (the row), or be key:1 or "
            "topic.",
            path=text,
        )
    anchor = 0
    if match[0] != "$":
        anchor = _star(text, int(match[1]), stars) if match[1] else stars
    steps = [_plain(text, step) for step in _steps(text, match.end())]
    return Path(text, anchor, tuple(steps))


def _star(text: str, star: int, stars: int) -> int:
    if star > stars:
        raise UserError(
            "{path} names star {star}, and the path of the rows has {stars}.",
            path=text,
            star=star,
            stars=stars,
        )
    return star


def _plain(text: str, step: Step) -> str | int:
    if isinstance(step, Star):
        raise UserError("Only the path of the rows may have a star; {path} has one.", path=text)
    return step


def parse_rows(text: str) -> tuple[Step, ...]:
    """Read where the rows stand.

    Raises:
        UserError: it is not written as paths are, or has too many stars.
    """
    if not text.startswith("$"):
        raise UserError("The path of the rows, {path}, must begin with $.", path=text)
    steps = tuple(_steps(text, 1))
    if sum(isinstance(step, Star) for step in steps) > _STARS_MAX:
        raise UserError("{path} has more than {most} stars.", path=text, most=_STARS_MAX)
    return steps


def _steps(text: str, start: int) -> Iterator[Step]:
    number = 0
    while start < len(text):
        token = _TOKEN.match(text, start)
        if token is None or number == _STEPS_MAX:
            raise UserError(
                "The path {path} cannot be read from {rest} on.", path=text, rest=text[start:]
            )
        yield _step(token)
        start, number = token.end(), number + 1


def _step(token: re.Match[str]) -> Step:
    if token["star"] or token["each"]:
        return Star(of_members=bool(token["star"]))
    if token["place"]:
        return int(token["place"])
    if token["text"]:
        name: str = json.loads(token["text"])
        return name
    return token["name"]


def path_with_gaps(steps: Sequence[Step]) -> str:
    """A path for people, to be filled by the `%` operator with what each star stands for."""
    return "$" + "".join(map(_with_gap, steps))


def _with_gap(step: Step) -> str:
    if isinstance(step, Star):
        return ".%s" if step.of_members else "[%s]"
    return f".{excerpt(step)}".replace("%", "%%") if isinstance(step, str) else f"[{step}]"


class Looking:
    """How much of a message was looked at, for all of its documents and rules."""

    def __init__(self, most: int) -> None:
        """Allow a number of members and items that stars stand for."""
        self._left = most

    def look(self) -> None:
        """Look at one more.

        Raises:
            TooMuchError: that is one too many.
        """
        if not self._left:
            raise TooMuchError
        self._left -= 1


def spots(whole: Node, steps: Sequence[Step], looking: Looking) -> Iterator[Spot]:
    """Every row of a document, in its order.

    Raises:
        NotThereError: a step leads nowhere; the message is how far it came.
        TooMuchError: there are more places than may be looked at.
    """
    yield from _spots(_Way(steps, looking), 0, whole, (whole,), ())


class _Way(NamedTuple):
    steps: Sequence[Step]
    looking: Looking

    def until(self, place: int, keys: tuple[str | int, ...]) -> str:
        """The path up to a step."""
        shown = tuple(excerpt(each) if isinstance(each, str) else each for each in keys)
        return path_with_gaps(self.steps[:place]) % shown


def _spots(
    way: _Way, place: int, node: Node, nodes: tuple[Node, ...], keys: tuple[str | int, ...]
) -> Iterator[Spot]:
    for step in way.steps[place:]:
        place += 1
        try:
            if isinstance(step, Star):
                below = node.children(step)
            else:
                node = node.child(step)
                continue
        except NotThereError:
            raise NotThereError(way.until(place - 1, keys)) from None
        for key, child in below:
            way.looking.look()
            yield from _spots(way, place, child, (*nodes, child), (*keys, key))
        return
    yield Spot(nodes, keys)
