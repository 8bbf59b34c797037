"""The stage of every attack: a real broker, a real database, a gateway whose heartbeats matter."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.book import Book, book, pytest_terminal_summary
from tests.attacks.stage import Stage, opened_stage
from tests.support.debian_root import DebianRoot
from tests.support.mosquitto import MosquittoBroker

__all__ = ["book", "pytest_terminal_summary"]


@pytest.fixture
def broker(debian_root: DebianRoot) -> Iterator[MosquittoBroker]:
    """Mosquitto as we deploy it."""
    with MosquittoBroker(debian_root) as broker:
        yield broker


@pytest.fixture
def stage(
    database_url: str,
    broker: MosquittoBroker,
    tmp_path: Path,
    book: Book,
) -> Iterator[Stage]:
    """A platform with a hundred devices and its gateway."""
    with opened_stage(database_url, broker, tmp_path, book=book) as stage:
        yield stage
    assert book.attacks, "the attack is not in the book"
