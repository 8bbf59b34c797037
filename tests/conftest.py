"""The real services that tests ask for by name. None is ever skipped: what is missing fails."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, Phase, settings

from command.embedded import EmbeddedPostgres
from jieru.schema import migrate
from tests.support.databases import DatabaseServer
from tests.support.debian_root import DebianRoot, ensure_debian_root
from tests.support.mosquitto import MosquittoBroker
from tests.support.timescaledb import TimescaleServer

# Timings never decide a test: a busy machine is no failure.
settings.register_profile("jieru", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# For `make mutants`: a mutant that dies is not shrunken, and the same mutants die every time.
settings.register_profile(
    "mutants",
    settings.get_profile("jieru"),
    max_examples=40,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("jieru")

# A shell has what it puts into the background ignore SIGINT, and nohup has it ignore SIGHUP; every
# process that a test starts would inherit it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def debian_root() -> DebianRoot:
    """A Debian with PostgreSQL, TimescaleDB and Mosquitto."""
    return ensure_debian_root()


@pytest.fixture(scope="session")
def timescale_server(request: pytest.FixtureRequest) -> Iterator[DatabaseServer]:
    """The one TimescaleDB that all tests share: ours, or the one in `JIERU_TEST_DATABASE_URL`."""
    if url := os.environ.get("JIERU_TEST_DATABASE_URL"):
        yield DatabaseServer(url)
    else:
        with TimescaleServer(request.getfixturevalue("debian_root")) as server:
            yield server


@pytest.fixture
def own_timescale_server(debian_root: DebianRoot) -> Iterator[TimescaleServer]:
    """A TimescaleDB of the test's own, to be stopped, restarted and killed."""
    with TimescaleServer(debian_root) as server:
        yield server


@pytest.fixture
def timescale_url(timescale_server: DatabaseServer) -> Iterator[str]:
    """An empty database on TimescaleDB."""
    with timescale_server.database() as url:
        yield url


@contextmanager
def _template(server: DatabaseServer, *, simulation: bool) -> Iterator[str]:
    """A migrated database to be copied, which takes a tenth of the time of a migration."""
    with server.database() as url:
        migrate(url, simulation=simulation)
        server.seal(url)
        yield url


@pytest.fixture(scope="session")
def real_template(timescale_server: DatabaseServer) -> Iterator[str]:
    """A database with our schema to be copied."""
    with _template(timescale_server, simulation=False) as url:
        yield url


@pytest.fixture(scope="session")
def simulation_template(timescale_server: DatabaseServer) -> Iterator[str]:
    """The same, marked as a simulation."""
    with _template(timescale_server, simulation=True) as url:
        yield url


@pytest.fixture
def database_url(timescale_server: DatabaseServer, real_template: str) -> Iterator[str]:
    """A database on TimescaleDB with our schema and nothing in it."""
    with timescale_server.database(template=real_template) as url:
        yield url


@pytest.fixture
def simulation_database_url(
    timescale_server: DatabaseServer, simulation_template: str
) -> Iterator[str]:
    """The same, marked as a simulation."""
    with timescale_server.database(template=simulation_template) as url:
        yield url


@pytest.fixture(scope="session")
def embedded_server() -> Iterator[DatabaseServer]:
    """The PostgreSQL from PyPI, without TimescaleDB, that all tests share."""
    with EmbeddedPostgres() as server:
        yield DatabaseServer(server.url)


@pytest.fixture
def embedded_url(embedded_server: DatabaseServer) -> Iterator[str]:
    """An empty database on the embedded PostgreSQL."""
    with embedded_server.database() as url:
        yield url


@pytest.fixture(scope="session")
def embedded_template(embedded_server: DatabaseServer) -> Iterator[str]:
    """A database with our schema on the embedded PostgreSQL, to be copied."""
    with _template(embedded_server, simulation=False) as url:
        yield url


@pytest.fixture(scope="session")
def embedded_simulation_template(embedded_server: DatabaseServer) -> Iterator[str]:
    """The same, marked as a simulation."""
    with _template(embedded_server, simulation=True) as url:
        yield url


@pytest.fixture
def embedded_simulation_url(
    embedded_server: DatabaseServer, embedded_simulation_template: str
) -> Iterator[str]:
    """The same, marked as a simulation."""
    with embedded_server.database(template=embedded_simulation_template) as url:
        yield url


@pytest.fixture
def embedded_database_url(embedded_server: DatabaseServer, embedded_template: str) -> Iterator[str]:
    """A database on the embedded PostgreSQL with our schema and nothing in it."""
    with embedded_server.database(template=embedded_template) as url:
        yield url


@pytest.fixture
def mosquitto(debian_root: DebianRoot) -> Iterator[MosquittoBroker]:
    """A broker of the test's own, with the ACL that we deploy and the user of the ingesters."""
    with MosquittoBroker(debian_root) as broker:
        yield broker
