"""How the values of a column are shown, as the dashboards' field configuration says. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from api.web.instants import instant

__all__ = ["Look", "Speak", "Step", "Word", "look_of"]

Speak = Callable[[str], str]
"""The dashboards' Chinese in the reader's language."""

_SUFFIX: Final = "suffix:"
_UNITS: Final = {"s": "秒", "ms": "毫秒"}
_SHARE: Final = "percentunit"
_BYTES: Final = "bytes"
_POWERS_OF_1024: Final = ("B", "KiB", "MiB", "GiB", "TiB")
_WITHOUT_WORDS: Final = frozenset({"locale", "none", _SHARE, _BYTES})
_DECIMALS: Final = 2
_DECIMALS_OF_PERCENT: Final = 1


class Word(NamedTuple):
    """What a code is called, and its colour."""

    text: str
    colour: str | None


class Step(NamedTuple):
    """From this value on, this colour; None: from below all."""

    value: float | None
    colour: str


@dataclass(frozen=True, slots=True)
class Look:
    """How one column is shown."""

    title: str
    unit: str
    decimals: int | None
    words: Mapping[str, Word]
    steps: Sequence[Step]
    colour: str | None
    """One for all values; None: by thresholds or words."""
    nothing: str
    """What stands where there is no value."""
    link: str | None
    """An address of Grafana's, with the columns that go into it."""
    is_hidden: bool
    is_line: bool
    """In a chart of bars."""

    @property
    def is_share(self) -> bool:
        """Whether 1 stands for all of it."""
        return self.unit == _SHARE

    def text(self, value: object, speak: Speak) -> str:
        """A value as people read it."""
        if value is None:
            return speak(self.nothing)
        if word := self.words.get(_code(value)):
            return speak(word.text)
        if isinstance(value, datetime):
            return instant(value)
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            return speak(str(value))
        return self._number(value, speak)

    def colour_of(self, value: object) -> str | None:
        """The colour that a value has of itself: of its word, or of the threshold it reached."""
        if word := self.words.get(_code(value)):
            return word.colour
        if self.colour is not None or len(self.steps) < 2:  # noqa: PLR2004 - no threshold at all
            return None
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            return None
        return [step.colour for step in self.steps if step.value is None or value >= step.value][-1]

    def _number(self, value: float | Decimal, speak: Speak) -> str:
        if self.is_share:
            return f"{value * 100:,.{_or(self.decimals, _DECIMALS_OF_PERCENT)}f}%"
        if self.unit == _BYTES:
            return _in_bytes(value, _or(self.decimals, _DECIMALS_OF_PERCENT))
        if self.decimals is None:
            number = f"{value:,.{_DECIMALS}f}".removesuffix("." + "0" * _DECIMALS)
        else:
            number = f"{value:,.{self.decimals}f}"
        return f"{number} {self.unit_in_words(speak)}".rstrip()

    def unit_in_words(self, speak: Speak) -> str:
        """What stands behind a number; nothing for a share, whose sign belongs to the number."""
        if self.unit in _WITHOUT_WORDS:
            return ""
        if self.unit.startswith(_SUFFIX):
            return speak(self.unit.removeprefix(_SUFFIX))
        return speak(_UNITS[self.unit])


def look_of(field_config: Mapping[str, Any], column: str, speak: Speak) -> Look:
    """What a panel says of a column: of every value, and of this one by its name."""
    defaults = field_config["defaults"]
    own = {
        each["id"]: each["value"]
        for override in field_config["overrides"]
        if override["matcher"] == {"id": "byName", "options": column}
        for each in override["properties"]
    }
    colour = own.get("color", defaults["color"])
    title = own.get("displayName")
    links = own.get("links", ())
    return Look(
        title=speak(title) if title else column,
        unit=own.get("unit", defaults["unit"]),
        decimals=own.get("decimals", defaults.get("decimals")),
        words=_words(own.get("mappings", defaults["mappings"])),
        steps=[
            Step(each["value"], each["color"])
            for each in own.get("thresholds", defaults["thresholds"])["steps"]
        ],
        colour=colour["fixedColor"] if colour["mode"] == "fixed" else None,
        nothing=defaults["noValue"],
        link=links[0]["url"] if links else None,
        is_hidden=bool(own.get("custom.hideFrom.viz", False)),
        is_line=own.get("custom.drawStyle") == "line",
    )


def _words(mappings: Sequence[Mapping[str, Any]]) -> dict[str, Word]:
    return {
        code: Word(option["text"], option.get("color"))
        for each in mappings
        for code, option in each["options"].items()
    }


def _code(value: object) -> str:
    """A value as mappings name it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float | Decimal) and value == int(value):
        return str(int(value))
    return str(value)


def _in_bytes(value: float | Decimal, decimals: int) -> str:
    power = 0
    while value >= 1024 ** (power + 1) and power < len(_POWERS_OF_1024) - 1:
        power += 1
    return f"{value / 1024**power:,.{decimals}f} {_POWERS_OF_1024[power]}"


def _or(number: int | None, other: int) -> int:
    return other if number is None else number
