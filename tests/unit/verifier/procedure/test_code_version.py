"""The name of the program that counts: whatever can change a figure changes it, nothing else."""

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from tests.support.source_tree import ROOT, copied_parts, import_closure, modules, syntax
from verifier.procedure.code_version import DECIDING_MODULES, code_version

_ROOTS: Final = ("verifier.procedure.computing", "verifier.procedure.recovery")
"""What computes the document that is signed, and what is claimed back between two of them."""
_WITHOUT_EFFECT: Final = {
    "jieru.database": "opens the connection, whose time zone changes nothing (instants are written "
    "in UTC), and reads the one column that says whether this is a simulation",
    "jieru.errors": "refusals: where one is raised there is no count",
    "jieru.i18n": "speaks to readers; the document keeps messages untranslated",
    "verifier.procedure.names": "checks what people give when it is recorded, not when it is read",
}
"""What deciding modules import that cannot change a figure, and why not."""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the parts in another folder."""
    return copied_parts(tmp_path_factory.mktemp("clone"))


def _changed(clone: Path, module: str) -> str:
    """The name when one byte more stands in a module."""
    path = clone / modules()[module].relative_to(ROOT)
    before = path.read_bytes()
    path.write_bytes(before + b"\n")
    try:
        code_version.cache_clear()
        return code_version(clone)
    finally:
        path.write_bytes(before)
        code_version.cache_clear()


def test_the_modules_that_decide_are_those_that_a_count_is_computed_with() -> None:
    """All that `computing` and `recovery` import, but for what cannot change a figure."""
    found = import_closure(_ROOTS, without=_WITHOUT_EFFECT)
    assert list(DECIDING_MODULES) == sorted(found)


def test_what_is_left_out_is_imported_by_what_decides() -> None:
    """A reason for a module that nobody imports any more would be a leftover."""
    assert import_closure(_ROOTS).issuperset(_WITHOUT_EFFECT)


def test_packages_around_the_modules_hold_nothing_that_could_decide() -> None:
    """Python runs them too, so they have a docstring and no more."""
    packages = {
        ".".join(names[:place])
        for names in (each.split(".") for each in DECIDING_MODULES)
        for place in range(1, len(names))
    }
    for package in packages - set(DECIDING_MODULES):
        assert all(isinstance(each, ast.Expr) for each in syntax(package).body), package


def test_the_name_is_the_release_and_a_digest() -> None:
    """Twelve hexadecimal digits behind the release."""
    assert re.fullmatch(r"0\.1\.0\+[0-9a-f]{12}", code_version())


def test_the_name_does_not_tell_where_the_program_is_installed(clone: Path) -> None:
    """An installation, a clone and another clone count alike."""
    assert code_version(clone) == code_version()


@pytest.mark.parametrize("module", DECIDING_MODULES)
def test_a_change_in_what_decides_changes_the_name(clone: Path, module: str) -> None:
    """Be it one byte."""
    assert _changed(clone, module) != code_version()


def test_a_change_in_anything_else_leaves_the_name(tmp_path: Path) -> None:
    """The command, pages, reports and explanations of a count decide nothing."""
    clone = copied_parts(tmp_path)
    others = modules().keys() - set(DECIDING_MODULES)
    assert {"command.count_tables", "verifier.reports.pages", "api.counts.view"} <= others
    for module in others:
        with (clone / modules()[module].relative_to(ROOT)).open("a", encoding="utf-8") as file:
            file.write("\n")
    assert code_version(clone) == code_version()


def test_two_files_that_change_places_change_the_name(clone: Path) -> None:
    """A name covers which file has which content."""
    award, windows = (clone / "verifier/counting" / name for name in ("award.py", "windows.py"))
    before = award.read_bytes(), windows.read_bytes()
    award.write_bytes(before[1])
    windows.write_bytes(before[0])
    try:
        code_version.cache_clear()
        assert code_version(clone) != code_version()
    finally:
        award.write_bytes(before[0])
        windows.write_bytes(before[1])
        code_version.cache_clear()
