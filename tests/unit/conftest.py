"""Unit tests open no sockets; the pair of Unix sockets inside asyncio's event loop is allowed."""

from pytest_socket import disable_socket


def pytest_runtest_setup() -> None:
    """Refuse sockets to the test that follows; pytest-socket itself allows them again after it."""
    disable_socket(allow_unix_socket=True)
