"""Mosquitto's files in the folders of Debian's package: whose they become; that it reads them."""

import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from jieru.credentials.broker_files import BrokerFiles, User
from jieru.credentials.secret import hash_secret
from jieru.errors import UserError
from tests.support.acting import acting_as, ids_of
from tests.support.debian_root import DebianRoot
from tests.support.mosquitto import MosquittoBroker

_SECRET: Final = "s" * 32
_USERS: Final[list[User]] = [("xielian", hash_secret(_SECRET))]
_IS_ROOT: Final = os.geteuid() == 0
_ROOT: Final = os.geteuid(), os.getegid()
"""Root where the tests run as root; an ordinary user has but himself."""


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


def _users() -> list[User]:
    return _USERS


@dataclass(frozen=True, slots=True)
class _Layout:
    """Folders with the owners and modes of Debian's package, where every user may pass through."""

    etc: Path
    state: Path
    run: Path
    broker: tuple[int, int]

    def files(self, folder: Path) -> BrokerFiles:
        """What a sync would keep in a folder, with the pid file of the running broker."""
        return BrokerFiles(folder / "passwords", folder / "acl", self.run / "mosquitto.pid")


@pytest.fixture
def layout(debian_root: DebianRoot, mosquitto: MosquittoBroker) -> Iterator[_Layout]:
    """As the package and its unit make them, beside a broker that runs."""
    broker = ids_of(debian_root, "mosquitto")
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        top.chmod(0o755)
        made = _Layout(top / "etc", top / "lib", top / "run", broker)
        for folder, of in ((made.etc, "etc/mosquitto"), (made.state, "var/lib/mosquitto")):
            packaged = (debian_root.path / of).stat()
            folder.mkdir()
            folder.chmod(stat.S_IMODE(packaged.st_mode))
            if _IS_ROOT:
                os.chown(folder, packaged.st_uid, packaged.st_gid)
        made.run.mkdir()
        pid_file = mosquitto.files.pid_file
        assert pid_file is not None
        shutil.copy(pid_file, made.run / "mosquitto.pid")
        made.run.chmod(0o740)  # as ExecStartPre= of the unit does
        os.chown(made.run, *broker)
        if not _IS_ROOT:
            made.etc.chmod(0o555)
        yield made
        made.etc.chmod(0o755)


