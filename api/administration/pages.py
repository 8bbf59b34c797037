"""The administrator's pages: how everything is, what needs somebody first, then part by part."""

from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from api.access.gate import GatedRoute
from api.administration.queries import list_minutes, list_processes, list_record_runs
from api.administration.routes import CurrentExamining
from api.console.visit import CurrentVisit, Visit
from api.web.policy import CurrentPolicy
from doctor.check import AREA_WORDS, STATE_WORDS, Area, Check, State, in_order_of_need
from jieru.errors import UserError
from jieru.i18n import marked as _
from verifier.policy import Parameter, ParameterValue
from verifier.procedure.signing import load_signing_key
from verifier.procedure.trusted_keys import trusted_keys_of
from verifier.words import UNIT_WORDS

__all__ = ["HOME", "PARTS", "router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

HOME: Final = "/administration"
PARTS: Final = (
    (_("All at a glance"), HOME),
    (_("Accounts"), f"{HOME}/accounts"),
    (_("API keys"), "/api-keys"),
    (_("Policy"), f"{HOME}/policy"),
    (_("Signing keys"), f"{HOME}/signing-keys"),
    (_("Ingesters"), f"{HOME}/ingesters"),
    (_("Broker"), "/broker"),
    (_("Records and archives"), f"{HOME}/records"),
    (_("Processes and settings"), f"{HOME}/processes"),
)
"""Name and address of each part; notices and channels have their place after the broker."""
_TONES: Final = {
    State.RED: "red",
    State.YELLOW: "amber",
    State.GREEN: "green",
    State.UNUSED: "",
}
_RUN_WORDS: Final = {
    "audit": _("Audit verified"),
    "checkpoint": _("Checkpoint made"),
    "archive": _("Heartbeats archived"),
    "archive-verified": _("Archive verified"),
    "evidence": _("Evidence verified"),
}
_UNIT_OF_RUN: Final = {
    "audit": _("up to entry {number}"),
    "checkpoint": _("number {number}"),
    "archive": _("{number} heartbeats"),
    "archive-verified": _("{number} files"),
    "evidence": _("{number} heartbeats"),
}
_CHOICE_WORDS: Final = {
    "window_start": _("The year in which the window begins"),
    "window_end": _("The year in which the window ends"),
    "platform": _("On each platform"),
    "city": _("In the whole city"),
    "municipal": _("municipal"),
    "provincial": _("provincial"),
    "national": _("national"),
    "connected_on": _("On the day of connection"),
    "year_end": _("At the end of the year"),
    "never": _("Never"),
    "https": _("Over HTTPS"),
    "report": _("It is reported"),
    "hold": _("The enterprise is held back"),
    "shadow": _("They open cases and propose nothing"),
    "propose": _("They propose to hold an enterprise back"),
}
"""Choices of a policy in words."""


@router.get(HOME)
def show_examination(visit: CurrentVisit, examining: CurrentExamining) -> HTMLResponse:
    """How everything is."""
    found = in_order_of_need(examining.examine(visit.database, visit.now))
    checks = [_spoken(visit, each) for each in found]
    needing = [each for each in checks if each["state"] in {State.RED, State.YELLOW}]
    return _render(
        visit,
        "overview",
        {
            "needing": needing,
            "areas": [
                (
                    visit.translate(AREA_WORDS[area]),
                    [each for each in checks if each["area"] is area and each not in needing],
                )
                for area in Area
            ],
            "numbers": [
                (
                    visit.translate(STATE_WORDS[state]),
                    sum(each["state"] is state for each in checks),
                )
                for state in State
            ],
        },
    )


@router.get(f"{HOME}/processes")
def show_processes(visit: CurrentVisit) -> HTMLResponse:
    """What each process said of itself, with its settings."""
    with visit.database.reading() as connection:
        processes = list_processes(connection)
    return _render(visit, "processes", {"processes": processes})


@router.get(f"{HOME}/policy")
def show_policy(visit: CurrentVisit, policy: CurrentPolicy) -> HTMLResponse:
    """The policy in force, parameter by parameter, in words."""
    return _render(
        visit,
        "policy",
        {
            "policy": policy,
            "title": policy.title.spoken_in(visit.language),
            "groups": [
                (title, [_parameter(visit, each) for each in parameters.values()])
                for title, parameters in (
                    (visit.translate(_("What counts and what is paid")), policy.parameters()),
                    (
                        visit.translate(_("From where on something is a signal")),
                        policy.signal_parameters(),
                    ),
                )
                if parameters
            ],
        },
    )


@router.get(f"{HOME}/signing-keys")
def show_signing_keys(visit: CurrentVisit, examining: CurrentExamining) -> HTMLResponse:
    """The key that signs, and the keys whose signatures count."""
    settings = examining.settings
    own, trusted, problem = "", None, ""
    try:
        if settings.signing_key_file:
            own = load_signing_key(settings.signing_key_file).public_key.hex()
        trusted = trusted_keys_of(settings)
    except UserError as error:
        problem = visit.translate(error.message).format(**error.values)
    return _render(
        visit,
        "signing-keys",
        {
            "own": own,
            "keys": trusted.keys if trusted else (),
            "problem": problem,
            "today": visit.today,
        },
    )


@router.get(f"{HOME}/ingesters")
def show_ingesters(visit: CurrentVisit) -> HTMLResponse:
    """Each ingester, minute by minute."""
    with visit.database.reading() as connection:
        minutes = list_minutes(connection)
    newest = {each.ingester: each for each in reversed(minutes)}  # the last one stays
    return _render(visit, "ingesters", {"minutes": minutes, "newest": dict(sorted(newest.items()))})


@router.get(f"{HOME}/records")
def show_records(visit: CurrentVisit, examining: CurrentExamining) -> HTMLResponse:
    """Runs over audit, checkpoints, archive and evidence, and how they stand."""
    with visit.database.reading() as connection:
        runs = list_record_runs(connection)
    checks = [
        _spoken(visit, each)
        for each in examining.examine(visit.database, visit.now)
        if each.area is Area.RECORD or each.name == "backup"
    ]
    return _render(
        visit,
        "records",
        {
            "checks": checks,
            "runs": [
                (
                    each,
                    visit.translate(_RUN_WORDS[each.kind]),
                    visit.translate(_UNIT_OF_RUN[each.kind]).format(number=f"{each.number:,}"),
                )
                for each in runs
            ],
        },
    )


def _render(visit: Visit, name: str, values: dict[str, object]) -> HTMLResponse:
    return visit.render(f"administration/{name}.html", {"parts": PARTS, **values})


def _spoken(visit: Visit, check: Check) -> dict[str, object]:
    return {
        "area": check.area,
        "state": check.state,
        "label": visit.translate(STATE_WORDS[check.state]),
        "tone": _TONES[check.state],
        "title": visit.translate(check.title),
        "finding": check.finding.spoken(visit.translate),
        "advice": check.advice.spoken(visit.translate) if check.advice else "",
    }


def _parameter(visit: Visit, parameter: Parameter[ParameterValue]) -> dict[str, str]:
    return {
        "description": parameter.description.spoken_in(visit.language),
        "value": _value(visit, parameter),
        "clause": parameter.clause,
        "basis": parameter.basis,
    }


def _value(visit: Visit, parameter: Parameter[ParameterValue]) -> str:
    value = parameter.value
    if isinstance(value, int):
        unit = UNIT_WORDS[parameter.unit]
        return f"{value:,} {visit.translate(unit)}" if unit else str(value)
    if isinstance(value, str):
        return visit.translate(_CHOICE_WORDS[value]) if value in _CHOICE_WORDS else value
    if isinstance(value, tuple):
        return "、".join(value) if visit.language == "zh" else ", ".join(value)
    if hasattr(value, "values"):
        names = [each.name for each in value.values()]
        return "、".join(names) if visit.language == "zh" else ", ".join(names)
    return str(value)
