"""What the panels of signals must show."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from jieru.calendar import civil_date
from tests.integration.dashboards.truth import Asked, Expectation, Rows, Truth
from verifier.trust.cases.records import find_case_record
from verifier.trust.draws.records import drawn_enterprises, list_draws
from verifier.trust.draws.results import OPENS_CASE
from verifier.trust.draws.visits import list_visits, visits_of_draw
from verifier.trust.records import RecordedRun, list_runs, signals_of_run
from verifier.trust.signal import Signal, Strength

__all__ = ["TRUST"]

_NAMES: Final = "SELECT uscc, name FROM enterprises"


def _latest(truth: Truth) -> RecordedRun:
    return list_runs(truth.connection, limit=1)[0]


def _found(truth: Truth, asked: Asked, run: RecordedRun | None = None) -> list[Signal]:
    run = run or _latest(truth)
    found = signals_of_run(truth.connection, run.id)
    return [each for each in found if each.platform in asked.platforms]


def _names(truth: Truth) -> dict[str, str]:
    return dict(truth.rows(_NAMES))


def _as_of(truth: Truth, _asked: Asked) -> Rows:
    return [(_latest(truth).as_of.isoformat(),)]


def _hard(truth: Truth, asked: Asked) -> Rows:
    return [(sum(each.strength is Strength.HARD for each in _found(truth, asked)),)]


def _soft(truth: Truth, asked: Asked) -> Rows:
    return [(sum(each.strength is Strength.SOFT for each in _found(truth, asked)),)]


def _by_run(truth: Truth, asked: Asked) -> Rows:
    rows: Rows = []
    for run in reversed(list_runs(truth.connection, limit=100)):
        counted = Counter(each.strength for each in _found(truth, asked, run))
        if counted and asked.holds(run.run_at):
            rows.append((run.run_at, counted[Strength.HARD], counted[Strength.SOFT]))
    return rows


def _by_kind(truth: Truth, asked: Asked) -> Rows:
    found = _found(truth, asked)
    several = Counter((each.kind.value, each.strength.value) for each in found)
    return sorted(
        (
            (
                kind,
                strength,
                number,
                len({each.uscc for each in found if each.kind.value == kind}),
            )
            for (kind, strength), number in several.items()
        ),
        key=lambda row: (row[1], -row[2], row[0]),
    )


def _enterprises(truth: Truth, asked: Asked) -> Rows:
    names, by_case = _names(truth), dict[tuple[str, str], list[Signal]]()
    for each in _found(truth, asked):
        by_case.setdefault((each.platform, each.uscc), []).append(each)
    rows: Rows = [
        (
            platform,
            names[uscc],
            uscc,
            sum(each.strength is Strength.HARD for each in found),
            len({each.kind for each in found if each.strength is Strength.SOFT}),
            min(each.from_on for each in found).isoformat(),
            max(each.to_on for each in found).isoformat(),
        )
        for (platform, uscc), found in by_case.items()
    ]
    return sorted(rows, key=lambda row: (-row[3], -row[4], row[0], row[2]))


def _one_by_one(truth: Truth, asked: Asked) -> Rows:
    names = _names(truth)
    rows: Rows = [
        (
            each.platform,
            names[each.uscc],
            each.uscc,
            each.kind.value,
            each.strength.value,
            each.score,
            each.threshold,
            each.from_on.isoformat(),
            each.to_on.isoformat(),
            len(each.devices),
            ", ".join(each.devices),
            each.detail.get("uscc"),
        )
        for each in _found(truth, asked)
    ]
    return sorted(rows, key=lambda row: (row[0], row[2], row[3], row[7], row[10]))


_CASES: Final = "SELECT id FROM cases ORDER BY id"


def _all_cases(truth: Truth, asked: Asked) -> Rows:
    cases = [find_case_record(truth.connection, number) for (number,) in truth.rows(_CASES)]
    return [
        (
            each.id,
            each.platform,
            each.enterprise,
            each.uscc,
            each.cause,
            "hard" if each.is_hard else "soft",
            each.state.value,
            civil_date(each.opened_at).isoformat(),
            each.due_on and each.due_on.isoformat(),
        )
        for each in sorted(cases, key=lambda each: (each.concluded_at is not None, each.id))
        if each.platform in asked.platforms
    ]


def _draws(truth: Truth, _asked: Asked) -> Rows:
    rows: Rows = []
    for draw in sorted(list_draws(truth.connection), key=lambda each: each.id):
        drawn = drawn_enterprises(truth.connection, draw)
        visits = visits_of_draw(draw, drawn, list_visits(truth.connection, draw.year))
        visited = {(each.platform, each.uscc) for each in visits}
        amiss = {(each.platform, each.uscc) for each in visits if each.found in OPENS_CASE}
        rows.append(
            (
                draw.id,
                draw.year,
                draw.announced_on.isoformat(),
                draw.listed,
                draw.size,
                len(drawn),
                len(visited),
                len(amiss),
                draw.digest,
            )
        )
    return rows


TRUST: Final[Mapping[int, Expectation]] = {
    1: _as_of,
    2: _hard,
    3: _soft,
    4: _by_run,
    5: _by_kind,
    10: _enterprises,
    11: _one_by_one,
    20: _all_cases,
    21: _draws,
}
