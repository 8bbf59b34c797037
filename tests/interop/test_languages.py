"""The programs of docs/connect.md, run as they stand there with the real client of each language.

Each is killed and resumed, and the broker restarted: what was acknowledged is stored.
"""

import re
from typing import Final

import pytest

from jieru.snippets.snippet import fill, snippets
from tests.interop.conftest import Site
from tests.interop.programs import BUILT, QUICK, fetch_libraries, first_line, prepared
from tests.support.fleet import wait_until
from tests.support.processes import StartError, run

_EACH: Final = [
    *(pytest.param(name) for name in QUICK),
    *(pytest.param(name, marks=pytest.mark.interop) for name in BUILT),
]
_SOME: Final = 20
_REFUSED: Final = re.compile("not.?authori", re.IGNORECASE)
_DROPPED: Final = re.compile(r"no.?matching|\b(?:RC:|ReasonCode:)16\b", re.IGNORECASE)
_ANOTHER: Final = "jieru/v1/xielian/own/CNC-00060/heartbeat"


def _all_but(*names: str) -> pytest.MarkDecorator:
    """Libraries that do not hand on what the broker answered are told of in the document."""
    return pytest.mark.parametrize("name", [each for each in _EACH if each.values[0] not in names])


@pytest.mark.parametrize("name", _EACH)
def test_what_a_program_says_is_acknowledged_is_stored_once(site: Site, name: str) -> None:
    """Though it is killed and resumed, and the broker restarted under it."""
    program = prepared(name, site.publishing(), site.folder, site.root)
    with program.running():
        program.wait_for_more(_SOME)
    with program.running():
        program.wait_for_more(_SOME)
        site.broker.restart()
        program.wait_for_more(_SOME)
    acknowledged = program.acknowledged()
    assert len(acknowledged) >= 3 * _SOME
    program.wait_until(lambda: set(site.stored()) >= set(acknowledged), "all of them are stored")
    stored = site.stored()
    assert len(set(acknowledged)) == len(acknowledged)
    assert len(set(stored)) == len(stored)
    assert site.rejections() == 0


def test_the_first_heartbeat_of_a_newcomer_is_stored(site: Site) -> None:
    """By the line of the document, which prints what the document says that it prints."""
    line = fill(first_line(), site.publishing())
    there = str(site.root.inside(site.folder))
    shell = ("/bin/sh", "-c", 'cd "$0" && eval "$1"', there, line)
    said = run(site.root.command(*shell, user="mosquitto"))
    assert "received PUBACK (Mid: 1, RC:0)" in said
    wait_until(lambda: len(site.stored()) == 1, "it is stored")


@_all_but("python-aiomqtt")
def test_a_program_never_says_acknowledged_where_it_may_not_publish(site: Site, name: str) -> None:
    """It says what the broker answered: the topic is another device's."""
    program = prepared(name, site.publishing(topic=_ANOTHER), site.folder, site.root)
    with program.running():
        program.wait_until(lambda: _REFUSED.search(program.said()), "it says that it may not")
    assert program.acknowledged() == []
    assert site.stored() == []


@_all_but("python-aiomqtt", "javascript")
def test_a_program_never_says_acknowledged_where_nobody_listens(
    site_without_ingester: Site, name: str
) -> None:
    """Such a message the broker acknowledges with 0x10, and drops."""
    site = site_without_ingester
    program = prepared(name, site.publishing(), site.folder, site.root)
    with program.running():
        program.wait_until(lambda: _DROPPED.search(program.said()), "it says that nobody listens")
    assert program.acknowledged() == []


def test_aiomqtt_takes_a_refusal_for_an_acknowledgement(site: Site) -> None:
    """Which is why its program and the document say so."""
    program = prepared("python-aiomqtt", site.publishing(topic=_ANOTHER), site.folder, site.root)
    with program.running():
        program.wait_for_more(_SOME)
    assert site.stored() == []


@pytest.mark.parametrize("name", [*BUILT, "curl"])
def test_a_language_whose_tools_are_missing_is_named_and_not_skipped(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """`make interop` ends with what to install."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(StartError, match=rf"needs \w+ for the snippet in {name}: install it"):
        fetch_libraries(name)


def test_each_snippet_that_is_said_to_be_tried_is_tried() -> None:
    """And one that is not says so."""
    here = {snippet.name for snippet in snippets() if snippet.is_tried}
    assert here >= {*QUICK, *BUILT}
