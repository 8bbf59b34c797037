"""The chain of the audit: every way in which it may not be whole is found."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jieru.audit_chain import BEGINNING, Entry, Link, check_chain


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


def chain(length: int, *, reason: str = "") -> list[Entry]:
    """Entries that follow one another; another reason gives another chain."""
    entries: list[Entry] = []
    last = BEGINNING
    for number in range(1, length + 1):
        entry = Entry(
            number=number,
            changed_us=1_772_424_000_000_000 + number,
            actor="user:chen",
            origin="203.0.113.7",
            action="create" if number == 1 else "change",
            record_kind="devices",
            record_id=17,
            platform_id=None if number == 1 else 3,
            before=None if number == 1 else '{"id": 17}',
            after=f'{{"id": 17, "name": "{reason}"}}',
            previous_hash=last.hash,
            hash=b"",
        )
        entry = entry._replace(hash=entry.computed_hash())
        entries.append(entry)
        last = Link(number, entry.hash)
    return entries


def end_of(entries: Sequence[Entry]) -> Link:
    """The last entry's number and hash."""
    return Link(entries[-1].number, entries[-1].hash)


def findings(
    entries: Sequence[Entry], head: Link | None, known: Mapping[int, bytes] | None = None
) -> list[str]:
    """What is found, in English."""
    found: list[str] = []
    check_chain(entries, head, known or {}, lambda finding: found.append(str(finding)))
    return found


def test_a_hash_covers_the_entry_as_the_database_writes_it() -> None:
    """The bytes themselves, so that neither side can change them unnoticed."""
    entry = chain(1)[0]._replace(actor='a"\\\n\x01汉', platform_id=5)
    content = (
        '[1, 1772424000000001, "a\\"\\\\\\n\\u0001汉", "203.0.113.7", "create", "devices", 17, 5, '
        'null, {"id": 17, "name": ""}]'
    )
    assert entry.computed_hash() == hashlib.sha256(BEGINNING.hash + content.encode()).digest()


def test_an_empty_chain_and_a_whole_one_are_whole() -> None:
    """The last link is given back."""
    assert findings([], BEGINNING) == []
    entries = chain(3)
    assert findings(entries, end_of(entries)) == []
    assert check_chain(entries, end_of(entries), {}, print) == end_of(entries)


@given(
    place=st.integers(0, 3),
    name=st.sampled_from([name for name in Entry._fields if name not in ("number", "hash")]),
)
def test_a_change_of_any_field_of_any_entry_is_found(place: int, name: str) -> None:
    """By the entry's own hash."""
    entries = chain(4)
    entry = entries[place]
    value: Any = getattr(entry, name)
    changed: Any = 7 if value is None else value * 2
    entries[place] = Entry(**{**entry._asdict(), name: changed})
    found = findings(entries, end_of(entries))
    assert any(f"Entry {place + 1} was changed" in each for each in found)


def test_an_entry_that_was_written_anew_breaks_the_link_to_the_next() -> None:
    """Though its own hash is right again."""
    entries = chain(3)
    forged = entries[1]._replace(actor="user:nobody")
    entries[1] = forged._replace(hash=forged.computed_hash())
    assert findings(entries, end_of(entries)) == [
        "Entry 3 does not follow the one before it: one of them was replaced."
    ]


def test_missing_entries_are_named() -> None:
    """One or several, at the beginning, in the middle and at the end."""
    entries = chain(8)
    end = end_of(entries)
    kept = [entry for entry in entries if entry.number in (2, 5, 6)]
    assert findings(kept, end) == [
        "Entry 1 is missing.",
        "The entries 3 to 4 are missing.",
        "The entries 7 to 8 are missing.",
    ]
    assert findings([], end) == ["The entries 1 to 8 are missing."]


def test_a_head_that_does_not_name_the_last_entry_is_found() -> None:
    """Missing, moved back, or with another hash."""
    entries = chain(3)
    assert findings(entries, None) == ["The head of the chain is missing."]
    assert findings(entries, Link(2, entries[1].hash)) == [
        "The head of the chain was moved: it names entry 2, and the last one is 3."
    ]
    assert findings(entries, Link(3, bytes(32))) == [
        "The head of the chain names another entry 3 than the one there is."
    ]


def test_a_chain_that_was_written_anew_is_found_by_an_entry_that_was_noted() -> None:
    """By nothing else: it is whole."""
    noted, anew = chain(3), chain(3, reason="anew")
    assert findings(anew, end_of(anew)) == []
    assert findings(anew, end_of(anew), {2: noted[1].hash}) == [
        "Entry 2 is not the one that was noted: the chain was written anew."
    ]
    assert findings(noted, end_of(noted), {1: noted[0].hash, 3: noted[2].hash}) == []


def test_an_end_that_was_cut_off_with_its_head_is_found_by_an_entry_that_was_noted() -> None:
    """It is not there any more."""
    entries = chain(3)
    cut = entries[:2]
    assert findings(cut, end_of(cut), {3: entries[2].hash}) == [
        "Entry 3, which was noted, is not there."
    ]
