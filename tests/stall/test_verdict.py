"""The verdict finds what is lost, doubled, half stored or not asked for. Nothing is played."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

import pytest

from tests.stall.books import IMPORTED_DEVICES, Asked, believed, line_of, read_books
from tests.stall.probing import CONTROL
from tests.stall.timing import Probe, crowd_between, late_probes, percentile_ms
from tests.stall.verdict import Entry, Stored, findings

_REGISTERED: Final = Asked("lin", "enterprise", "U1", "众人第1厂", 1, 0.0, 0.1, 303, "")
_DEVICE: Final = Asked("lin", "device", "c1-1", "", 1, 0.0, 0.1, 201, "")
_IMPORT: Final = Asked("lin", "import", "c1-2-", "", 1, 0.0, 0.1, 200, "")
_RENAMED: Final = Asked("lin", "rename", "U1", "众人第1厂改名2", 1, 0.2, 0.3, 200, "")
_VISIT: Final = Asked("lin", "visit", "c1-3", "d1", 1, 0.4, 0.5, 201, "")
_BOOKS: Final = (_REGISTERED, _DEVICE, _IMPORT, _RENAMED, _VISIT)


def _made(kind: str, record_id: int, **after: Any) -> Entry:  # noqa: ANN401 - JSON
    return Entry("create", kind, record_id, None, after)


def _called(before: str, after: str) -> Entry:
    return Entry(
        "change", "enterprises", 1, {"uscc": "U1", "name": before}, {"uscc": "U1", "name": after}
    )


_SERIALS: Final = ["c1-1", *(f"c1-2-{place}" for place in range(IMPORTED_DEVICES))]
_WHOLE: Final = Stored(
    {"U1": _RENAMED.value},
    dict.fromkeys(_SERIALS, 1),
    {"c1-3": (1, "d1")},
    frozenset({"d1"}),
    [
        _made("enterprises", 1, uscc="U1", name=_REGISTERED.value),
        *(_made("devices", number, serial=serial) for number, serial in enumerate(_SERIALS)),
        _called(_REGISTERED.value, _RENAMED.value),
    ],
    [],
)


def _found(stored: Stored, books: Iterable[Asked] = _BOOKS) -> list[str]:
    return findings(books, stored)


def _without_entries(*serials: str) -> Stored:
    left = {serial: 1 for serial in _SERIALS if serial not in serials}
    entries = [entry for entry in _WHOLE.entries if entry.after.get("serial") not in serials]
    return replace(_WHOLE, assignments=left, entries=entries)


def test_what_was_answered_and_is_stored_once_is_well() -> None:
    """Nothing is found."""
    assert _found(_WHOLE) == []


def test_what_was_said_to_be_stored_and_is_not_is_lost() -> None:
    """A device here."""
    assert [each[:4] for each in _found(_without_entries("c1-1"))] == ["lost"]


def test_half_an_import_is_found() -> None:
    """Four of five devices."""
    (finding,) = _found(_without_entries("c1-2-3"))
    assert finding.startswith("4 of 5 stored, neither all nor nothing")


def test_a_device_without_its_assignment_is_half_a_change() -> None:
    """And one with two has one too many."""
    for number in (0, 2):
        stored = replace(_WHOLE, assignments={**_WHOLE.assignments, "c1-1": number})
        assert _found(stored)[0].startswith(f"device c1-1 has {number} assignments")


def test_a_change_that_was_applied_twice_is_found() -> None:
    """By the audit, whatever the registry says in the end."""
    again = [_called(_RENAMED.value, "x"), _called("x", _RENAMED.value)]
    stored = replace(_WHOLE, entries=[*_WHOLE.entries, *again])
    assert any(each.startswith("applied 2 times") for each in _found(stored))


def test_a_visit_whose_document_is_not_there_is_found() -> None:
    """And one that is there twice."""
    without = replace(_WHOLE, documents=frozenset())
    assert _found(without)[0].startswith("stored without its document d1")
    assert _found(replace(_WHOLE, visits={"c1-3": (2, "d1")}))[0].startswith("2 of 1 stored")


def test_what_nobody_asked_for_is_found() -> None:
    """A device, an enterprise."""
    stored = replace(
        _WHOLE,
        assignments={**_WHOLE.assignments, "c9-9": 1},
        names={**_WHOLE.names, "U9": "众人第9厂"},
    )
    assert sum("nobody asked for it" in each for each in _found(stored)) == 2


def test_a_refusal_after_which_it_is_stored_is_found() -> None:
    """Its caller would send it again."""
    books = [replace(_DEVICE, status=409) if each is _DEVICE else each for each in _BOOKS]
    assert [each.split(":")[0] for each in _found(_WHOLE, books)] == ["refused, and stored"]


def test_nobody_knows_what_became_of_what_was_not_answered() -> None:
    """It may be stored or not, but whole."""
    books = [replace(each, status=0) for each in _BOOKS]
    assert _found(_WHOLE, books) == []
    assert _found(Stored({}, {}, {}, frozenset(), [], []), books) == []


def test_what_the_audit_does_not_know_is_found() -> None:
    """Or what it knows twice, or a chain that is not whole."""
    assert _found(replace(_WHOLE, entries=[]))
    assert _found(replace(_WHOLE, entries=[*_WHOLE.entries, _WHOLE.entries[0]]))
    assert _found(replace(_WHOLE, breaks=["entry 7 was changed"]))


def test_a_registry_that_differs_from_its_audit_is_found() -> None:
    """Somebody wrote past it."""
    assert any("its audit says" in each for each in _found(replace(_WHOLE, names={"U1": "x"})))


@pytest.mark.parametrize(
    ("status", "said", "belief"),
    [
        (0, "ReadError", "unknown"),
        (201, "", "stored"),
        (303, "", "stored"),
        (409, "", "refused"),
        (429, "/docs#problem-too_many_requests Too much.", "refused"),
        (503, "/docs#problem-busy Try again.", "refused"),
        (503, "/docs#problem-ending It ends: nothing of this request was stored.", "refused"),
        (503, "/docs#problem-ending It is not known whether it was stored.", "unknown"),
        (500, "", "unknown"),
    ],
)
def test_an_answer_is_held_to_what_it_says(status: int, said: str, belief: str) -> None:
    """And one that says nothing is held to nothing."""
    assert believed(replace(_DEVICE, status=status, said=said)) == belief


def test_books_are_read_as_they_were_written() -> None:
    """Line by line."""
    assert list(read_books(map(line_of, _BOOKS))) == list(_BOOKS)


def test_a_late_answer_is_late_by_what_the_machine_did_not_take() -> None:
    """A slow control excuses, and a server that is away is not asked."""
    late = Probe("serve 1", 10.0, 12.5, 200)
    assert late_probes([late], {"serve 1": []}) == [late]
    assert late_probes([late, Probe(CONTROL, 11.0, 13.0, 200)], {"serve 1": []}) == []
    assert late_probes([late, Probe(CONTROL, 1.0, 3.0, 200)], {"serve 1": []}) == [late]
    assert late_probes([late], {"serve 1": [(12.0, 20.0)]}) == []


def test_no_answer_is_late_however_quickly_it_came() -> None:
    """A refused connection is none; an answer that something is wrong is one."""
    gone, unwell = Probe("serve 1", 1.0, 1.1, 0), Probe("serve 1", 1.0, 1.1, 503)
    assert late_probes([gone, unwell], {"serve 1": []}) == [gone]


def test_the_crowd_is_judged_by_when_its_requests_began() -> None:
    """And not by those that met a server that was away."""
    crowd = crowd_between(_BOOKS, 0.0, 1.0, {"serve 1": [(0.25, 0.6)]})
    assert (crowd.requests, crowd.p95_ms) == (3, 100.0)


def test_percentiles_are_of_what_was_measured() -> None:
    """None of nothing."""
    assert percentile_ms([], 95) == 0.0
    assert percentile_ms([each / 1_000 for each in range(1, 101)], 95) == 95.0
