"""What every dashboard of a count must show of its signature."""

from collections.abc import Mapping
from typing import Final

from jieru.calendar import SHANGHAI
from tests.integration.dashboards.truth import Asked, Expectation, Rows, Truth

__all__ = ["SIGNATURE"]

_VERIFIED: Final = "SELECT verified_at, findings FROM count_verifications WHERE count_id = %s"


def _verdict(truth: Truth, asked: Asked) -> Rows:
    record = truth.record(asked.year, asked.stage)
    if record is None:
        return []
    if record.digest is None:
        return [("not_frozen",)]
    return [("not_as_signed" if _findings(truth, asked) else "as_signed",)]


def _verified(truth: Truth, asked: Asked) -> Rows:
    record = truth.record(asked.year, asked.stage)
    if record is None:
        return []
    row = truth.connection.execute(_VERIFIED, (record.id,)).fetchone()
    return [(f"{row[0].astimezone(SHANGHAI):%Y-%m-%d %H:%M}" if row else None,)]


def _findings(truth: Truth, asked: Asked) -> Rows:
    record = truth.record(asked.year, asked.stage)
    row = truth.connection.execute(_VERIFIED, (record.id,)).fetchone() if record else None
    return [(each["zh"],) for each in row[1]] if row else []


SIGNATURE: Final[Mapping[int, Expectation]] = {90: _verdict, 91: _verified, 92: _findings}
