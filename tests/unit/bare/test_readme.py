"""The README promises what `make bare` tries, and nothing else."""

from pathlib import Path
from typing import Final

from tests.bare.install import VARIANTS
from tests.bare.machines import ACCOUNTS, MACHINES, ROOT, steps

_README: Final = Path(__file__).parents[3] / "README.md"
_PYPROJECT: Final = _README.with_name("pyproject.toml")


def test_the_readmes_table_is_what_is_tried() -> None:
    """A row for each machine, with what is done there by whom."""
    rows = [line for line in _README.read_text(encoding="utf-8").splitlines() if "| 3." in line]
    expected = []
    for machine in MACHINES:
        names = {step.name for step in steps(machine, ROOT, part=None)}
        cells = (
            machine.name,
            machine.python,
            "root, ordinary user",
            "yes" if {"make check", "make quick"} <= names else "",
            "yes" if "make test" in names else "",
            "yes" if machine.suite in VARIANTS else "",
        )
        expected.append(f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |"))
    assert rows == expected


def test_everybody_follows_the_first_screen() -> None:
    """As root and as an ordinary user, on every machine."""
    for machine in MACHINES:
        for account in ACCOUNTS:
            names = [step.name for step in steps(machine, account, part="readme")]
            assert names[:3] == ["set-up", "make demo", "demo --once"]


def test_the_pythons_that_are_tried_are_among_those_that_are_promised() -> None:
    """By the classifiers of the package."""
    said = _PYPROJECT.read_text(encoding="utf-8")
    for machine in MACHINES:
        assert f"Programming Language :: Python :: {machine.python}" in said
