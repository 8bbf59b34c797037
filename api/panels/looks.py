"""How the values of a column are shown, as the panel says. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from api.web.instants import instant
from dashboards.fields import Shown, Step, Unit, ValueLink, steps
from dashboards.words import Labels
from jieru.i18n import Language
from jieru.vocabulary import Text

__all__ = ["Look", "look_of"]

_UNIT_WORDS: Final[Mapping[str, Text]] = {"s": Text("秒", "s"), "ms": Text("毫秒", "ms")}
"""Of the units that stand behind a number; all others have a sign of their own or none."""
_SHARE: Final = "percentunit"
_BYTES: Final = "bytes"
_POWERS_OF_1024: Final = ("B", "KiB", "MiB", "GiB", "TiB")
_DECIMALS: Final = 2
_DECIMALS_OF_PERCENT: Final = 1
_NO_STEPS: Final = steps("green")


@dataclass(frozen=True, slots=True)
class Look:
    """How one column is shown to readers of one language."""

    language: Language
    title: str
    unit: Unit
    decimals: int | None
    words: Labels
    steps: tuple[Step, ...]
    colour: str | None
    """One for all values; None: by thresholds or words."""
    nothing: str
    """What stands where there is no value."""
    link: ValueLink | None
    is_hidden: bool
    is_line: bool
    """In a chart of bars."""

    @property
    def is_share(self) -> bool:
        """Whether 1 stands for all of it."""
        return self.unit == _SHARE

    def text(self, value: object) -> str:
        """A value as people read it."""
        if value is None:
            return self.nothing
        if label := self.words.get(_code(value)):
            return label.text.spoken_in(self.language)
        if isinstance(value, datetime):
            return instant(value)
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            return str(value)
        return self._number(value)

    def colour_of(self, value: object) -> str | None:
        """The colour that a value has of itself: of its word, or of the threshold it reached."""
        if label := self.words.get(_code(value)):
            return label.colour
        if self.colour is not None or len(self.steps) < 2:  # noqa: PLR2004 - no threshold at all
            return None
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            return None
        return [step.colour for step in self.steps if step.value is None or value >= step.value][-1]

    def _number(self, value: float | Decimal) -> str:
        if self.is_share:
            return f"{value * 100:,.{_or(self.decimals, _DECIMALS_OF_PERCENT)}f}%"
        if self.unit == _BYTES:
            return _in_bytes(value, _or(self.decimals, _DECIMALS_OF_PERCENT))
        if self.decimals is None:
            number = f"{value:,.{_DECIMALS}f}".removesuffix("." + "0" * _DECIMALS)
        else:
            number = f"{value:,.{self.decimals}f}"
        return f"{number} {self.unit_in_words()}".rstrip()

    def unit_in_words(self) -> str:
        """What stands behind a number; nothing for a share, whose sign belongs to the number."""
        word = self.unit if isinstance(self.unit, Text) else _UNIT_WORDS.get(self.unit)
        return word.spoken_in(self.language) if word else ""


def look_of(shown: Shown, name: str, language: Language) -> Look:
    """What a panel says of a column: of every value, and of this one by its name."""
    own = shown.column(name)
    return Look(
        language,
        title=own.title.spoken_in(language) if own.title else name,
        unit=own.unit or shown.unit,
        decimals=shown.decimals if own.decimals is None else own.decimals,
        words=shown.words if own.words is None else own.words,
        steps=own.thresholds or shown.thresholds or _NO_STEPS,
        colour=own.colour or (None if own.thresholds else shown.colour),
        nothing=shown.no_value.spoken_in(language),
        link=own.link,
        is_hidden=own.is_hidden,
        is_line=own.is_line,
    )


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
