"""A scenario's registry as the five files that `jieru import` reads (design section 8)."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Final

from simulators.fleet import Fleet

__all__ = ["KINDS", "write_registry"]

_Row = Sequence[str | date | None]

_COLUMNS: Final = {
    "platforms": ("code", "name", "operator_uscc"),
    "recognitions": ("platform", "level", "recognised_on", "revoked_on"),
    "enterprises": ("uscc", "name", "district", "industry_code"),
    "connections": ("platform", "uscc", "contract_no", "signed_on", "from_date", "to_date"),
    "devices": ("platform", "serial", "uscc", "kind", "name", "assigned_from", "assigned_to"),
}

_WITH_DAY_OF_RECORDING: Final = ("connections", "devices")
"""They may say, for a simulation, when the server was told of them."""

KINDS: Final = tuple(_COLUMNS)
"""What is imported, in the order in which one refers to the other."""


def write_registry(fleet: Fleet, folder: Path) -> dict[str, Path]:
    """Write the five files, UTF-8, into a folder that exists.

    Returns:
        The path of each file by what `jieru import` calls it, in the order of import.
    """
    rows: dict[str, Iterable[_Row]] = {
        "platforms": _platforms(fleet),
        "recognitions": _recognitions(fleet),
        "enterprises": _enterprises(fleet),
        "connections": _connections(fleet),
        "devices": _devices(fleet),
    }
    paths = {kind: folder / f"{kind}.csv" for kind in KINDS}
    says_when_recorded = any(served.recorded_on for served in fleet.connections)
    for kind, path in paths.items():
        columns = _COLUMNS[kind]
        if says_when_recorded and kind in _WITH_DAY_OF_RECORDING:
            columns = (*columns, "recorded_on")
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(row[: len(columns)] for row in rows[kind])
    return paths


def _platforms(fleet: Fleet) -> Iterator[_Row]:
    for platform in fleet.scenario.platforms:
        yield platform.code, platform.name, fleet.operator_usccs[platform.code]


def _recognitions(fleet: Fleet) -> Iterator[_Row]:
    for platform in fleet.scenario.platforms:
        for recognition in platform.recognitions:
            yield (
                platform.code,
                recognition.level,
                recognition.recognised_on,
                recognition.revoked_on,
            )


def _enterprises(fleet: Fleet) -> Iterator[_Row]:
    for company in fleet.companies:
        yield company.uscc, company.name, company.district, company.industry_code


def _connections(fleet: Fleet) -> Iterator[_Row]:
    for served in fleet.connections:
        yield (
            served.platform,
            served.company.uscc,
            served.contract_no,
            served.signed_on,
            served.from_date,
            served.to_date,
            served.recorded_on,
        )


def _devices(fleet: Fleet) -> Iterator[_Row]:
    for served in fleet.connections:
        for device in served.devices:
            if device.is_registered:
                yield (
                    served.platform,
                    device.serial,
                    served.company.uscc,
                    device.kind,
                    device.name,
                    device.assigned_from or served.from_date,
                    device.assigned_to or served.to_date,
                    served.recorded_on,
                )
