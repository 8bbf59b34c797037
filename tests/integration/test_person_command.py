"""Who takes a step at the command line: on a real database somebody who has shown it."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg
import pytest

from api.access.person import verified_person
from api.access.personal_keys import PERSONAL_SCOPES
from api.access.roles import Role
from api.access.totp_key import totp_key_of
from jieru.database import connect
from jieru.errors import UserError
from jieru.settings import Settings
from tests.support.callers import key_of
from tests.support.command import clean_environment, jieru
from tests.support.people import personal_key_file
from tests.support.registry_builder import RegistryBuilder
from tests.support.second_steps import key_file, set_up
from tests.support.visiting import PASSWORD, add_person

_HOLD: Final = ("decide", "hold", "alpha", "{uscc}", "--reason", "疑点")


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A real database, with an enterprise on alpha."""
    with connect(database_url) as connection:
        builder = RegistryBuilder(connection)
        builder.platform()
        builder.connection("alpha", builder.enterprise(1))
        connection.commit()
        yield connection


def _hold(connection: psycopg.Connection) -> list[str]:
    row = connection.execute("SELECT uscc FROM enterprises").fetchone()
    connection.commit()
    assert row is not None
    return [each.format(uscc=row[0]) for each in _HOLD]


def _decided(connection: psycopg.Connection) -> list[tuple[str, str, str]]:
    """Who decided, and as whom and from where the audit knows it."""
    return connection.execute(
        "SELECT decided_by, actor, origin FROM decisions JOIN audit_entries"
        " ON record_kind = 'decisions' AND record_id = decisions.id ORDER BY decisions.id"
    ).fetchall()


