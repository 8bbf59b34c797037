"""Signals on a terminal."""

from datetime import date

import pytest
from rich.cells import cell_len

from command.signal_tables import signals_report
from tests.support.registry_files import uscc_of
from verifier.trust.run import Run
from verifier.trust.signal import Kind, Signal

_SERIALS = tuple(f"press-{number:03}" for number in range(5))


def _run(*signals: Signal, is_simulation: bool = False) -> Run:
    return Run(
        date(2026, 11, 30),
        date(2025, 12, 1),
        "putian-2026",
        "0" * 64,
        "0.1.0+0123456789ab",
        is_simulation,
        signals,
    )


def _signal(kind: Kind) -> Signal:
    span = date(2026, 3, 2), date(2026, 5, 30)
    return Signal(kind, "xielian", uscc_of(1), 0.9713, 0.5, *span, _SERIALS)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_kind_fits_into_eighty_columns(
    monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """With the whole code of the enterprise, by which a case is looked up."""
    monkeypatch.setenv("JIERU_LANGUAGE", language)
    text = signals_report(_run(*map(_signal, Kind)), run_id=7, width=80)
    table = text.splitlines()[3:]
    assert max(map(cell_len, table)) <= 80
    assert text.count(uscc_of(1)) == len(Kind)
    assert text.count("2026-03-02–2026-05-30") == len(Kind)
    assert sum(line.rstrip().endswith(" 0.5") for line in table) == len(Kind)


def test_what_it_looked_at_and_how_much_it_found_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of a simulation, and where there is nothing."""
    monkeypatch.setenv("JIERU_LANGUAGE", "en")
    found = signals_report(_run(_signal(Kind.NOT_LIVE)), run_id=7, width=80)
    assert "Signals from 2025-12-01 to 2026-11-30, policy putian-2026" in found
    assert "1 signals of 1 enterprises." in found
    assert "Kept as run 7." in found
    nothing = signals_report(_run(is_simulation=True), run_id=None, width=80)
    assert nothing.startswith("SIMULATED DATA")
    assert nothing.endswith("There is no signal.")
