"""What tests of the console have in common: passwords whose hashes take no time."""

from collections.abc import Iterator
from typing import Final

import pytest
from argon2 import PasswordHasher

from api.access import passwords

HASHER: Final = passwords._hasher
"""As it is outside tests."""
_LIGHT: Final = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture(scope="session", autouse=True)
def _light_passwords() -> Iterator[None]:
    """Argon2id as ever, without the memory and time that make a thousand accounts of tests slow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", _LIGHT)
        yield


@pytest.fixture
def heavy_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashed as outside tests."""
    monkeypatch.setattr(passwords, "_hasher", HASHER)
