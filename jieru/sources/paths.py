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
from typing import Final, NamedTuple, TypeVar

import msgspec

from jieru.errors import UserError
from jieru.refusals.said import excerpt

__all__ = [
    "Key",
    "Node",
    "NotThereError",
    "Path",
    "Spot",
    "Star",
    "Topic",
    "parse_path",
    "parse_rows",
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

    __slots__ = ("_below", "raw")

    def __init__(self, raw: bytes) -> None:
        """Hold the bytes of one JSON value."""
        self.raw = raw
        self._below: dict[str, Node] | list[Node] | None = None

    def members(self) -> dict[str, "Node"]:
        """The members of an object, by name.

        Raises:
            NotThereError: it is something else.
        """
        if not isinstance(self._below, dict):
            members = _read(_read_object, self.raw, b"{")
            self._below = {name: Node(bytes(raw)) for name, raw in members.items()}
        return self._below

    def items(self) -> list["Node"]:
        """The items of an array.

        Raises:
            NotThereError: it is something else.
        """
        if not isinstance(self._below, list):
            self._below = [Node(bytes(raw)) for raw in _read(_read_array, self.raw, b"[")]
        return self._below


_Read = TypeVar("_Read")


def _read(reader: Callable[[bytes], _Read], raw: bytes, opening: bytes) -> _Read:
    if not raw.lstrip().startswith(opening):
        raise NotThereError
    try:
        return reader(raw)
    except msgspec.MsgspecError:  # half of a surrogate pair in a name
        raise NotThereError from None


_read_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read_array: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Spot(NamedTuple):
    """One row's place in a document: what each star stands for."""

    nodes: tuple[Node, ...]
    """The document first."""
    keys: tuple[str | int, ...]

    def at(self, path: Path) -> bytes | None:
        """What stands somewhere, as its bytes; None: nothing does."""
        node = self.nodes[path.anchor]
        for step in path.steps:
            try:
                node = node.members()[step] if isinstance(step, str) else node.items()[step]
            except (NotThereError, KeyError, IndexError):
                return None
        return node.raw


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


def spots(document: bytes, steps: Sequence[Step]) -> Iterator[Spot]:
    """Every row of a document, in its order.

    Raises:
        NotThereError: a step leads nowhere; the message is how far it came.
    """
    whole = Node(document)
    yield from _spots(whole, steps, (whole,), (), "$")


def _spots(
    node: Node,
    steps: Sequence[Step],
    nodes: tuple[Node, ...],
    keys: tuple[str | int, ...],
    path: str,
) -> Iterator[Spot]:
    if not steps:
        yield Spot(nodes, keys)
        return
    step, rest = steps[0], steps[1:]
    try:
        below = _below(node, step)
    except (NotThereError, KeyError, IndexError):
        raise NotThereError(path) from None
    for key, way, child in below:
        if isinstance(step, Star):
            yield from _spots(child, rest, (*nodes, child), (*keys, key), path + way)
        else:
            yield from _spots(child, rest, nodes, keys, path + way)


def _below(node: Node, step: Step) -> list[tuple[str | int, str, Node]]:
    """Where one step leads: key, what it adds to the path, and what stands there."""
    if isinstance(step, Star):
        if step.of_members:
            return [(name, f".{excerpt(name)}", each) for name, each in node.members().items()]
        return [(place, f"[{place}]", each) for place, each in enumerate(node.items())]
    if isinstance(step, str):
        return [(step, f".{step}", node.members()[step])]
    return [(step, f"[{step}]", node.items()[step])]
