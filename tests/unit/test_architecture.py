"""The house is built as its plan says: what may import what, and what is pure."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise, permutations, product
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.source_tree import (
    PARTS,
    ROOT,
    copied_parts,
    docstring,
    import_rules,
    modules,
    syntax,
)

_CLOCKS: Final = frozenset(
    {
        "datetime.date.today",
        "datetime.datetime.now",
        "datetime.datetime.today",
        "datetime.datetime.utcnow",
        "time.localtime",
        "time.monotonic",
        "time.monotonic_ns",
        "time.perf_counter",
        "time.perf_counter_ns",
        "time.sleep",
        "time.time",
        "time.time_ns",
    }
)
_ENVIRONMENT: Final = frozenset({"os.environ", "os.environb", "os.getenv", "os.getenvb"})
_PASSED_IN: Final = frozenset({"random.Random", "numpy.random.Generator"})
"""Types of generators: whoever has one passes it in."""


def _pure_modules() -> list[str]:
    return sorted(
        each for each in modules() if re.search(r"\bpure\b", docstring(each), re.IGNORECASE)
    )


def _contracts() -> Mapping[str, Mapping[str, Any]]:
    return {each["name"]: each for each in import_rules()["contracts"]}


def _pure_contract() -> Mapping[str, Any]:
    return next(each for name, each in _contracts().items() if name.startswith("What is pure"))


def test_every_part_is_under_the_rules() -> None:
    """A folder with Python in it that no rule knows would be free to import anything."""
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert folders - {"tests", "benchmarks"} == set(PARTS)
    assert import_rules()["root_packages"] == list(PARTS)


def test_no_contract_has_an_exception() -> None:
    """An import that is ignored is a rule that does not hold."""
    for contract in _contracts().values():
        assert not {key for key in contract if key.startswith(("ignore", "allow", "unmatched"))}
    assert import_rules().keys() == {"root_packages", "include_external_packages", "contracts"}


def test_the_contract_lists_exactly_the_modules_that_say_they_are_pure() -> None:
    """Whoever calls a module pure has it checked, and what is checked says so."""
    assert _pure_contract()["source_modules"] == _pure_modules()


def test_a_pure_package_would_speak_for_its_modules() -> None:
    """A listed package would bring in modules that say nothing, so only modules are listed."""
    packages = [each for each in _pure_modules() if modules()[each].name == "__init__.py"]
    assert packages == []


@pytest.mark.parametrize("module", _pure_modules())
def test_a_pure_module_looks_at_no_clock_no_environment_and_no_dice(module: str) -> None:
    """Time, settings and chance are passed in; `Pure but for chance` names the one exception."""
    used = set(_impure_names(syntax(module)))
    if "but for chance" in docstring(module):
        used -= {"secrets.choice"}
    assert used == set()


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("from datetime import datetime\ndatetime.now(UTC)", "datetime.datetime.now"),
        ("import datetime as d\nd.date.today()", "datetime.date.today"),
        ("import time\ntime.monotonic()", "time.monotonic"),
        ("from time import time as now\nnow()", "time.time"),
        ("from time import time\nrun(clock=time)", "time.time"),
        ("import os\nos.environ['A']", "os.environ"),
        ("from os import getenv\ngetenv('A')", "os.getenv"),
        ("import random\nrandom.random()", "random.random"),
        ("from random import choice\nchoice([1])", "random.choice"),
        ("from random import Random\nRandom()", "random.Random"),
        ("import numpy as np\nnp.random.default_rng(1)", "numpy.random.default_rng"),
        ("import secrets\nsecrets.token_hex()", "secrets.token_hex"),
        ("from uuid import uuid4\nuuid4()", "uuid.uuid4"),
        ("import os\nos.urandom(8)", "os.urandom"),
        ("open('a')", "open"),
        ("input()", "input"),
    ],
)
def test_what_is_not_passed_in_is_seen(source: str, name: str) -> None:
    """However it is imported, and also where it is handed on without being called."""
    assert set(_impure_names(ast.parse(source))) == {name}


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import datetime\ndatetime.fromtimestamp(0, UTC)",
        "import time\ntime.strptime('', '')",
        "from random import Random\ndef draw(dice: Random) -> float:\n    return dice.random()",
        "from random import Random\nRandom(7)",
        "import numpy as np\ndef draw(dice: np.random.Generator) -> float: ...",
        "self.open()",
    ],
)
def test_what_is_passed_in_is_let_pass(source: str) -> None:
    """A generator of chance with a seed gives the same every time."""
    assert set(_impure_names(ast.parse(source))) == set()


def _impure_names(tree: ast.Module) -> Iterator[str]:
    """Names of clocks, of the environment, of chance and of files that a module uses."""
    imported = dict(_imported_names(tree))
    seeded = {id(each.func) for each in ast.walk(tree) if isinstance(each, ast.Call) and each.args}
    called = {id(each.func) for each in ast.walk(tree) if isinstance(each, ast.Call)}
    for node in ast.walk(tree):
        name = _dotted(node, imported)
        if name in _CLOCKS | _ENVIRONMENT or (name in {"open", "input"} and id(node) in called):
            yield name
        elif name in _PASSED_IN:
            if id(node) in called - seeded:
                yield name
        elif re.fullmatch(
            r"random\.\w+|numpy\.random\.\w+|secrets\.\w+|uuid\.uuid\d|os\.urandom", name
        ):
            yield name


def _imported_names(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                top = each.name.partition(".")[0]
                yield (each.asname, each.name) if each.asname else (top, top)
        elif isinstance(node, ast.ImportFrom):
            for each in node.names:
                yield each.asname or each.name, f"{node.module}.{each.name}"


def _dotted(node: ast.AST, imported: Mapping[str, str]) -> str:
    """The whole name of what a node stands for; empty where it is no plain name."""
    if isinstance(node, ast.Name):
        return imported.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        owner = _dotted(node.value, imported)
        return f"{owner}.{node.attr}" if owner else ""
    return ""


def _plants() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Imports that must not be, each an importer and what it imports, by the contract's name."""
    for name, contract in _contracts().items():
        if contract["type"] == "forbidden":
            for forbidden in contract["forbidden_modules"]:
                yield name, [(source, forbidden) for source in contract["source_modules"]]
        else:
            (container,) = contract.get("containers", [""])
            prefix = f"{container}." if container else ""
            layers = [
                [prefix + each for each in layer.split(" | ")] for layer in contract["layers"]
            ]
            for upper, lower in pairwise(layers):
                yield name, list(product(lower, upper))
            for layer in layers:
                if len(layer) > 1:
                    yield name, list(permutations(layer, 2))


