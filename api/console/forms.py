"""Forms of the console: what they ask, what was typed, and what is wrong with it.

A form sends the same fields as the body of the API's request, and is checked by the same model:
so a page and a program are told the same.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Annotated, Final, Literal, NamedTuple, Self, TypeVar

import psycopg
from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from api.console.announcement import Done, go_on
from api.console.visit import Visit
from api.web.language import language_of
from api.web.problems import Kind, Problem, wrong_fields
from api.web.revisions import ExpectedRevision, Revised
from jieru.errors import UserError
from jieru.i18n import marked as _
from jieru.i18n import translations

__all__ = [
    "Choice",
    "Form",
    "FormValues",
    "Input",
    "Mistakes",
    "RecordForm",
    "answer_form",
    "answer_record_form",
    "checked",
    "form_page",
    "mistakes_of",
    "read_form",
    "revision_of",
]

_REVISION_FIELD: Final = "revision"
_REVISION: Final = re.compile(r"[1-9][0-9]{0,8}")
_MARKED: Final = UserError("The form was not taken: please correct the marked fields.")
_MENDABLE: Final = {Kind.INVALID_REQUEST, Kind.CONFLICT, Kind.CHANGED_MEANWHILE}

Model = TypeVar("Model", bound=BaseModel)


class Choice(NamedTuple):
    """One line of a list to choose from."""

    value: str
    label: str
    """Translated."""


@dataclass(frozen=True, slots=True)
class Input:
    """One thing that a form asks."""

    name: str
    label: str
    """In English, for the catalogue, as is `hint`."""
    kind: Literal[
        "text", "lines", "date", "number", "select", "checkboxes", "password", "files", "hidden"
    ] = "text"
    """Of check boxes the value is that of all that are checked, with spaces between."""
    is_required: bool = False
    hint: str = ""
    choices: Sequence[Choice] = ()
    longest: int | None = None
    autocomplete: str = "off"


@dataclass(frozen=True, slots=True)
class Mistakes:
    """Why a form was not taken."""

    message: str
    by_field: Mapping[str, str] = field(default_factory=dict)
    status: int = 422

    @property
    def is_stale(self) -> bool:
        """Whether somebody else changed the record meanwhile."""
        return self.status == Kind.CHANGED_MEANWHILE.value.status


@dataclass(frozen=True, slots=True)
class Form:
    """A form as it is shown."""

    action: str
    inputs: Sequence[Input]
    submit: str
    """What its button says, in English, for the catalogue."""
    values: Mapping[str, str] = field(default_factory=dict)
    mistakes: Mistakes | None = None
    revision: int | None = None
    """Of the record that its user sees; a later one refuses what is sent."""
    cancel: str = ""
    """Where to go without sending it."""

    @property
    def has_files(self) -> bool:
        """Whether it is sent in parts, as files are."""
        return any(each.kind == "files" for each in self.inputs)


async def _form_values(request: Request) -> dict[str, str]:
    """The texts of a form; files are another matter."""
    return {
        name: value.strip()
        for name, value in (await request.form()).items()
        if isinstance(value, str)
    }


FormValues = Annotated[dict[str, str], Depends(_form_values)]


def read_form(model: type[Model], values: Mapping[str, str]) -> Model:
    """What was typed, checked; a field that was left empty says that there is nothing.

    Raises:
        Problem: a field is wrong; it names each.
    """
    sent: dict[str, str | None] = {}
    for name, field_of_model in model.model_fields.items():
        value = values.get(name)
        if value:
            sent[name] = value
        elif value is not None and not field_of_model.is_required():
            sent[name] = None if field_of_model.default is None else ""
    return checked(model, sent)


def checked(model: type[Model], said: Mapping[str, object]) -> Model:
    """What a form says, once it was put together, as the model takes it.

    Raises:
        Problem: a field is wrong; it names each.
    """
    try:
        return model.model_validate(said)
    except ValidationError as error:
        raise Problem(Kind.INVALID_REQUEST, _MARKED.message).about(
            wrong_fields(error.errors())
        ) from None


def revision_of(values: Mapping[str, str]) -> ExpectedRevision:
    """The revision that the form's user saw.

    Raises:
        Problem: the form carries none, so it is not one of ours.
    """
    return ExpectedRevision.exactly(_revision(values))


def _revision(values: Mapping[str, str]) -> int:
    text = values.get(_REVISION_FIELD, "")
    if _REVISION.fullmatch(text) is None:
        raise Problem(Kind.REFUSED, _("The form lacks the revision of its record."))
    return int(text)


def answer_form(
    visit: Visit,
    done: Done,
    act: Callable[[], str],
    again: Callable[[Mistakes], HTMLResponse],
) -> Response:
    """Do what a form asks and go on, or show it again with what was wrong.

    Args:
        visit: of the form.
        done: what the next page says.
        act: does it; the address of the next page.
        again: the form with its mistakes.
    """
    try:
        address = act()
    except Problem as problem:
        return again(mistakes_of(visit.request, problem))
    return go_on(address, done)


def form_page(
    visit: Visit,
    title: str,
    form: Form,
    breadcrumbs: Sequence[tuple[str, str]],
    explanation: str = "",
) -> HTMLResponse:
    """A page that holds one form.

    Args:
        visit: what is answered.
        title: translated, as are the names of the breadcrumbs and the explanation.
        form: what is asked.
        breadcrumbs: name and address of each page that leads here.
        explanation: one sentence beside the title.
    """
    return visit.render(
        "form.html",
        {"title": title, "breadcrumbs": breadcrumbs, "explanation": explanation, "form": form},
        status=form.mistakes.status if form.mistakes else 200,
    )


def mistakes_of(request: Request, problem: Problem) -> Mistakes:
    """What to say above and in a form that was refused.

    Raises:
        Problem: the same, when no other input could correct it.
    """
    if problem.kind not in _MENDABLE:
        raise problem
    translate = translations(language_of(request)).gettext

    def spoken(reason: UserError) -> str:
        return translate(reason.message).format(**reason.values)

    return Mistakes(
        message=spoken(_MARKED if problem.fields else UserError(problem.message, **problem.values)),
        by_field={each.field: spoken(each.reason) for each in problem.fields},
        status=problem.kind.value.status,
    )


@dataclass(frozen=True, slots=True)
class RecordForm:
    """The form that changes or ends one record; its revision keeps anybody's change from loss."""

    title: str
    """In English, for the catalogue, as are `submit` and `explanation`."""
    action: str
    inputs: Sequence[Input]
    submit: str
    breadcrumbs: Sequence[tuple[str, str]]
    """Name and address of each page that leads here; the last is where the record is shown."""
    revision: int
    """The record's present one."""
    explanation: str = ""
    present: Mapping[str, str] = field(default_factory=dict)
    """The record's values that the form may change."""
    suggested: Mapping[str, str] = field(default_factory=dict)
    """What is answered beforehand where a question is not about a value of the record."""

    @classmethod
    def to_change(
        cls,
        title: str,
        address: str,
        record: Revised,
        inputs: Sequence[Input],
        breadcrumbs: Sequence[tuple[str, str]],
    ) -> Self:
        """The form that changes the values of the record under this address."""
        values = {each.name: getattr(record, each.name) for each in inputs}
        present = {name: "" if value is None else str(value) for name, value in values.items()}
        action, revision = f"{address}/edit", record.revision
        return cls(title, action, inputs, _("Save"), breadcrumbs, revision, present=present)

    @classmethod
    def to_end(
        cls,
        title: str,
        address: str,
        record: Revised,
        breadcrumbs: Sequence[tuple[str, str]],
        today: date,
        explanation: str = "",
    ) -> Self:
        """The form that ends the record under this address, if nothing else is typed, today."""
        on = Input("on", _("First day that is no longer included"), "date", is_required=True)
        return cls(
            title,
            f"{address}/end",
            [on],
            _("Record the end"),
            breadcrumbs,
            record.revision,
            explanation,
            suggested={on.name: str(today)},
        )

    @classmethod
    def to_reopen(
        cls,
        title: str,
        address: str,
        record: Revised,
        breadcrumbs: Sequence[tuple[str, str]],
        explanation: str,
    ) -> Self:
        """The form that takes back the end of the record under this address."""
        action, submit = f"{address}/reopen", _("Take back the end")
        return cls(title, action, [], submit, breadcrumbs, record.revision, explanation)

    def show(
        self,
        visit: Visit,
        typed: Mapping[str, str] | None = None,
        mistakes: Mistakes | None = None,
    ) -> HTMLResponse:
        """The form with the record as it is, as it was typed, or after somebody else's change.

        Args:
            visit: who asks.
            typed: what was sent; None when nothing was.
            mistakes: why it was not taken; None when nothing was sent.
        """
        typed, revision = typed or {}, self.revision
        if mistakes is None:
            values: Mapping[str, str] = {**self.suggested, **self.present}
        elif mistakes.is_stale:
            answered = {name: typed.get(name, "") for name in self.suggested}
            values = {**answered, **self.present}
            mistakes = _explained(visit, mistakes, self.present, typed)
        else:
            values, revision = typed, _revision(typed)
        form = Form(
            self.action,
            self.inputs,
            self.submit,
            values,
            mistakes,
            revision,
            self.breadcrumbs[-1][1],
        )
        explanation = visit.translate(self.explanation) if self.explanation else ""
        return form_page(visit, visit.translate(self.title), form, self.breadcrumbs, explanation)


