"""What became of each attack: a line of the table that `make attack` prints."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Final

import pytest

__all__ = ["Attack", "Book", "book", "pytest_terminal_summary", "table"]

_PROPERTY: Final = "attack"


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
    """From the last acknowledgement until all are stored; of several such times the longest."""
    seen: str
    """Where whoever watches sees it."""


def _to_nobody(_attack: Attack) -> None:
    pass


@dataclass(slots=True)
class Book:
    """The attacks of one test."""

    tell: Callable[[Attack], None] = _to_nobody
    """Whom of each attack, before it is judged."""
    attacks: list[Attack] = field(default_factory=list)

    def enter(self, attack: Attack) -> None:
        """Note an attack; one that cost a heartbeat, or that nobody can see, fails."""
        self.attacks.append(attack)
        self.tell(attack)
        assert attack.published > 0, f"{attack.name}: nobody honest was there"
        assert attack.lost == 0, f"{attack.name}: {attack.lost} of {attack.published} are lost"
        assert attack.seen, f"{attack.name}: nobody sees it"


@pytest.fixture
def book(record_property: Callable[[str, object], None]) -> Book:
    """The book of a test, which tells the report of that test."""
    return Book(lambda attack: record_property(_PROPERTY, asdict(attack)))


def table(attacks: Iterable[Attack]) -> str:
    """In Markdown."""
    lines = ["attack | what it tries | lost | delayed | seen by whom", "-|-|-:|-:|-"]
    lines += [
        f"{each.name} | {each.tries} | {each.lost} of {each.published} | {each.delay_s:.1f} s | "
        f"{each.seen or 'NOBODY'}"
        for each in attacks
    ]
    return "\n".join(lines)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table below the outcome of the tests, in whichever processes these ran."""
    attacks = [
        Attack(**content)
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, content in report.user_properties
        if name == _PROPERTY and isinstance(content, dict)
    ]
    if attacks:
        terminalreporter.section("attacks")
        terminalreporter.write_line(table(attacks))
