"""What a clean message of a source looks like, for a reader that takes it in at one go. Pure.

The paths of a format say which members matter. From them comes one tree of types, by which the JSON
reader reads a whole document at once, and then columns: of every row what stands at one path. Where
a document, or the format itself, is in any way out of the ordinary there are no columns, and
`jieru.sources.rows` reads it step by step. So all that is read here must be what would be read
there, and nothing here ever says what is wrong with a message.
"""

import types
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from operator import attrgetter
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, Raw, UnsetType

from jieru.sources.paths import Path, Star, Step

__all__ = ["NotCleanError", "Shape", "Spread", "Wanted", "shape_of"]

_SCALAR: Final = str | int | float | bool | None
"""What a row's serial, time, number or status may be, read and not yet looked at."""


class NotCleanError(Exception):
    """A document is not of the shape, or a format has none."""


class Wanted(NamedTuple):
    """What one rule of a format looks for."""

    each: Sequence[Step]
    scalars: Sequence[Path]
    raws: Sequence[Path]


@dataclass(eq=False, slots=True)
class _Part:
    """One place of the tree: an object with some members, a container of equals, or a leaf."""

    depth: int
    members: dict[str, "_Part"] = field(default_factory=dict)
    each: "_Part | None" = None
    is_object: bool = False
    """Of a container: by names, or by numbers."""
    is_scalar: bool = False
    is_raw: bool = False
    getter: Callable[[Any], Any] | None = None

    def member(self, name: str) -> "_Part":
        return self.members.setdefault(name, _Part(self.depth + 1))

    def star(self, step: Star) -> "_Part":
        if self.each is None:
            self.each, self.is_object = _Part(self.depth + 1), step.of_members
        elif self.is_object != step.of_members:
            raise NotCleanError
        return self.each

    def type(self) -> Any:  # noqa: ANN401 - whatever the JSON reader takes for a type
        """What the JSON reader takes here.

        Raises:
            NotCleanError: one path wants of it what another contradicts.
        """
        kinds = (bool(self.members), self.each is not None, self.is_scalar, self.is_raw)
        if sum(kinds) > 1:
            raise NotCleanError
        if self.members:
            return self._struct()
        if self.each is not None:
            below = self.each.type()
            if self.is_object:
                return types.GenericAlias(dict, (str, below))
            return types.GenericAlias(list, (below,))
        # What nobody looks into need only be there.
        return _SCALAR if self.is_scalar else Raw

    def _struct(self) -> Any:  # noqa: ANN401 - as above
        names = {f"f{number}": name for number, name in enumerate(self.members)}
        for ours, part in zip(names, self.members.values(), strict=True):
            part.getter = attrgetter(ours)
        fields = [
            (ours, part.type() | UnsetType, UNSET)
            for ours, part in zip(names, self.members.values(), strict=True)
        ]
        try:
            return msgspec.defstruct("Clean", fields, rename=names, gc=False)
        except ValueError:  # a name that JSON would have to escape
            raise NotCleanError from None


@dataclass(slots=True)
class Spread:
    """The rows of one rule in some documents, each column in their order."""

    documents: list[int]
    """The place of the document of each."""
    keys: list[tuple[str | int, ...]]
    """What the stars stand for."""
    anchors: dict[int, list[Any]]
    parts: "Sequence[_Part]"
    """What each anchor is in the tree."""
    opened: dict[Hashable, int]
    """How many objects and arrays there are for certain, by place in the tree."""
    looked: int = 0
    """How many members and items stars stand for, on the way to the rows."""

    def __len__(self) -> int:
        """How many rows."""
        return len(self.keys)

    def column(self, path: Path) -> list[Any]:
        """What stands at a path of each row; UNSET where nothing does."""
        nodes, part = self.anchors[path.anchor], self.parts[path.anchor]
        for step in path.steps:
            nodes, part = _member(nodes, part, str(step))
            if part.members and self.is_own(path):
                self.opened[part] = len(nodes) - nodes.count(UNSET)
        return nodes

    def is_own(self, path: Path) -> bool:
        """Whether each row has its own there, and not one with its neighbours."""
        return path.anchor == len(self.parts) - 1

    def part_at(self, path: Path) -> Hashable:
        """The place in the tree where a path leads."""
        part = self.parts[path.anchor]
        for step in path.steps:
            part = part.members[str(step)]
        return part


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """What clean documents of a format look like."""

    read_document: Callable[[bytes], Any]
    root: _Part
    rules: tuple[int, ...]
    """Those of the format's rules that may find rows in such a document."""
    wanted: tuple[Wanted, ...]
    depth: int
    """Of the tree: objects and arrays within one another."""

    def spread(self, place: int, roots: list[Any], opened: dict[Hashable, int]) -> Spread | None:
        """The rows of one of `rules` in documents; None: there is nothing where they would be.

        Args:
            place: of the rule in `rules`.
            roots: documents as `read_document` has them.
            opened: what is known of objects and arrays there; more is added.

        Raises:
            NotCleanError: a step leads nowhere, or not in all of the documents.
        """
        wanted = self.wanted[place]
        used = {path.anchor for path in (*wanted.scalars, *wanted.raws)}
        nodes, part = roots, self.root
        spread = Spread(list(range(len(roots))), [()] * len(roots), {0: roots}, [part], opened)
        parts = [part]
        if part.members or part.each:
            opened[part] = len(roots)
        stars = 0
        for step in wanted.each:
            if isinstance(step, Star):
                stars += 1
                nodes, part = _expand(spread, nodes, part, opened)
                parts.append(part)
                spread.anchors = {
                    anchor: column for anchor, column in spread.anchors.items() if anchor in used
                }
                spread.anchors[stars] = nodes
                continue
            nodes, part = _member(nodes, part, str(step))
            missing = nodes.count(UNSET)
            if missing:
                if missing == len(nodes) and not stars:
                    return None
                raise NotCleanError
            if part.members or part.each:
                opened[part] = len(nodes)
        spread.parts = parts
        return spread


