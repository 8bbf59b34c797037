"""Findings of a check, as a command prints them: the first of them, and how many more there are."""

from typing import Final

import click

from jieru.errors import UserError, WorldError
from jieru.i18n import gettext as _

__all__ = ["Findings"]

_PRINTED_MAX: Final = 50


class Findings:
    """What a check found so far; the first fifty are printed as they come."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.count = 0

    def report(self, finding: UserError | WorldError) -> None:
        """Count one more, and print it while there are few."""
        self.count += 1
        if self.count <= _PRINTED_MAX:
            click.echo(str(finding), err=True)

    def say_how_many_more(self) -> None:
        """At the end: how many were not printed, if any."""
        if self.count > _PRINTED_MAX:
            click.echo(_("… and {more} more.").format(more=self.count - _PRINTED_MAX), err=True)
