"""The clock of steps: the database's, which all who take steps of a count share.

Whoever may set the clock of one machine of several would else freeze, publish and pay at times of
his own choice. An application whose clock is far from the database's takes no step at all: one of
the two is wrong, and people must find out which.
"""

from datetime import datetime, timedelta
from typing import Final

import psycopg

from jieru.calendar import SHANGHAI
from jieru.errors import UserError

__all__ = ["CLOCKS_APART_MAX", "step_instant"]

CLOCKS_APART_MAX: Final = timedelta(minutes=1)
_SELECT: Final = "SELECT clock_timestamp()"


def step_instant(connection: psycopg.Connection, own: datetime) -> datetime:
    """The moment at which a step is taken.

    Args:
        connection: to the database; nothing is left open on it.
        own: this moment by the application's clock.

    Raises:
        UserError: the two clocks are more than a minute apart.
    """
    with connection.transaction():
        row = connection.execute(_SELECT).fetchone()
    if row is None:
        raise RuntimeError("SELECT gave no row")
    instant: datetime = row[0]
    if abs(instant - own) > CLOCKS_APART_MAX:
        raise UserError(
            "The clock of this machine says {own} and that of the database says {database}: set "
            "them right, for no step is taken while they are more than a minute apart.",
            own=_moment(own),
            database=_moment(instant),
        )
    return instant


def _moment(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
