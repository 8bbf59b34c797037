"""`--help`: every command's, whole at 80 columns, and its examples are such as it takes."""

import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from command import _MODULES, _jieru
from command.help import with_whole_help, wrapped
from jieru.i18n import LANGUAGES, Language, translations

_COLUMNS = 80
_EXAMPLE = re.compile(r"^ *(?:Example: |示例：)((?:.+\\\n)*.+)", re.MULTILINE)
"""What commands say of themselves is in the language in which their modules were imported."""


def _commands(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield words
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            yield from _commands(each, (*words, name))


def _all_commands() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [()]
    for name, module in _MODULES.items():
        found += _commands(import_module(f"command.{module}").command, (name,))
    return found


_ALL = _all_commands()


def _help(words: tuple[str, ...]) -> str:
    result = CliRunner().invoke(_jieru, [*words, "--help"], terminal_width=_COLUMNS)
    assert result.exit_code == 0
    return result.output


@pytest.mark.parametrize("words", _ALL, ids=" ".join)
def test_help_is_whole_and_fits_a_terminal(words: tuple[str, ...]) -> None:
    """Nothing ends in three dots but an argument that may be repeated; no line is too wide."""
    text = _help(words)
    assert not re.search(r"\w\.\.\.", text.replace("[ARGS]...", ""))
    for line in text.splitlines():
        assert cell_len(line) <= _COLUMNS, line


def test_a_list_says_of_each_command_its_whole_first_sentence() -> None:
    """In the list of all commands, and in each group's."""
    listed = re.sub(r"\s", "", _help(()))
    for name, module in _MODULES.items():
        command = with_whole_help(import_module(f"command.{module}").command)
        assert re.sub(r"\s", "", f"{name}{command.short_help}") in listed
        assert (command.short_help or "").endswith((".", "。"))


@pytest.mark.parametrize("words", _ALL, ids=" ".join)
def test_an_example_is_taken_by_its_command(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read as if somebody had typed it; nothing is run."""
    monkeypatch.chdir(tmp_path)
    for name in ("count-2026.json", "published.key", "devices.xlsx"):
        (tmp_path / name).touch()
    for shown in _EXAMPLE.findall(_help(words)):
        _read(shown.replace("\\\n", " "), words)


def _read(line: str, words: tuple[str, ...]) -> None:
    program, *rest = [word for word in shlex.split(line) if not word.startswith("JIERU_")]
    assert program == "jieru"
    assert words == ("simulate", "play") or tuple(rest[: len(words)]) == words
    command: click.Command = _jieru
    context: click.Context | None = None
    while True:
        context = command.make_context("jieru", rest, parent=context)
        if not isinstance(command, click.Group):
            return
        rest = [*context._protected_args, *context.args]
        _name, found, rest = command.resolve_command(context, rest)
        assert found is not None
        command = found


def test_a_first_sentence_ends_where_a_sentence_ends() -> None:
    """Not at the dot of an abbreviation or a name."""
    command = click.Command("x", help="Writes a.csv and b.csv; see `x.y`. Then more.")
    assert with_whole_help(command).short_help == "Writes a.csv and b.csv; see `x.y`."


@pytest.mark.parametrize("command", ["count", "import", "decide waive", "simulate load", "report"])
def test_commands_that_are_hard_to_guess_have_an_example(command: str) -> None:
    """At the end of their help."""
    assert _EXAMPLE.search(_help(tuple(command.split())))


@pytest.mark.parametrize("language", LANGUAGES)
def test_chinese_is_wrapped_by_its_width(language: Language) -> None:
    """A character is two columns, and a mark stays with what it belongs to."""
    text = translations(language).gettext(
        "Send heartbeats as fast as the broker takes them, evenly, or in bursts at the full minute "
        "or hour, and keep exact books of what it acknowledged. Without --devices or --count, the "
        "devices of the database send."
    )
    for columns in range(20, 90):
        lines = wrapped(text, columns)
        assert re.sub(r"\s", "", "".join(lines)) == re.sub(r"\s", "", text)
        assert all(cell_len(line) <= columns for line in lines)
        assert not any(line[0] in "，。；）”、" for line in lines)


def test_a_word_that_is_wider_than_the_line_stands_alone() -> None:
    """And is not broken: it may be an address."""
    assert wrapped("see https://grafana.example.org/d/x now", 10) == [
        "see",
        "https://grafana.example.org/d/x",
        "now",
    ]
    assert wrapped("  ", 10) == []
