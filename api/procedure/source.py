"""What the procedure needs beside the database: rules, key, notice, fonts, and long steps."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from api.procedure.work import Works
from jieru.settings import Settings
from verifier.policy import Policy

__all__ = ["Procedure", "ProcedureSource"]


@dataclass(frozen=True, slots=True)
class ProcedureSource:
    """What an application counts by, signs with and prints with."""

    policy: Policy
    settings: Settings
    works: Works = field(default_factory=Works)


def procedure_source(request: Request) -> ProcedureSource:
    """That of this application."""
    source = request.app.state.procedure
    assert isinstance(source, ProcedureSource)  # noqa: S101 - set by create_app
    return source


Procedure = Annotated[ProcedureSource, Depends(procedure_source)]
