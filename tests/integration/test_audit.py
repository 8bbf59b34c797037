"""The audit: what the database enters by itself, and the command that checks it."""

import os
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg
import pytest

from jieru.audit import Actor, changing
from jieru.audit_chain import BEGINNING, verify_audit
from jieru.database import connect
from tests.support.command import clean_environment, jieru, jieru_path
from tests.support.registry_builder import RegistryBuilder

CHEN: Final = Actor("user:chen", "203.0.113.7")
SECURING: Final = Path(__file__).parents[2] / "docs/secure.md"
FIELDS: Final = "number, actor, origin, action, record_kind, record_id, before, after"


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to an empty registry, each statement by itself unless told otherwise."""
    with connect(database_url, autocommit=True) as opened:
        yield opened


@pytest.fixture
def city(connection: psycopg.Connection) -> RegistryBuilder:
    """Two enterprises of one platform and two devices: eight entries."""
    builder = RegistryBuilder(connection)
    with changing(connection, CHEN):
        builder.platform("alpha")
        for number in (1, 2):
            uscc = builder.enterprise(number)
            builder.device("alpha", f"d{number}", uscc)
    return builder


def entries(connection: psycopg.Connection, since: int = 0) -> list[dict[str, Any]]:
    """The entries after a number, as dictionaries."""
    cursor = connection.execute(
        f"SELECT {FIELDS} FROM audit_entries WHERE number > %s ORDER BY number",  # noqa: S608 - our own
        (since,),
    )
    names = FIELDS.split(", ")
    return [dict(zip(names, row, strict=True)) for row in cursor]


def last_number(connection: psycopg.Connection) -> int:
    """The number of the last entry."""
    row = connection.execute("SELECT number FROM audit_head").fetchone()
    assert row
    return int(row[0])


def findings(connection: psycopg.Connection, known: dict[int, bytes] | None = None) -> list[str]:
    """What a check of the chain finds."""
    found: list[str] = []
    verify_audit(connection, known or {}, lambda finding: found.append(str(finding)))
    return found


def test_a_new_record_is_entered_whole(
    connection: psycopg.Connection, city: RegistryBuilder
) -> None:
    """Under its actor and origin, with nothing before."""
    del city
    first = entries(connection)[0]
    assert (first["number"], first["actor"], first["origin"]) == (1, CHEN.name, CHEN.origin)
    assert (first["action"], first["record_kind"]) == ("create", "platforms")
    assert first["before"] is None
    assert (first["after"]["code"], first["after"]["revision"]) == ("alpha", 1)


def test_a_change_is_entered_with_before_and_after(
    connection: psycopg.Connection, city: RegistryBuilder
) -> None:
    """And so is who made it."""
    del city
    number = last_number(connection)
    with changing(connection, Actor("key:ab12cd34", "198.51.100.4")):
        connection.execute("UPDATE devices SET name = '新名' WHERE serial = 'd1'")
    (entry,) = entries(connection, number)
    assert (entry["number"], entry["actor"], entry["action"]) == (
        number + 1,
        "key:ab12cd34",
        "change",
    )
    assert (entry["before"]["name"], entry["after"]["name"]) == ("机床 d1", "新名")


def test_a_change_that_changes_nothing_is_not_entered(
    connection: psycopg.Connection, city: RegistryBuilder
) -> None:
    """Nor is one that meets no row."""
    del city
    number = last_number(connection)
    connection.execute("UPDATE devices SET name = name")
    connection.execute("UPDATE devices SET name = 'x' WHERE serial = 'none'")
    assert entries(connection, number) == []


def test_a_statement_that_changes_many_records_enters_each(
    connection: psycopg.Connection, city: RegistryBuilder
) -> None:
    """In the order of their ids, without gaps."""
    del city
    number = last_number(connection)
    connection.execute(
        "INSERT INTO devices (platform_id, serial)"
        " SELECT 1, 'n' || n FROM generate_series(1, 500) n"
    )
    connection.execute("UPDATE devices SET kind = 'press' WHERE serial LIKE 'n%'")
    found = entries(connection, number)
    assert [entry["number"] for entry in found] == list(range(number + 1, number + 1_001))
    ids = [entry["record_id"] for entry in found[:500]]
    assert ids == sorted(ids)
    assert findings(connection) == []


def test_a_change_past_the_programs_is_entered_under_the_role(
    connection: psycopg.Connection,
) -> None:
    """An actor is named for one transaction only."""
    with changing(connection, CHEN):
        pass
    connection.execute("INSERT INTO platforms (code, name) VALUES ('beta', 'B')")
    role = connection.execute("SELECT session_user").fetchone()
    assert role
    assert entries(connection)[-1]["actor"] == f"database:{role[0]}"


def test_secrets_never_reach_the_audit(connection: psycopg.Connection) -> None:
    """That one changed is seen, and nothing of it."""
    connection.execute(
        "INSERT INTO users (name, display_name, role, password_hash)"
        " VALUES ('chen', '陈', 'admin', 'first-secret')"
    )
    connection.execute("UPDATE users SET password_hash = 'second-secret'")
    connection.execute(
        "INSERT INTO api_keys (key_id, secret_hash, name, role, created_by, expires_at)"
        " VALUES ('ab12cd34', sha256('key-secret'), 'k', 'admin', 'user:chen', now())"
    )
    connection.execute("INSERT INTO platforms (code, name) VALUES ('alpha', 'A')")
    connection.execute(
        "INSERT INTO credentials (platform_id, username, salt, password_hash)"
        " VALUES (1, 'alpha', 'saltsaltsalt', decode(repeat('5e', 64), 'hex'))"
    )
    created, changed, *_rest = entries(connection)
    assert created["after"]["password_hash"] != changed["after"]["password_hash"]
    row = connection.execute("SELECT string_agg(e::text, ' ') FROM audit_entries e").fetchone()
    digest = connection.execute("SELECT encode(sha256('key-secret'), 'hex')").fetchone()
    assert row
    assert digest
    for secret in ("first-secret", "second-secret", "saltsalt", "5e5e5e", digest[0]):
        assert secret not in row[0]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET actor = 'nobody'",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries",
        "DELETE FROM audit_head",
        "TRUNCATE audit_head",
        "DELETE FROM devices",
        "TRUNCATE assignments",
    ],
)
def test_what_was_entered_stays(
    connection: psycopg.Connection, city: RegistryBuilder, statement: LiteralString
) -> None:
    """And so do the records of which it speaks."""
    del city
    with pytest.raises(psycopg.errors.RestrictViolation):
        connection.execute(statement)


def test_a_transaction_that_is_rolled_back_leaves_no_gap(
    connection: psycopg.Connection, city: RegistryBuilder
) -> None:
    """Its numbers are given again."""
    number = last_number(connection)
    with connection.transaction(force_rollback=True):
        city.enterprise(7)
    city.enterprise(8)
    assert [entry["number"] for entry in entries(connection, number)] == [number + 1]
    assert findings(connection) == []


def test_two_writers_make_one_chain(database_url: str, connection: psycopg.Connection) -> None:
    """They follow one another, in whatever order they touch the tables."""

    def write(letter: str) -> None:
        with connect(database_url) as own:
            for number in range(20):
                with changing(own, Actor(f"user:{letter}", "203.0.113.7")):
                    code = f"{letter}{number:03d}"
                    own.execute("INSERT INTO platforms (code, name) VALUES (%s, 'x')", (code,))
                    own.execute("UPDATE platforms SET name = 'y' WHERE code = %s", (code,))
                own.commit()

    writers = [threading.Thread(target=write, args=(letter,)) for letter in "abcd"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [entry["number"] for entry in entries(connection)] == list(range(1, 161))
    assert findings(connection) == []


def tamper(connection: psycopg.Connection, *statements: LiteralString) -> None:
    """What the database's owner can do: switch the triggers off first."""
    with connection.transaction():
        for table in ("audit_entries", "audit_head"):
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        for statement in statements:
            connection.execute(statement)
        for table in ("audit_entries", "audit_head"):
            connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL")


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("UPDATE audit_entries SET actor = 'user:x' WHERE number = 3", "Entry 3 was changed"),
        ("UPDATE audit_entries SET before = '{}' WHERE number = 3", None),
        (
            "UPDATE audit_entries SET after = jsonb_set(after, '{name}', '\"x\"') WHERE number = 3",
            "Entry 3 was changed",
        ),
        (
            "UPDATE audit_entries SET changed_at = changed_at + interval '1 us' WHERE number = 3",
            "Entry 3 was changed",
        ),
        (
            "UPDATE audit_entries SET changed_at = 'infinity' WHERE number = 3",
            "Entry 3 was changed",
        ),
        (
            "UPDATE audit_entries SET hash = sha256('x') WHERE number = 3",
            "Entry 4 does not follow the one before it",
        ),
        ("DELETE FROM audit_entries WHERE number = 3", "Entry 3 is missing"),
        ("DELETE FROM audit_entries WHERE number IN (3, 4)", "The entries 3 to 4 are missing"),
        ("DELETE FROM audit_entries WHERE number >= 7", "The entries 7 to 8 are missing"),
        ("DELETE FROM audit_entries", "The entries 1 to 8 are missing"),
        ("UPDATE audit_head SET number = 7", "The head of the chain was moved"),
        ("UPDATE audit_head SET hash = sha256('x')", "The head of the chain names another entry 8"),
        ("DELETE FROM audit_head", "The head of the chain is missing"),
    ],
)
def test_tampering_is_found(
    connection: psycopg.Connection,
    city: RegistryBuilder,
    statement: LiteralString,
    finding: str | None,
) -> None:
    """Whatever its owner does to an entry or to the end of the chain."""
    del city
    assert last_number(connection) == 8
    assert findings(connection) == []
    if finding is None:  # the table itself refuses a created record that was there before
        with pytest.raises(psycopg.errors.CheckViolation):
            tamper(connection, statement)
        return
    tamper(connection, statement)
    assert any(finding in found for found in findings(connection))


