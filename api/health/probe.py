"""What is known of the database, asked through a connection that nobody else uses.

However long everything else waits, this is answered within a second: what the database has not
answered by then is told as that.
"""

import asyncio
import threading
import weakref
from concurrent.futures import Future
from contextlib import suppress
from enum import Enum
from typing import Final

import psycopg

from jieru.database import connect
from jieru.database_options import Work
from jieru.errors import UserError, WorldError
from jieru.schema import require_current_schema

__all__ = ["Finding", "HealthProbe"]

_WAIT_S: Final = 0.8
_WORK: Final = Work("10s", statement="700ms", lock="500ms", check="1s")


class Finding(Enum):
    """What was found."""

    WELL = "well"
    UNREACHABLE = "unreachable"
    LENT = "lent"
    OTHER_SCHEMA = "other_schema"


class HealthProbe:
    """Asks in a thread of its own, once at a time for all who want to know."""

    def __init__(self, address: str) -> None:
        """Ask nothing yet.

        Args:
            address: of the database.
        """
        self._address = address
        self._connection: psycopg.Connection | None = None
        self._lock = threading.Lock()
        self._asking: Future[Finding] | None = None

    async def find(self) -> Finding:
        """What the database answers within a second; what it does not is out of reach."""
        try:
            return await asyncio.wait_for(
                asyncio.shield(asyncio.wrap_future(self._begin())), _WAIT_S
            )
        except TimeoutError:
            return Finding.UNREACHABLE

    def _begin(self) -> Future[Finding]:
        with self._lock:
            if self._asking is None or self._asking.done():
                self._asking = Future()
                # A daemon: a database that hangs does not keep this process from ending.
                threading.Thread(
                    target=self._ask, args=(self._asking,), name="health", daemon=True
                ).start()
            return self._asking

    def _ask(self, asking: Future[Finding]) -> None:
        try:
            finding = self.look()
        except BaseException as error:
            asking.set_exception(error)
            raise
        asking.set_result(finding)

    def look(self) -> Finding:
        """Ask and wait for the answer, as long as the network lets one wait."""
        try:
            if self._connection is None or self._connection.closed:
                self._connection = connect(self._address, autocommit=True, work=_WORK)
                weakref.finalize(self, self._connection.close)
        except UserError:
            return Finding.LENT
        except (psycopg.Error, WorldError):
            return Finding.UNREACHABLE
        try:
            require_current_schema(self._connection)
        except UserError:
            return Finding.OTHER_SCHEMA
        except psycopg.Error:
            # Begun anew, it tells which of the two it is.
            with suppress(psycopg.Error):
                self._connection.close()
            return _why_not(self._address)
        return Finding.WELL


def _why_not(address: str) -> Finding:
    try:
        connect(address, work=_WORK).close()
    except UserError:
        return Finding.LENT
    except (psycopg.Error, WorldError):
        pass
    return Finding.UNREACHABLE
