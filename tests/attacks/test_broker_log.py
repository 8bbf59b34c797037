"""The broker's log: what clients choose stands in it, and must not be read as another's doing."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest

from tests.attacks.book import Book
from tests.attacks.stage import HOSTILE, Stage, opened_stage
from tests.integration.test_broker_follow import followed
from tests.support import raw_mqtt
from tests.support.debian_root import DebianRoot
from tests.support.fleet import PLATFORM, wait_until
from tests.support.mosquitto import MosquittoBroker

_VICTIM: Final = f"{PLATFORM}/own/victim"
_FORGED: Final = (
    (
        f"x closed its connection.\n1: New client connected from 6.6.6.6:6 as {_VICTIM} "
        f"(p5, c1, k60, u'{_VICTIM}')."
    ),
    f"{_VICTIM} disconnected.",
    f"{_VICTIM} closed its connection.",
    f"{_VICTIM} [6.6.6.6:6]",
    f"New client connected from 6.6.6.6:6 as {_VICTIM} (p5, c1, k60, u'{_VICTIM}').",
    f"Denied PUBLISH from {_VICTIM} (d0, q1, r0, m1, 'x', ... (1 bytes))",
    f"{_VICTIM} (d0, q1, r0, m1, 'forged', ... (1 bytes))",
    f"{_VICTIM} (p5, c1, k60, u'{_VICTIM}'). x",
    "n" * 60_000,
    "\x1b[2J\u202e\u2028" + "<script>alert(1)</script>",
)
"""Names and topics by which somebody would write a line of the victim's."""
_OF_VICTIM: Final = """
    SELECT kind, address, topic FROM broker_events WHERE username = %s AND kind <> 'connected'
"""
_OF_OTHERS: Final = """
    SELECT kind, username FROM broker_events e JOIN platforms p ON p.id = e.platform_id
    WHERE p.code = %s AND username <> %s AND (is_user OR kind <> 'refused')
"""


@pytest.fixture
def stage(
    debian_root: DebianRoot, database_url: str, tmp_path: Path, book: Book
) -> Iterator[Stage]:
    """With a broker that tells all, to the log that is followed."""
    with (
        MosquittoBroker(debian_root, settings={"log_type": "all"}) as broker,
        opened_stage(database_url, broker, tmp_path, book=book) as stage,
    ):
        yield stage


def _attack(stage: Stage) -> None:
    """As a stranger, as another platform, and at the listener that binds no client id."""
    port = stage.broker.port
    hostile = stage.broker.add_user(HOSTILE)
    for text in _FORGED:
        stranger = f"mqtt://{quote(text, safe='')}:wrong@127.0.0.1:{port}"
        for url in (stranger, hostile.replace(":", ":wrong", 2)):
            with suppress(OSError, ValueError):
                raw_mqtt.let_in(url, text[:60_000]).close()
        for url in (hostile, stage.broker.local_url(HOSTILE)):
            with suppress(OSError):
                plug = raw_mqtt.let_in(url, text[:60_000])
                with plug:
                    raw_mqtt.publish(plug, text[:60_000].replace("+", ""), b"{}")


def test_no_client_writes_anothers_line(stage: Stage, tmp_path: Path) -> None:
    """Nor ends its session, nor tells of an address that is not its own (finding E2's cure)."""
    victim = stage.broker.add_user(_VICTIM)
    follower = tmp_path / "follow.log"
    log = str(stage.broker.log)
    with stage.ingester(), followed(stage.url, follower, "--log", log):
        wait_until(lambda: follower.exists() and b"opened" in follower.read_bytes(), "followed")
        stage.wait_until_subscribed()
        with raw_mqtt.let_in(victim, "any"):
            _attack(stage)
            stage.publish(200)
            last = f"mqtt://last:wrong@127.0.0.1:{stage.broker.port}"
            with suppress(OSError):
                raw_mqtt.let_in(last, "c")
            connection = stage.connection
            wait_until(
                lambda: (
                    connection.execute(
                        "SELECT FROM broker_events WHERE username = 'last'"
                    ).fetchone()
                    is not None
                ),
                "all is read",
            )
            assert connection.execute(_OF_VICTIM, (_VICTIM,)).fetchall() == []
            told = connection.execute(_OF_OTHERS, (PLATFORM, _VICTIM)).fetchall()
            assert {kind for kind, _username in told} <= {"connected"}, told
            assert connection.execute(
                "SELECT is_connected, address FROM broker_sessions WHERE username = %s", (_VICTIM,)
            ).fetchone() == (True, "127.0.0.1")
            addresses = connection.execute("SELECT DISTINCT address FROM broker_events").fetchall()
            assert {address for (address,) in addresses} <= {"", "127.0.0.1"}
            texts = connection.execute("SELECT username || topic FROM broker_events").fetchall()
            assert len(texts) > len(_FORGED)
            assert all(text.isprintable() for (text,) in texts)
        stage.settle(
            "forged lines in the broker's log",
            "to write what another did",
            seen="page /broker, as an administrator",
        )