def _owner(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _complaints(broker: MosquittoBroker, files: BrokerFiles) -> list[str]:
    """What Mosquitto says of these files, with the same owners, when it starts with them."""
    broker.stop()
    for ours, theirs in (
        (files.password_file, broker.files.password_file),
        (files.acl_file, broker.files.acl_file),
    ):
        theirs.unlink()
        shutil.copy2(ours, theirs)
        os.chown(theirs, *_owner(ours)[:2])
    said = len(broker.log.read_bytes())
    broker.start()
    broker.remember("xielian", _SECRET)
    broker.publish("jieru/v1/xielian/cnc-1/heartbeat", "{}", user="xielian")
    lines = broker.log.read_bytes()[said:].decode().splitlines()
    return [line for line in lines if "Warning: File" in line]


def test_the_brokers_user_writes_into_its_own_folder(
    layout: _Layout, mosquitto: MosquittoBroker
) -> None:
    """Which is mosquitto:root; the files are its user's and group's, and it reads them gladly."""
    files = layout.files(layout.state)
    with acting_as(*layout.broker):
        assert files.write(_users).is_reloaded
        again = files.write(list)
    assert again.is_reloaded
    with acting_as(*layout.broker):
        files.write(_users)
    assert _names(layout.state) == ["acl", "passwords"]
    for path in (files.password_file, files.acl_file):
        assert _owner(path) == (*layout.broker, 0o600)
    assert _complaints(mosquitto, files) == []


def test_root_writes_files_of_the_brokers_user(layout: _Layout, mosquitto: MosquittoBroker) -> None:
    """Into either folder, new ones and in the place of those that the broker could not read."""
    files = layout.files(layout.state)
    for folder in (layout.etc, layout.state) if _IS_ROOT else (layout.state,):
        files = layout.files(folder)
        files.write(_users)
        for path in (files.password_file, files.acl_file):
            assert _owner(path) == (*layout.broker, 0o600)
            os.chown(path, *_ROOT)
            path.chmod(0o600)
        files.acl_file.write_text("# another\n", encoding="utf-8")
        files.write(list)
        files.write(_users)
        for path in (files.password_file, files.acl_file):
            assert _owner(path) == (*layout.broker, 0o600)
        assert _names(folder) == ["acl", "passwords"]
    assert _complaints(mosquitto, files) == []


def test_root_knows_the_brokers_user_by_its_folder_where_it_does_not_run(
    layout: _Layout,
) -> None:
    """The first sync comes before the broker's first start, for it does not start without files."""
    files = BrokerFiles(layout.state / "passwords", layout.state / "acl", None)
    files.write(_users)
    user, group = layout.broker[0], layout.state.stat().st_gid
    with suppress(KeyError):  # this machine may know nobody by the number, or somebody else
        group = pwd.getpwuid(user).pw_gid
    assert _owner(files.password_file) == (user, group, 0o600)


def test_a_group_that_was_given_the_file_keeps_it(layout: _Layout) -> None:
    """Whatever user writes, where he may."""
    files = layout.files(layout.state)
    files.write(_users)
    os.chown(files.password_file, *layout.broker)
    files.password_file.chmod(0o640)
    with acting_as(*layout.broker):
        files.write(list)
    assert _owner(files.password_file) == (*layout.broker, 0o640)


def test_a_group_that_may_not_be_given_is_not_replaced_by_another(layout: _Layout) -> None:
    """Nobody reads it who did not before: the group's rights go with the group."""
    files = layout.files(layout.state)
    files.write(_users)
    os.chown(files.password_file, layout.broker[0], _ROOT[1])
    files.password_file.chmod(0o640)
    with acting_as(*layout.broker):
        files.write(list)
    expected = 0o600 if _IS_ROOT else 0o640
    assert _owner(files.password_file) == (*layout.broker, expected)


def test_the_brokers_user_is_told_that_a_folder_of_roots_will_not_do(layout: _Layout) -> None:
    """With what to do instead, and nothing is left behind."""
    if _IS_ROOT:
        files = layout.files(layout.etc)
        with acting_as(*layout.broker), pytest.raises(UserError) as refused:
            files.write(_users)
        assert f"`chown mosquitto: {layout.etc}`" in str(refused.value)
        assert "/var/lib/mosquitto" in str(refused.value)
    assert _names(layout.etc) == []


def test_another_user_is_told_to_be_the_brokers(layout: _Layout) -> None:
    """As `jieru serve` under a user of its own: Mosquitto could not read what it writes."""
    files = layout.files(layout.state)
    files.write(_users)
    before = files.password_file.read_bytes()
    if _IS_ROOT:
        with acting_as(65_534, 65_534), pytest.raises(UserError, match="run this as the broker's"):
            files.write(list)
        # Although he might write here, and see whom the broker runs as.
        layout.state.chmod(0o777)
        layout.run.chmod(0o755)
        files.password_file.chmod(0o644)
        files.acl_file.chmod(0o644)
        with acting_as(65_534, 65_534), pytest.raises(UserError, match="could not read"):
            files.write(list)
    assert files.password_file.read_bytes() == before
    assert _names(layout.state) == ["acl", "passwords"]


def test_a_write_that_fails_leaves_nothing_behind(
    layout: _Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even a temporary file, whatever the error was."""
    files = layout.files(layout.state)

    def fail(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(Exception, match="No space left"):
        BrokerFiles(files.password_file, files.acl_file, None).write(_users)
    assert _names(layout.state) == []
