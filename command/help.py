"""`--help`: whole sentences, wrapped where a terminal is full, with an example where it helps.

Click cuts what a list says of a command at the end of its line, and counts 汉字 as one column each.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import click
from rich.cells import cell_len

from command.arguments import TEXT
from command.usage_errors import CLICK_WORDS
from jieru.i18n import gettext as _

__all__ = ["example", "with_whole_help", "wrapped"]

_RAW: Final = "\b"
"""Click's own mark of a paragraph whose lines stay as they are."""
_EXAMPLE_COLUMNS: Final = 76
_WIDE: Final = "\u2e80-\u9fff\uff00-\uffef\u3000-\u303f"
_OPENING: Final = "（“《「"
_CLOSING: Final = "）”》」，。；：、？！…"
_PIECES: Final = re.compile(
    rf"\s+|[{_OPENING}]*(?:[{_WIDE}]|[^\s{_WIDE}{_OPENING}{_CLOSING}]+)[{_CLOSING}]*|\S"
)
"""What stays on one line: a word, or one character of Chinese, and the marks that belong to it."""
_FIRST_SENTENCE: Final = re.compile(r"(?s).*?(?:\.(?=\s)|。)")


def example(*calls: str) -> str:
    """The end of a command's help: how somebody may really call it, in one way or several."""
    return "\n".join([_RAW, *(line for call in calls for line in _example_lines(call))])


def _example_lines(call: str) -> Iterator[str]:
    said = _("Example: {line}").format(line=call)
    line = ""
    for word in said.split(" "):
        if line and cell_len(f"{line}{word} ") > _EXAMPLE_COLUMNS:
            yield f"{line}\\"  # as a shell has it, so that the whole can be copied
            line = "    "
        line += f"{word} "
    yield line.rstrip()


def with_whole_help(command: click.Command) -> click.Command:
    """A command, and all that are below it, with help that is wrapped and never cut.

    Here every command passes, so here its free texts are led through the gate of text, too.
    """
    command.context_class = _Context
    for param in command.params:
        if param.type is click.STRING and not getattr(param, "hide_input", False):
            param.type = TEXT
    command.short_help = command.short_help or _first_sentence(command.help or "")
    if isinstance(command, click.Group):
        for each in command.commands.values():
            with_whole_help(each)
    return command


def wrapped(text: str, columns: int) -> list[str]:
    """A paragraph in lines that are no wider than so many columns, unless a single word is."""
    lines, line = [], ""
    for piece in _PIECES.findall(text):
        if line and cell_len(line + piece.rstrip()) > columns:
            lines.append(line.rstrip())
            line = ""
        if line or not piece.isspace():
            line += piece
    return [*lines, line.rstrip()] if line.strip() else lines


class _Help(click.HelpFormatter):
    """Writes as click does, in lines of as many columns as a terminal shows."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write how the command is called."""
        super().write_usage(prog, args, prefix or _own("Usage: "))

    def write_heading(self, heading: str) -> None:
        """Write what stands above a list."""
        left = " " * self.current_indent
        self.write(left + _("{heading}:").format(heading=_own(heading)) + "\n")

    def write_text(self, text: str) -> None:
        """Write paragraphs, which an empty line parts."""
        paragraphs = [self._lines(each) for each in re.split(r"\n\s*\n", text)]
        self.write("\n\n".join("\n".join(lines) for lines in paragraphs) + "\n")

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write terms, and beside each what it means."""
        rows = list(rows)
        start = min(max(cell_len(term) for term, _meaning in rows), col_max) + col_spacing
        columns = max(self.width - self.current_indent - start, 10)
        for term, meaning in rows:
            lines = wrapped(_own(meaning), columns)
            if cell_len(term) > start - col_spacing:
                lines = ["", *lines]
            self._write_entry(term, lines, start)

    def _write_entry(self, term: str, lines: Sequence[str], start: int) -> None:
        left = " " * self.current_indent
        first, *others = lines or [""]
        term += " " * (start - cell_len(term)) if first else ""
        self.write(f"{left}{term}{first}\n")
        for line in others:
            self.write(f"{left}{' ' * start}{line}\n")

    def _lines(self, paragraph: str) -> list[str]:
        left = " " * self.current_indent
        if paragraph.startswith(_RAW):
            return [left + line for line in paragraph.splitlines()[1:]]
        lines = wrapped(" ".join(paragraph.split()), self.width - self.current_indent)
        return [left + line for line in lines]


class _Context(click.Context):
    formatter_class = _Help


def _own(text: str) -> str:
    """What click says of itself, in the process's language; everything else as it is."""
    return _(text) if text in CLICK_WORDS else text


def _first_sentence(text: str) -> str:
    found = _FIRST_SENTENCE.match(text)
    return found[0] if found else text
