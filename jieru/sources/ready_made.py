"""The formats that come with Jieru, each checked when it is read."""

from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from jieru.sources import presets
from jieru.sources.formats import DeclaredFormat

__all__ = ["ReadyMade", "Title", "ready_made"]

_SUFFIX: Final = ".toml"


class Title(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A name in the languages of the interface."""

    zh: str
    en: str


class ReadyMade(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A format of a well-known product."""

    title: Title
    cites: str
    """Where its maker describes it."""
    format: DeclaredFormat


@cache
def ready_made() -> dict[str, ReadyMade]:
    """All of them, by the name under which a source may begin with one."""
    return {
        each.name.removesuffix(_SUFFIX): msgspec.toml.decode(each.read_bytes(), type=ReadyMade)
        for each in sorted(files(presets).iterdir(), key=lambda each: each.name)
        if each.name.endswith(_SUFFIX)
    }
