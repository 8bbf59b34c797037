"""Mosquitto's files on disk, whole and once; and the signal to its process and to no other."""

import fcntl
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jieru.credentials import broker_files
from jieru.credentials.broker_files import ACL, BrokerFiles, User
from jieru.credentials.broker_process import reload_broker
from jieru.credentials.secret import hash_secret, password_entry
from jieru.errors import UserError, WorldError
from jieru.settings import Settings
from tests.support.command import jieru
from tests.support.fleet import wait_until
from tests.support.processes import spawn

_USERS = [(name, hash_secret(name)) for name in ("xielian", "xielian/cnc-1")]
_ENTRIES = "".join(password_entry(*user) for user in _USERS)
_NOBODY = 65_534


def _users() -> list[User]:
    return _USERS


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


def name_of(process: subprocess.Popen[bytes]) -> str:
    """The name of the program that a process runs."""
    return Path(f"/proc/{process.pid}/comm").read_text(encoding="utf-8").strip()


@pytest.fixture
def files(tmp_path: Path) -> BrokerFiles:
    """Files that are not there yet, of a broker that somebody else reloads."""
    return BrokerFiles(tmp_path / "passwords", tmp_path / "acl", None)


def test_new_files_are_for_the_broker_alone(files: BrokerFiles) -> None:
    """Mosquitto complains of secrets that others may read."""
    result = files.write(_users)
    assert result == (2, (str(files.acl_file), str(files.password_file)), False)
    assert files.password_file.read_text(encoding="utf-8") == _ENTRIES
    assert files.acl_file.read_bytes() == ACL.read_bytes()
    for path in (files.password_file, files.acl_file):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_gateway_has_lines_of_its_own_for_sparkplug(files: BrokerFiles) -> None:
    """As long as it has a credential; its name is no whole level of its username."""
    gateway = ("xielian/via/hall-2", hash_secret("x"))
    files.write(lambda: [*_USERS, gateway])
    lines = files.acl_file.read_text(encoding="utf-8").removeprefix(ACL.read_text(encoding="utf-8"))
    assert lines == (
        "\nuser xielian/via/hall-2\n"
        "topic write spBv1.0/xielian.via/NBIRTH/hall-2\n"
        "topic write spBv1.0/xielian.via/NDATA/hall-2\n"
        "topic write spBv1.0/xielian.via/NDEATH/hall-2\n"
        "topic write spBv1.0/xielian.via/DBIRTH/hall-2/+\n"
        "topic write spBv1.0/xielian.via/DDATA/hall-2/+\n"
        "topic write spBv1.0/xielian.via/DDEATH/hall-2/+\n"
    )
    files.write(_users)
    assert files.acl_file.read_bytes() == ACL.read_bytes()


def test_users_that_begin_with_an_underscore_stay(files: BrokerFiles) -> None:
    """Those somebody else keeps; all others are ours, and go when no credential names them."""
    ingesters = "_ingest:$7$101$abc$def\n"
    files.password_file.write_text(f"gone:$7$101$abc$def\n{ingesters}", encoding="utf-8")
    files.write(_users)
    assert files.password_file.read_text(encoding="utf-8") == ingesters + _ENTRIES
    files.write(list)
    assert files.password_file.read_text(encoding="utf-8") == ingesters


def test_what_is_right_already_is_not_written_again(files: BrokerFiles) -> None:
    """The very same files stay."""
    files.write(_users)
    before = [path.stat().st_ino for path in (files.password_file, files.acl_file)]
    assert files.write(_users) == (2, (), False)
    assert before == [path.stat().st_ino for path in (files.password_file, files.acl_file)]


def test_owner_and_mode_of_a_file_stay(files: BrokerFiles) -> None:
    """The broker's user must read it after us as before."""
    files.password_file.touch(mode=0o640)
    files.password_file.chmod(0o640)
    owner = _NOBODY if os.geteuid() == 0 else os.geteuid()
    os.chown(files.password_file, owner, -1)
    files.write(_users)
    after = files.password_file.stat()
    assert (stat.S_IMODE(after.st_mode), after.st_uid) == (0o640, owner)


def test_a_new_file_belongs_to_the_folders_owner(files: BrokerFiles) -> None:
    """So that root can write what the broker reads."""
    owner = _NOBODY if os.geteuid() == 0 else os.geteuid()
    os.chown(files.password_file.parent, owner, -1)
    files.write(_users)
    assert files.password_file.stat().st_uid == owner


def test_a_link_stays_a_link(files: BrokerFiles) -> None:
    """What it leads to is replaced."""
    target = files.password_file.with_name("elsewhere")
    files.password_file.symlink_to(target)
    files.write(_users)
    assert files.password_file.is_symlink()
    assert target.read_text(encoding="utf-8") == _ENTRIES


def test_what_a_crash_left_is_taken_away(files: BrokerFiles) -> None:
    """Half a file beside the files, and nothing else."""
    files.password_file.with_name(".passwords.new").write_text("half", encoding="utf-8")
    files.write(_users)
    assert sorted(path.name for path in files.acl_file.parent.iterdir()) == ["acl", "passwords"]


