"""The `jieru` command: the one place where all parts meet, so the one that may import them all.

Each command is a module of this package, imported only when it runs: `jieru count` does not wait
for FastAPI, nor `jieru ingest` for numpy.
"""

import sys
import traceback
from importlib import import_module
from typing import Final, NoReturn

import click
import structlog

from command.help import example, with_whole_help
from command.usage_errors import reason_of
from jieru.errors import UserError, WorldError
from jieru.i18n import gettext as _
from jieru.log import configure_log
from jieru.settings import UnknownSetting, unknown_settings

__all__ = ["main"]

_MODULES: Final = {
    "demo": "demo",
    "migrate": "migrate",
    "doctor": "doctor",
    "import": "import_registry",
    "requests": "connection_requests",
    "ingest": "ingest",
    "serve": "serve",
    "user": "user",
    "personal-key": "personal_key",
    "credential": "credential",
    "broker": "broker",
    "simulate": "simulate",
    "count": "count",
    "explain": "explain",
    "decide": "decide",
    "opening-stock": "opening_stock",
    "procedure": "procedure",
    "draw": "draw",
    "signals": "signals",
    "verify-evidence": "verify_evidence",
    "recheck": "recheck",
    "signing-key": "signing_key",
    "check-signature": "check_signature",
    "audit": "audit",
    "checkpoint": "checkpoint",
    "witness": "witness",
    "archive": "archive",
    "report": "report",
    "notify": "notify",
    "challenge": "challenge",
    "dashboards": "dashboards",
}
_LOGGING: Final = frozenset({"ingest", "notify", "serve"})
"""Commands whose standard error is a log, one JSON object a line."""
_CHECKS: Final = frozenset(
    {
        "archive verify",
        "audit verify",
        "checkpoint",
        "doctor",
        "procedure verify",
        "recheck",
        "simulate check-ledger",
        "verify-evidence",
    }
)
"""Commands whose exit code 1 says what they found, and so nothing else."""
_EXIT_USER_ERROR: Final = 1
_EXIT_NOT_CHECKED: Final = 2
"""Of a check that was not made; as for a command line that click refuses."""
_EXIT_WORLD_ERROR: Final = 3
_EXIT_INTERRUPTED: Final = 130
"""As a shell has it for SIGINT."""


class _LazyGroup(click.Group):
    """Imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order in which a newcomer needs them."""
        del ctx
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name."""
        del ctx
        module = _MODULES.get(cmd_name)
        if module is None:
            return None
        command = import_module(f"command.{module}").command
        if not isinstance(command, click.Command):
            raise TypeError(f"command.{module}.command is no command")
        return with_whole_help(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            # Click knows only commands whose module is there already.
            name = error.command_name
            raise click.exceptions.NoSuchCommand(name, possibilities=_MODULES, ctx=ctx) from None


@click.group(
    cls=_LazyGroup,
    help=_("Jieru: counts the enterprises each platform really connected, and the award."),
    epilog=example("jieru demo"),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="jieru", message="jieru %(version)s")
@click.pass_context
def _jieru(context: click.Context) -> None:
    for unknown in unknown_settings():
        sentence = _spoken(unknown)
        if context.invoked_subcommand in _LOGGING:
            configure_log()
            log = structlog.get_logger()
            log.warning("unknown_setting", **unknown._asdict(), message=sentence)
        else:
            click.echo(_("Warning: {message}").format(message=sentence), err=True)


with_whole_help(_jieru)


def _spoken(unknown: UnknownSetting) -> str:
    where = unknown.env_file or _("environment")
    if unknown.meant is None:
        return _("{name} ({where}) is not a setting of Jieru and is ignored.").format(
            name=unknown.name, where=where
        )
    return _(
        "{name} ({where}) is not a setting of Jieru and is ignored: did you mean {meant}?"
    ).format(name=unknown.name, where=where, meant=unknown.meant)


def main() -> None:
    """Run the command line; a user's or the world's error is one sentence, never a traceback."""
    try:
        sys.exit(_jieru(prog_name="jieru", standalone_mode=False))
    except UserError as error:
        _fail(str(error), _exit_of_user_errors())
    except WorldError as error:
        _fail(str(error), _EXIT_WORLD_ERROR)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "jieru"
        _fail(
            _("{reason} See `{command} --help`.").format(reason=reason_of(error), command=path),
            error.exit_code,
        )
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _fail(_("Interrupted."), _EXIT_INTERRUPTED)
    except Exception as error:
        reason = _refusal_of_the_database(error)
        if reason is None:
            if not _is_check():
                raise
            traceback.print_exc()
            sys.exit(_EXIT_NOT_CHECKED)
        _fail(
            _(
                "The database role may not do this ({reason}): JIERU_DATABASE_URL must name the "
                "role of this command, jieru_api for most and the owner of the tables for `jieru "
                "migrate`; after a restore see “From a dump” in docs/recover.md."
            ).format(reason=reason),
            _exit_of_user_errors(),
        )


def _exit_of_user_errors() -> int:
    return _EXIT_NOT_CHECKED if _is_check() else _EXIT_USER_ERROR


def _is_check() -> bool:
    """Whether the command line asks for a check, known also before its module is there."""
    words = sys.argv[1:]
    return any(" ".join(words[:count]) in _CHECKS for count in (1, 2))


def _refusal_of_the_database(error: Exception) -> str | None:
    """What a database says to a user that lacks a privilege; None: the error is another one."""
    import psycopg  # noqa: PLC0415 - most commands that fail this way have it already, others never

    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return error.diag.message_primary or str(error)
    return None


def _fail(message: str, exit_code: int) -> NoReturn:
    click.echo(_("Error: {message}").format(message=message), err=True)
    sys.exit(exit_code)
