"""Figures of coverage.py, added up by package. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

__all__ = ["Figures", "by_package", "table", "unreached"]

Measured: TypeAlias = Mapping[str, Mapping[str, Any]]
"""The `files` of coverage.py's JSON report, by path."""

_ROOMS = {"api", "ingest", "jieru", "verifier"}
"""Parts with folders of their own that are worth a line each."""


class Figures(NamedTuple):
    """What was there to be run, and what was."""

    statements: int
    statements_run: int
    branches: int
    branches_run: int

    @property
    def percent(self) -> float:
        """Of statements and branches together, as coverage.py has it."""
        whole = self.statements + self.branches
        return 100 * (self.statements_run + self.branches_run) / whole if whole else 100.0


def by_package(files: Measured) -> dict[str, Figures]:
    """The figures of each package, in order of its name."""
    found: dict[str, Figures] = {}
    for path, measured in files.items():
        each = measured["summary"]
        figures = Figures(
            each["num_statements"],
            each["covered_lines"],
            each["num_branches"],
            each["covered_branches"],
        )
        name = _package_of(path)
        found[name] = Figures(*map(sum, zip(found.get(name, (0,) * 4), figures, strict=True)))
    return dict(sorted(found.items()))


def _package_of(path: str) -> str:
    part, *rest = path.split("/")
    return f"{part}/{rest[0]}" if part in _ROOMS and len(rest) > 1 else part


def table(packages: Mapping[str, Figures]) -> str:
    """The figures as a table in Markdown, with their sum."""
    whole = Figures(*map(sum, zip(*packages.values(), strict=True)))
    lines = ["| package | statements | branches | covered |", "|---|--:|--:|--:|"]
    for name, each in [*packages.items(), ("all", whole)]:
        lines.append(
            f"| {name} | {each.statements:,} | {each.branches_run:,} of {each.branches:,} "
            f"| {each.percent:.1f} % |"
        )
    return "\n".join(lines)


def unreached(files: Measured) -> Sequence[str]:
    """Functions of which not one statement ran, as `path: name`."""
    return [
        f"{path}: {name}"
        for path, measured in sorted(files.items())
        for name, function in measured["functions"].items()
        if name and function["summary"]["num_statements"] and not function["executed_lines"]
    ]