def typed(url: str, arguments: list[str], *lines: str, **settings: str) -> tuple[int, str]:
    """Run the command at a terminal where these lines are typed: exit code, what it shows."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "jieru", *arguments],
        env=clean_environment(database_url=url, language="en", **settings),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        shown = ""
        waiting = list(lines)
        while True:
            try:
                part = os.read(ours, 4096).decode()
            except OSError:  # the other end is closed
                break
            if not part:
                break
            shown += part
            if waiting and shown.rstrip(" ").endswith(":"):
                os.write(ours, f"{waiting.pop(0)}\n".encode())
        process.wait(60)
    os.close(ours)
    return process.returncode, shown


def test_a_name_alone_is_believed_on_simulations_only(
    connection: psycopg.Connection, database_url: str
) -> None:
    """Elsewhere it says what to do instead, and nothing is recorded."""
    done = jieru(*_hold(connection), "--by", "林工", database_url=database_url)
    assert (done.returncode, done.stdout) == (1, "")
    assert "--by is for simulations only" in done.stderr
    assert "--key-file" in done.stderr
    assert _decided(connection) == []


def test_where_nobody_can_be_asked_a_personal_key_is_needed(
    connection: psycopg.Connection, database_url: str
) -> None:
    """Without a terminal there is no password."""
    done = jieru(*_hold(connection), database_url=database_url)
    assert done.returncode == 1
    assert "Nobody can be asked for a password here" in done.stderr


def test_a_personal_key_stands_for_its_person(
    connection: psycopg.Connection, database_url: str, tmp_path: Path
) -> None:
    """From a file, by option or setting, or from the environment; the audit names the person."""
    file = personal_key_file(connection, tmp_path, "lin")
    hold = _hold(connection)
    text = file.read_text(encoding="utf-8").strip()
    assert jieru(*hold, "--key-file", str(file), database_url=database_url).returncode == 0
    withdraw = ("decide", "withdraw", "1", "--reason", "误")
    done = jieru(*withdraw, database_url=database_url, personal_key_file=str(file))
    assert done.returncode == 0, done.stderr
    again = jieru(*withdraw, database_url=database_url, personal_key=text)
    assert again.stderr == "Error: Decision 1 is withdrawn already.\n"
    assert _decided(connection) == [
        ("lin", "user:lin", "command line"),
        ("lin", "user:lin", "command line"),
    ]


def test_a_person_signs_in_with_name_and_password(
    connection: psycopg.Connection, database_url: str
) -> None:
    """The password is not shown."""
    add_person(connection, "chen", Role.VERIFIER)
    code, shown = typed(database_url, _hold(connection), "chen", PASSWORD)
    assert code == 0, shown
    assert "Decision 1 is recorded." in shown
    assert PASSWORD not in shown
    assert _decided(connection) == [("chen", "user:chen", "command line")]


def test_without_a_second_step_that_is_required_nobody_acts(
    connection: psycopg.Connection, database_url: str, tmp_path: Path
) -> None:
    """By password or by key, until it is confirmed in the console; a code is asked for then."""
    key_path, file = key_file(tmp_path), personal_key_file(connection, tmp_path, "chen")
    key = totp_key_of(Settings(totp_key_file=key_path))
    assert key is not None
    required = {"totp_required": "true", "totp_key_file": key_path}
    hold = _hold(connection)
    code, shown = typed(database_url, hold, "chen", PASSWORD, **required)
    assert code == 1
    assert "chen cannot act here without a second step: set it up in the console" in shown
    made = typed(database_url, ["personal-key", "new", "年度核定"], "chen", PASSWORD, **required)
    assert made[0] == 1
    by_key = [*hold, "--key-file", str(file)]
    done = jieru(*by_key, database_url=database_url, totp_required="true", totp_key_file=key_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "without a second step" in done.stderr
    assert _decided(connection) == []
    connection.commit()
    set_up(connection, key, "chen", datetime.now(UTC))
    done = jieru(*by_key, database_url=database_url, totp_required="true", totp_key_file=key_path)
    assert done.returncode == 0, done.stderr


def test_a_wrong_password_records_nothing(
    connection: psycopg.Connection, database_url: str
) -> None:
    """One sentence for a wrong name and a wrong password."""
    add_person(connection, "chen", Role.VERIFIER)
    for name in ("chen", "nobody"):
        code, shown = typed(database_url, _hold(connection), name, "wrong")
        assert code == 1
        assert shown.endswith("Error: The name or the password is wrong.\r\n")
    assert _decided(connection) == []


def test_who_guesses_has_to_wait_at_the_command_line_too(connection: psycopg.Connection) -> None:
    """As at the console's door, also with the right password then."""
    add_person(connection, "chen", Role.VERIFIER)
    now = datetime.now(UTC)
    assert verified_person(connection, "Chen ", PASSWORD, now=now, totp_key=None).name == "chen"
    for _attempt in range(4):
        with pytest.raises(UserError, match="密码错误"):
            verified_person(connection, "chen", "wrong", now=now, totp_key=None)
    with pytest.raises(UserError, match="秒后"):
        verified_person(connection, "chen", PASSWORD, now=now, totp_key=None)


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.OPERATOR])
def test_a_role_that_may_not_decide_may_not_at_the_command_line(
    connection: psycopg.Connection, database_url: str, role: Role
) -> None:
    """The same permission as the API asks for."""
    add_person(connection, "zhao", role, platform="alpha" if role is Role.OPERATOR else None)
    code, shown = typed(database_url, _hold(connection), "zhao", PASSWORD)
    assert code == 1
    assert "The role of zhao does not allow this." in shown
    assert _decided(connection) == []


@pytest.mark.parametrize(
    "end",
    [
        "UPDATE users SET disabled_at = now()",
        "UPDATE users SET role = 'auditor'",
        "UPDATE api_keys SET revoked_at = now()",
        "ALTER TABLE api_keys DISABLE TRIGGER api_keys_stay;UPDATE api_keys SET expires_at = now()",
        "ALTER TABLE api_keys DISABLE TRIGGER api_keys_stay;UPDATE api_keys SET kind = 'program'",
        "ALTER TABLE api_keys DISABLE TRIGGER api_keys_stay;UPDATE api_keys SET scopes = '{}'",
    ],
    ids=["disabled", "other role", "revoked", "expired", "of a program", "without scope"],
)
def test_a_personal_key_ends_with_its_person_and_by_itself(
    connection: psycopg.Connection, database_url: str, tmp_path: Path, end: str
) -> None:
    """And says where there is another."""
    file = personal_key_file(connection, tmp_path, "lin")
    connection.execute(end.encode())
    connection.commit()
    done = jieru(*_hold(connection), "--key-file", str(file), database_url=database_url)
    assert done.returncode == 1
    assert "This personal key is unknown, expired or revoked" in done.stderr
    assert _decided(connection) == []


