"""What docs/connect.md says of Sparkplug B, held against what reads it."""

import re
from pathlib import Path

import jieru
from jieru.credentials.broker_files import acl_for
from jieru.sources.formats import compile_format, read_format
from jieru.sources.rows import MESSAGE_LIMIT_BYTES
from jieru.sparkplug.payload import METRICS_LIMIT
from jieru.sparkplug.rows import decode_sparkplug
from jieru.wire import PAYLOAD_LIMIT_BYTES, DeviceStatus
from tests.support.sparkplug import metric, payload

_TEXT = (Path(jieru.__file__).parent.parent / "docs" / "connect.md").read_text(encoding="utf-8")
_SECTION = _TEXT.split("## Sparkplug B\n")[1].split("\n## ")[0]


def test_the_example_of_a_format_is_one() -> None:
    """And reads what it says."""
    (declared,) = re.findall(r"```json\n(.*?)\n```", _SECTION, re.DOTALL)
    rule = compile_format(read_format(declared.encode())).sparkplug
    assert rule is not None
    content = payload([metric("State", 1), metric("Power", 2.5), metric("other", 3)], 1)
    (row,) = decode_sparkplug(content, rule, "车床 1").rows
    assert (row.serial, row.status) == ("CNC-00059", DeviceStatus.RUNNING)
    assert row.metrics == b'{"Power":2.5}'


def test_the_topic_of_a_gateway_is_the_one_that_it_may_publish_on() -> None:
    """By the broker's own lines."""
    (topic,) = re.findall(r"a gateway publishes on `(.*?)`", _SECTION)
    ours = topic.replace("{platform}", "xielian").replace("{gateway}", "hall-2")
    line = f"topic write {ours.replace('{device}', '+')}\n"
    assert line in acl_for(["xielian/via/hall-2"]).decode()


def test_the_limits_are_those_of_the_decoder() -> None:
    """Bytes of a message and of a heartbeat, and metrics."""
    assert f"{MESSAGE_LIMIT_BYTES // 1024} KiB" in _SECTION
    assert f"{PAYLOAD_LIMIT_BYTES:,} bytes" in _SECTION
    assert f"{METRICS_LIMIT:,} metrics" in _SECTION
