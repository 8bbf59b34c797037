"""The books of a load."""

from pathlib import Path

import pytest

from jieru.errors import UserError
from jieru.wire import DeviceAddress, RejectionReason
from simulators.load.ledger import ACCEPTED, UNKNOWN, Ledger
from simulators.load.run import Load

_DEVICES = [DeviceAddress("xielian", "CNC-1"), DeviceAddress("xielian", "CNC-2")]
_NO_SUBSCRIBERS = 0x10


def _ledger() -> Ledger:
    """Four messages: accepted, unknown, accepted but bad, and one that nobody subscribes to."""
    ledger = Ledger(_DEVICES)
    ledger.started_ms, ledger.resent = 1_000, 2
    ledger.acknowledge(ledger.enter(0, 1_000, 0, None), ACCEPTED)
    ledger.enter(1, 1_001, 0, None)
    ledger.acknowledge(ledger.enter(0, 1_002, 1, RejectionReason.RETAINED), ACCEPTED)
    ledger.acknowledge(ledger.enter(1, 1_003, 1, None), _NO_SUBSCRIBERS)
    return ledger


def test_what_was_not_acknowledged_is_unknown() -> None:
    """Neither accepted nor lost."""
    assert _ledger().outcomes() == {ACCEPTED: 2, UNKNOWN: 1, _NO_SUBSCRIBERS: 1}


def test_the_summary_tells_good_from_bad_and_accepted_from_acknowledged() -> None:
    """A reason code other than 0 is told by its number."""
    load = Load(_ledger(), seconds=2.0)
    load.latencies_s.extend([0.001, 0.002, 0.003])
    figures = load.to_json_object()
    assert (figures["sent"], figures["accepted"], figures["unknown"]) == (4, 2, 1)
    assert (figures["accepted_good"], figures["accepted_bad"]) == (1, {"retained": 1})
    assert figures["acknowledged_otherwise"] == {"0x10": 1}
    assert figures["acknowledged_per_s"] == 2
    assert figures["latency_ms"] == {"p50": 2.0, "p95": 2.9, "p99": 2.98, "max": 3.0}


def test_a_load_of_nothing_has_a_summary() -> None:
    """A broker that went away before the first message."""
    figures = Load(Ledger(_DEVICES)).to_json_object()
    assert (figures["sent"], figures["acknowledged_per_s"]) == (0, 0)


def test_a_saved_ledger_is_read_back_whole(tmp_path: Path) -> None:
    """Every line, with its fault and its outcome."""
    ledger = _ledger()
    ledger.save(tmp_path / "books")
    again = Ledger.load(tmp_path / "books")
    assert again.devices == _DEVICES
    assert (again.started_ms, again.resent) == (1_000, 2)
    assert again.device.tolist() == [0, 1, 0, 1]
    assert again.ts_ms.tolist() == [1_000, 1_001, 1_002, 1_003]
    assert again.seq.tolist() == [0, 0, 1, 1]
    assert again.fault == [None, None, RejectionReason.RETAINED, None]
    assert again.is_good.tolist() == [True, True, False, True]
    assert again.outcome.tolist() == ledger.outcome.tolist()


@pytest.mark.parametrize("content", [b"", b"no numpy file", None])
def test_what_is_no_ledger_is_refused_in_one_sentence(
    tmp_path: Path, content: bytes | None
) -> None:
    """A missing file too."""
    if content is not None:
        (tmp_path / "books").write_bytes(content)
    with pytest.raises(UserError, match="books"):
        Ledger.load(tmp_path / "books")
