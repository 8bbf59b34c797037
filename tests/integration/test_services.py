"""The services that other tests rest on are what they claim to be."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.support import debian_packages
from tests.support.databases import DatabaseServer
from tests.support.debian_root import DebianRoot, cached_root, ensure_debian_root
from tests.support.mosquitto import INGEST_USER, MosquittoBroker
from tests.support.processes import StartError, free_port, is_alive, run
from tests.support.timescaledb import TimescaleServer

_PLATFORM, _DEVICE = "xielian", "xielian/cnc-1"
_OWN_TOPIC = "jieru/v1/xielian/cnc-1/heartbeat"
_SISTER_TOPIC = "jieru/v1/xielian/cnc-2/heartbeat"
_FOREIGN_TOPIC = "jieru/v1/other/cnc-1/heartbeat"
_PLAIN = "jieru/v1/+/+/heartbeat"
_SHARED = "$share/jieru/jieru/v1/+/+/heartbeat"

_SERVERS_THAT_WAIT = """
import sys, time
from tests.support.debian_root import ensure_debian_root
from tests.support.mosquitto import MosquittoBroker
from tests.support.timescaledb import TimescaleServer
root = ensure_debian_root()
with TimescaleServer(root), MosquittoBroker(root):
    print("ready", flush=True)
    time.sleep(600)
"""

# Notes each call, and takes long enough for two builds to meet. The last argument is the target.
_FAKE_MMDEBSTRAP = """#!/bin/sh
set -e
for target; do :; done
echo build >>{calls}
mkdir -p "$target.made/usr"
sleep {seconds}
touch "$target.made/usr/complete"
case $target in
  *.tar) tar -C "$target.made" -cf "$target" . ;;
  *) mv "$target.made" "$target" ;;
esac
"""


class TestDebianPackages:
    """What the suite needs of Debian."""

    def test_an_ordinary_user_is_told_once_of_all_that_is_missing(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One line to run, also for what only later tests would have missed."""
        monkeypatch.setattr(os, "geteuid", lambda: 1_000)
        monkeypatch.setattr(debian_packages, "PACKAGES", ("bash", "no-such-a", "no-such-b"))
        with pytest.raises(StartError) as refused:
            debian_packages.ensure_debian_packages("no-such-c", "bash")
        said = str(refused.value)
        assert said.count("sudo apt-get install") == 1
        assert "no-such-c no-such-a no-such-b" in said
        assert "bash" not in said


class TestTimescaleDB:
    """The database server that tests share, and the one of a test's own."""

    def test_has_hypertables(self, timescale_url: str) -> None:
        """A table of an empty database becomes a hypertable."""
        with psycopg.connect(timescale_url) as connection:
            connection.execute("CREATE EXTENSION timescaledb")
            connection.execute('CREATE TABLE t (device_id integer, "time" timestamptz NOT NULL)')
            connection.execute("SELECT create_hypertable('t', 'time')")
            connection.execute("INSERT INTO t VALUES (1, now()), (1, now() - INTERVAL '1 year')")
            row = connection.execute("SELECT count(*) FROM show_chunks('t')").fetchone()
        assert row == (2,)

    def test_gives_each_database_url_the_schema_and_nothing_in_it(
        self, timescale_server: DatabaseServer, database_url: str, simulation_database_url: str
    ) -> None:
        """Copies of the migrated template are hypertables too, and know what they were made for."""
        assert {urls_server(database_url), urls_server(simulation_database_url)} == {
            urls_server(timescale_server.url())
        }
        for url, is_simulation in ((database_url, False), (simulation_database_url, True)):
            with psycopg.connect(url) as connection:
                assert connection.execute("SELECT is_simulation FROM installation").fetchall() == [
                    (is_simulation,)
                ]
                connection.execute(
                    'INSERT INTO heartbeats (device_id, "time", received_at) '
                    "VALUES (1, now(), now())"
                )
                assert connection.execute("SELECT show_chunks('heartbeats')").fetchall()

    def test_keeps_what_was_committed_when_it_is_killed(
        self, own_timescale_server: TimescaleServer
    ) -> None:
        """SIGKILL breaks every connection; after a start the committed rows are there."""
        url = own_timescale_server.create_database()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE t (i integer)")
            connection.execute("INSERT INTO t SELECT generate_series(1, 1000)")
            own_timescale_server.kill()
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)
        own_timescale_server.start()
        assert count_rows(url) == 1000

    def test_keeps_address_and_data_over_a_restart(
        self, own_timescale_server: TimescaleServer
    ) -> None:
        """The same address leads to the same rows after `restart`."""
        url = own_timescale_server.create_database()
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE t AS SELECT 1")
        own_timescale_server.restart()
        assert count_rows(url) == 1

    def test_flushes_commits_to_disk_when_it_is_durable(self, debian_root: DebianRoot) -> None:
        """Benchmarks measure a server that would survive a power cut."""
        with (
            TimescaleServer(debian_root, durable=True) as server,
            psycopg.connect(server.url()) as connection,
        ):
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                assert connection.execute(f"SHOW {setting}").fetchone() == ("on",)


