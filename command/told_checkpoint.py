"""A checkpoint after a step of money at the command line: what goes wrong is said, loudly."""

import click

from jieru.i18n import gettext as _
from jieru.settings import Settings
from verifier.checkpoints.making import checkpoint_after_step

__all__ = ["tell_checkpoint"]


def tell_checkpoint(settings: Settings, occasion: str) -> None:
    """Make it; the step stands whatever comes of it."""
    for problem in checkpoint_after_step(settings, occasion):
        click.echo(
            _(
                "WARNING: the step is taken, and its checkpoint is not as it should be: {problem}"
            ).format(problem=problem),
            err=True,
        )
