"""An upgrade in two steps: the release before goes on, and the new one starts beside it."""

import json
import shutil
from pathlib import Path
from time import time
from typing import Any, Final

import httpx
import psycopg
import pytest

from jieru.database import connect
from jieru.errors import UserError
from jieru.migrating import MIGRATIONS, read_migrations
from jieru.schema import migrate, require_current_schema
from tests.support.command import jieru
from tests.support.fleet import PLATFORM, Publisher, Sent, ingester, stored_heartbeats, wait_until
from tests.support.mosquitto import MosquittoBroker
from tests.support.previous_release import PreviousRelease
from tests.support.processes import free_port
from tests.support.registry_files import registry_csv
from tests.support.served import jieru_serve
from tests.support.visiting import form_token_of

_MIGRATE: Final = """
import api, os
from pathlib import Path
from jieru.schema import migrate
assert Path(api.__file__).is_relative_to(Path.cwd())
migrate(os.environ["JIERU_DATABASE_URL"])
"""
_FILL: Final = """
import json, os
from api.access.roles import Role
from jieru.database import connect
from tests.support.callers import bearer
from tests.support.first_release import fill
from tests.support.fleet import register_devices
from tests.support.people import session_of
from tests.support.visiting import add_person
with connect(os.environ["JIERU_DATABASE_URL"]) as connection:
    fill(connection)
    register_devices(connection, ["cnc-1"])
    add_person(connection, "zheng", Role.VERIFIER)
    add_person(connection, "lin", Role.OPERATOR, platform="alpha")
    add_person(connection, "wu", Role.ADMIN)
    cookies = {name: session_of(connection, name) for name in ("zheng", "lin", "wu")}
    print(json.dumps({"cookies": cookies, "key": bearer(connection, Role.ADMIN)}))
"""
_PAGES: Final = (
    "/",
    "/counts",
    "/counts/2026",
    "/platforms",
    "/platforms/alpha",
    "/enterprises",
    "/rejections",
    "/imports",
    "/cases",
    "/broker",
)
_DRAFTED: Final = "SELECT count(*) FROM counts WHERE drafted_at IS NOT NULL"
_HEARD: Final = (
    "SELECT count(*) FROM heartbeats h JOIN devices d ON d.id = device_id AND serial = %s"
)


@pytest.fixture(autouse=True)
def _speak_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> PreviousRelease:
    """The release before."""
    return PreviousRelease(tmp_path_factory.mktemp("previous"))


class _Console:
    """Whoever uses a server: people with their sessions, a program with its key."""

    def __init__(self, port: int, known: dict[str, Any]) -> None:
        self._address = f"http://127.0.0.1:{port}"
        self._known = known

    def look_around(self) -> dict[tuple[str, str], int]:
        """What every page answers everybody; none may fail."""
        answers = {}
        for name, cookie in self._known["cookies"].items():
            headers = {"cookie": f"jieru_session={cookie}", "accept-language": "en"}
            for page in _PAGES:
                answer = httpx.get(self._address + page, headers=headers, timeout=60)
                assert answer.status_code < 500, (name, page, answer.text)
                answers[name, page] = answer.status_code
        return answers

    def register(self, serial: str) -> None:
        """A device, by a program."""
        row = [PLATFORM, serial, "", "铣床", "一号", "", ""]
        answer = httpx.post(
            f"{self._address}/api/v1/imports/devices",
            content=registry_csv("devices", row).encode(),
            headers={**self._known["key"], "content-type": "text/csv"},
            timeout=60,
        )
        assert answer.status_code in {200, 201}, answer.text

    def draft(self) -> None:
        """A draft of the count, by a person."""
        headers = {"cookie": f"jieru_session={self._known['cookies']['zheng']}"}
        page = httpx.get(f"{self._address}/counts", headers=headers, timeout=60)
        fields = {"as_of": "2026-11-30", "form_token": form_token_of(page)}
        answer = httpx.post(
            f"{self._address}/counts/2026/draft", data=fields, headers=headers, timeout=60
        )
        assert answer.status_code == 303, answer.text


