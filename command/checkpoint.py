"""`jieru checkpoint`: one more signed statement about the record."""

import sys
from typing import Final

import click

from command.findings import Findings
from command.help import example
from jieru.i18n import gettext as _
from jieru.settings import load_settings
from jieru.told_processes import tell_process
from verifier.checkpoints.making import make_checkpoint

__all__ = ["command"]

_EXIT_CHANGED: Final = 1


@click.command(
    "checkpoint",
    help=_(
        "Sign what the audit, closed days of presence and archives are now, keep it in "
        "JIERU_CHECKPOINT_DIR and have witnesses cosign it; for a timer. Exit code 1: something is "
        "no longer as an earlier checkpoint states it, or a witness refuses or is away."
    ),
    epilog=example("jieru checkpoint"),
)
def command() -> None:
    """Make one statement."""
    settings = load_settings()
    made = make_checkpoint(settings)
    tell_process("checkpoint", settings)
    statement = made.written.signed.statement
    click.echo(
        _("Checkpoint {number} is written to {file}; the audit ends with {head}.").format(
            number=statement.number,
            file=made.written.path,
            head=f"{statement.audit.number}:{statement.audit.hash}",
        )
    )
    findings = Findings()
    for each in made.findings:
        findings.report(each)
    findings.say_how_many_more()
    if findings.count:
        sys.exit(_EXIT_CHANGED)
