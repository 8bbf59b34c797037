"""The API and its pages on a real database."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import httpx
import pytest
from fastapi import FastAPI

from api.access.roles import Role
from api.app import create_app
from jieru.database import connect, open_pool
from jieru.schema import migrate
from jieru.settings import Settings
from tests.support.callers import bearer
from tests.support.databases import DatabaseServer
from tests.support.registry_builder import RegistryBuilder, days_between
from tests.support.registry_files import uscc_of
from tests.support.roles import API, as_role
from tests.support.small_city import (
    AS_OF,
    COUNTED_ON_XIELIAN,
    HELD,
    LAST,
    ON_GUOLIAN,
    PENDING,
    TOTAL_YUAN,
    build_small_city,
    name_of,
)
from verifier.counting.explain import explain
from verifier.counting.run import count_year
from verifier.policy import load_policy

POLICY = load_policy("putian-2026")

UNKNOWN_KEY = {"authorization": f"Bearer jieru_00000000_{'A' * 43}"}

_RENAME_ENTERPRISE = "UPDATE enterprises SET name = %s WHERE uscc = %s"
_RENAME_PLATFORM = "UPDATE platforms SET name = %s WHERE code = %s"


@pytest.fixture(scope="module")
def city_url(embedded_server: DatabaseServer) -> Iterator[str]:
    """A simulation that holds the small city."""
    with embedded_server.database() as url:
        migrate(url, simulation=True)
        with connect(url) as connection:
            build_small_city(connection)
        yield url


@dataclass(frozen=True)
class Asker:
    """Asks an application, with a key unless told otherwise, in English unless told otherwise."""

    app: FastAPI
    key: Mapping[str, str]

    async def __call__(self, address: str, **headers: str) -> httpx.Response:
        """One request."""
        transport = httpx.ASGITransport(app=self.app)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with httpx.AsyncClient(transport=transport, base_url="http://jieru.test") as client:
            return await client.get(address, headers={"accept-language": "en", **self.key, **named})


@contextmanager
def asking(url: str, role: Role = Role.AUDITOR, platform: str | None = None) -> Iterator[Asker]:
    """An application on this database, and somebody with this role."""
    with connect(url) as connection:
        key = bearer(connection, role, platform)
    with open_pool(as_role(url, API), size=4) as pool:
        yield Asker(create_app(Settings(), pool, as_of=lambda: AS_OF, year=2026), key)


@pytest.fixture(scope="module")
def ask(city_url: str) -> Iterator[Asker]:
    """An auditor of the small city."""
    with asking(city_url) as asker:
        yield asker


@pytest.fixture(scope="module")
def ask_as_operator(city_url: str) -> Iterator[Asker]:
    """The operator of xielian."""
    with asking(city_url, Role.OPERATOR, "xielian") as asker:
        yield asker


async def test_health_is_well_with_a_database_of_our_schema(ask: Asker) -> None:
    """Reachable and current."""
    answer = await ask("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": "reachable", "schema": "current"}


async def test_health_is_503_on_a_database_without_our_schema(embedded_url: str) -> None:
    """It says so, instead of failing at the first count."""
    with open_pool(embedded_url, size=1) as pool:
        asker = Asker(create_app(Settings(), pool), UNKNOWN_KEY)
        answer = await asker("/healthz")
        count = await asker("/api/v1/counts/2026")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "database": "reachable", "schema": "other"}
    assert count.status_code == 503
    assert count.json()["type"] == "/docs#problem-not_ready"


async def test_the_count_is_the_verifiers(ask: Asker, city_url: str) -> None:
    """The same object as `jieru count --json`, down to the last key."""
    answer = await ask("/api/v1/counts/2026")
    assert answer.status_code == 200
    with connect(city_url) as connection:
        count = count_year(connection, 2026, as_of=AS_OF, policy=POLICY)
    assert answer.json() == count.to_json_object()
    platforms = {each["platform"]: each for each in answer.json()["platforms"]}
    assert platforms["xielian"]["counted"] == COUNTED_ON_XIELIAN
    assert platforms["xielian"]["award_yuan"] == 150_000
    assert platforms["guolian"]["counted"] == len(ON_GUOLIAN)
    assert answer.json()["total_yuan"] == TOTAL_YUAN
    assert answer.json()["simulation"] is True


async def test_another_day_of_evidence_is_another_count(ask: Asker) -> None:
    """Nothing was complete by the end of April."""
    answer = await ask("/api/v1/counts/2026?as_of=2026-04-30")
    assert answer.json()["as_of"] == "2026-04-30"
    assert [each["counted"] for each in answer.json()["platforms"]] == [0, 0, 0]


async def test_a_notice_speaks_the_language_of_its_reader(ask: Asker) -> None:
    """Not that of the process."""
    answer = await ask("/api/v1/counts/2026?as_of=2025-12-31&lang=en")
    (notice,) = answer.json()["notices"]
    assert notice == {
        "code": "before_the_year",
        "message": "The evidence ends on 2025-12-31, before 2026 began.",
    }


async def test_one_platform_can_be_asked_for(ask: Asker) -> None:
    """The total is then its own."""
    answer = await ask("/api/v1/counts/2026?platform=guolian")
    assert [each["platform"] for each in answer.json()["platforms"]] == ["guolian"]
    assert answer.json()["total_yuan"] == 320_000


async def test_the_explanation_is_the_verifiers(ask: Asker, city_url: str) -> None:
    """The same object as `jieru explain --json`."""
    answer = await ask(f"/api/v1/counts/2026/xielian/{uscc_of(HELD)}")
    assert answer.status_code == 200
    with connect(city_url) as connection:
        found = explain(connection, 2026, "xielian", uscc_of(HELD), as_of=AS_OF, policy=POLICY)
    expected = json.loads(json.dumps(found.to_json_object()))
    # The same instant, written by another library.
    decisions = [each | {"decided_at": None} for each in answer.json()["decisions"]]
    expected["decisions"] = [each | {"decided_at": None} for each in expected["decisions"]]
    assert answer.json() | {"decisions": decisions} == expected
    assert answer.json()["outcome"] == "held"


@pytest.mark.parametrize(
    "path",
    [
        "2019",
        "2101",
        "99999999999999999999",
        "2026?platform=nowhere",
        "2026/nowhere/" + uscc_of(1),
        "2026/xielian/" + uscc_of(999),
        "2026/xielian/NONSENSE",
        "2026/xielian/%00",
        "2026/%00/" + uscc_of(1),
        "2026/guolian/" + uscc_of(1),
        "2022/xielian/" + uscc_of(1),
        "2019/xielian/" + uscc_of(1),
    ],
)
async def test_what_is_not_there_is_a_404_problem(ask: Asker, path: str) -> None:
    """Year, platform, enterprise, or the two together."""
    answer = await ask(f"/api/v1/counts/{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 404
    assert answer.json()["detail"]


async def test_the_page_shows_totals_and_reasons_and_the_simulation_mark(ask: Asker) -> None:
    """In the reader's language."""
    page = (await ask("/counts/2026")).text
    assert "This database holds simulated data" in page
    assert f"{TOTAL_YUAN:,}" in page
    assert "at the cap" in page
    chinese = (await ask("/counts/2026", accept_language="zh-CN")).text
    assert '<html lang="zh-CN">' in chinese


