"""Every number that a command takes is held to its range: one sentence, and nothing is begun."""

from collections.abc import Iterator
from itertools import takewhile
from typing import Final, NamedTuple

import click
import pytest

import command as jieru_command
from command.arguments import WHOLE_NUMBER, YEAR
from jieru.errors import UserError

_JIERU: Final = jieru_command._jieru
_LARGEST: Final = 2**63 - 1
"""What PostgreSQL compares a number of a record with; beyond it no statement can be made."""
_TEXTS: Final = ("0", "-1", "9" * 11, "9" * 19, "9" * 5_000, "-" + "9" * 5_000, "1e3", "０", "")


class _Taken(NamedTuple):
    """A number that some command takes."""

    path: tuple[str, ...]
    command: click.Command
    parameter: click.Parameter

    @property
    def name(self) -> str:
        return f"{' '.join(self.path)} {self.parameter.name}"

    def line(self, text: str) -> list[str]:
        """A command line with this number, and with what has to stand before it."""
        if isinstance(self.parameter, click.Option):
            return [*self.path, f"{self.parameter.opts[0]}={text}"]
        arguments = [each for each in self.command.params if isinstance(each, click.Argument)]
        before = takewhile(lambda each: each is not self.parameter, arguments)
        return [*self.path, *(_fitting(each) for each in before), "--", text]


def _fitting(argument: click.Argument) -> str:
    if argument.type is YEAR:
        return "2026"
    return "1" if _is_number(argument) else "x"


def _is_number(parameter: click.Parameter) -> bool:
    return parameter.type is WHOLE_NUMBER or isinstance(
        parameter.type, click.types.IntParamType | click.IntRange
    )


def _numbers(path: tuple[str, ...], command: click.Command) -> Iterator[_Taken]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _numbers((*path, name), below)
    for parameter in command.params:
        if _is_number(parameter):
            yield _Taken(path, command, parameter)


_ALL: Final = [*_numbers((), _JIERU)]


def test_all_commands_were_looked_through() -> None:
    """Of every sort: arguments, options, those of groups below groups."""
    names = {each.name for each in _ALL}
    assert {"decide withdraw decision_id", "serve port", "procedure compare before"} <= names


@pytest.mark.parametrize("taken", _ALL, ids=lambda taken: taken.name)
def test_a_number_beyond_its_range_is_one_sentence(
    taken: _Taken, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1 or 2, no traceback; what is taken fits where it goes."""
    refused = 0
    for text in _TEXTS:
        try:
            value = taken.parameter.type.convert(text, taken.parameter, None)
        except (UserError, click.BadParameter):
            refused += 1
        else:
            assert isinstance(value, int)
            if taken.parameter.type is WHOLE_NUMBER:
                assert 0 <= value <= _LARGEST
            continue
        monkeypatch.setattr("sys.argv", ["jieru", *taken.line(text)])
        with pytest.raises(SystemExit) as ended:
            jieru_command.main()
        said = capsys.readouterr().err
        assert ended.value.code in {1, 2}
        assert said.count("\n") == 1
        assert "Traceback" not in said
        assert len(said) < 300
    assert refused >= 4
