"""Where a benchmark's figures go: a table on the terminal and a JSON file."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psutil
from rich.console import Console
from rich.table import Table

__all__ = ["machine", "print_table", "save"]

_FOLDER: Final = Path(__file__).parent / "results"


def machine() -> str:
    """The size of this machine, without which no figure means anything."""
    gib = psutil.virtual_memory().total / 2**30
    return f"{len(os.sched_getaffinity(0))} cores, {gib:.0f} GiB"


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Show figures, numbers to the right."""
    table = Table(title=f"{title} ({machine()})")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def save(name: str, result: dict[str, object]) -> None:
    """Write the figures of one benchmark to `benchmarks/results/NAME.json`."""
    _FOLDER.mkdir(exist_ok=True)
    text = json.dumps({"benchmark": name, "machine": machine(), **result}, indent=2)
    (_FOLDER / f"{name}.json").write_text(text + "\n")
