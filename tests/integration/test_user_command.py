"""`jieru user`: accounts made, disabled and reset, each change with its audit entry."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from api.access.delays import browser_subject, code_subject, name_subject
from api.access.passwords import is_password
from api.access.personal_keys import PERSONAL_SCOPES
from api.access.roles import Role
from jieru.audit import Actor, changing
from jieru.credentials.records import issue
from jieru.database import connect
from jieru.settings import Settings
from tests.support.callers import key_of
from tests.support.command import clean_environment
from tests.support.registry_builder import RegistryBuilder
from tests.support.second_steps import key_file, set_up
from tests.support.second_steps import key_of as totp_key_of
from tests.support.visiting import PASSWORD, add_person

ISSUER = "https://id.example.test"
SHOWN = "Password, shown only now: "


def user(
    url: str, *arguments: str, password: str | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run `jieru user`, with a password on standard input where one is given."""
    given = [] if password is None else ["--password-stdin"]
    return subprocess.run(
        [sys.executable, "-m", "jieru", "user", *arguments, *given],
        env=clean_environment(
            database_url=url, language="en", oidc_issuer=ISSUER, oidc_client_id="jieru"
        ),
        input=password or "",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def row_of(url: str, name: str) -> tuple[str, str, int | None, str | None, bool]:
    """Display name, role, platform, hash, and whether it is disabled."""
    with connect(url) as connection:
        row = connection.execute(
            "SELECT display_name, role, platform_id, password_hash, disabled_at IS NOT NULL"
            " FROM users WHERE name = %s",
            (name,),
        ).fetchone()
    assert row is not None
    return row


def test_an_account_is_added_with_a_password_that_is_shown_once(database_url: str) -> None:
    """It is the account's, and the database keeps only its hash."""
    with connect(database_url) as connection:
        RegistryBuilder(connection).platform("xielian")
        connection.commit()
    done = user(
        database_url,
        *("add", "lin", "--role", "operator", "--platform", "xielian"),
        *("--display-name", "林运营"),
    )
    assert done.returncode == 0, done.stderr
    first, last = done.stdout.splitlines()
    assert first == "The account lin is added."
    display_name, role, platform_id, kept, is_disabled = row_of(database_url, "lin")
    assert (display_name, role, is_disabled) == ("林运营", "operator", False)
    assert platform_id is not None
    assert is_password(kept, last.removeprefix(SHOWN))


def test_a_password_can_come_from_standard_input(database_url: str) -> None:
    """Without the end of its line; it is not shown."""
    done = user(database_url, "add", "wu", "--role", "admin", password=f"{PASSWORD}\n")
    assert done.stdout == "The account wu is added.\n"
    assert is_password(row_of(database_url, "wu")[3], PASSWORD)


def test_an_account_of_the_provider_needs_no_password(database_url: str) -> None:
    """Its person comes in by OpenID Connect only."""
    done = user(database_url, "add", "wu", "--role", "admin", "--oidc-subject", "sub-wu")
    assert done.stdout == "The account wu is added.\n"
    assert row_of(database_url, "wu")[3] is None
    with connect(database_url) as connection:
        kept = connection.execute("SELECT oidc_issuer, oidc_subject FROM users").fetchall()
    assert kept == [(ISSUER, "sub-wu")]


def test_whose_names_those_are_that_were_kept_without_a_provider_is_said_once(
    database_url: str,
) -> None:
    """And never for accounts that have one; a provider that goes by another name is followed."""
    user(database_url, "add", "wu", "--role", "admin", "--oidc-subject", "sub-wu")
    with connect(database_url) as connection:
        connection.execute(
            "INSERT INTO users (name, display_name, role, oidc_subject)"
            " VALUES ('old', 'Old', 'admin', 'sub-old'), ('older', 'Older', 'admin', 'sub-wu')"
        )
        connection.commit()
        refused = user(database_url, "issuer", ISSUER)
        assert refused.returncode == 1
        assert "another account's" in refused.stderr
        said = user(database_url, "issuer", "https://id.city.test")
        assert said.stdout == (
            "Accounts whose names are those of https://id.city.test from now on: 2\n"
        )
        moved = user(database_url, "issuer", "https://id.new.test", "--from", ISSUER)
        assert moved.stdout.endswith(": 1\n")
        assert connection.execute(
            "SELECT name, oidc_issuer FROM users ORDER BY name"
        ).fetchall() == [
            ("old", "https://id.city.test"),
            ("older", "https://id.city.test"),
            ("wu", "https://id.new.test"),
        ]


def test_every_change_is_audited_under_who_ran_the_command(database_url: str) -> None:
    """And no entry holds a hash of a password."""
    user(database_url, "add", "wu", "--role", "admin")
    user(database_url, "reset", "wu")
    user(database_url, "disable", "wu")
    with connect(database_url) as connection:
        entries = connection.execute(
            "SELECT actor, origin, action, record_kind, after::text FROM audit_entries"
            " ORDER BY number"
        ).fetchall()
    assert [entry[2:4] for entry in entries] == [
        ("create", "users"),
        ("change", "users"),
        ("change", "users"),
    ]
    for actor, origin, _action, _kind, after in entries:
        assert actor.startswith("command:")
        assert origin == "command line"
        assert "argon2" not in after


def test_a_disabled_account_is_enabled_only_where_that_is_said(database_url: str) -> None:
    """A new password alone does not open it."""
    user(database_url, "add", "wu", "--role", "admin")
    assert user(database_url, "disable", "wu").stdout == "The account wu is disabled.\n"
    assert row_of(database_url, "wu")[4]
    again = user(database_url, "disable", "wu")
    assert again.returncode == 1
    assert again.stderr == "Error: The account wu is disabled already.\n"
    refused = user(database_url, "reset", "wu")
    assert refused.returncode == 1
    assert "--enable" in refused.stderr
    done = user(database_url, "reset", "wu", "--enable", password=PASSWORD)
    assert done.stdout == "The account wu has another password.\n"
    *_others, kept, is_disabled = row_of(database_url, "wu")
    assert not is_disabled
    assert is_password(kept, PASSWORD)


def test_a_reset_forgets_the_failures_of_the_account(database_url: str) -> None:
    """Whoever gets a new password need not wait for the old one's sake."""
    user(database_url, "add", "wu", "--role", "admin")
    with connect(database_url) as connection:
        name, browser = name_subject("wu"), b"\7" * 32
        others = [browser_subject(browser, 11), code_subject(11, browser), code_subject(21, None)]
        own = [name, f"command:{name}", browser_subject(browser, 1), code_subject(1, None)]
        own += [code_subject(1, browser), f"command:{code_subject(1, None)}"]
        connection.execute(
            "INSERT INTO sign_in_failures SELECT unnest(%s::text[]), 9, now()", (own + others,)
        )
        connection.commit()
        user(database_url, "reset", "wu")
        left = connection.execute("SELECT subject FROM sign_in_failures").fetchall()
        assert sorted(subject for (subject,) in left) == sorted(others)


def test_a_reset_ends_personal_keys(database_url: str) -> None:
    """Whoever knew the old password may have made one."""
    with connect(database_url) as connection:
        add_person(connection, "wu", Role.VERIFIER)
        key = key_of(connection, "wu", kind="personal", scopes=PERSONAL_SCOPES)
        connection.commit()
        assert user(database_url, "reset", "wu").returncode == 0
        row = connection.execute(
            "SELECT revoked_at IS NOT NULL FROM api_keys WHERE key_id = %s", (key.key_id,)
        ).fetchone()
    assert row == (True,)


def test_a_second_step_is_reset(database_url: str, tmp_path: Path) -> None:
    """Once; the audit names who ran the command, and an account without one is told."""
    user(database_url, "add", "wu", "--role", "admin")
    key = totp_key_of(Settings(totp_key_file=key_file(tmp_path)))
    with connect(database_url) as connection:
        set_up(connection, key, "wu", datetime.now(UTC))
        assert "no code any more" in user(database_url, "reset-totp", "wu").stdout
        row = connection.execute(
            "SELECT actor, record_kind FROM audit_entries ORDER BY number DESC LIMIT 1"
        ).fetchone()
    assert row is not None
    assert row[0].startswith("command:")
    assert row[1] == "second_factors"
    refused = user(database_url, "reset-totp", "wu")
    assert refused.returncode == 1
    assert "has no second step" in refused.stderr


def test_the_list_of_people_is_an_access(database_url: str) -> None:
    """Who read their names is entered, as at the console."""
    user(database_url, "list")
    with connect(database_url) as connection:
        rows = connection.execute("SELECT kind, record FROM access_entries").fetchall()
    assert rows == [("read", "jieru user list")]


def test_disabling_says_what_ends_and_what_goes_on(database_url: str) -> None:
    """Keys by name and number; equipment goes on until --credentials says otherwise."""
    user(database_url, "add", "wu", "--role", "admin")
    with connect(database_url) as connection:
        RegistryBuilder(connection).platform("xielian")
        connection.commit()
        key = key_of(connection, "wu", name="sync")
        with changing(connection, Actor(f"key:{key.key_id}", "127.0.0.1")):
            issue(connection, platform_id=1)
        connection.commit()
    said = user(database_url, "disable", "wu").stdout.splitlines()
    assert said[:5] == [
        "The account wu is disabled.",
        "API keys that ended: 1",
        f"  {key.key_id}  sync",
        "Credentials of equipment that came from it and go on: 1",
        "  xielian",
    ]
    said = user(database_url, "disable", "wu", "--credentials").stdout.splitlines()
    assert said[1:] == ["Credentials of equipment that were revoked: 1", "  xielian"]
    with connect(database_url) as connection:
        assert connection.execute("SELECT FROM broker_users").fetchall() == []


def test_the_list_names_everyone(database_url: str) -> None:
    """Disabled ones too."""
    user(database_url, "add", "wu", "--role", "admin", "--display-name", "吴管理")
    user(database_url, "add", "chen", "--role", "auditor", "--oidc-subject", "sub-chen")
    user(database_url, "disable", "chen")
    done = user(database_url, "list")
    assert done.returncode == 0, done.stderr
    listed = done.stdout
    assert listed.index("chen") < listed.index("wu")
    for text in ("吴管理", "administrator", "password", "OpenID Connect", "disabled"):
        assert text in listed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "Wu", "--role", "admin"), "is no account name"),
        (("add", "wu wu", "--role", "admin"), "is no account name"),
        (("add", "taken", "--role", "admin"), "There is an account taken already."),
        (
            ("add", "wu", "--role", "admin", "--oidc-subject", "sub-taken"),
            "Another account has the OpenID Connect subject sub-taken.",
        ),
        (("add", "wu", "--role", "operator"), "An operator has a platform"),
        (("add", "wu", "--role", "admin", "--platform", "xielian"), "An operator has a platform"),
        (
            ("add", "wu", "--role", "operator", "--platform", "nowhere"),
            "There is no platform nowhere.",
        ),
        (("add", "wu", "--role", "admin", "--display-name", "x" * 201), "At most 200"),
        (("disable", "nobody"), "There is no account nobody."),
        (("reset", "nobody"), "There is no account nobody."),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    database_url: str, arguments: tuple[str, ...], said: str
) -> None:
    """And nothing is changed."""
    with connect(database_url) as connection:
        connection.execute(
            "INSERT INTO users (name, display_name, role, oidc_subject, oidc_issuer)"
            " VALUES ('taken', 'Taken', 'admin', 'sub-taken', %s)",
            (ISSUER,),
        )
        connection.commit()
        done = user(database_url, *arguments)
        assert done.returncode == 1
        assert said in done.stderr
        assert done.stderr.count("\n") == 1
        assert names(connection) == ["taken"]


@pytest.mark.parametrize(
    ("password", "said"), [("short", "too short"), ("", "too short"), ("x" * 201, "too long")]
)
def test_a_bad_password_makes_no_account(database_url: str, password: str, said: str) -> None:
    """Nor an empty one."""
    done = user(database_url, "add", "wu", "--role", "admin", password=password)
    assert done.returncode == 1
    assert said in done.stderr
    with connect(database_url) as connection:
        assert names(connection) == []


def names(connection: psycopg.Connection) -> list[str]:
    """All accounts."""
    return [row[0] for row in connection.execute("SELECT name FROM users").fetchall()]