def test_a_chain_that_was_cut_with_its_head_is_found_by_what_was_noted(
    connection: psycopg.Connection, city: RegistryBuilder
) -> None:
    """A whole chain, only shorter."""
    del city
    last = verify_audit(connection, {}, print)
    tamper(
        connection,
        "DELETE FROM audit_entries WHERE number = 8",
        "UPDATE audit_head SET number = e.number, hash = e.hash"
        " FROM audit_entries e WHERE e.number = 7",
    )
    assert findings(connection) == []
    assert findings(connection, {last.number: last.hash}) == [
        "Entry 8, which was noted, is not there."
    ]


def test_the_command_prints_the_last_entry_and_takes_it_later(
    database_url: str, connection: psycopg.Connection, city: RegistryBuilder
) -> None:
    """Exit code 0 while it is whole, and 1 with a sentence for each finding."""
    first = jieru("audit", "verify", database_url=database_url)
    assert (first.returncode, first.stderr) == (0, "")
    noted = first.stdout.strip().rpartition(" ")[2]
    assert noted.startswith("8:")
    city.enterprise(9)
    later = jieru("audit", "verify", "--known", noted, database_url=database_url)
    assert later.returncode == 0
    assert later.stdout.startswith("The audit is whole; its last entry is 9:")
    tamper(connection, "UPDATE audit_entries SET actor = 'user:x' WHERE number = 2")
    broken = jieru("audit", "verify", "--known", noted, database_url=database_url)
    assert broken.returncode == 1
    assert broken.stderr == "Entry 2 was changed: its content does not give its hash.\n"
    assert broken.stdout.startswith("The audit is NOT whole")


