"""What every gateway publishes to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.gateways.city import City, city
from tests.interop.gateways.own_broker import OwnBroker
from tests.support.debian_root import DebianRoot


@pytest.fixture
def the_city(database_url: str, debian_root: DebianRoot, tmp_path: Path) -> Iterator[City]:
    """A city that knows three devices, on a real broker and a real TimescaleDB."""
    with city(database_url, debian_root, ("CNC-1", "CNC-2", "CNC-3"), tmp_path) as each:
        yield each


@pytest.fixture
def own_broker(debian_root: DebianRoot) -> Iterator[OwnBroker]:
    """A platform's own Mosquitto, which does not run yet."""
    with OwnBroker(debian_root) as broker:
        yield broker
