"""`jieru demo`: the whole job on embedded parts, which only the extra `jieru[demo]` brings."""

import click

from command.extras import require_demo
from command.help import example
from jieru.i18n import gettext as _

__all__ = ["command"]


@click.command(
    "demo",
    help=_("Do the whole job for a small simulated city on embedded parts; show the page."),
    epilog=example("jieru demo --port 8001"),
)
@click.option("--once", is_flag=True, help=_("Exit after the count instead of showing the page."))
@click.option("--json", "as_json", is_flag=True, help=_("Print the count as JSON."))
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    help=_("Port of the page; otherwise JIERU_API_PORT. 0: any."),
)
def command(*, once: bool, as_json: bool, port: int | None) -> None:
    """Do it, where what it needs is installed."""
    require_demo("jieru demo")
    from command.demonstration import demonstrate  # noqa: PLC0415 - it imports what may be missing

    demonstrate(once=once, as_json=as_json, port=port)