@pytest.fixture(scope="module")
def copy_of_parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the parts in which imports are planted and taken out again."""
    return copied_parts(tmp_path_factory.mktemp("parts"))


def test_the_copy_keeps_every_contract(copy_of_parts: Path) -> None:
    """So what the tests below find broken is broken by what they plant."""
    done = _lint_imports(copy_of_parts)
    assert done.returncode == 0, done.stdout
    assert f"Contracts: {len(_contracts())} kept, 0 broken." in done.stdout


@pytest.mark.parametrize(("contract", "plants"), list(_plants()))
def test_imports_that_a_contract_forbids_break_it(
    copy_of_parts: Path, contract: str, plants: list[tuple[str, str]]
) -> None:
    """And the report names the contract and each import."""
    with _planted(copy_of_parts, plants):
        done = _lint_imports(copy_of_parts)
    assert done.returncode == 1, done.stdout
    assert f"{contract} BROKEN" in done.stdout
    missed = [plant for plant in plants if " -> ".join(plant) not in done.stdout]
    assert missed == []


def test_a_pure_module_may_not_reach_the_database_by_way_of_another(copy_of_parts: Path) -> None:
    """The import that breaks the contract stands in a module that is not listed."""
    with _planted(copy_of_parts, [("jieru.errors", "psycopg")]):
        done = _lint_imports(copy_of_parts)
    assert f"{_pure_contract()['name']} BROKEN" in done.stdout
    assert "jieru.errors -> psycopg" in done.stdout


@contextmanager
def _planted(folder: Path, plants: list[tuple[str, str]]) -> Iterator[None]:
    """Imports in a copy of the parts, while the block runs."""
    paths = {importer: folder / modules()[importer].relative_to(ROOT) for importer, _ in plants}
    before = {path: path.read_bytes() for path in paths.values()}
    for importer, imported in plants:
        with paths[importer].open("a", encoding="utf-8") as file:
            file.write(f"\nimport {imported}\n")
    try:
        yield
    finally:
        for path, content in before.items():
            path.write_bytes(content)


def _lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts in a folder; wide enough that no name is broken into two lines."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    environment = {**os.environ, "COLUMNS": "500", "PYTHONPATH": str(folder)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
