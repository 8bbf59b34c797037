"""People who want to hear, a mail server, and the follower's work, moment by moment."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from jieru.database import connect
from jieru.notices.composing import compose_due
from jieru.notices.finding import find_and_tell
from jieru.outbox.mail import mail_server_of
from jieru.outbox.sending import Metrics, Round, send_due
from jieru.settings import Settings
from tests.support.mail_server import MailServerForTests, mail_server
from tests.support.registry_builder import RegistryBuilder
from tests.support.roles import API, as_role

ALL = (
    "device_silent",
    "city_silent",
    "first_heartbeat",
    "messages_refused",
    "key_expiring",
    "audit_broken",
)
PUBLIC_URL = "https://jieru.example.cn"


@dataclass(slots=True)
class Town:
    """A registry, its people, and the follower under the role it runs as."""

    owner: psycopg.Connection
    work: psycopg.Connection
    build: RegistryBuilder
    mail: MailServerForTests
    settings: Settings
    now: datetime

    def person(self, name: str, role: str, platform: str | None = None) -> int:
        """Somebody who may sign in."""
        (number,) = self.row(
            "INSERT INTO users (name, display_name, role, platform_id) VALUES (%s, %s, %s, "
            "(SELECT id FROM platforms WHERE code = %s)) RETURNING id",
            name,
            name,
            role,
            platform,
        )
        return int(number)

    def mailbox(
        self,
        user_id: int,
        *,
        kinds: Sequence[str] = ALL,
        frequency: str = "at_once",
        quiet: tuple[int, int] | None = None,
    ) -> str:
        """A mail address of somebody; the code by which one leaves."""
        code = f"code-of-mailbox-{user_id:08d}"
        low, high = quiet or (None, None)
        self.row(
            "INSERT INTO notice_channels (user_id, channel, address, kinds, frequency, "
            "quiet_from, quiet_to, leave_code) "
            "VALUES (%s, 'email', %s, %s, %s, %s, %s, %s) RETURNING id",
            user_id,
            f"person{user_id}@example.cn",
            list(kinds),
            frequency,
            low,
            high,
            code,
        )
        return code

    def fleet(self, platform: str, uscc: str, devices: int) -> list[int]:
        """Devices of an enterprise, heard now."""
        found = []
        for number in range(devices):
            device = self.build.device(platform, f"{platform}-{number}", uscc)
            self.build.last_seen(device, self.now)
            found.append(device)
        self.owner.commit()
        return found

    def heard(self, devices: Sequence[int]) -> None:
        """These devices are heard now."""
        self.owner.execute(
            "UPDATE device_states SET last_seen_at = %s WHERE device_id = ANY (%s)",
            (self.now, list(devices)),
        )
        self.owner.commit()

    def later(self, **passed: float) -> None:
        """Let time pass."""
        self.now += timedelta(**passed)

    def find(self) -> int:
        """One look for events."""
        self.owner.commit()
        return find_and_tell(self.work, now=self.now)

    def compose(self) -> int:
        """Put together what is due."""
        return compose_due(
            self.work, public_url=PUBLIC_URL, language="zh", is_simulation=False, now=self.now
        )

    def deliver(self) -> Round:
        """One whole round of the follower."""
        self.find()
        self.compose()
        return self.send()

    def texts(self) -> list[str]:
        """What was written as plain text."""
        return [
            str(part.get_content())
            for each in self.mail.received
            if (part := each.get_body(("plain",))) is not None
        ]

    def send(self) -> Round:
        """Send what waits."""
        return send_due(
            self.work, mail_server_of(self.settings), Metrics(), now=self.now, public_url=PUBLIC_URL
        )

    def row(self, statement: str, *values: object) -> Any:  # noqa: ANN401 - of any table
        """One row, and the change committed."""
        found = self.owner.execute(statement.encode(), values or None).fetchone()
        self.owner.commit()
        return found

    def rows(self, statement: str) -> list[Any]:
        """Rows."""
        found = self.owner.execute(statement.encode()).fetchall()
        self.owner.commit()
        return found


@pytest.fixture
def town(database_url: str) -> Iterator[Town]:
    """Nobody and nothing yet; it is Wednesday, ten in the morning of Asia/Shanghai."""
    with (
        mail_server() as mail,
        connect(database_url) as owner,
        connect(as_role(database_url, API)) as work,
    ):
        work.autocommit = True
        now = datetime(2027, 3, 3, 2, 0, tzinfo=UTC)
        owner.execute("UPDATE notice_following SET since_at = %s", (now - timedelta(days=1),))
        owner.commit()
        settings = Settings(
            public_url=PUBLIC_URL,
            smtp_url=mail.url,
            mail_from="莆田市工业和信息化局 <jieru@example.cn>",
        )
        yield Town(owner, work, RegistryBuilder(owner), mail, settings, now)
