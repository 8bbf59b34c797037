"""What of a count was recorded later than it begins, as rows of its page."""

from datetime import date
from typing import Final, NamedTuple

import psycopg

from api.counts.wording import Translate
from verifier.counting.backdated import Backdated
from verifier.counting.count import Count
from verifier.late_speech import late_sentence
from verifier.procedure.records import CountRecord

__all__ = ["LateRow", "late_rows", "stored_late_rows"]

_SHOWN: Final = 200
"""Rows of a page; the count itself, as JSON and in its reports, has all of them."""
_SELECT: Final = """
    SELECT platform, uscc, name, said FROM count_determinations
    CROSS JOIN LATERAL jsonb_array_elements(entry -> 'backdated') AS late (said)
    WHERE count_id = %(count)s AND (%(platform)s::text IS NULL OR platform = %(platform)s)
    ORDER BY platform COLLATE "C", uscc COLLATE "C" LIMIT %(limit)s
"""


class LateRow(NamedTuple):
    """A connection or assignments."""

    platform: str
    uscc: str
    name: str
    sentence: str
    changes_outcome: bool


def late_rows(count: Count, translate: Translate) -> list[LateRow]:
    """Those of a count of now."""
    found = [
        (each.platform.code, each.enterprise.uscc, each.enterprise.name, late)
        for each, late in count.backdated()
    ]
    return [_row(*each, translate) for each in found[:_SHOWN]]


def stored_late_rows(
    connection: psycopg.Connection, record: CountRecord, platform: str | None, translate: Translate
) -> list[LateRow]:
    """Those of a stored count; of one platform, if named."""
    values = {"count": record.id, "platform": platform, "limit": _SHOWN}
    return [
        _row(code, uscc, name, Backdated.of_json_object(said), translate)
        for code, uscc, name, said in connection.execute(_SELECT, values)
    ]


def _row(platform: str, uscc: str, name: str, late: Backdated, translate: Translate) -> LateRow:
    sentence = late_sentence(late, translate, date.isoformat)
    return LateRow(platform, uscc, name, sentence, late.changes_outcome)
