"""Which enterprises of a list are visited, worked out so that everybody finds the same. Pure.

A list is published by its digest L before a public value exists that nobody chooses, and together
with the SHA-256 of a value that somebody keeps sealed until then. Byte by byte:

- list: UTF-8 CSV, `platform,uscc,stratum`, each line ended by one line feed, nothing quoted, sorted
  by platform and then uscc as bytes;
- L: SHA-256 of these bytes, as 64 lower-case hexadecimal digits;
- seed = SHA-256(L || public || revealed), in the same form: the 64 digits of L as ASCII, the public
  value as UTF-8, the very bytes of the file that was sealed (none, where nothing was);
- ticket = SHA-256("draw" || seed || platform/uscc), the 64 digits of the seed as ASCII.

Of each stratum those with the smallest tickets are visited. How many: first one of the largest
stratum of each platform; then again and again one of the stratum that is farthest below its share
`size x members / all`, the first in the order of the list where two are equally far. Without the
first step that is the method of the largest remainder.
"""

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from jieru.errors import UserError

__all__ = [
    "Drawing",
    "Listed",
    "Stratum",
    "Ticket",
    "allocation",
    "draw_sample",
    "list_csv",
    "list_digest",
    "read_list",
    "require_size",
]

_HEAD: Final = ("platform", "uscc", "stratum")


class Stratum(NamedTuple):
    """Those of a platform among whom one is as good as the other for a visit."""

    platform: str
    number: int
    """From 1 on, of the platform; what they have in common is not said by it."""


class Listed(NamedTuple):
    """One enterprise on one platform that may be drawn."""

    platform: str
    uscc: str
    number: int
    """Of its stratum."""

    @property
    def stratum(self) -> Stratum:
        """Among whom it is drawn."""
        return Stratum(self.platform, self.number)


class Ticket(NamedTuple):
    """One enterprise that was drawn."""

    listed: Listed
    ticket: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A sample, with what it was worked out from."""

    digest: str
    """L."""
    seed: str
    drawn: tuple[Ticket, ...]
    """In the order of the list."""


def list_csv(listed: Iterable[Listed]) -> bytes:
    """The one way to write a list.

    Raises:
        ValueError: an enterprise stands in it twice on one platform.
    """
    rows = sorted(listed)
    if len({row[:2] for row in rows}) < len(rows):
        raise ValueError("an enterprise stands in the list twice")
    lines = [",".join(_HEAD), *(f"{row.platform},{row.uscc},{row.number}" for row in rows)]
    return "".join(f"{line}\n" for line in lines).encode()


def read_list(content: bytes) -> list[Listed]:
    """What a list says.

    Raises:
        UserError: it is not written as `list_csv` writes it.
    """
    refused = UserError(
        "This is no list of a draw as it was published: one byte that differs makes it another."
    )
    try:
        head, *rows = csv.reader(io.StringIO(content.decode(), newline=""))
        listed = [Listed(platform, uscc, int(number)) for platform, uscc, number in rows]
        if tuple(head) != _HEAD or list_csv(listed) != content:
            raise refused
    except ValueError:
        raise refused from None
    return listed


def list_digest(content: bytes) -> str:
    """L of a list."""
    return hashlib.sha256(content).hexdigest()


def require_size(size: int, listed: Sequence[Listed]) -> int:
    """How many are drawn where so many are asked for: of a shorter list all.

    Raises:
        UserError: nobody is listed, or not every platform would have one drawn.
    """
    platforms = len({each.platform for each in listed})
    if not listed:
        raise UserError("There is nobody to draw: no enterprise of that year is counted or held.")
    if size < platforms:
        raise UserError(
            "Every platform is to be visited once at least, and {platforms} are listed: draw so "
            "many or more.",
            platforms=platforms,
        )
    return min(size, len(listed))


def allocation(sizes: Mapping[Stratum, int], size: int) -> dict[Stratum, int]:
    """How many are drawn of each stratum.

    Args:
        sizes: how many are listed in each.
        size: how many are drawn of all, at least one for each platform and at most all.
    """
    strata = sorted(sizes)
    total = sum(sizes.values())
    drawn = dict.fromkeys(strata, 0)
    for platform in sorted({each.platform for each in strata}):
        own = (each for each in strata if each.platform == platform)
        drawn[max(own, key=lambda each: sizes[each])] = 1
    for _seat in range(size - sum(drawn.values())):
        drawn[max(strata, key=lambda each: size * sizes[each] - total * drawn[each])] += 1
    return drawn


def draw_sample(content: bytes, *, size: int, public_value: str, revealed: bytes = b"") -> Drawing:
    """The sample of a list.

    Args:
        content: the list, byte by byte.
        size: how many are drawn.
        public_value: what the announced source said, as text.
        revealed: what was sealed; empty where nothing was.

    Raises:
        UserError: the list is not one, or so few cannot be drawn (`require_size`).
    """
    listed = read_list(content)
    size = require_size(size, listed)
    digest = list_digest(content)
    seed = hashlib.sha256(digest.encode() + public_value.encode() + revealed).hexdigest()
    left = allocation(Counter(each.stratum for each in listed), size)
    drawn = []
    for each in sorted((Ticket(each, _ticket(seed, each)) for each in listed), key=lambda t: t[1]):
        if left[each.listed.stratum]:
            left[each.listed.stratum] -= 1
            drawn.append(each)
    return Drawing(digest, seed, tuple(sorted(drawn)))


def _ticket(seed: str, listed: Listed) -> str:
    return hashlib.sha256(f"draw{seed}{listed.platform}/{listed.uscc}".encode()).hexdigest()
