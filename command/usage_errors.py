"""What is wrong with a command line, in the process's language: click says it in English only."""

import re
from collections.abc import Sequence
from typing import Final

import click
from click.exceptions import NoSuchCommand, NoSuchOption

from jieru.i18n import gettext as _
from jieru.i18n import marked

__all__ = ["CLICK_WORDS", "reason_of"]

CLICK_WORDS: Final = frozenset(
    {
        marked("Usage: "),
        marked("Options"),
        marked("Commands"),
        marked("Show this message and exit."),
        marked("Show the version and exit."),
    }
)
"""What click writes into every help by itself; `command/help.py` translates it."""

_CLICK_ON_FLAGS: Final = "does not take a value."
_CLICK_ON_SURPLUS: Final = re.compile(r"Got unexpected extra arguments? \((.+)\)$")


def reason_of(error: click.UsageError) -> str:
    """One sentence on a command line that cannot be understood."""
    if isinstance(error, NoSuchCommand):
        return _unknown(
            marked("There is no command {name}."),
            marked("There is no command {name}: did you mean {meant}?"),
            error.command_name,
            error.possibilities,
        )
    if isinstance(error, NoSuchOption):
        return _unknown(
            marked("There is no option {name} here."),
            marked("There is no option {name} here: did you mean {meant}?"),
            error.option_name,
            error.possibilities,
        )
    if isinstance(error, click.MissingParameter):
        return _of_missing(error)
    if isinstance(error, click.BadParameter):
        return _of_bad_value(error)
    if isinstance(error, click.BadOptionUsage):
        return _of_option(error)
    return _of_anything_else(error)


def _unknown(alone: str, with_guess: str, name: str, guesses: Sequence[str] | None) -> str:
    if not guesses:
        return _(alone).format(name=name)
    return _(with_guess).format(name=name, meant=_(", ").join(guesses))


def _of_missing(error: click.MissingParameter) -> str:
    parameter, name = error.param, _name_of(error)
    if parameter is not None and isinstance(parameter.type, click.Choice):
        return _("{name} is missing: one of {choices}.").format(
            name=name, choices=_choices(parameter.type)
        )
    return _("{name} is missing.").format(name=name)


def _of_bad_value(error: click.BadParameter) -> str:
    kind, name = error.param.type if error.param else None, _name_of(error)
    if isinstance(kind, click.Choice):
        return _("{name} must be one of {choices}.").format(name=name, choices=_choices(kind))
    if isinstance(kind, click.IntRange) and kind.max is not None:
        return _("{name} must be a whole number from {first} to {last}.").format(
            name=name, first=kind.min, last=kind.max
        )
    if kind is click.INT:
        return _("{name} must be a whole number.").format(name=name)
    if isinstance(kind, click.FloatRange):
        if kind.min_open:
            return _("{name} must be a number above {first}.").format(name=name, first=kind.min)
        return _("{name} must be a number of at least {first}.").format(name=name, first=kind.min)
    return f"{name}: {error.message}"


def _of_option(error: click.BadOptionUsage) -> str:
    """Of an option that lacks its value, or has one that it does not take."""
    if error.message.endswith(_CLICK_ON_FLAGS):
        return _("The option {name} takes no value.").format(name=error.option_name)
    return _("The option {name} needs a value.").format(name=error.option_name)


def _of_anything_else(error: click.UsageError) -> str:
    """Of words that are too many, as far as click's own sentence tells; else that sentence."""
    found = _CLICK_ON_SURPLUS.match(error.message)
    if found:
        return _("Nothing is to be written after the rest here: {words}.").format(words=found[1])
    return error.format_message()


def _name_of(error: click.BadParameter) -> str:
    if error.param is None:
        return str(error.param_hint or "")
    if isinstance(error.param, click.Argument) and isinstance(error.param.type, click.Choice):
        return (error.param.name or "").upper()  # its hint is the list of choices
    return error.param.get_error_hint(error.ctx).replace("'", "")


def _choices(kind: "click.Choice[str]") -> str:
    return _(", ").join(str(each) for each in kind.choices)
