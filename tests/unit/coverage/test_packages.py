"""Figures by package, and functions that nobody runs."""

from typing import Any

from tests.coverage.packages import Figures, by_package, table, unreached


def _file(covered: int, branches_run: int, **functions: int) -> dict[str, Any]:
    """A file of ten statements and four branches; functions by how many of their lines ran."""
    return {
        "summary": {
            "num_statements": 10,
            "covered_lines": covered,
            "num_branches": 4,
            "covered_branches": branches_run,
        },
        "functions": {
            name: {"executed_lines": list(range(lines)), "summary": {"num_statements": 3}}
            for name, lines in functions.items()
        },
    }


_FILES = {
    "ingest/decode.py": _file(10, 4, decode=3),
    "ingest/run.py": _file(5, 0, drain=0),
    "verifier/counting/windows.py": _file(10, 2),
    "archive/rows.py": _file(10, 4),
}


def test_files_are_added_up_by_package() -> None:
    """Folders of the large parts have a line of their own."""
    assert by_package(_FILES) == {
        "archive": Figures(10, 10, 4, 4),
        "ingest": Figures(20, 15, 8, 4),
        "verifier/counting": Figures(10, 10, 4, 2),
    }


def test_the_figure_is_that_of_statements_and_branches_together() -> None:
    """And what has neither is covered."""
    assert Figures(10, 5, 10, 5).percent == 50.0
    assert Figures(0, 0, 0, 0).percent == 100.0


def test_the_table_ends_with_the_sum() -> None:
    """In Markdown, as docs/testing.md has it."""
    assert table(by_package(_FILES)).splitlines() == [
        "| package | statements | branches | covered |",
        "|---|--:|--:|--:|",
        "| archive | 10 | 4 of 4 | 100.0 % |",
        "| ingest | 20 | 4 of 8 | 67.9 % |",
        "| verifier/counting | 10 | 2 of 4 | 85.7 % |",
        "| all | 40 | 10 of 16 | 80.4 % |",
    ]


def test_a_function_of_which_nothing_ran_is_named_with_its_file() -> None:
    """One of which a part ran is not."""
    assert unreached(_FILES) == ["ingest/run.py: drain"]
