"""A count as plain tables: what the workbook, the CSV files and the JSON file hold alike."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from jieru.i18n import Language
from jieru.i18n import marked as _
from verifier.counting.determination import Outcome
from verifier.reports.document import CountDocument, Enterprise, Platform, SignedCount
from verifier.reports.provenance import overrides, provenance
from verifier.reports.speech import Speech

__all__ = ["SHEETS", "Cell", "Column", "ColumnKind", "Sheet", "SheetName", "sheet"]

Cell: TypeAlias = str | int | date | None
Row: TypeAlias = Sequence[Cell]
ColumnKind = Literal["text", "number", "date"]
SheetName = Literal["about", "payment", "determinations", "exclusions", "devices"]
SHEETS: Final[tuple[SheetName, ...]] = get_args(SheetName)
"""In the order of the workbook."""


class Column(NamedTuple):
    """One column."""

    key: str
    """Its name for programs."""
    title: str
    kind: ColumnKind
    width: int
    """In characters of the Latin alphabet, of which a 汉字 takes two."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table, its rows made as they are read."""

    name: SheetName
    title: str
    columns: tuple[Column, ...]
    rows: Callable[[], Iterator[Row]]
    """Every row has a cell for each column: text, a whole number, a date, or nothing."""


def sheet(name: SheetName, signed: SignedCount, language: Language) -> Sheet:
    """One table of a count, in a language."""
    speech = Speech(language, signed.document)
    title, columns, rows = _MAKERS[name]
    return Sheet(
        name=name,
        title=speech.text(title),
        columns=tuple(each._replace(title=speech.text(each.title)) for each in columns),
        rows=lambda: rows(signed, speech),
    )


def _text(key: str, title: str, width: int) -> Column:
    return Column(key, title, "text", width)


def _number(key: str, title: str, width: int = 14) -> Column:
    return Column(key, title, "number", width)


def _date(key: str, title: str, width: int = 14) -> Column:
    return Column(key, title, "date", width)


_PLATFORM: Final = (
    _text("platform", _("Platform code"), 16),
    _text("platform_name", _("Platform"), 32),
)
_ENTERPRISE: Final = (
    _text("uscc", _("Unified social credit code"), 22),
    _text("name", _("Enterprise"), 36),
)

_ABOUT: Final = (_text("item", _("Item"), 24), _text("value", _("Value"), 80))
_PAYMENT: Final = (
    *_PLATFORM,
    _text("operator_uscc", _("Operator's unified social credit code"), 22),
    _text("clause", _("Clause"), 10),
    _number("count", _("Number")),
    _number("uncapped_yuan", _("Before the cap, yuan"), 20),
    _number("amount_yuan", _("Amount, yuan"), 16),
)
_DETERMINATIONS: Final = (
    *_PLATFORM,
    *_ENTERPRISE,
    _text("district", _("District"), 14),
    _text("industry_code", _("Industry code"), 14),
    _text("contract_nos", _("Contracts"), 24),
    _text("outcome", _("Outcome"), 16),
    _date("connected_on", _("Connected on")),
    _date("window_last_day", _("Window's last day")),
    _number("window_active_days", _("Active days")),
    _number("window_longest_gap_days", _("Longest gap, days")),
    _text("reasons", _("Reasons"), 40),
    _text("presence_sha256", _("SHA-256 of the presence"), 66),
)
_EXCLUSIONS: Final = (
    *_PLATFORM,
    *_ENTERPRISE,
    _text("outcome", _("Outcome"), 16),
    _text("reasons", _("Reasons"), 40),
    _text("decisions", _("Decisions"), 80),
)
_DEVICES: Final = (
    _text("platform", _("Platform code"), 16),
    *_ENTERPRISE,
    _text("serial", _("Serial"), 24),
    _text("device_name", _("Device"), 24),
    _text("kind", _("Kind"), 16),
    _date("assigned_from", _("Assigned from")),
    _date("assigned_to", _("Assigned until (exclusive)"), 18),
    _number("active_days", _("Active days")),
    _date("first_active_on", _("First active")),
    _date("last_active_on", _("Last active")),
)


def _about_rows(signed: SignedCount, speech: Speech) -> Iterator[Row]:
    yield from provenance(signed, speech)
    yield from overrides(signed, speech)


def _payment_rows(signed: SignedCount, speech: Speech) -> Iterator[Row]:
    for each in signed.document.platforms:
        for line in each.lines:
            yield (
                each.platform,
                each.name,
                each.operator_uscc,
                line.clause,
                line.count,
                line.uncapped_yuan,
                line.amount_yuan,
            )
    total = signed.document.total_yuan
    yield (speech.text(_("Total")), None, None, None, None, None, total)


def _determination_rows(signed: SignedCount, speech: Speech) -> Iterator[Row]:
    for platform, each in _determinations(signed.document):
        yield (
            platform.platform,
            platform.name,
            each.uscc,
            each.name,
            speech.district(each.district),
            each.industry_code,
            speech.text(_("; ")).join(each.contract_nos),
            speech.outcome(each.outcome),
            each.connected_on,
            each.window_last_day,
            each.window_active_days,
            each.window_longest_gap_days,
            speech.reasons(each),
            each.presence_sha256,
        )


def _exclusion_rows(signed: SignedCount, speech: Speech) -> Iterator[Row]:
    for platform, each in _determinations(signed.document):
        if each.outcome is not Outcome.COUNTED:
            yield (
                platform.platform,
                platform.name,
                each.uscc,
                each.name,
                speech.outcome(each.outcome),
                speech.reasons(each),
                "\n".join(speech.proceedings(each)),
            )


def _device_rows(signed: SignedCount, speech: Speech) -> Iterator[Row]:
    del speech
    for platform, enterprise in _determinations(signed.document):
        for each in enterprise.counted_devices:
            yield (
                platform.platform,
                enterprise.uscc,
                enterprise.name,
                each.serial,
                each.name,
                each.kind,
                each.assigned_from,
                each.assigned_to,
                each.active_days,
                each.first_active_on,
                each.last_active_on,
            )


def _determinations(document: CountDocument) -> Iterator[tuple[Platform, Enterprise]]:
    for platform in document.platforms:
        for enterprise in platform.enterprises:
            yield platform, enterprise


_Rows: TypeAlias = Callable[[SignedCount, Speech], Iterator[Row]]
_MAKERS: Final[dict[SheetName, tuple[str, tuple[Column, ...], _Rows]]] = {
    "about": (_("About this count"), _ABOUT, _about_rows),
    "payment": (_("Payment"), _PAYMENT, _payment_rows),
    "determinations": (_("Determinations"), _DETERMINATIONS, _determination_rows),
    "exclusions": (_("Not counted"), _EXCLUSIONS, _exclusion_rows),
    "devices": (_("Devices"), _DEVICES, _device_rows),
}
