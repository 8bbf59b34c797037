"""Draws and visits on a real database: published, drawn once, and said by the count."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import psycopg
import pytest

from jieru.audit import changing
from jieru.errors import UserError
from tests.integration.verifier.conftest import WORKED_EXAMPLE
from tests.support.procedure import (
    CHECKER,
    KEY,
    MAKER,
    POLICY,
    TRUSTED,
    drafted,
    later,
    submitted,
)
from tests.support.registry_builder import RegistryBuilder
from verifier.procedure.document import in_version
from verifier.procedure.freezing import export_count, freeze_count
from verifier.procedure.overview import count_summary
from verifier.procedure.recheck import recheck_count
from verifier.procedure.records import read_document
from verifier.procedure.verifying import faults
from verifier.reports.document import CountDocument
from verifier.trust.draws.drawing import read_list
from verifier.trust.draws.records import (
    Announcement,
    Draw,
    draw_by_id,
    drawn_enterprises,
    list_draws,
    publish_list,
    record_draw,
    results_of_year,
    waiting_draw,
)
from verifier.trust.draws.results import Found
from verifier.trust.draws.visits import Visit, VisitReport, list_visits, record_visit

_SEED: Final = b"6f1d2b0c\n"
_COMMITMENT: Final = hashlib.sha256(_SEED).hexdigest()
_PUBLISHED_AT: Final = MAKER.at
_ANNOUNCED: Final = Announcement("双色球 2027050 期", date(2027, 5, 9), _COMMITMENT)
_DRAWN_AT: Final = datetime(2027, 5, 9, 14, tzinfo=UTC)
_VALUE: Final = "03 07 12 18 25 31 + 09"


@pytest.fixture
def city(registry: RegistryBuilder) -> RegistryBuilder:
    """Two platforms with four enterprises and two, all of which count."""
    for platform, numbers in (("alpha", range(1, 5)), ("beta", range(5, 7))):
        registry.platform(platform)
        for number in numbers:
            uscc = registry.enterprise(number)
            registry.connection(platform, uscc)
            for device in range(3):
                serial = registry.device(platform, f"{number}-{device}", uscc)
                registry.heard(serial, WORKED_EXAMPLE, range(8, 13))
    return registry


def _publish(
    connection: psycopg.Connection,
    *,
    size: int = 3,
    announcement: Announcement = _ANNOUNCED,
) -> Draw:
    connection.commit()
    with changing(connection, MAKER.actor):
        return publish_list(
            connection,
            2026,
            size=size,
            announcement=announcement,
            by=MAKER.name,
            at=_PUBLISHED_AT,
        )


def _draw(
    connection: psycopg.Connection,
    draw: Draw,
    *,
    value: str = _VALUE,
    revealed: bytes | None = _SEED,
    at: datetime = _DRAWN_AT,
) -> Draw:
    connection.commit()
    with changing(connection, MAKER.actor):
        return record_draw(
            connection, draw, public_value=value, revealed=revealed, by=MAKER.name, at=at
        )
