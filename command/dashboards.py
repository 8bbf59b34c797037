"""`jieru dashboards`: panels, provisioning and alerts of Grafana, as files or over its API."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from command.arguments import FOLDER, POSITIVE_AMOUNT
from command.help import example
from dashboards.export import export_files
from dashboards.provisioning import Database, provisioning_files
from jieru.errors import UserError
from jieru.i18n import gettext as _
from jieru.i18n import marked
from jieru.settings import load_settings

if TYPE_CHECKING:
    from dashboards.push import Change, Kind, Pushed

__all__ = ["command"]

_KINDS: Final[Mapping["Kind", str]] = {
    "folder": marked("folder"),
    "dashboard": marked("dashboard"),
    "alerts": marked("alert rules"),
}
_CHANGES: Final[Mapping["Change", str]] = {
    "created": marked("created"),
    "updated": marked("updated"),
    "unchanged": marked("unchanged"),
}

_OPTIONAL: Final = frozenset({"grafana_client", "niquests"})
"""Of the extra `jieru[grafana]`."""


@click.group("dashboards", help=_("Panels for auditors in Grafana."))
def command() -> None:
    """Dashboards as code."""


@command.command(
    "export",
    help=_(
        "Write dashboards, provisioning and runbooks into a folder that Grafana reads; other files "
        "in it stay as they are."
    ),
    epilog=example("jieru dashboards export /srv/grafana"),
)
@click.argument("folder", type=FOLDER)
def _export(*, folder: Path) -> None:
    settings = load_settings()
    database = Database.of_url(settings.require_database_url())
    files = provisioning_files(database, folder.resolve(), disk_gb=settings.database_disk_gb)
    done = export_files(files, folder)
    for path in done.written:
        click.echo(_("Written: {path}").format(path=folder / path))
    for path in done.removed:
        click.echo(_("Removed: {path}").format(path=folder / path))
    click.echo(
        _("{written} files written, {unchanged} unchanged, {removed} removed.").format(
            written=len(done.written), unchanged=len(done.unchanged), removed=len(done.removed)
        )
    )


@command.command(
    "push",
    help=_(
        "Bring dashboards and alert rules to a Grafana over its API, with the token in "
        "JIERU_GRAFANA_TOKEN."
    ),
    epilog=example("jieru dashboards push https://grafana.example.org"),
)
@click.argument("url")
@click.option(
    "--timeout",
    "timeout_s",
    type=POSITIVE_AMOUNT,
    default=10,
    show_default=True,
    help=_("Seconds to wait for each answer."),
)
def _push(*, url: str, timeout_s: float) -> None:
    settings = load_settings()
    if not settings.grafana_token:
        raise UserError(
            "No token is set: put that of a service account of Grafana into JIERU_GRAFANA_TOKEN."
        )
    _load_push()(
        url,
        settings.grafana_token,
        _report,
        disk_gb=settings.database_disk_gb,
        timeout_s=timeout_s,
    )


def _load_push() -> Callable[..., None]:
    """What pushes, where the packages that it needs were asked for."""
    try:
        from dashboards.push import push  # noqa: PLC0415 - it may lack what it imports
    except ModuleNotFoundError as error:
        if error.name not in _OPTIONAL:
            raise
        raise UserError(
            "Pushing needs the package grafana-client, which is not installed here: run "
            "`URLLIB3_NO_OVERRIDE=1 pip install --no-binary urllib3-future grafana-client`, or "
            "bring the dashboards to Grafana as files with `jieru dashboards export`."
        ) from None
    return push


def _report(pushed: "Pushed") -> None:
    click.echo(f"{_(_KINDS[pushed.kind])} {pushed.uid}: {_(_CHANGES[pushed.change])}")
