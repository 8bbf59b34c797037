"""What questions to enterprises need beside the database: where they answer, and a font."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from api.web.problems import Kind, Problem
from api.web.services import service
from jieru.errors import UserError
from jieru.settings import Settings
from registry.confirmations import Asking

__all__ = ["QuestionSource", "Questions"]


@dataclass(frozen=True, slots=True)
class QuestionSource:
    """How an application asks enterprises."""

    settings: Settings

    def asking(self) -> Asking:
        """How questions are put.

        Raises:
            Problem: nothing says where enterprises reach this installation.
        """
        try:
            return Asking.of_settings(self.settings)
        except UserError as error:
            raise Problem(Kind.CONFLICT, error.message, **error.values) from None


Questions = Annotated[QuestionSource, Depends(service(QuestionSource))]
