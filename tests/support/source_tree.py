"""The parts' source as it stands in files: modules, docstrings, imports; nothing is run."""

import ast
import shutil
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

__all__ = [
    "PARTS",
    "ROOT",
    "copied_parts",
    "docstring",
    "import_closure",
    "import_rules",
    "modules",
    "syntax",
]

ROOT: Final = Path(__file__).parents[2]
PARTS: Final = (
    "command",
    "api",
    "doctor",
    "dashboards",
    "ingest",
    "simulators",
    "verifier",
    "registry",
    "archive",
    "jieru",
)


@cache
def modules() -> Mapping[str, Path]:
    """The file of every module and package of all parts, by its name."""
    found = {}
    for part in PARTS:
        for path in sorted((ROOT / part).rglob("*.py")):
            names = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(names[:-1] if names[-1] == "__init__" else names)] = path
    return found


@cache
def syntax(module: str) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse(modules()[module].read_text(encoding="utf-8"))


def docstring(module: str) -> str:
    """What a module says of itself."""
    return ast.get_docstring(syntax(module)) or ""


def import_closure(roots: Iterable[str], without: Iterable[str] = ()) -> frozenset[str]:
    """The modules of our own that these import, and those import, and so on; they themselves too.

    Args:
        roots: where to begin.
        without: are left out, together with what only they import.
    """
    found: set[str] = set()
    waiting, barred = list(roots), set(without)
    while waiting:
        module = waiting.pop()
        if module in modules() and module not in found | barred:
            found.add(module)
            waiting += _imported(module)
    return frozenset(found)


def import_rules() -> Mapping[str, Any]:
    """What pyproject.toml asks of import-linter."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rules: dict[str, Any] = project["tool"]["importlinter"]
    return rules


def copied_parts(to: Path) -> Path:
    """A copy of every Python file of the parts, and of pyproject.toml, to be changed at will."""
    for path in modules().values():
        copy = to / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    shutil.copyfile(ROOT / "pyproject.toml", to / "pyproject.toml")
    return to


def _imported(module: str) -> list[str]:
    found = []
    for node in ast.walk(syntax(module)):
        if isinstance(node, ast.Import):
            found += [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            # A name may be a module of the package, or something inside of it.
            names = [f"{node.module}.{each.name}" for each in node.names]
            found += [node.module, *names]
    return found