def test_both_releases_run_between_the_steps_of_an_upgrade(
    previous: PreviousRelease, timescale_url: str, mosquitto: MosquittoBroker, tmp_path: Path
) -> None:
    """The old server and ingester go on, new ones start, then the last step is taken."""
    url = timescale_url
    previous.run(_MIGRATE, database_url=url)
    known = json.loads(previous.run(_FILL, database_url=url))
    old_port, new_port = free_port(), free_port()
    sent = iter(range(1_000))
    with (
        connect(url, autocommit=True) as looker,
        jieru_serve(url, old_port, within=previous.command) as old_server,
        ingester(url, mosquitto.url(), tmp_path / "old.log", prelude=previous.prelude) as old,
    ):
        publisher = Publisher(mosquitto.add_user(PLATFORM))
        old_console, new_console = _Console(old_port, known), _Console(new_port, known)

        def hear(number: int) -> None:
            so_far = looker.execute(_HEARD, ("cnc-1",)).fetchone()
            assert so_far is not None
            at = int(time() * 1_000)
            publisher.publish([Sent("cnc-1", at - next(sent)) for _each in range(number)])
            wait_until(
                lambda: looker.execute(_HEARD, ("cnc-1",)).fetchone() == (so_far[0] + number,),
                "the heartbeats are stored",
            )

        usual = old_console.look_around()
        assert 200 in usual.values()
        hear(3)
        first = jieru("migrate", "--before", database_url=url)
        assert first.returncode == 0, first.stderr
        assert old_console.look_around() == usual
        old_console.register("old-1")
        old_console.draft()
        wait_until(lambda: looker.execute(_DRAFTED).fetchone() == (1,), "the old one drafts")
        hear(3)
        assert (old.poll(), old_server.poll()) == (None, None)
        with jieru_serve(url, new_port) as new_server:
            assert new_console.look_around() == usual
            new_console.register("new-1")
            assert old_console.look_around() == usual
            old.terminate()
            old.wait(30)
            old_server.terminate()
            _output, errors = old_server.communicate(timeout=30)
            assert "Traceback" not in errors
            with ingester(url, mosquitto.url(), tmp_path / "new.log") as new:
                hear(3)
                last = jieru("migrate", database_url=url)
                assert last.returncode == 0, last.stderr
                assert new_console.look_around() == usual
                new_console.register("new-2")
                new_console.draft()
                hear(3)
                assert new.poll() is None
            assert httpx.get(f"http://127.0.0.1:{new_port}/healthz").status_code == 200
            new_server.terminate()
            _output, errors = new_server.communicate(timeout=30)
            assert "Traceback" not in errors
        publisher.close()
        assert set(stored_heartbeats(looker).values()) == {1}


_COLUMNS: Final = """
    SELECT n.nspname || '.' || c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
           c.relkind = 'v' OR NOT a.attnotnull OR a.atthasdef OR a.attidentity <> ''
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
         JOIN pg_attribute a ON attrelid = c.oid
    WHERE nspname IN ('public', 'audit') AND relkind IN ('r', 'p', 'v') AND attnum > 0
          AND NOT attisdropped
"""
_RULES: Final = """
    SELECT conrelid::regclass::text, conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid <> 0
    UNION ALL
    SELECT indrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
    JOIN pg_class ON oid = indrelid
    WHERE indisunique AND relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT tgrelid::regclass::text, pg_get_triggerdef(pg_trigger.oid) FROM pg_trigger
    JOIN pg_class ON pg_class.oid = tgrelid
    WHERE NOT tgisinternal AND relnamespace = 'public'::regnamespace
"""
_FUNCTIONS: Final = """
    SELECT oid::regprocedure::text || ' ' || pg_get_function_result(oid) FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT enumtypid::regtype::text || ' ' || enumlabel FROM pg_enum
"""
_GRANTS: Final = """
    SELECT c.relname, pg_get_userbyid(grantee), privilege_type, ''
    FROM pg_class c, aclexplode(relacl)
    WHERE relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT c.relname, pg_get_userbyid(grantee), privilege_type, attname
    FROM pg_class c JOIN pg_attribute ON attrelid = c.oid, aclexplode(attacl)
    WHERE relnamespace = 'public'::regnamespace AND NOT attisdropped
"""
_HARMLESS: Final[dict[str, str]] = {
    "channel = ANY (ARRAY['email'::text, 'webhook'::text])": "wider than before",
    "dropped = ANY (ARRAY['expired'::text, 'another_contact'::text, 'left'::text])": "wider, too",
    "channel <> 'webhook'::text": "of rows that the release before does not write",
    "FOREIGN KEY (notice_channel_id)": "of a new column",
}
"""Rules on tables of the release before that it keeps anyway: a part of the rule, and why."""