def answer_record_form(
    visit: Visit,
    done: Done,
    values: Mapping[str, str],
    model: type[Model],
    act: Callable[[psycopg.Connection, Model, ExpectedRevision], str],
    form: Callable[[], RecordForm],
) -> Response:
    """Do what the form of a record asks and go on, or show it again with what was wrong.

    Args:
        visit: of the form.
        done: what the next page says.
        values: what was typed.
        model: of the body of the API's request that does the same.
        act: does it in a transaction of the visitor's changes; the address of the next page.
        form: the same with the record as it is now.
    """

    def change() -> str:
        sent, expected = read_form(model, values), revision_of(values)
        with visit.database.changing(visit.caller.actor) as connection:
            return act(connection, sent, expected)

    return answer_form(visit, done, change, lambda mistakes: form().show(visit, values, mistakes))


def _explained(
    visit: Visit, mistakes: Mistakes, fresh: Mapping[str, str], typed: Mapping[str, str]
) -> Mistakes:
    """Why a form is stale, and what its user had typed where that is not what the record says."""
    changed = visit.translate(_("is different now; you had typed “{value}”"))
    return replace(
        mistakes,
        message=visit.translate(
            _(
                "Somebody else changed this record meanwhile. The form shows its present values: "
                "look at them, then make your change again."
            )
        ),
        by_field={
            name: changed.format(value=typed[name])
            for name, value in fresh.items()
            if typed.get(name, value) != value
        },
    )