class TestMosquitto:
    """The broker, under the ACL that we deploy."""

    @pytest.fixture
    def broker(self, mosquitto: MosquittoBroker) -> MosquittoBroker:
        """A broker that knows a platform's gateway and one of its devices."""
        for name in (_PLATFORM, _DEVICE, "other"):
            mosquitto.add_user(name)
        return mosquitto

    def test_lets_each_user_write_only_what_is_theirs(self, broker: MosquittoBroker) -> None:
        """A platform writes for all its devices, a device for itself, the ingesters not at all."""
        subscribe(broker, "-t", "jieru/v1/#")
        sent = [
            (user, topic)
            for user in (_PLATFORM, _DEVICE, "other", INGEST_USER)
            for topic in (_OWN_TOPIC, _SISTER_TOPIC, _FOREIGN_TOPIC, "jieru/v1/_ingest/a/heartbeat")
        ]
        for user, topic in sent:
            broker.publish(topic, f"{user} {topic}", user=user)
        assert received(broker, "-t", "jieru/v1/#", count=4) == [
            f"{_PLATFORM} {_OWN_TOPIC}",
            f"{_PLATFORM} {_SISTER_TOPIC}",
            f"{_DEVICE} {_OWN_TOPIC}",
            f"other {_FOREIGN_TOPIC}",
        ]

    def test_hides_heartbeats_from_those_who_send_them(self, broker: MosquittoBroker) -> None:
        """A platform that subscribes to everything receives nothing, its own messages included."""
        subscribe(broker, "-t", "jieru/v1/#", user=_PLATFORM)
        broker.publish(_OWN_TOPIC, "secret", user=_PLATFORM)
        assert received(broker, "-t", "jieru/v1/#", count=1, user=_PLATFORM, wait_s=1) == []

    def test_lets_ingesters_share_a_subscription(self, broker: MosquittoBroker) -> None:
        """The right to read `jieru/v1/#` covers a shared subscription below it."""
        subscribe(broker, "-t", _SHARED)
        broker.publish(_OWN_TOPIC, "one", user=_DEVICE)
        assert received(broker, "-t", _SHARED, count=1) == ["one"]

    def test_refuses_strangers(self, broker: MosquittoBroker) -> None:
        """Neither a client without a name nor one with a wrong password gets in."""
        for names in ([], ["-u", _PLATFORM, "-P", "wrong"]):
            command = broker.client("mosquitto_pub", *names, "-t", "t", "-m", "m", user=None)
            with pytest.raises(StartError, match="not authorised"):
                run(command)

    def test_keeps_sessions_and_queues_over_a_restart(self, broker: MosquittoBroker) -> None:
        """What comes for an absent ingester before and after `restart` is there, in order."""
        url = broker.url()
        subscribe(broker, "-t", _PLAIN)
        broker.publish(_OWN_TOPIC, "before", user=_PLATFORM)
        broker.restart()
        assert broker.url() == url
        broker.publish(_OWN_TOPIC, "after", user=_PLATFORM)
        assert received(broker, "-t", _PLAIN, count=2) == ["before", "after"]

    def test_forgets_shared_subscriptions_over_a_restart(self, broker: MosquittoBroker) -> None:
        """A group's queue is kept, but nothing is added to it until the group is back."""
        subscribe(broker, "-t", _SHARED)
        broker.publish(_OWN_TOPIC, "before", user=_PLATFORM)
        broker.restart()
        broker.publish(_OWN_TOPIC, "lost", user=_PLATFORM)
        assert received(broker, "-t", _SHARED, count=1) == ["before"]
        broker.publish(_OWN_TOPIC, "after", user=_PLATFORM)
        assert received(broker, "-t", _SHARED, count=1) == ["after"]

    def test_forgets_what_it_acknowledged_when_it_is_killed(self, broker: MosquittoBroker) -> None:
        """Mosquitto acknowledges before it saves: a message may be lost with the broker."""
        subscribe(broker, "-t", _PLAIN)
        broker.publish(_OWN_TOPIC, "saved", user=_PLATFORM)
        broker.save()
        broker.publish(_OWN_TOPIC, "lost", user=_PLATFORM)
        broker.kill()
        broker.start()
        broker.publish(_OWN_TOPIC, "after", user=_PLATFORM)
        assert received(broker, "-t", _PLAIN, count=2) == ["saved", "after"]

    def test_delivers_a_megabyte(self, broker: MosquittoBroker) -> None:
        """What is too large for us must reach us: it is our rejection, not the broker's."""
        subscribe(broker, "-t", _SHARED)
        broker.publish(_OWN_TOPIC, "x" * 2**20, user=_PLATFORM)
        (payload,) = received(broker, "-t", _SHARED, count=1)
        assert len(payload) == 2**20