class _Catalogue:
    """What programs can use of a schema, and what they must keep to."""

    def __init__(self, connection: psycopg.Connection) -> None:
        columns = connection.execute(_COLUMNS).fetchall()
        self.columns = {tuple(each[:3]) for each in columns}
        self.tables = {each[0].removeprefix("public.") for each in columns}
        self.demanded = {
            (each[0].removeprefix("public."), each[1]) for each in columns if not each[3]
        }
        self.rules = set(connection.execute(_RULES).fetchall())
        self.functions = {row[0] for row in connection.execute(_FUNCTIONS)}
        self.grants = set(connection.execute(_GRANTS).fetchall())


def test_the_first_step_takes_away_and_narrows_nothing_of_the_release_before(
    previous: PreviousRelease, embedded_url: str
) -> None:
    """No column, function, right or word of a type goes; no table of its gets a rule more."""
    previous.run(_MIGRATE, database_url=embedded_url)
    with connect(embedded_url, autocommit=True) as connection:
        before = _Catalogue(connection)
        migrate(embedded_url, is_first_step=True)
        after = _Catalogue(connection)
    assert before.columns - after.columns == set()
    assert before.functions - after.functions == set()
    assert before.grants - after.grants == set()
    assert {each for each in after.demanded - before.demanded if each[0] in before.tables} == set()
    narrowed = {each for each in after.rules - before.rules if each[0] in before.tables}
    assert {
        rule for _table, rule in narrowed if not any(part in rule for part in _HARMLESS)
    } == set()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The migrations of a release to come: one that adds, and one that takes away."""
    made = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, made)
    (made / "9998_adding.sql").write_text("ALTER TABLE platforms ADD colour text", encoding="utf-8")
    return made


_TAKING: Final = (
    "-- Last step of an upgrade: drops what was added\nALTER TABLE platforms DROP colour"
)


def test_a_release_goes_on_on_a_newer_schema_until_something_of_its_is_taken(
    embedded_database_url: str, folder: Path
) -> None:
    """It can be started anew there too; after the last step it says that it is too old."""
    (folder / "9999_taking.sql").write_text(_TAKING, encoding="utf-8")
    migrate(embedded_database_url, folder=folder, is_first_step=True)
    with connect(embedded_database_url) as connection:
        require_current_schema(connection)
    migrate(embedded_database_url, folder=folder)
    with (
        connect(embedded_database_url) as connection,
        pytest.raises(UserError, match=r"newer than this program \(unknown: 9999_taking\)"),
    ):
        require_current_schema(connection)


def test_a_release_runs_before_its_own_last_step_and_not_before_its_first(
    embedded_database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the steps both it and the one before run; nothing runs half of a first step."""
    (folder / "9999_taking.sql").write_text(_TAKING, encoding="utf-8")
    monkeypatch.setattr("jieru.schema.read_migrations", lambda: read_migrations(folder))
    with connect(embedded_database_url, autocommit=True) as connection:
        with pytest.raises(UserError, match=r"older than this program \(missing: 9998_adding\)"):
            require_current_schema(connection)
        monkeypatch.undo()
        migrate(embedded_database_url, folder=folder, is_first_step=True)
        monkeypatch.setattr("jieru.schema.read_migrations", lambda: read_migrations(folder))
        require_current_schema(connection)


def test_the_last_steps_of_this_release_come_after_all_that_it_adds(
    previous: PreviousRelease,
) -> None:
    """So that the first step ends with everything the new programs need."""
    known = {path.stem for path in (previous.folder / "jieru" / "migrations").glob("*.sql")}
    new = [each.is_last_step for each in read_migrations() if each.name not in known]
    assert new == sorted(new)