def test_two_syncs_do_not_interleave(files: BrokerFiles) -> None:
    """From before the credentials are read: nobody writes an older list over a newer one."""

    def read_users() -> list[User]:
        handle = os.open(files.password_file.parent, os.O_RDONLY)
        try:
            with pytest.raises(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(handle)
        return _USERS

    assert files.write(read_users).users == len(_USERS)


def test_a_broker_that_was_not_told_is_told_the_next_time(
    files: BrokerFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although the files are right by then, also after a crash in between."""
    pid_file = files.password_file.with_name("broker.pid")
    told = BrokerFiles(files.password_file, files.acl_file, pid_file)
    with pytest.raises(WorldError, match="The broker does not run"):
        told.write(_users)
    assert files.password_file.read_text(encoding="utf-8") == _ENTRIES
    monkeypatch.setattr(broker_files, "reload_broker", lambda _pid_file: None)
    assert told.write(_users) == (2, (), True)
    assert told.write(_users) == (2, (), False)


@pytest.mark.parametrize("place", ["missing/passwords", "folder"])
def test_what_cannot_be_written_is_said(tmp_path: Path, place: str) -> None:
    """With the path and the system's reason."""
    (tmp_path / "folder").mkdir()
    files = BrokerFiles(tmp_path / place, tmp_path / "acl", None)
    with pytest.raises(WorldError, match=f"{tmp_path}.*cannot be read or written"):
        files.write(_users)


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({"broker_password_file": "passwords"}, "JIERU_BROKER_ACL_FILE"),
        ({"broker_acl_file": "acl"}, "JIERU_BROKER_PASSWORD_FILE"),
        ({"broker_pid_file": "broker.pid"}, "JIERU_BROKER_PASSWORD_FILE"),
    ],
)
def test_half_of_the_settings_is_refused(settings: dict[str, str], missing: str) -> None:
    """Users without rights would be let in and could do nothing, or everything."""
    with pytest.raises(UserError, match=f"{missing} is not set"):
        BrokerFiles.of_settings(Settings(**settings))  # type: ignore[arg-type]


def test_without_settings_the_files_are_not_our_job() -> None:
    """By default."""
    assert BrokerFiles.of_settings(Settings()) is None


def test_a_sync_without_files_says_what_to_set() -> None:
    """Before it looks for a database."""
    done = jieru("broker", "sync", database_url="postgresql://nobody@127.0.0.1:1/nothing")
    assert done.returncode == 1
    assert "JIERU_BROKER_PASSWORD_FILE" in done.stderr


class TestSignal:
    """Only a Mosquitto that minds SIGHUP gets it."""

    @pytest.fixture
    def pid_file(self, tmp_path: Path) -> Path:
        """Where a broker writes its process id."""
        return tmp_path / "broker.pid"

    @pytest.fixture
    def sleeper(self, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
        """A process that is no broker, and that the signal would end."""
        with spawn(["sleep", "600"], log=tmp_path / "log") as process:
            wait_until(lambda: name_of(process) == "sleep", "it runs its own program")
            yield process
            process.kill()

    @pytest.fixture
    def namesake(self, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
        """A process of Mosquitto's name that does not mind signals, as Mosquitto at its start."""
        program = tmp_path / "mosquitto"
        shutil.copy(shutil.which("sleep") or "", program)
        with spawn([str(program), "600"], log=tmp_path / "log") as process:
            wait_until(lambda: name_of(process) == "mosquitto", "it runs its own program")
            yield process
            process.kill()

    def test_spares_a_process_that_is_not_mosquitto(
        self, pid_file: Path, sleeper: subprocess.Popen[bytes]
    ) -> None:
        """A pid file outlives its process, and the number is given to another."""
        pid_file.write_text(f"{sleeper.pid}\n", encoding="ascii")
        with pytest.raises(WorldError, match="is sleep and not Mosquitto; it was not signalled"):
            reload_broker(pid_file)
        assert sleeper.poll() is None

    def test_spares_a_broker_that_would_end_by_it(
        self, pid_file: Path, namesake: subprocess.Popen[bytes]
    ) -> None:
        """It writes its pid file before it minds signals."""
        pid_file.write_text(f"{namesake.pid}\n", encoding="ascii")
        with pytest.raises(WorldError, match="is still starting"):
            reload_broker(pid_file)
        assert namesake.poll() is None

    def test_says_that_the_process_is_gone(
        self, pid_file: Path, sleeper: subprocess.Popen[bytes]
    ) -> None:
        """A stale pid file."""
        sleeper.kill()
        sleeper.wait()
        pid_file.write_text(f"{sleeper.pid}\n", encoding="ascii")
        with pytest.raises(WorldError, match="there is no process"):
            reload_broker(pid_file)

    @pytest.mark.parametrize("content", ["", "0", "-1", "one", "12 13", "9" * 20])
    def test_takes_nothing_else_for_a_process_id(self, pid_file: Path, content: str) -> None:
        """Zero and less would mean whole groups of processes."""
        pid_file.write_text(content, encoding="ascii")
        with pytest.raises(WorldError, match="holds no process id"):
            reload_broker(pid_file)