def _member(nodes: list[Any], part: _Part, name: str) -> tuple[list[Any], _Part]:
    below = part.members[name]
    if below.getter is None:
        raise NotCleanError
    try:
        return list(map(below.getter, nodes)), below
    except AttributeError:  # of UNSET
        return [UNSET if each is UNSET else below.getter(each) for each in nodes], below


def _expand(
    spread: Spread, containers: list[Any], part: _Part, opened: dict[Hashable, int]
) -> tuple[list[Any], _Part]:
    """Each row becomes as many as there are in its container."""
    if part.each is None:
        raise NotCleanError
    lengths = list(map(len, containers))
    if spread.keys == [()]:
        spread.keys = list(zip(containers[0] if part.is_object else range(lengths[0])))
    else:
        spread.keys = [
            (*key, below)
            for key, container, length in zip(spread.keys, containers, lengths, strict=True)
            for below in (container if part.is_object else range(length))
        ]
    spread.documents = _repeated(spread.documents, lengths)
    spread.anchors = {
        anchor: _repeated(column, lengths) for anchor, column in spread.anchors.items()
    }
    below: Iterable[Any] = (
        (container.values() for container in containers) if part.is_object else containers
    )
    nodes = list(chain.from_iterable(below))
    spread.looked += len(nodes)
    if part.each.members or part.each.each:
        opened[part.each] = len(nodes)
    return nodes, part.each


def _repeated(column: list[Any], lengths: list[int]) -> list[Any]:
    return list(chain.from_iterable(map(repeat, column, lengths)))


def shape_of(rules: Sequence[Wanted], *, is_object: bool) -> Shape | None:
    """The shape of documents that are an object, or an array; None: there is no simple one.

    Args:
        rules: of the format, all of them.
        is_object: which of the two.
    """
    root = _Part(1)
    parts: list[_Part] = []
    chosen: list[int] = []
    try:
        for number, rule in enumerate(rules):
            if _may_begin(rule.each, is_object=is_object) and not _is_ruled_out(root, rule.each):
                parts += _grow(root, rule)
                chosen.append(number)
        decoder = msgspec.json.Decoder(root.type())
    except NotCleanError:
        return None
    if not (is_object if root.members else root.each and root.is_object == is_object):
        return None
    wanted = tuple(rules[number] for number in chosen)
    depth = max(part.depth for part in parts)
    return Shape(decoder.decode, root, tuple(chosen), wanted, depth)


def _is_ruled_out(root: _Part, each: Sequence[Step]) -> bool:
    """Whether a rule finds nothing in any document that rules before it have read.

    So it is where it looks for an object in the place of an array whose items one of them takes, or
    for an array in the place of such an object, before its first star: beyond one, other items may
    be what it looks for.
    """
    part: _Part | None = root
    for step in each:
        if part is None:
            return False
        is_array = part.each is not None and not part.is_object
        if isinstance(step, Star):
            is_object = part.each is not None and part.is_object
            return is_array if step.of_members else is_object
        if is_array:
            return isinstance(step, str)
        part = part.members.get(str(step))
    return False


def _may_begin(each: Sequence[Step], *, is_object: bool) -> bool:
    """Whether the first step leads anywhere in such a document."""
    if not each:
        return True
    first = each[0]
    return is_object == (first.of_members if isinstance(first, Star) else isinstance(first, str))


def _grow(root: _Part, wanted: Wanted) -> list[_Part]:
    """Add to the tree what a rule looks for; all places that it names.

    Raises:
        NotCleanError: a path that no type describes.
    """
    anchors, part, seen = [root], root, [root]
    for step in wanted.each:
        part = _below(part, step)
        seen.append(part)
        if isinstance(step, Star):
            anchors.append(part)
    for path in (*wanted.scalars, *wanted.raws):
        part = anchors[path.anchor]
        for each in path.steps:
            part = _below(part, each)
            seen.append(part)
        if path in wanted.scalars:
            part.is_scalar = True
        if path in wanted.raws:
            part.is_raw = True
    return seen


def _below(part: _Part, step: Step) -> _Part:
    if isinstance(step, Star):
        return part.star(step)
    if isinstance(step, str):
        return part.member(step)
    raise NotCleanError  # one item of an array: its neighbours may be anything
