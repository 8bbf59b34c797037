"""What is told of draws and visits."""

from collections.abc import Sequence

import psycopg

from api.draws.answers import DrawAnswer, DrawDetail, DrawList, VisitAnswer, VisitList
from api.draws.files import files_of_visits
from api.draws.steps import find_draw
from verifier.trust.draws.records import Draw, drawn_enterprises, list_draws, result_of_draw
from verifier.trust.draws.visits import Visit, list_visits

__all__ = ["answer_of_visit", "draw_detail", "list_of_draws", "list_of_visits"]


def list_of_draws(connection: psycopg.Connection, year: int | None) -> DrawList:
    """All draws, or those of one year; the latest first."""
    found = list_draws(connection, year)
    return DrawList(items=[DrawAnswer.model_validate(_said(each)) for each in found])


def draw_detail(connection: psycopg.Connection, draw_id: int) -> DrawDetail:
    """One draw with its strata, whom it drew, and what was found."""
    draw = find_draw(connection, draw_id)
    drawn = drawn_enterprises(connection, draw)
    result = result_of_draw(draw, drawn)
    return DrawDetail.model_validate(
        {
            **_said(draw),
            "strata": draw.strata,
            "drawn": [each.to_json_object() for each in drawn],
            "result": result.to_json_object() if result else None,
        }
    )


def list_of_visits(connection: psycopg.Connection, year: int | None) -> VisitList:
    """All visits, or those of one year, in the order in which they were recorded."""
    return VisitList(items=_answers(connection, list_visits(connection, year)))


def answer_of_visit(connection: psycopg.Connection, visit: Visit) -> VisitAnswer:
    """A visit as it is told."""
    (answer,) = _answers(connection, [visit])
    return answer


def _answers(connection: psycopg.Connection, visits: Sequence[Visit]) -> list[VisitAnswer]:
    files = files_of_visits(connection, visits)
    return [
        VisitAnswer.model_validate(
            {**each.to_json_object(), "files": [known.file for known in files[each.id]]}
        )
        for each in visits
    ]


def _said(draw: Draw) -> dict[str, object]:
    return draw.to_json_object()
