"""`jieru draw`: rehearsed, published, drawn, visited, from the command line."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from jieru.audit import changing
from jieru.calendar import civil_date
from tests.integration.verifier.conftest import WORKED_EXAMPLE, Run
from tests.support.people import personal_key_file
from tests.support.procedure import MAKER, submitted
from tests.support.registry_builder import RegistryBuilder
from verifier.trust.draws.drawing import draw_sample
from verifier.trust.draws.records import Announcement, publish_list


@pytest.fixture(autouse=True)
def _city(registry: RegistryBuilder, database: psycopg.Connection) -> None:
    """Two platforms with three enterprises each, all of which count."""
    for platform, numbers in (("alpha", (1, 2, 3)), ("beta", (4, 5, 6))):
        registry.platform(platform)
        for number in numbers:
            registry.served_enterprise(number, platform, WORKED_EXAMPLE)
    database.commit()


def _publish(database: psycopg.Connection, sealed: bytes | None) -> None:
    """A list of some days ago, whose value is of yesterday."""
    commitment = None if sealed is None else hashlib.sha256(sealed).hexdigest()
    row = database.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    at = row[0] - timedelta(days=3)
    database.commit()
    with changing(database, MAKER.actor):
        publish_list(
            database,
            2026,
            size=4,
            announcement=Announcement(
                "彩票 99 期", civil_date(at) + timedelta(days=2), "0 0 0", commitment
            ),
            by="lin",
            at=at,
        )


def test_a_draw_is_rehearsed_before_anything_is_published(
    jieru: Run, database: psycopg.Connection
) -> None:
    """By what would be counted today, with or without a draft, and recorded nowhere."""
    call = ("draw", 2026, "--size", 4, "--public-value", "1 2 3")
    code, out, err = jieru(*call, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["draw"], found["recorded"], found["listed"]) == (None, False, 6)
    again = draw_sample(found["list_csv"].encode(), size=4, public_value="1 2 3")
    assert (again.digest, again.seed) == (found["digest"], found["seed"])
    drawn = [(each["platform"], each["uscc"]) for each in found["sample"]]
    assert drawn == [(each.listed.platform, each.listed.uscc) for each in again.drawn]
    submitted(database)
    assert json.loads(jieru(*call, "--json")[1])["sample"] == found["sample"]
    code, out, _err = jieru(*call)
    assert code == 0
    assert "A rehearsal" in out
    assert database.execute("SELECT FROM draws").fetchall() == []


def test_a_list_is_published_once_the_count_is_submitted(
    jieru: Run, database: psycopg.Connection, tmp_path: Path
) -> None:
    """With its digest, and the very bytes in a file."""
    who = ("--key-file", personal_key_file(database, tmp_path, "zheng"))
    file = tmp_path / "list.csv"
    call = ("draw", "publish", 2026, "--size", 4, "--source", "彩票 99 期", "--form", "0 0 0", *who)
    early = jieru(*call, "--on", "2099-01-01")
    assert (early[0], "not submitted yet" in early[2]) == (1, True)
    submitted(database)
    today = jieru(*call, "--on", "2020-01-01")
    assert (today[0], "not after today" in today[2]) == (1, True)
    code, out, err = jieru(*call, "--on", "2099-01-01", "--output", file)
    assert (code, err) == (0, "")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert f"made public now: {digest}" in out
    assert jieru("draw", "list", 2026)[1].encode() == file.read_bytes()
    assert database.execute("SELECT published_by FROM draws").fetchall() == [("zheng",)]
    database.commit()
    sooner = jieru("draw", 2026, "--size", 4, "--public-value", "1 2 3", "--record", *who)
    assert (sooner[0], "announced for 2099-01-01" in sooner[2]) == (1, True)


def test_a_published_list_is_drawn_for_good_and_repeated_by_anybody(
    jieru: Run, database: psycopg.Connection, tmp_path: Path
) -> None:
    """Only with the size that was published and the file that was sealed."""
    submitted(database)
    sealed = tmp_path / "seed"
    sealed.write_bytes(b"sealed\n")
    _publish(database, b"sealed\n")
    who = ("--key-file", personal_key_file(database, tmp_path, "zheng"))
    call = ("draw", 2026, "--public-value", "1 2 3")
    other = jieru(*call, "--size", 5, "--reveal", sealed, "--record", *who)
    assert (other[0], "published with 4 visits" in other[2]) == (1, True)
    without = jieru(*call, "--size", 4, "--record", *who)
    assert (without[0], "is needed to draw" in without[2]) == (1, True)
    whole = (*call, "--size", 4, "--reveal", sealed)
    before = json.loads(jieru(*whole, "--json")[1])
    code, out, err = jieru(*whole, "--record", "--json", *who)
    assert (code, err) == (0, "")
    drawn = json.loads(out)
    assert drawn["recorded"] is True
    assert drawn["sample"] == before["sample"] == json.loads(jieru(*whole, "--json")[1])["sample"]
    rows = database.execute(
        "SELECT p.code, e.uscc FROM draw_entries t JOIN platforms p ON p.id = platform_id "
        "JOIN enterprises e ON e.id = enterprise_id ORDER BY 1, 2"
    ).fetchall()
    assert rows == [(each["platform"], each["uscc"]) for each in drawn["sample"]]
    database.commit()
    again = jieru(*whole, "--record", *who)
    assert (again[0], "No list of 2026 waits" in again[2]) == (1, True)
    elsewhere = json.loads(jieru("draw", 2026, "--public-value", "9 9 9", "--size", 4, "--json")[1])
    assert elsewhere["recorded"] is False


def test_a_visit_is_recorded_with_the_digests_of_its_photographs(
    jieru: Run, database: psycopg.Connection, tmp_path: Path
) -> None:
    """What was found amiss names the case that it opened; `show` says the result."""
    submitted(database)
    _publish(database, None)
    who = ("--key-file", personal_key_file(database, tmp_path, "zheng"))
    out = jieru("draw", 2026, "--size", 4, "--public-value", "1 2 3", "--record", "--json", *who)[1]
    first, *others = json.loads(out)["sample"]
    photograph = tmp_path / "门头.jpg"
    photograph.write_bytes(b"jpeg")
    today = civil_date(datetime.now(UTC)).isoformat()
    call = ("draw", "visit", 2026, "--on", today, "--notes", "已核对", *who)
    people = ("--visitor", "林晓", "--visitor", "陈静")
    alone = jieru(
        *call, first["platform"], first["uscc"], "--visitor", "林晓", "--found", "refused"
    )
    assert (alone[0], "Two people" in alone[2]) == (1, True)
    code, out, err = jieru(
        *(*call, *people, first["platform"], first["uscc"]),
        *("--found", "not_found", "--document", photograph),
    )
    assert (code, err) == (0, "")
    assert "It belongs to case 1." in out
    for each in others:
        jieru(*call, *people, each["platform"], each["uscc"], "--found", "as_registered")
    documents = database.execute("SELECT documents FROM visits WHERE found = 'not_found'")
    assert documents.fetchone() == ([hashlib.sha256(b"jpeg").hexdigest()],)
    database.commit()
    code, out, _err = jieru("draw", "show", 2026)
    assert code == 0
    words = " ".join(out.split())
    assert "3 as registered" in words
    assert "not found there" in words
    (shown,) = json.loads(jieru("draw", "show", 2026, "--json")[1])["draws"]
    assert shown["result"]["not_found"] == 1
    assert [each["found"] for each in shown["drawn"]].count(["as_registered"]) == 3


def test_sizes_are_shown_before_anything_is_drawn(jieru: Run) -> None:
    """For usual lists, or for those of other lengths."""
    code, out, _err = jieru("draw", "sizes", 60, 150)
    assert code == 0
    lines = [line.split() for line in out.splitlines() if line.strip()[:2] in {"60", "15"}]
    assert [each[2] for each in lines] == ["38", "46"]
    assert "300" in jieru("draw", "sizes")[1]
    assert jieru("draw", "sizes", 0)[0] == 1


def test_a_year_without_a_list_has_none_to_write(jieru: Run) -> None:
    """And a word that is no step says what could be meant."""
    code, _out, err = jieru("draw", "list", 2026)
    assert (code, "No list of 2026 is published" in err) == (1, True)
    assert "No list is published." in jieru("draw", "show", 2026)[1]
    assert jieru("draw", "publsh", 2026)[0] == 2
    assert jieru("draw", "20x6", "--size", 1, "--public-value", "1")[0] == 1
