"""An examination: every check, of the database as far as it can be asked, and of this machine."""

from datetime import datetime
from importlib.metadata import version
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from doctor.check import Area, Check, Sentence, State
from doctor.database_checks import check_database
from doctor.database_facts import read_database_facts
from doctor.machine_checks import check_machine
from jieru.database import connect, describe_address
from jieru.errors import UserError, WorldError
from jieru.i18n import marked as _
from jieru.schema import require_current_schema
from jieru.settings import Settings
from jieru.suitable_server import require_suitable_server

__all__ = ["examine", "examine_database"]

_TITLE: Final = _("Database server")


def examine(settings: Settings, now: datetime) -> list[Check]:
    """Examine all, over a connection of its own."""
    return [*_database(settings, now), *check_machine(settings, now)]


def _database(settings: Settings, now: datetime) -> list[Check]:
    url = settings.database_url
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        url = ""
    if not url:
        # What is wrong with an address is not repeated: there may be a password in it.
        return [
            _broken(
                Sentence(_("JIERU_DATABASE_URL names no PostgreSQL database.")),
                Sentence(_("Set it to postgresql://user:password@host:port/database.")),
            )
        ]
    try:
        with connect(url, autocommit=True) as connection:
            return examine_database(connection, settings, now)
    except WorldError:
        return [
            _broken(
                Sentence(
                    _("The database at {address} cannot be reached."),
                    {"address": describe_address(url)},
                ),
                Sentence(_("Start it, or correct JIERU_DATABASE_URL.")),
            )
        ]
    except UserError as error:
        return [_broken(Sentence(error.message, dict(error.values)), None)]


def examine_database(
    connection: psycopg.Connection, settings: Settings, now: datetime
) -> list[Check]:
    """Examine the database alone, over a connection in autocommit mode."""
    try:
        require_suitable_server(connection)
        require_current_schema(connection)
    except UserError as error:
        return [
            _broken(
                Sentence(error.message, dict(error.values)),
                Sentence(_("Run “jieru migrate” as the owner of the database.")),
            )
        ]
    try:
        facts = read_database_facts(connection)
    except psycopg.errors.InsufficientPrivilege as error:
        return [
            _broken(
                Sentence(
                    _("The role of this process may not read all of it: {reason}."),
                    {"reason": error.diag.message_primary},
                ),
                Sentence(_("Examine as jieru_api, or run “jieru migrate” as the owner.")),
            )
        ]
    return check_database(facts, now, disk_gb=settings.database_disk_gb, version=version("jieru"))


def _broken(finding: Sentence, advice: Sentence | None) -> Check:
    return Check("database", Area.DATABASE, _TITLE, State.RED, finding, advice)
