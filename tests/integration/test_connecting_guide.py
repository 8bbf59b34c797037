"""The program in docs/connect.md, which platforms copy, does what the page says."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ingest.decode import Heartbeat, TimeRules, decode
from ingest.message import Message
from tests.support.messages import origins
from tests.support.mosquitto import INGEST_USER, MosquittoBroker
from tests.support.processes import run

_GUIDE: Final = Path(__file__).parents[2] / "docs/connect.md"
_TOPIC: Final = "jieru/v1/xielian/CNC-00059/heartbeat"
_RULES: Final = TimeRules.of_policy(
    max_delay_hours=72, max_clock_ahead_minutes=10, is_event_clock=False
)
_SESSION: Final = ("-V", "5", "-q", "1", "-c", "-i", "guide", "-x", "3600", "-t", _TOPIC)


def _example(host: str, port: int, secret: str) -> str:
    program: str
    (program,) = re.findall(
        r"^```python example\n(.*?)^```$",
        _GUIDE.read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    for setting, value in (
        ("HOST, PORT, CA_FILE", (host, port, "")),
        ("PLATFORM, SECRET, SERIAL", ("xielian", secret, "CNC-00059")),
        ("EVERY_S, HEARTBEATS", (0.01, 2)),
    ):
        program, changes = re.subn(
            rf"^{setting} = .*$", f"{setting} = {value!r}", program, flags=re.MULTILINE
        )
        assert changes == 1
    return program


def test_the_program_of_the_guide_publishes_heartbeats_that_are_taken(
    mosquitto: MosquittoBroker,
) -> None:
    """It ends when what it was told to send is acknowledged."""
    mosquitto.add_user("xielian")
    address = urlsplit(mosquitto.url("xielian"))
    run(mosquitto.client("mosquitto_sub", *_SESSION, "-E", user=INGEST_USER))
    program = _example(str(address.hostname), address.port or 0, str(address.password))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "127.0.0.1: Success\n")
    listening = mosquitto.client("mosquitto_sub", *_SESSION, "-C", "2", user=INGEST_USER)
    heard = subprocess.run(listening, capture_output=True, timeout=120, check=True)
    payloads = heard.stdout.splitlines()
    assert len(payloads) == 2
    for payload in payloads:
        (ts,) = re.findall(rb'"ts": (\d+)', payload)
        message = Message(
            topic=_TOPIC,
            payload=payload,
            payload_bytes=len(payload),
            received_ms=int(ts),
            packet_id=1,
        )
        assert isinstance(decode(message, origins({_TOPIC: 1}), _RULES), Heartbeat)
