"""Which machines are tried, who tries them, and what they do there, in order."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from tests.support.bare_debian import USER, USER_HOME

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ACCOUNTS",
    "LAST_OF_THE_DEMONSTRATION",
    "MACHINES",
    "ROOT",
    "SET_UP",
    "Account",
    "Machine",
    "Part",
    "Step",
    "steps",
]


@dataclass(frozen=True, slots=True)
class Machine:
    """One Debian."""

    suite: str
    name: str
    """As the README calls it."""
    python: str
    """The version of Python that its `python3` is."""
    is_for_whole_suite: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who follows the README there."""

    name: str
    clone: str
    """The folder of the clone."""
    environment: "Mapping[str, str]" = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Step:
    """One command, and what it is there for."""

    name: str
    argv: tuple[str, ...]
    has_network: bool = False


MACHINES: Final = (
    Machine("bookworm", "Debian 12", "3.11", is_for_whole_suite=True),
    Machine("trixie", "Debian 13", "3.13"),
    Machine("forky", "Debian 14 (testing)", "3.14"),
)

Part = Literal["readme", "install", "suite"]

ROOT: Final = Account("root", "/root/jieru")
ACCOUNTS: Final = (
    ROOT,
    # A login by ssh brings the locale of the other machine along, which this one never generated;
    # and people keep things in folders of every name.
    Account(
        USER, f"{USER_HOME}/接入 的克隆", MappingProxyType({"LANG": "zh_CN.UTF-8", "LC_TIME": "C"})
    ),
)

SET_UP: Final = Step("set-up", ("make", "setup"), has_network=True)
_FIRST_SCREEN: Final = Step("make demo", ("python3", "tests/bare/first_screen.py"))
LAST_OF_THE_DEMONSTRATION: Final = Step("demo --once", ("python3", "tests/bare/once.py"))
_CHECK: Final = Step("make check", ("make", "check"))
_QUICK: Final = Step("make quick", ("make", "quick"))
_SERVICES: Final = Step("services", ("make", "services"), has_network=True)
_TEST: Final = Step("make test", ("make", "test"))


def steps(machine: Machine, account: Account, *, part: Part | None) -> Iterator[Step]:
    """What somebody does on a machine, in order; only set-up may use the network.

    Args:
        machine: where.
        account: who.
        part: nothing but this; None: all.
    """
    is_for_readme = part in {None, "readme"}
    is_for_suite = part in {None, "suite"} and machine.is_for_whole_suite and account is ROOT
    if is_for_readme or is_for_suite:
        yield SET_UP
    if is_for_readme:
        yield from (_FIRST_SCREEN, LAST_OF_THE_DEMONSTRATION)
        if account is ROOT:
            yield from (_CHECK, _QUICK)
    if is_for_suite:
        yield from (_SERVICES, _TEST)
