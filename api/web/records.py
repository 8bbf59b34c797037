"""What all records of the registry share: parts of their bodies and answers, and refusals."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from api.web.civil import CivilDate
from api.web.problems import Kind, Problem, WrongField, problem_responses
from api.web.revisions import etag_of
from api.web.text_gate import GatedTexts
from registry.refusals import (
    ChangedMeanwhileError,
    ConflictError,
    NotKeptError,
    NotRegisteredError,
    WrongColumnsError,
)

__all__ = [
    "CHANGE_PROBLEMS",
    "CREATE_PROBLEMS",
    "REVISION",
    "USCC",
    "WHOLE_NUMBER",
    "Body",
    "DateText",
    "Ending",
    "is_record_id",
    "is_uscc",
    "left_out",
    "refusals_answered",
]

_INT32: Final = 2**31
_USCC_FORM: Final = re.compile(r"[0-9A-HJ-NP-RTUWXY]{18}")

USCC: Final = Field(description="Unified social credit code (GB 32100-2015).")
REVISION: Final = Field(description="Grows with every change; the ETag is the same in quotes.")

CREATE_PROBLEMS: Final = problem_responses(
    Kind.CONFLICT, Kind.TOO_LARGE, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY
)
CHANGE_PROBLEMS: Final = problem_responses(
    Kind.NOT_FOUND,
    Kind.CONFLICT,
    Kind.CHANGED_MEANWHILE,
    Kind.TOO_LARGE,
    Kind.INVALID_REQUEST,
    Kind.REVISION_REQUIRED,
    Kind.DATABASE_AWAY,
)
"""In which a route that changes a record may end."""

DateText = Annotated[
    str, Field(max_length=100), WithJsonSchema({"type": "string", "format": "date"})
]
"""A date in a body: text, for the cell readers say best what is wrong with it."""


def _no_boolean(value: object) -> object:
    if isinstance(value, bool | float):  # pydantic would take them for 0, 1 and whole numbers
        raise PydanticCustomError("int_type", "must be a whole number")
    return value


WHOLE_NUMBER: Final = BeforeValidator(_no_boolean)
"""Marks a number in a body, or in the text that a form sends."""


class Body(GatedTexts):
    """A body that takes no field which it does not know: a slip must not go unnoticed."""

    model_config = ConfigDict(extra="forbid")


class Ending(Body):
    """When a record ends."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"on": "2026-12-31"}]})

    on: CivilDate = Field(
        description="The first day that is no longer included.",
        ge=date(1900, 1, 1),
        le=date(2099, 12, 31),
    )


def left_out(default: object = None) -> Any:  # noqa: ANN401 - stands for any type, as Field does
    """A field of a change that may be left out; what it then defaults to is looked at by nobody."""
    return Field(default=default, json_schema_extra=_without_default)


def _without_default(schema: JsonDict) -> None:
    schema.pop("default", None)


def is_record_id(number: int) -> bool:
    """Whether a number in an address can be the id of a record (a PostgreSQL integer)."""
    return 0 < number < _INT32


def is_uscc(text: str) -> bool:
    """Whether a text in an address can be the code of a registered enterprise."""
    return _USCC_FORM.fullmatch(text) is not None


@contextmanager
def refusals_answered(**fields: str) -> Iterator[None]:
    """Let what the registry refuses be the answer.

    Args:
        fields: of the body whose name is not that of their column, by column.

    Raises:
        Problem: the record is not there, not the caller's to change, changed meanwhile, wrong, or
            contradicts what is registered.
    """
    try:
        yield
    except WrongColumnsError as error:
        raise Problem(Kind.INVALID_REQUEST).about(
            [WrongField(fields.get(column, column), reason) for column, reason in error.columns]
        ) from None
    except ConflictError as error:
        raise Problem(Kind.CONFLICT, error.message, **error.values) from None
    except NotKeptError as error:
        raise Problem(Kind.FORBIDDEN, error.message) from None
    except NotRegisteredError as error:
        raise Problem(Kind.NOT_FOUND, error.message) from None
    except ChangedMeanwhileError as error:
        headers = {"ETag": etag_of(error.revision)}
        raise Problem(Kind.CHANGED_MEANWHILE).with_headers(headers) from None
