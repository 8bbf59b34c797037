"""A console that runs, with somebody of each role."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from api.access.roles import Role
from api.access.users import create_user
from api.app import create_app
from api.server import serving
from api.web.clock import Clock
from jieru.audit import Actor, changing
from jieru.database import connect, open_pool
from jieru.settings import Settings
from tests.support.people import session_of
from tests.support.procedure import write_key
from tests.support.roles import API, as_role
from tests.support.small_city import AS_OF

__all__ = ["PASSWORD", "PEOPLE", "Console", "running_console"]

PASSWORD: Final = "a-long-test-password"  # noqa: S105 - of nobody real
PEOPLE: Final = {
    Role.OPERATOR: ("lin", "林运营"),
    Role.VERIFIER: ("zheng", "郑核验"),
    Role.AUDITOR: ("chen", "陈审计"),
    Role.ADMIN: ("wu", "吴管理"),
}
"""The account and the name of each."""


@dataclass(frozen=True, slots=True)
class Console:
    """Where it is, and the database under it."""

    address: str
    database_url: str

    def session(self, role: Role) -> str:
        """The cookie of a new session of this role's person."""
        with connect(self.database_url) as connection:
            return session_of(connection, PEOPLE[role][0])


@contextmanager
def running_console(
    database_url: str,
    *,
    platform: str = "xielian",
    as_of: date = AS_OF,
    year: int = 2026,
    settings: Settings | None = None,
    clock: Callable[[], datetime] | None = None,
) -> Iterator[Console]:
    """A console on a database that holds a platform, which is the operator's.

    Args:
        database_url: of that database.
        platform: the operator's.
        as_of: the last day of evidence where a page is asked for none.
        year: the year where a page is asked for none.
        settings: of the application.
        clock: by which requests are answered; None: the real one.
    """
    with connect(database_url) as connection:
        for role, (name, display_name) in PEOPLE.items():
            with changing(connection, Actor("command:tests", "command line")):
                create_user(
                    connection,
                    name,
                    role,
                    platform=platform if role is Role.OPERATOR else None,
                    display_name=display_name,
                    password=PASSWORD,
                )
    with open_pool(as_role(database_url, API), size=4) as pool, TemporaryDirectory() as folder:
        # The key that tests freeze with.
        known = Settings(signing_key_file=str(write_key(Path(folder) / "key.pem")))
        moved = None if clock is None else Clock(clock, clock)
        app = create_app(settings or known, pool, as_of=lambda: as_of, year=year, clock=moved)
        with serving(app, "127.0.0.1", 0) as address:
            yield Console(address, database_url)