def _documented(folder: Path, database_url: str, language: str) -> list[int]:
    """Run the commands of "Audit" in docs/secure.md, in a shell; their exit codes."""
    section = (
        SECURING.read_text(encoding="utf-8").partition("\n## Audit\n")[2].partition("\n## ")[0]
    )
    commands = re.findall(r"^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert len(commands) == 2
    path = f"{Path(jieru_path()).parent}:{os.environ['PATH']}"
    environment = clean_environment(database_url=database_url, language=language) | {"PATH": path}
    return [
        subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", command],
            cwd=folder,
            env=environment,
            check=False,
        ).returncode
        for command in commands
    ]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_documented_commands_take_what_they_printed(
    database_url: str, connection: psycopg.Connection, tmp_path: Path, language: str
) -> None:
    """On a database without entries, as it grows, and when one of those that were noted is gone."""
    city = RegistryBuilder(connection)
    assert _documented(tmp_path, database_url, language) == [0, 0]
    for number in (1, 2):
        city.enterprise(number)
        assert _documented(tmp_path, database_url, language) == [0, 0]
    assert len((tmp_path / "noted.txt").read_text(encoding="utf-8").splitlines()) == 3
    tamper(
        connection,
        "DELETE FROM audit_entries WHERE number = 2",
        "UPDATE audit_head SET number = e.number, hash = e.hash"
        " FROM audit_entries e WHERE e.number = 1",
    )
    assert _documented(tmp_path, database_url, language) == [0, 1]


