"""What is said of a rejection: message ids of the catalogue, and what fills their gaps. Pure."""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from jieru.i18n import marked as _

__all__ = ["Detail", "Refused", "Remedy", "Said", "excerpt", "shown_bytes"]

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""What no text has; a short binary payload may well be UTF-8."""
_EXCERPT: Final = 40
"""Characters of what was found that are shown."""


class Remedy(StrEnum):
    """Where the console sends whoever wants to mend it."""

    REGISTER_DEVICE = "register_device"
    REGISTER_GATEWAY = "register_gateway"
    DECLARE_SOURCE = "declare_source"


class Refused(NamedTuple):
    """A message that was not taken, as it is kept."""

    topic: str
    payload: bytes
    """At most its first 4,096 bytes."""
    payload_bytes: int
    """The whole length."""
    received_ms: int
    """Milliseconds since the Unix epoch."""


class Said(NamedTuple):
    """One sentence."""

    message: str
    values: Mapping[str, str] = {}

    def spoken(self, translate: Callable[[str], str]) -> str:
        """The sentence in a language."""
        return translate(self.message).format(**self.values)


class Detail(NamedTuple):
    """Why one message was not taken."""

    fault: Said
    """What the contract expects and what came."""
    cause: Said | None = None
    """What it probably is, where that is known, and how it is mended."""
    remedy: Remedy | None = None

    def spoken(self, translate: Callable[[str], str]) -> str:
        """Fault and cause, one after the other."""
        if self.cause is None:
            return self.fault.spoken(translate)
        return translate(_("{fault} {cause}")).format(
            fault=self.fault.spoken(translate), cause=self.cause.spoken(translate)
        )


def shown_bytes(content: bytes) -> str:
    """What came, for people: its text, or its bytes in hexadecimal where it is none."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return content.hex(" ")
    return content.hex(" ") if _CONTROL.search(text) else text


def excerpt(text: str) -> str:
    """The beginning of what came, safe to show on one line."""
    begun = text if len(text) <= _EXCERPT else text[: _EXCERPT - 1] + "…"
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in begun)
