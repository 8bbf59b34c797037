"""The name of the program that finds signals: whatever can change one changes it, nothing else."""

from pathlib import Path
from typing import Final

from tests.support.source_tree import ROOT, copied_parts, import_closure, modules
from verifier.trust.code_version import SIGNAL_MODULES, signals_code_version

_WITHOUT_EFFECT: Final = {
    "jieru.database": "reads the one column that says whether this is a simulation",
    "jieru.errors": "refusals: where one is raised there is no run",
    "jieru.i18n": "speaks to readers",
    "verifier.procedure.code_version": "names programs",
    "verifier.trust.code_version": "names this one",
}
"""What is imported and cannot change a signal, and why not."""


def test_the_modules_named_are_those_that_a_run_is_made_with() -> None:
    """All that `running` imports, but for what cannot change a signal."""
    found = import_closure(("verifier.trust.running",), without=_WITHOUT_EFFECT)
    assert list(SIGNAL_MODULES) == sorted(found)


def test_a_change_in_one_of_them_changes_the_name_and_one_elsewhere_does_not(
    tmp_path: Path,
) -> None:
    """Wherever the program is installed."""
    clone = copied_parts(tmp_path)
    signals_code_version.cache_clear()
    name = signals_code_version(clone)
    assert name == signals_code_version()
    for module, is_another in (("verifier.trust.words", False), ("verifier.trust.rhythm", True)):
        with (clone / modules()[module].relative_to(ROOT)).open("a", encoding="utf-8") as file:
            file.write("\n")
        signals_code_version.cache_clear()
        assert (signals_code_version(clone) != name) is is_another
    signals_code_version.cache_clear()
