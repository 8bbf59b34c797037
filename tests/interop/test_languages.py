"""The programs of docs/connect.md, run as they stand there with the real client of each language.

Each is killed and resumed, and the broker restarted: what was acknowledged is stored.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest

from jieru.snippets.snippet import snippets
from tests.interop.conftest import Site
from tests.interop.programs import BUILT, QUICK, Program, prepared
from tests.support.fleet import wait_until
from tests.support.processes import kill_tree

if TYPE_CHECKING:
    from subprocess import Popen

_EACH: Final = [
    *(pytest.param(name) for name in QUICK),
    *(pytest.param(name, marks=pytest.mark.interop) for name in BUILT),
]
_SILENT: Final = "python-aiomqtt"
_SOME: Final = 20
_PATIENCE_S: Final = 90
_REFUSED: Final = re.compile("not.?authori", re.IGNORECASE)
_ANOTHER: Final = "jieru/v1/xielian/own/CNC-00060/heartbeat"


@contextmanager
def _running(program: Program) -> Iterator["Popen[bytes]"]:
    process = program.start()
    try:
        yield process
    finally:
        kill_tree(process)


def _wait(program: Program, is_true: Callable[[], object], what: str) -> None:
    try:
        wait_until(lambda: bool(is_true()), what, timeout_s=_PATIENCE_S)
    except TimeoutError as error:
        raise AssertionError(f"{error}; it said:\n{program.said()[-2_000:]}") from error


def _wait_for_more(program: Program) -> None:
    wanted = len(program.acknowledged()) + _SOME
    _wait(program, lambda: len(program.acknowledged()) >= wanted, f"{wanted} are acknowledged")


@pytest.mark.parametrize("name", _EACH)
def test_what_a_program_says_is_acknowledged_is_stored_once(site: Site, name: str) -> None:
    """Though it is killed and resumed, and the broker restarted under it."""
    program = prepared(name, site.publishing(), site.folder, site.root)
    with _running(program):
        _wait_for_more(program)
    with _running(program):
        _wait_for_more(program)
        site.broker.restart()
        _wait_for_more(program)
    acknowledged = program.acknowledged()
    assert len(acknowledged) >= 3 * _SOME
    _wait(program, lambda: set(site.stored()) >= set(acknowledged), "all of them are stored")
    stored = site.stored()
    assert len(set(acknowledged)) == len(acknowledged)
    assert len(set(stored)) == len(stored)
    assert site.rejections() == 0


@pytest.mark.parametrize("name", [each for each in _EACH if each.values != (_SILENT,)])
def test_a_program_never_says_acknowledged_where_it_may_not_publish(site: Site, name: str) -> None:
    """It says what the broker answered: the topic is another device's."""
    program = prepared(name, site.publishing(topic=_ANOTHER), site.folder, site.root)
    with _running(program):
        _wait(program, lambda: _REFUSED.search(program.said()), "it says that it may not")
    assert program.acknowledged() == []
    assert site.stored() == []


def test_aiomqtt_takes_a_refusal_for_an_acknowledgement(site: Site) -> None:
    """Which is why its program and the document say so."""
    program = prepared(_SILENT, site.publishing(topic=_ANOTHER), site.folder, site.root)
    with _running(program):
        _wait_for_more(program)
    assert site.stored() == []


def test_each_snippet_that_is_said_to_be_tried_is_tried() -> None:
    """And one that is not says so."""
    here = {snippet.name for snippet in snippets() if snippet.is_tried}
    assert here >= {*QUICK, *BUILT}
