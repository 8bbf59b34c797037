"""What a form says before it saves what begins long before today: its second click is "I know"."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from api.console.forms import Form, Input
from api.console.visit import Visit
from api.web.policy import RegistryRules
from api.web.problems import Kind, Problem, WrongField
from jieru.calendar import parse_date
from registry.backdating import late_warning
from registry.storing import today_of

__all__ = ["asking_twice", "require_known_backdating"]

_KNOWN: Final = "known_from_date"
"""The first day of which the form's user was told what it costs."""
_FROM: Final = "from_date"


def require_known_backdating(
    visit: Visit, values: Mapping[str, str], rules: RegistryRules, field: str = _FROM
) -> None:
    """Check that whoever enters a first day long past was told what that means.

    Args:
        visit: of the form.
        values: what was typed.
        rules: from which day on evidence counts.
        field: the one that holds the first day.

    Raises:
        Problem: not yet; the form is shown once more, and then says that it is known.
    """
    said = values.get(field, "")
    try:
        from_date = parse_date(said)
    except ValueError:
        return  # what is wrong with it is said when the form is read
    with visit.database.reading() as connection:
        today = today_of(connection)
    warning = late_warning(from_date, today, rules.backdate_days_max)
    if warning is not None and values.get(_KNOWN) != said:
        raise Problem(Kind.INVALID_REQUEST, warning.message, **warning.values).about(
            [WrongField(field, warning)]
        )


def asking_twice(form: Form, field: str = _FROM) -> Form:
    """The form, which remembers what its user was told of the day in a field."""
    known = {_KNOWN: form.values.get(field, "") if form.mistakes else ""}
    return replace(
        form,
        inputs=[*form.inputs, Input(_KNOWN, "", "hidden")],
        values={**form.values, **known},
    )
