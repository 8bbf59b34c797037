"""The commands of a guide, as they stand in its fenced blocks.

The first word after the fence says what a block holds, as everywhere; further words are ours:

- `sh`: commands for root, played in the guide's order, each block in a shell of its own.
- `online`: they fetch something, so they are played with a way to the registries.
- `until`: played again until they print what is said below, for what takes a moment.
- `debian-12`, `debian-13`: only there; of an output too.
- `example`: not played, since a test cannot (a firewall, another machine).
- `text output`: what the block before prints: these lines, in this order, perhaps others between
  them. `…` stands for any characters.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

__all__ = ["Block", "DocumentError", "blocks_of", "fences_of", "missing_line"]

_FENCE: Final = re.compile(r"^```(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_VARIANTS: Final = frozenset({"debian-12", "debian-13"})
_WORDS: Final = _VARIANTS | {"online", "until", "example"}
_ANYTHING: Final = "…"


class DocumentError(ValueError):
    """A block is marked in a way that nobody understands."""


@dataclass(frozen=True, slots=True)
class Block:
    """Commands to play together."""

    line: int
    """Of the fence in the guide, from 1."""
    commands: str
    is_online: bool = False
    is_repeated: bool = False
    """Until it prints what it should."""
    output: str = ""
    """What they print, as the guide says; empty: it does not say."""


def fences_of(text: str) -> Iterator[tuple[int, str, str]]:
    """Every fenced block: its line, what stands after the fence, what it holds."""
    for match in _FENCE.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match[1], match[2]


def blocks_of(text: str, variant: str) -> list[Block]:
    """What is to be played of a guide on one Debian (`debian-12` or `debian-13`).

    Raises:
        DocumentError: a block is marked by words that are not ours, or output follows nothing.
    """
    blocks: list[Block] = []
    is_played = False
    for line, info, content in fences_of(text):
        kind, *words = info.split() or [""]
        wanted = _VARIANTS.intersection(words)
        is_here = not wanted or variant in wanted
        if kind == "text" and words[:1] == ["output"]:
            _require_known(words[1:], _VARIANTS, line)
            if not blocks:
                raise DocumentError(f"line {line}: output of what?")
            if is_played and is_here:
                blocks[-1] = replace(blocks[-1], output=content)
        elif kind == "sh":
            _require_known(words, _WORDS, line)
            is_played = is_here and "example" not in words
            if is_played:
                blocks.append(Block(line, content, "online" in words, "until" in words))
        else:
            _require_known(words, frozenset(), line)
    return blocks


def _require_known(words: list[str], known: frozenset[str], line: int) -> None:
    if unknown := sorted(set(words) - known):
        raise DocumentError(f"line {line}: {' '.join(unknown)} means nothing here")


def missing_line(expected: str, printed: str) -> str | None:
    """The first line that the guide promises and that was not printed, in its place; or None."""
    lines = iter(printed.splitlines())
    for promised in expected.splitlines():
        pattern = ".*".join(map(re.escape, promised.strip().split(_ANYTHING)))
        if not any(re.fullmatch(pattern, line.strip()) for line in lines):
            return promised
    return None
