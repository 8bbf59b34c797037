"""What the lists of forms and filters offer."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Final

import psycopg
from fastapi import Depends, Request

from api.access.caller import Caller
from api.console.forms import Choice
from api.console.words import Translate
from api.web.language import language_of, translator
from api.web.policy import CurrentPolicy
from jieru.i18n import marked as _
from registry.importing import OTHER_DISTRICT

__all__ = ["DistrictChoices", "label_of", "platform_choices", "word_choices"]

_SELECT_PLATFORMS: Final = """
    SELECT code, name FROM platforms
    WHERE %(own)s::integer IS NULL OR id = %(own)s
    ORDER BY code
"""


def platform_choices(connection: psycopg.Connection, caller: Caller) -> list[Choice]:
    """The platforms that the caller may see; an operator's own only."""
    rows = connection.execute(_SELECT_PLATFORMS, {"own": caller.platform_id}).fetchall()
    return [Choice(code, name) for code, name in rows]


def _district_choices(request: Request, policy: CurrentPolicy) -> list[Choice]:
    is_chinese = language_of(request) == "zh"
    names = [
        Choice(slug, district.name if is_chinese else f"{slug} {district.name}")
        for slug, district in policy.districts.value.items()
    ]
    return [*names, Choice(OTHER_DISTRICT, translator(request)(_("elsewhere")))]


DistrictChoices = Annotated[list[Choice], Depends(_district_choices)]
"""The districts of the policy, then everywhere else."""


def word_choices(
    values: Iterable[str], labels: Mapping[str, str], translate: Translate
) -> list[Choice]:
    """Values in the words of the pages."""
    return [Choice(value, translate(labels[value])) for value in values]


def label_of(choices: Iterable[Choice], value: str) -> str:
    """What a list calls a value; one that it no longer offers, by itself."""
    return next((choice.label for choice in choices if choice.value == value), value)
