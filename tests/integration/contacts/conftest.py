"""An application whose enterprises can be asked, a mail server, and the follower between them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
import psycopg
import pytest

from api.app import create_app
from api.web.clock import Clock
from jieru.audit import Actor, changing
from jieru.calendar import civil_date
from jieru.database import connect, open_pool
from jieru.outbox.mail import mail_server_of
from jieru.outbox.sending import Metrics, Round, send_due
from jieru.settings import Settings
from registry.confirmations import Asking, ask_unasked
from registry.contacts import NewContact, enter_contact
from tests.support.mail_server import MailServerForTests, mail_server
from tests.support.registry_api import RegistryApi
from tests.support.registry_builder import RegistryBuilder
from tests.support.roles import API, as_role

BUREAU = Actor("user:bureau", "127.0.0.1")


@dataclass(slots=True)
class Post:
    """What goes out to enterprises, and what comes back without signing in."""

    api: RegistryApi
    mail: MailServerForTests
    settings: Settings
    work: psycopg.Connection
    """The follower's own, of the role it runs as."""
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def contact(self, uscc: str, email: str = "office@factory.example", **said: str) -> None:
        """Enter whom to ask."""
        self.api.connection.commit()
        with changing(self.api.connection, BUREAU):
            new = NewContact("林秘密", email=email, **said)
            enter_contact(self.api.connection, uscc, new, by=BUREAU.name)
        self.api.connection.commit()

    def deliver(self) -> Round:
        """One round of `jieru notify`, a minute later."""
        self.later(minutes=1)
        self.api.connection.commit()
        ask_unasked(
            self.work,
            Asking.of_settings(self.settings),
            Actor("command:notify", "command line"),
            now=self.now,
            today=civil_date(self.now),
        )
        return send_due(self.work, mail_server_of(self.settings), Metrics(), now=self.now)

    def links(self) -> list[str]:
        """The links in all mail, without the host, as they came."""
        beginning = f"{self.settings.public_url}/"
        return [
            line.removeprefix(self.settings.public_url)
            for text in self.mail.texts()
            for line in text.splitlines()
            if line.startswith(beginning)
        ]

    async def visit(
        self, path: str, data: dict[str, str] | None = None, **headers: str
    ) -> httpx.Response:
        """One request of somebody who has not signed in, in English, a second later."""
        self.later(seconds=1)
        transport = httpx.ASGITransport(app=self.api.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://jieru.test") as client:
            said: Any = {"accept-language": "en", **headers}
            if data is None:
                return await client.get(path, headers=said)
            return await client.post(path, data=data, headers=said)

    def later(self, **passed: float) -> None:
        """Let time pass for the application and the follower."""
        self.now += timedelta(**passed)

    def rows(self, statement: str) -> list[Any]:
        """What the database has."""
        found = self.api.connection.execute(statement.encode()).fetchall()
        self.api.connection.commit()
        return found


_BY_THE_CLOCK_OF_THE_TEST: Final = """
    ALTER TABLE confirmations DISABLE TRIGGER confirmations_date_asked,
                              DISABLE TRIGGER confirmations_date_answered
"""


@pytest.fixture
def post(database_url: str) -> Iterator[Post]:
    """Nothing is registered yet."""
    url = as_role(database_url, API)
    with (
        mail_server() as mail,
        connect(database_url) as connection,
        connect(url) as work,
        open_pool(url, size=4) as pool,
    ):
        work.autocommit = True
        # Months pass here; that the database goes by its own clock is tested beside the roles.
        connection.execute(_BY_THE_CLOCK_OF_THE_TEST)
        connection.commit()
        settings = Settings(
            public_url="https://jieru.example.cn",
            smtp_url=mail.url,
            mail_from="莆田市工业和信息化局 <jieru@example.cn>",
            language="zh",
        )
        app = create_app(settings, pool, clock=Clock(lambda: opened.now))
        api = RegistryApi(app, connection, RegistryBuilder(connection))
        opened = Post(api, mail, settings, work)
        yield opened