async def test_a_database_that_is_no_simulation_has_no_mark(database_url: str) -> None:
    """And the page works on TimescaleDB, with nothing in it yet."""
    with asking(database_url) as asker:
        answer = await asker("/counts/2027")
    assert answer.status_code == 200
    assert "simulated" not in answer.text
    assert "No enterprise fits." in answer.text


async def test_htmx_gets_only_the_determinations_and_the_address_to_show(ask: Asker) -> None:
    """What was left empty does not clutter the address."""
    answer = await ask(
        "/counts/2026?as_of=2027-03-15&outcome=pending&platform=&text=",
        hx_request="true",
        hx_target="determinations",
    )
    assert "<html" not in answer.text
    assert name_of(PENDING) in answer.text
    assert name_of(HELD) not in answer.text
    assert "complete on 2027-03-20 at the earliest" in answer.text
    assert answer.headers["hx-push-url"] == "/counts/2026?as_of=2027-03-15&outcome=pending"
    assert "HX-Target" in answer.headers["vary"]


async def test_the_filter_works_without_a_script_and_pages_follow_it(ask: Asker) -> None:
    """The whole page with the second half of the rows."""
    first = (await ask("/counts/2026")).text
    second = (await ask("/counts/2026?page=2")).text
    assert "page=2" in first
    assert uscc_of(LAST) in second
    assert uscc_of(LAST) not in first
    filtered = (await ask(f"/counts/2026?text={uscc_of(LAST)}")).text
    assert "1 of " in filtered


async def test_the_detail_is_a_part_for_htmx_and_a_page_for_everyone_else(ask: Asker) -> None:
    """The same content under the same address."""
    address = f"/counts/2026/xielian/{uscc_of(HELD)}?as_of=2027-03-15"
    part = await ask(address, hx_request="true", hx_target="detail-body")
    page = await ask(address)
    assert "<html" not in part.text
    assert "<html" in page.text
    for text in (part.text, page.text):
        assert "held by decision #" in text
        assert "林核验" in text
        assert "at least 60" in text


