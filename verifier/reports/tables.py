"""The tables of a count as CSV and as JSON, with the cells that the workbook has.

Dates are ISO 8601 and numbers plain here, whatever the language: these files are read by programs.
"""

from collections.abc import Iterator
from datetime import date
from itertools import chain

import msgspec

from jieru.csv_file import csv_file
from jieru.i18n import Language
from jieru.i18n import marked as _
from registry.cells import guarded
from verifier.reports.document import SignedCount
from verifier.reports.provenance import mark
from verifier.reports.sheets import SHEETS, Cell, Sheet, SheetName, sheet
from verifier.reports.speech import Speech

__all__ = ["csv_table", "json_tables"]


def csv_table(signed: SignedCount, name: SheetName, language: Language) -> bytes:
    """One table as CSV (RFC 4180, UTF-8 with a byte order mark).

    Each row ends with the count it comes from, because a row is easily parted from its file.
    """
    speech = Speech(language, signed.document)
    table = sheet(name, signed, language)
    origin = _origin(signed, speech)
    titles = [column.title for column in table.columns] + [title for title, _value in origin]
    ending = [guarded(value) for _title, value in origin]
    rows = ([*map(_csv_cell, row), *ending] for row in table.rows())
    return csv_file(chain([titles], rows))


def json_tables(signed: SignedCount, language: Language) -> bytes:
    """All tables as one JSON object, each row an object by the keys of its columns."""
    document = signed.document
    content = {
        "count_id": document.count_id,
        "year": document.year,
        "policy": document.policy,
        "policy_sha256": document.policy_sha256,
        "as_of": document.as_of,
        "digest": signed.digest,
        "public_key": signed.public_key,
        "simulation": document.simulation,
        "mark": mark(signed, Speech(language, document)),
        "language": language,
        "tables": [_json_table(sheet(name, signed, language)) for name in SHEETS],
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"


def _origin(signed: SignedCount, speech: Speech) -> list[tuple[str, str]]:
    document = signed.document
    return [
        (speech.text(_("Count number")), document.count_id),
        (speech.text(_("Version of the policy")), document.policy),
        (speech.text(_("SHA-256 of the policy")), document.policy_sha256),
        (speech.text(_("Evidence until")), document.as_of.isoformat()),
        (speech.text(_("Digest (SHA-256)")), signed.digest),
        (speech.text(_("Mark")), mark(signed, speech)),
    ]


def _csv_cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return guarded(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def _json_table(table: Sheet) -> dict[str, object]:
    keys = [column.key for column in table.columns]
    return {
        "name": table.name,
        "title": table.title,
        "columns": [{"key": each.key, "title": each.title} for each in table.columns],
        "rows": list(_objects(keys, table)),
    }


def _objects(keys: list[str], table: Sheet) -> Iterator[dict[str, Cell]]:
    for row in table.rows():
        yield dict(zip(keys, row, strict=True))
