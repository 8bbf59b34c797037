"""What docs/connect.md says of sources, held against what reads them."""

import re
from pathlib import Path

import jieru
from jieru.sources.formats import DeclaredFormat, compile_format, read_format
from jieru.sources.ready_made import ready_made
from jieru.sources.rows import EXPANDED_LIMIT_BYTES, MESSAGE_LIMIT_BYTES, ROWS_LIMIT, decode_rows
from jieru.wire import DeviceStatus

_TEXT = (Path(jieru.__file__).parent.parent / "docs" / "connect.md").read_text(encoding="utf-8")
_SECTION = _TEXT.split("## In your own format\n")[1].split("\n## ")[0]


def test_the_example_of_a_format_reads_the_example_of_a_message() -> None:
    """Both from the document's own text."""
    (sample,) = re.findall(r"\*\*Writing one\.\*\* For `(.*)`:", _SECTION)
    (declared,) = re.findall(r"```\n(.*?)\n```", _SECTION, re.DOTALL)
    decoded = decode_rows(sample.encode(), compile_format(read_format(declared.encode())))
    assert decoded.faults == []
    (row,) = decoded.rows
    assert (row.serial, row.ts_ms, row.status) == ("CNC-1", 1780117171000, DeviceStatus.RUNNING)
    assert row.metrics == b'{"rpm": 1480}'


def test_every_ready_made_format_is_named_with_where_its_serial_stands() -> None:
    """In the order of the row: the first name has it in the first place."""
    named: dict[str, str] = {}
    for names, places in re.findall(r"^\| (`.*?`) \| .* \| (.*) \|$", _SECTION, re.MULTILINE):
        named |= dict(zip(re.findall(r"`([a-z-]+)`", names), places.split("; "), strict=True))
    assert named == {name: _place(each.format) for name, each in ready_made().items()}


def _place(declared: DeclaredFormat) -> str:
    if declared.format == "sparkplug_b":
        return "the topic"
    places = {place for rows in declared.rows for place in rows.serial}
    if "topic" not in places:
        return "the message"
    return "the topic" if places == {"topic"} else "the message, else the topic"


def test_the_limits_are_those_of_the_decoder() -> None:
    """Bytes as they come, bytes unpacked, rows."""
    assert f"{MESSAGE_LIMIT_BYTES // 1024} KiB" in _SECTION
    assert f"{EXPANDED_LIMIT_BYTES // 1024**2} MiB" in _SECTION
    assert f"{ROWS_LIMIT:,} rows" in _SECTION