async def test_a_name_with_markup_stays_a_name(embedded_database_url: str) -> None:
    """Names come from files that others wrote."""
    with connect(embedded_database_url) as connection:
        build_small_city(connection)
        connection.execute(_RENAME_ENTERPRISE, ("</script><b>bold</b>", uscc_of(1)))
        connection.execute(_RENAME_PLATFORM, ("</script><i>x</i>", "xielian"))
    with asking(embedded_database_url) as asker:
        page = (await asker("/counts/2026")).text
    assert "<b>bold" not in page
    assert "<i>x" not in page
    assert "&lt;b&gt;bold" in page


async def test_the_counts_offer_the_year_that_the_application_was_told(ask: Asker) -> None:
    """The demonstration shows the year it played; no count is kept there."""
    answer = await ask("/counts")
    assert answer.status_code == 200
    assert '<option value="2026" selected>' in answer.text
    assert "No count is kept yet." in answer.text


async def test_the_form_of_the_year_keeps_the_day_of_evidence(ask: Asker) -> None:
    """It works without a script."""
    answer = await ask("/counts?year=2025&as_of=2026-03-31")
    assert answer.headers["location"] == "/counts/2025?as_of=2026-03-31"
    emptied = await ask("/counts?year=2025&as_of=")
    assert emptied.headers["location"] == "/counts/2025"


async def test_a_year_that_is_no_number_is_a_422_that_names_it(ask: Asker) -> None:
    """For programs a document."""
    answer = await ask("/api/v1/counts/next?as_of=soon")
    assert answer.status_code == 422
    assert [(each["location"], each["field"]) for each in answer.json()["errors"]] == [
        ("path", "year"),
        ("query", "as_of"),
    ]


async def test_an_operator_sees_the_own_platform_alone(ask: Asker, ask_as_operator: Asker) -> None:
    """Its part of the count is the same as everyone's, and nobody else's is there."""
    whole = (await ask("/api/v1/counts/2026")).json()
    for query in ("", "?platform=xielian", "?platform="):
        own = (await ask_as_operator(f"/api/v1/counts/2026{query}")).json()
        assert own["platforms"] == [
            each for each in whole["platforms"] if each["platform"] == "xielian"
        ]
        assert own["total_yuan"] == 150_000
        assert own["overlaps"] == []
    page = (await ask_as_operator("/counts/2026")).text
    assert "平台 xielian" in page
    assert "guolian" not in page
    assert "wuming" not in page
    explanation = f"/counts/2026/xielian/{uscc_of(HELD)}"
    assert (await ask_as_operator(explanation)).status_code == 200
    assert (await ask_as_operator(f"/api/v1{explanation}")).status_code == 200


@pytest.mark.parametrize(
    ("theirs", "nowhere"),
    [
        ("/api/v1/counts/2026?platform=guolian", "/api/v1/counts/2026?platform=nowhere"),
        ("/counts/2026?platform=guolian", "/counts/2026?platform=nowhere"),
        (
            f"/api/v1/counts/2026/guolian/{uscc_of(31)}",
            f"/api/v1/counts/2026/nowhere/{uscc_of(31)}",
        ),
        (f"/counts/2026/guolian/{uscc_of(31)}", f"/counts/2026/nowhere/{uscc_of(31)}"),
    ],
)
async def test_an_operator_hears_of_another_platform_what_is_said_of_none(
    ask_as_operator: Asker, theirs: str, nowhere: str
) -> None:
    """Word for word, but for the code that was asked."""
    answer, unknown = await ask_as_operator(theirs), await ask_as_operator(nowhere)
    assert answer.status_code == unknown.status_code == 404
    assert answer.text == unknown.text.replace("nowhere", "guolian")


async def test_an_enterprise_that_counts_twice_is_no_business_of_one_operator(
    embedded_database_url: str,
) -> None:
    """The bureau sees the overlap."""
    with connect(embedded_database_url) as connection:
        builder = RegistryBuilder(connection)
        days = days_between(date(2026, 3, 2), date(2026, 9, 30))
        for code in ("xielian", "guolian"):
            builder.platform(code)
        uscc = builder.served_enterprise(1, "xielian", days)
        builder.connection("guolian", uscc)
        for place in range(3):
            builder.presence(builder.device("guolian", f"g{place}", uscc), days)
        connection.commit()
    with asking(embedded_database_url) as asker:
        overlaps = (await asker("/api/v1/counts/2026")).json()["overlaps"]
    assert [each["uscc"] for each in overlaps] == [uscc]
    with asking(embedded_database_url, Role.OPERATOR, "xielian") as asker:
        own = await asker("/api/v1/counts/2026")
        page = await asker("/counts/2026")
    assert own.json()["platforms"][0]["counted"] == 1
    for answer in (own, page):
        assert answer.status_code == 200
        assert "guolian" not in answer.text