class TestLifetime:
    """No server outlives the tests that started it."""

    @pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
    def test_leaves_no_process_behind_interrupted_tests(self, ending: signal.Signals) -> None:
        """When the process that started the servers is killed or interrupted, they end with it."""
        with subprocess.Popen(
            [sys.executable, "-c", _SERVERS_THAT_WAIT],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as tests:
            try:
                assert tests.stdout is not None
                assert tests.stdout.readline() == b"ready\n"
                servers = psutil.Process(tests.pid).children(recursive=True)
                assert len(servers) > 2
                tests.send_signal(ending)
                tests.wait(60)
            finally:
                tests.kill()
        deadline = time.monotonic() + 20
        while left := [server for server in servers if is_alive(server)]:
            assert time.monotonic() < deadline, left
            time.sleep(0.05)

    def test_removes_what_killed_tests_left_on_disk(self, debian_root: DebianRoot) -> None:
        """The next workspace takes away those whose owner is gone, and only those."""
        with debian_root.workspace(user="postgres") as living:
            left = living.parent / "left"
            (left / "data").mkdir(parents=True)
            with debian_root.workspace(user="postgres"):
                assert living.exists()
                assert not left.exists()
        assert not living.exists()

    def test_says_why_a_server_does_not_start(self, own_timescale_server: TimescaleServer) -> None:
        """The error carries the server's own words."""
        own_timescale_server.stop()
        (own_timescale_server._folder / "data/global/pg_control").unlink()
        with pytest.raises(StartError, match="could not find the database system"):
            own_timescale_server.start()

    def test_hands_out_ports_that_no_outgoing_connection_takes(self) -> None:
        """A server that is down keeps its port, for the kernel gives it to nobody."""
        ephemeral = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii")
        assert free_port() < int(ephemeral.split()[0])


class TestDebianRoot:
    """The folder with the services is made once, wholly or not at all."""

    def test_is_made_once_by_parallel_runs(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Two runs that start with an empty cache use one folder, complete."""
        calls = fake_mmdebstrap(tmp_path, monkeypatch, seconds=0.5)
        builders = [build_in_background(tmp_path / "cache") for _ in range(2)]
        assert [builder.wait(60) for builder in builders] == [0, 0]
        assert calls.read_text(encoding="utf-8") == "build\n"
        assert (cached_root(tmp_path / "cache").path / "usr/complete").exists()

    def test_is_made_anew_after_a_run_was_killed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A half-made folder is never used, and is gone after the next run."""
        calls = fake_mmdebstrap(tmp_path, monkeypatch, seconds=600)
        killed = build_in_background(tmp_path / "cache")
        deadline = time.monotonic() + 20
        while not calls.exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
        fake_mmdebstrap(tmp_path, monkeypatch, seconds=0)
        root = cached_root(tmp_path / "cache")
        assert (root.path / "usr/complete").exists()
        assert list((tmp_path / "cache").iterdir()) == [root.path]

    def test_is_found_and_not_made_the_second_time(
        self, debian_root: DebianRoot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing is made or downloaded where all is there."""
        calls = fake_mmdebstrap(tmp_path, monkeypatch, seconds=0)
        assert ensure_debian_root() == debian_root
        assert not calls.exists()
        first = cached_root(tmp_path / "cache")
        assert cached_root(tmp_path / "cache") == first
        assert calls.read_text(encoding="utf-8") == "build\n"

    def test_names_the_program_that_failed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A build that fails says which command failed, and leaves nothing."""
        fake_mmdebstrap(tmp_path, monkeypatch, seconds="nonsense")
        with pytest.raises(StartError, match=r"mmdebstrap(.|\n)*nonsense"):
            cached_root(tmp_path / "cache")
        assert list((tmp_path / "cache").iterdir()) == []


def urls_server(url: str) -> str:
    """The part of an address that names the server."""
    return url.rpartition("/")[0]


def count_rows(url: str) -> int:
    """The number of rows of table t."""
    with psycopg.connect(url) as connection:
        (count,) = connection.execute("SELECT count(*) FROM t").fetchone() or (0,)
    return int(count)


def subscribe(broker: MosquittoBroker, *arguments: str, user: str = INGEST_USER) -> None:
    """Make a session at the broker that outlives its client."""
    session = ("-V", "5", "-q", "1", "-c", "-i", f"test-{user}", "-x", "3600")
    run(broker.client("mosquitto_sub", *session, *arguments, "-E", user=user))


def received(
    broker: MosquittoBroker,
    *arguments: str,
    count: int,
    user: str = INGEST_USER,
    wait_s: int = 10,
) -> list[str]:
    """The first payloads that wait in the session, `count` at most."""
    session = ("-V", "5", "-q", "1", "-c", "-i", f"test-{user}", "-x", "3600")
    limits = ("-C", str(count), "-W", str(wait_s))
    done = subprocess.run(
        broker.client("mosquitto_sub", *session, *arguments, *limits, user=user),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout.splitlines()


def fake_mmdebstrap(folder: Path, monkeypatch: pytest.MonkeyPatch, *, seconds: float | str) -> Path:
    """Put a program in mmdebstrap's place; the file in which it notes its calls."""
    calls, programs = folder / "calls", folder / "programs"
    programs.mkdir(exist_ok=True)
    program = programs / "mmdebstrap"
    program.write_text(_FAKE_MMDEBSTRAP.format(calls=calls, seconds=seconds), encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return calls


def build_in_background(cache: Path) -> subprocess.Popen[bytes]:
    """Another run that needs the folder, with a process group of its own."""
    code = (
        "import pathlib, sys, tests.support.debian_root as debian;"
        "debian.cached_root(pathlib.Path(sys.argv[1]))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, cache],
        cwd=Path(__file__).parents[2],
        start_new_session=True,
    )
