"""Instants as pages show them. Pure."""

from datetime import datetime

from jieru.calendar import SHANGHAI

__all__ = ["instant"]


def instant(moment: datetime) -> str:
    """An instant as a clock in the city shows it: 2026-03-02 08:15:00."""
    return moment.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
