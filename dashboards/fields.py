"""How values are shown: units, thresholds, words, the columns of a table, links behind a value.

Money is whole yuan with separators (unit `locale`), with 元 in the title: Grafana's currencies
shorten a sum to thousands and millions, and an award must be read to the yuan.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypedDict, Unpack

from dashboards.queries import Json
from dashboards.words import Words, mapping

__all__ = [
    "COUNT",
    "Cell",
    "Unit",
    "column",
    "data_link",
    "field_config",
    "number_words",
    "steps",
]

Unit = Literal["locale", "none", "percentunit", "s", "ms", "bytes", "suffix:条/秒"]
"""Units of Grafana that the panels use; after `suffix:` it takes any text."""

COUNT: Final[Unit] = "locale"
"""Whole numbers of things, and yuan."""

Cell = Literal["color-text", "color-background"]


class _Shown(TypedDict, total=False):
    """How every value of a panel is shown."""

    decimals: int
    """How many are shown; without it, as many as Grafana finds fit."""
    thresholds: Json
    """As `steps` makes them."""
    words: Sequence[Json]
    """Value mappings."""
    colour: str
    """One colour for all; without it thresholds colour where there are any, else the palette."""
    has_palette: bool
    """For several series with thresholds, which are only drawn as lines then."""
    minimum: float
    """The lower end of an axis or gauge."""
    maximum: float
    """The upper end."""
    no_value: str
    """What stands where there is nothing."""


class _ColumnShown(TypedDict, total=False):
    """What one column or series does otherwise than the rest."""

    unit: Unit
    decimals: int
    words: Words
    """What its codes are called."""
    thresholds: Json
    """As `steps` makes them."""
    colour: str
    """Of the series."""
    link: Json
    """As `data_link` makes it."""
    width: int
    """In pixels."""
    cell: Cell
    """How a table colours it, by its words or thresholds."""
    is_line: bool
    """For a limit among bars."""
    is_hidden: bool
    """For values that only a link needs."""


def steps(colour: str, *higher: tuple[float, str]) -> Json:
    """Thresholds: a colour for what is below all, then (from this value on, this colour)."""
    return {
        "mode": "absolute",
        "steps": [
            {"color": colour, "value": None},
            *({"color": each, "value": value} for value, each in higher),
        ],
    }


def number_words(words: Mapping[int, tuple[str, str]]) -> list[Json]:
    """A value mapping for numbers that stand for states, as in a state timeline."""
    return mapping({str(number): word for number, word in words.items()})


def data_link(title: str, uid: str, values: Mapping[str, str]) -> Json:
    """A link from a value to another dashboard.

    Args:
        title: what the link says.
        uid: the dashboard it goes to.
        values: what goes into the address: `from` and `to`, or a variable of that dashboard, each
            with a column of the row or a variable of this dashboard, encoded.
    """
    query = "&".join(
        f"{name if name in {'from', 'to'} else f'var-{name}'}={value}"
        for name, value in values.items()
    )
    return {"targetBlank": False, "title": title, "url": f"/d/{uid}?{query}"}


def field_config(
    *, unit: Unit = COUNT, columns: Sequence[Json] = (), **shown: Unpack[_Shown]
) -> Json:
    """How every value of a panel is shown, and what its columns add to that.

    Args:
        unit: of the values.
        columns: as `column` makes them.
        shown: the rest.
    """
    is_judged = "thresholds" in shown and not shown.get("has_palette", False)
    color = {"mode": "thresholds" if is_judged else "palette-classic"}
    if "colour" in shown:
        color = {"fixedColor": shown["colour"], "mode": "fixed"}
    optional = {
        "decimals": shown.get("decimals"),
        "max": shown.get("maximum"),
        "min": shown.get("minimum"),
    }
    return {
        "defaults": {
            "color": color,
            # What only this kind of panel knows, its builder adds.
            "custom": {},
            **{name: value for name, value in optional.items() if value is not None},
            "mappings": list(shown.get("words", ())),
            "noValue": shown.get("no_value", "—"),
            "thresholds": shown.get("thresholds", steps("green")),
            "unit": unit,
        },
        "overrides": list(columns),
    }


def column(name: str, title: str = "", **shown: Unpack[_ColumnShown]) -> Json:
    """What one column or series, by its name in the query, does otherwise than the rest.

    Args:
        name: of the column.
        title: in Chinese; empty leaves the name.
        shown: the rest.
    """
    words, colour = shown.get("words"), shown.get("colour")
    color = {"fixedColor": colour, "mode": "fixed"} if colour else {"mode": "thresholds"}
    properties: Json = {
        "displayName": title or None,
        "unit": shown.get("unit"),
        "decimals": shown.get("decimals"),
        "mappings": None if words is None else mapping(words),
        "thresholds": shown.get("thresholds"),
        "color": color if colour or "thresholds" in shown else None,
        "links": [shown["link"]] if "link" in shown else None,
        "custom.width": shown.get("width"),
        "custom.cellOptions": {"type": shown["cell"]} if "cell" in shown else None,
        "custom.hideFrom.viz": shown.get("is_hidden"),
    }
    if shown.get("is_line"):
        properties |= {"custom.drawStyle": "line", "custom.fillOpacity": 0, "custom.lineWidth": 2}
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [
            {"id": key, "value": value} for key, value in properties.items() if value is not None
        ],
    }
