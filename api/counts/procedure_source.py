"""What the procedure needs beside the database: rules, key, holidays, fonts, and long steps."""

from dataclasses import dataclass, field
from datetime import date
from typing import Annotated

from fastapi import Depends

from api.counts.kept_reports import KeptReports
from api.counts.long_steps import Works
from api.web.services import service
from jieru.settings import Settings
from verifier.policy import Policy
from verifier.procedure.holidays import Holidays
from verifier.procedure.notice_period import NoticeEnd, notice_end
from verifier.procedure.signing import SigningKey, load_signing_key
from verifier.procedure.trusted_keys import TrustedKeys

__all__ = ["Procedure", "ProcedureSource"]


@dataclass(frozen=True, slots=True)
class ProcedureSource:
    """What an application counts by, signs with and prints with."""

    policy: Policy
    settings: Settings
    holidays: Holidays
    trusted: TrustedKeys
    """Whose signatures of frozen counts count."""
    works: Works = field(default_factory=Works)
    reports: KeptReports = field(default_factory=KeptReports)
    """Made by this process before."""

    def signing_key(self) -> SigningKey:
        """The key that signs what is done with a count.

        Raises:
            UserError: there is none, or its file holds no key.
        """
        return load_signing_key(self.settings.signing_key_file)

    def notice_end(self, published_on: date) -> NoticeEnd:
        """When a notice that is published on this day ends by the calendar."""
        return notice_end(published_on, self.settings.notice_working_days, self.holidays)


Procedure = Annotated[ProcedureSource, Depends(service(ProcedureSource))]
