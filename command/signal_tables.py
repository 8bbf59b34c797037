"""Signals as a text table for people; programs take JSON."""

from rich.table import Table

from command.count_tables import Page, simulation_mark, text_table
from jieru.i18n import gettext as _
from verifier.trust.run import Run
from verifier.trust.signal import Signal
from verifier.trust.words import KIND_WORDS, STRENGTH_WORDS

__all__ = ["signals_report"]

_SERIALS_SHOWN = 3


def signals_report(run: Run, *, run_id: int | None, width: int) -> str:
    """A run: what it looked at, and what it found of each enterprise.

    Args:
        run: what was found.
        run_id: under which it was kept; None: it was not.
        width: columns of the page.
    """
    page = Page(width)
    page.lines(
        *([simulation_mark()] if run.is_simulation else []),
        _("Signals from {from_on} to {as_of}, policy {policy}").format(
            from_on=run.from_on.isoformat(), as_of=run.as_of.isoformat(), policy=run.policy
        ),
        _("A signal is a reason to look, and no finding; it changes no outcome."),
    )
    if run.signals:
        page.table(_table(run.signals))
        enterprises = {(each.platform, each.uscc) for each in run.signals}
        page.lines(
            _("{signals} signals of {enterprises} enterprises.").format(
                signals=len(run.signals), enterprises=len(enterprises)
            )
        )
    else:
        page.lines(_("There is no signal."))
    if run_id is not None:
        page.lines(_("Kept as run {number}.").format(number=run_id))
    return page.text()


def _table(signals: tuple[Signal, ...]) -> Table:
    table = text_table(
        _("Signals"),
        (_("Platform"), _("Code"), _("Signal"), _("Devices")),
        (_("Measured"), _("Threshold")),
    )
    for each in signals:
        table.add_row(
            each.platform,
            each.uscc,
            f"{_(KIND_WORDS[each.kind])} ({_(STRENGTH_WORDS[each.strength])})\n"
            f"{each.from_on:%Y-%m-%d}–{each.to_on:%Y-%m-%d}",
            _serials(each.devices),
            f"{each.score:g}",
            f"{each.threshold:g}",
        )
    return table


def _serials(serials: tuple[str, ...]) -> str:
    shown = ", ".join(serials[:_SERIALS_SHOWN])
    more = len(serials) - _SERIALS_SHOWN
    return shown if more <= 0 else _("{serials} and {more} more").format(serials=shown, more=more)
