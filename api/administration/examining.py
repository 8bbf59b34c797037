"""The examination of this installation, as `jieru doctor` makes it, by the process that serves."""

from datetime import datetime

from api.web.database import RequestDatabase
from doctor.check import Check
from doctor.examination import examine_database
from doctor.machine_checks import check_machine
from jieru.settings import Settings

__all__ = ["Examining"]


class Examining:
    """Examines with the settings of this process."""

    def __init__(self, settings: Settings) -> None:
        """Use these settings."""
        self.settings = settings

    def examine(self, database: RequestDatabase, now: datetime) -> list[Check]:
        """Every check; no connection is held while the network is waited for."""
        with database.reading() as connection:
            checks = examine_database(connection, self.settings, now)
        return [*checks, *check_machine(self.settings, now)]
