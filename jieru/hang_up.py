"""Ending a connection from this side at once, without asking a server that keeps silent."""

import os
import socket
from contextlib import suppress
from typing import Any

import psycopg

__all__ = ["hang_up"]


def hang_up(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> None:
    """Whoever waits for it gets an error; may be called from another thread."""
    with (
        suppress(OSError, psycopg.OperationalError),
        socket.socket(fileno=os.dup(connection.fileno())) as end,
    ):
        end.shutdown(socket.SHUT_RDWR)
