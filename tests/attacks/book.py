"""What became of each attack: a line of the table that `make attack` prints."""

from dataclasses import dataclass, field
from typing import Final

import pytest

__all__ = ["BOOK", "Attack", "Book"]


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack and its outcome."""

    name: str
    tries: str
    """To do what."""
    published: int
    """Honest heartbeats that the broker acknowledged."""
    lost: int
    """Of these, those that are not stored."""
    delay_s: float
    """From the last acknowledgement until all are stored."""
    seen: str
    """Where whoever watches sees it."""


@dataclass(slots=True)
class Book:
    """All attacks of this run."""

    attacks: list[Attack] = field(default_factory=list)

    def enter(self, attack: Attack) -> None:
        """Note an attack; one that cost a heartbeat, or that nobody can see, fails."""
        self.attacks.append(attack)
        assert attack.lost == 0, f"{attack.name}: {attack.lost} of {attack.published} are lost"
        assert attack.seen, f"{attack.name}: nobody sees it"

    def table(self) -> str:
        """In Markdown."""
        lines = ["attack | what it tries | published | lost | delayed | seen by", "-|-|-:|-:|-:|-"]
        lines += [
            f"{each.name} | {each.tries} | {each.published} | {each.lost} | {each.delay_s:.1f} s | "
            f"{each.seen}"
            for each in self.attacks
        ]
        return "\n".join(lines)


BOOK: Final = Book()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table below the outcome of the tests."""
    if BOOK.attacks:
        terminalreporter.section("attacks")
        terminalreporter.write_line(BOOK.table())
