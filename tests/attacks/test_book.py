"""The books themselves: what is lost or unseen must fail, or no attack proves anything."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.attacks.book import Attack, Book

_WELL: Final = Attack("a", "to do b", published=10, lost=0, delay_s=0.1, seen="log: c")
_ROOT: Final = Path(__file__).parents[2]
_ATTACKS: Final = """
from dataclasses import replace

import pytest

from tests.attacks.test_book import _WELL

@pytest.mark.parametrize("name", ["first", "second"])
def test_well(book, name):
    book.enter(replace(_WELL, name=name))

def test_last(book):
    book.enter(replace(_WELL, name="last", **{changes}))
"""


@pytest.mark.parametrize(
    ("attack", "finding"),
    [
        (Attack("a", "b", published=10, lost=1, delay_s=0.1, seen="c"), "1 of 10 are lost"),
        (Attack("a", "b", published=10, lost=0, delay_s=0.1, seen=""), "nobody sees it"),
        (Attack("a", "b", published=0, lost=0, delay_s=0.1, seen="c"), "nobody honest"),
    ],
)
def test_what_is_lost_or_unseen_fails(attack: Attack, finding: str) -> None:
    """As does an attack on nobody."""
    book = Book()
    with pytest.raises(AssertionError, match=finding):
        book.enter(attack)
    assert book.attacks == [attack]


def test_make_attack_plays_those_too_that_a_run_of_the_suite_leaves_out() -> None:
    """An empty choice of marks takes the place of that of pyproject.toml."""
    makefile = (_ROOT / "Makefile").read_text(encoding="utf-8")
    (recipe,) = re.findall(r"^attack:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert ' -m "" tests/attacks ' in recipe


@pytest.mark.parametrize(
    ("changes", "code", "line"),
    [
        ({}, 0, "last | to do b | 0 of 10 | 0.1 s | log: c"),
        ({"lost": 2}, 1, "last | to do b | 2 of 10 | 0.1 s | log: c"),
        ({"seen": ""}, 1, "last | to do b | 0 of 10 | 0.1 s | NOBODY"),
    ],
    ids=["well", "lost", "unseen"],
)
def test_the_table_is_printed_and_the_exit_code_is_1_where_one_attack_succeeds(
    tmp_path: Path, changes: dict[str, object], code: int, line: str
) -> None:
    """Also where several processes play them, as `make attack` has them do."""
    path = tmp_path / "test_inner.py"
    path.write_text(_ATTACKS.format(changes=changes), encoding="utf-8")
    options = [
        "-p",
        "xdist.plugin",
        "-p",
        "tests.attacks.book",
        "--numprocesses=2",
        "-c",
        "/dev/null",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", str(tmp_path), str(path)],
        cwd=_ROOT,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done.stdout
    assert "attack | what it tries | lost | delayed | seen by whom" in done.stdout
    assert line in done.stdout
    assert "first | to do b | 0 of 10" in done.stdout