def test_a_key_of_a_program_is_no_person(connection: psycopg.Connection, database_url: str) -> None:
    """Whatever it may do."""
    add_person(connection, "wu", Role.ADMIN)
    key = key_of(connection, "wu")
    done = jieru(*_hold(connection), database_url=database_url, personal_key=key.text)
    assert done.returncode == 1
    assert _decided(connection) == []


def test_a_key_file_that_others_may_read_is_refused(
    connection: psycopg.Connection, database_url: str, tmp_path: Path
) -> None:
    """As is one that is not there; each is one sentence."""
    file = personal_key_file(connection, tmp_path, "lin")
    file.chmod(0o640)
    done = jieru(*_hold(connection), "--key-file", str(file), database_url=database_url)
    assert done.returncode == 1
    assert "chmod 600" in done.stderr
    done = jieru(*_hold(connection), "--key-file", "/nowhere", database_url=database_url)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert _decided(connection) == []


def test_a_personal_key_is_made_listed_and_revoked_by_its_person(
    connection: psycopg.Connection, database_url: str, tmp_path: Path
) -> None:
    """Made with the password, and shown this once."""
    add_person(connection, "chen", Role.VERIFIER)
    made = ["personal-key", "new", "年度核定", "--days", "7"]
    code, shown = typed(database_url, made, "chen", PASSWORD)
    assert code == 0, shown
    entered = connection.execute(
        "SELECT kind, actor, origin FROM access_entries ORDER BY number"
    ).fetchall()
    assert entered[-1] == ("secret", "user:chen", "command line")
    connection.commit()
    text = shown.splitlines()[-1]
    assert text.startswith("jieru_personal_")
    file = tmp_path / "chen.key"
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")
    by = ("--key-file", str(file))
    assert jieru(*_hold(connection), *by, database_url=database_url).returncode == 0
    listed = jieru("personal-key", "list", *by, database_url=database_url).stdout
    key_id = text.split("_")[2]
    for part in (key_id, "年度核定", "valid"):
        assert part in listed
    assert text not in listed
    done = jieru("personal-key", "revoke", key_id, *by, database_url=database_url)
    assert done.stdout == f"The personal key {key_id} is revoked.\n"
    assert jieru("personal-key", "list", *by, database_url=database_url).returncode == 1


def test_who_has_no_use_for_a_personal_key_is_given_none(
    connection: psycopg.Connection, database_url: str
) -> None:
    """An auditor takes no step."""
    add_person(connection, "zhao", Role.AUDITOR)
    code, shown = typed(database_url, ["personal-key", "new", "x"], "zhao", PASSWORD)
    assert code == 1
    assert "Only verifiers and administrators" in shown
    assert connection.execute("SELECT FROM api_keys").fetchall() == []


def test_a_simulation_goes_on_as_before(simulation_database_url: str) -> None:
    """A name suffices, and is asked for; a personal key is taken there too."""
    with connect(simulation_database_url) as connection:
        builder = RegistryBuilder(connection)
        builder.platform()
        builder.connection("alpha", builder.enterprise(1))
        connection.commit()
        hold = _hold(connection)
        done = jieru(*hold, database_url=simulation_database_url)
        assert done.returncode == 2
        assert "Missing option '--by'" in done.stderr
        done = jieru(*hold, "--by", "林工", database_url=simulation_database_url)
        assert done.returncode == 0, done.stderr
        add_person(connection, "lin", Role.VERIFIER)
        key = key_of(connection, "lin", kind="personal", scopes=PERSONAL_SCOPES)
        exclude = ["exclude" if word == "hold" else word for word in hold]
        done = jieru(*exclude, database_url=simulation_database_url, personal_key=key.text)
        assert done.returncode == 0, done.stderr
        (named, actor, origin), (person, *as_whom) = _decided(connection)
    assert (named, actor.partition(":")[0], origin) == ("林工", "command", "command line")
    assert (person, as_whom) == ("lin", ["user:lin", "command line"])
