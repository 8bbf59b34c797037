"""What was recorded late, on pages: the decision that lets it count, and whose numbers are told."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Final

import psycopg
import pytest

from jieru.database import connect
from tests.integration.test_procedure_api import Bureau, opened
from tests.support.procedure import frozen, published, write_key
from tests.support.registry_builder import RegistryBuilder, days_between
from tests.support.registry_files import uscc_of
from verifier.counting.opening_stocks import accept_opening_stock, confirm_opening_stock

_HEARD: Final = [
    day for day in days_between(date(2026, 3, 2), date(2026, 6, 30)) if day.isoweekday() != 7
]
_RECORDED_ON: Final = date(2026, 10, 31)
_FIRST: Final = f"/counts/2026/xielian/{uscc_of(1)}"
_DECISION: Final = "/counts/2026/decision?act="


def _late(build: RegistryBuilder, number: int, platform: str) -> None:
    """An enterprise that would count, had it not been recorded after its evidence."""
    uscc = build.enterprise(number)
    build.connection(platform, uscc, date(2026, 3, 1), recorded_on=_RECORDED_ON)
    for place in range(3):
        serial = f"m{number}-{place}"
        build.presence(build.device(platform, serial), _HEARD)
        build.assignment(platform, serial, uscc, date(2026, 3, 1), recorded_on=_RECORDED_ON)


def _fill(connection: psycopg.Connection) -> None:
    """One late enterprise on xielian, three on guolian, of which an opening stock accepts all."""
    build = RegistryBuilder(connection)
    build.platform("xielian")
    build.platform("guolian")
    for number, platform in enumerate(("xielian", "guolian", "guolian", "guolian"), start=1):
        _late(build, number, platform)
    stock = accept_opening_stock(
        connection, "guolian", _RECORDED_ON, reason="第12次办公会纪要", decided_by="zheng"
    )
    confirm_opening_stock(connection, stock, by="wu")
    connection.commit()


@pytest.fixture
def bureau(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bureau]:
    """The bureau on that registry, trusting the tests' key."""
    with connect(database_url) as connection:
        _fill(connection)
    key = write_key(tmp_path_factory.mktemp("keys") / "key.pem")
    with opened(database_url, signing_key_file=str(key)) as bureau:
        bureau.now = datetime.now(UTC)
        yield bureau


async def test_the_page_of_a_late_enterprise_offers_the_decision_that_two_people_take(
    bureau: Bureau,
) -> None:
    """It is recorded by form, confirmed by form by another person, and then counts."""
    page = await bureau.ask("GET", _FIRST, person="zheng")
    assert f"{_DECISION}backdate&amp;platform=xielian" in page.text
    looked = await bureau.ask("GET", _FIRST, person="chen")
    assert "act=backdate" not in looked.text
    case = {"platform": "xielian", "uscc": uscc_of(1)}
    form = await bureau.ask(
        "GET", f"{_DECISION}backdate&platform=xielian&uscc={uscc_of(1)}", person="zheng"
    )
    assert "count from their first day" in form.text
    refused = await bureau.send(f"{_DECISION}backdate", {**case, "reason": ""})
    assert (refused.status_code, "mistake-reason" in refused.text) == (422, True)
    taken = await bureau.send(f"{_DECISION}backdate", {**case, "reason": "合同已核对"})
    assert taken.status_code == 303, taken.text
    assert (await bureau.send(f"{_DECISION}confirm", {"number": "1"})).status_code == 409
    waits = (await bureau.ask("GET", _FIRST, person="wu")).text
    assert "waits for a second person" in waits
    assert f"{_DECISION}confirm&amp;number=1" in waits
    confirmed = await bureau.send(f"{_DECISION}confirm", {"number": "1"}, "wu")
    assert confirmed.status_code == 303, confirmed.text
    counted = (await bureau.ask("GET", "/api/v1" + _FIRST, person="zheng")).json()
    assert counted["outcome"] == "counted"
    assert {each["decision"] for each in counted["backdated"]} == {1}


async def test_an_operator_reads_the_own_numbers_of_late_records_in_a_stored_count(
    bureau: Bureau,
) -> None:
    """As in a count of now; nothing of other platforms, nor the opening stock of another one."""
    now = (await bureau.ask("GET", "/counts/2026", person="lin")).text
    assert "Of 1 enterprises, connections or assignments were recorded later" in now
    with connect(bureau.url) as connection:
        published(connection, frozen(connection))
    whole = (await bureau.ask("GET", "/counts/2026?revision=1", person="zheng")).text
    assert "Of 4 enterprises, connections or assignments were recorded later" in whole
    assert "which is so of 3; the outcome of 4 depends on it" in whole
    assert "第12次办公会纪要" in whole
    own = (await bureau.ask("GET", "/counts/2026?revision=1", person="lin")).text
    assert "Of 1 enterprises, connections or assignments were recorded later" in own
    assert "which is so of 0; the outcome of 1 depends on it" in own
    for secret in ("第12次办公会纪要", "guolian", uscc_of(2)):
        assert secret not in own