def test_two_notes_that_contradict_each_other_are_refused(database_url: str) -> None:
    """One of them is wrong, and neither is left out in silence."""
    notes = f"was 8:{'a' * 64}\nis 8:{'b' * 64}"
    wrong = jieru("audit", "verify", "--known", notes, database_url=database_url)
    assert wrong.returncode == 2
    assert "Entry 8 was noted with two different hashes" in wrong.stderr


def test_the_beginning_is_always_the_same(connection: psycopg.Connection) -> None:
    """A note of an empty audit from elsewhere is none of this one."""
    assert findings(connection, {0: BEGINNING.hash}) == []
    assert findings(connection, {0: bytes(32)}) == [
        "Entry 0 is not the one that was noted: the chain was written anew."
    ]


def test_the_command_records_what_it_found_if_told_to(
    database_url: str, connection: psycopg.Connection, city: RegistryBuilder
) -> None:
    """For panels and alerts: the last entry, and how much was wrong."""
    del city
    jieru("audit", "verify", database_url=database_url)
    jieru("audit", "verify", "--record", database_url=database_url)
    tamper(connection, "UPDATE audit_entries SET actor = 'user:x' WHERE number = 2")
    broken = jieru("audit", "verify", "--record", database_url=database_url)
    assert broken.returncode == 1
    recorded = connection.execute(
        "SELECT c.last_number, c.last_hash = e.hash, c.findings FROM audit_checks c"
        " JOIN audit_entries e ON e.number = c.last_number ORDER BY c.id"
    )
    assert recorded.fetchall() == [(8, True, 0), (8, True, 1)]


def test_what_is_no_entry_is_refused(database_url: str) -> None:
    """In one sentence."""
    wrong = jieru("audit", "verify", "--known", "8:abc", database_url=database_url)
    assert wrong.returncode == 2
    assert "“8:abc” names no entry" in wrong.stderr


def test_what_keeps_the_audit_from_being_verified_is_no_finding(
    database_url: str, tmp_path: Path
) -> None:
    """Exit code 1 is for what was found; whoever runs it by a timer takes that as looked at."""
    for arguments, settings, code in (
        (("--known", "x"), {"database_url": database_url}, 2),
        ((), {"database_url": database_url, "env_file": str(tmp_path / "none.env")}, 2),
        ((), {}, 2),
        ((), {"database_url": "postgresql://127.0.0.1:1/jieru"}, 3),
    ):
        done = jieru("audit", "verify", *arguments, timeout_s=60, **settings)
        assert (done.returncode, done.stdout) == (code, ""), done
        assert "Traceback" not in done.stderr


def test_an_audit_without_entries_is_whole(connection: psycopg.Connection) -> None:
    """Its last link is the beginning."""
    assert findings(connection) == []
    assert verify_audit(connection, {}, print) == BEGINNING
