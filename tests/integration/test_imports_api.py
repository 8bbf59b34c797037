"""Imports through the API: check, mend, apply; who may import what."""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

import httpx
import psycopg
import pytest
import xlsxwriter
from fastapi import FastAPI

from api.access.roles import Role
from api.app import create_app
from api.imports.downloads import CSV_MEDIA_TYPE, XLSX_MEDIA_TYPE
from api.imports.upload import FILE_FIELD
from jieru.database import connect, open_pool
from jieru.settings import Settings
from registry.files import parse_sheet
from registry.kinds import KINDS, KindName
from tests.support.callers import bearer
from tests.support.registry_builder import RegistryBuilder
from tests.support.registry_files import header_of, registry_csv, uscc_of

ONE, TWO, NEW = uscc_of(1), uscc_of(2), uscc_of(3)
Headers = dict[str, str]
DEVICE: Final = ["alpha", "d1", ONE, "铣床", "一号", "2026-01-01", ""]
TABLES: Final = ("platforms", "enterprises", "connections", "devices", "assignments")


class City:
    """An application on a registry of two platforms, and its callers."""

    def __init__(self, app: FastAPI, connection: psycopg.Connection) -> None:
        """Register what the tests speak of."""
        self._app = app
        self.connection = connection
        builder = RegistryBuilder(connection)
        for platform, number in (("alpha", 1), ("beta", 2)):
            builder.connection(builder.platform(platform), builder.enterprise(number))
        connection.commit()
        self.admin = bearer(connection, Role.ADMIN)
        self.operator = bearer(connection, Role.OPERATOR, "alpha")
        self.other_operator = bearer(connection, Role.OPERATOR, "beta")

    async def ask(self, method: str, path: str, caller: Headers, **rest: Any) -> httpx.Response:  # noqa: ANN401 - httpx's
        """One request, in English unless asked otherwise."""
        headers = {"accept-language": "en", **caller, **rest.pop("headers", {})}
        transport = httpx.ASGITransport(app=self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://jieru.test") as client:
            return await client.request(method, f"/api/v1/imports{path}", headers=headers, **rest)

    async def send(
        self,
        kind: KindName,
        *rows: Sequence[str],
        caller: Headers | None = None,
        dry_run: bool = False,
        **headers: str,
    ) -> httpx.Response:
        """Import rows as CSV, as the administrator unless told otherwise."""
        return await self.ask(
            "POST",
            f"/{kind}?dry_run={str(dry_run).lower()}",
            caller or self.admin,
            content=registry_csv(kind, *rows).encode(),
            headers={"content-type": CSV_MEDIA_TYPE, **headers},
        )

    def counts(self) -> dict[str, int]:
        """How many rows each table has."""
        self.connection.rollback()
        found = {}
        for table in TABLES:
            row = self.connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - our own names
            assert row
            found[table] = row[0]
        return found

    def one(self, query: str, *values: object) -> object:
        """The only value that a query gives."""
        self.connection.rollback()
        row = self.connection.execute(query.encode(), values).fetchone()
        assert row
        return row[0]


@pytest.fixture
def city(database_url: str) -> Iterator[City]:
    """Two platforms, each with an enterprise."""
    with (
        open_pool(database_url, size=4) as pool,
        connect(database_url) as connection,
    ):
        yield City(create_app(Settings(), pool), connection)


def reasons(answer: httpx.Response) -> list[tuple[int, str, str]]:
    """The row errors of a rejected import."""
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return [(each["row"], each["column"], each["reason"]) for each in answer.json()["row_errors"]]


async def test_a_right_file_is_imported_and_recorded(city: City) -> None:
    """The answer says how many rows did what; the audit says who did it."""
    answer = await city.send("devices", DEVICE)
    assert answer.status_code == 200
    said = answer.json()
    assert (said["outcome"], said["created"], said["error_count"]) == ("applied", 1, 0)
    assert city.counts()["devices"] == 1
    kept = (await city.ask("GET", f"/{said['id']}", city.admin)).json()
    assert kept == said
    actor = city.one("SELECT actor FROM audit_entries WHERE record_kind = 'devices'")
    assert actor == said["uploaded_by"]
    assert city.one("SELECT content IS NULL FROM imports") is True


async def test_a_dry_run_writes_nothing_and_is_applied_later(city: City) -> None:
    """By its number, with the same result."""
    before = city.counts()
    checked = (await city.send("devices", DEVICE, dry_run=True)).json()
    assert city.counts() == before
    assert (checked["outcome"], checked["dry_run"], checked["is_applicable"]) == (
        "checked",
        True,
        True,
    )
    applied = (await city.ask("POST", f"/{checked['id']}/apply", city.admin)).json()
    assert (applied["id"], applied["outcome"], applied["created"]) == (checked["id"], "applied", 1)
    assert city.counts() == before | {"devices": 1, "assignments": 1}


async def test_a_dry_run_is_applied_once(city: City) -> None:
    """The second time is a conflict, and changes nothing."""
    checked = (await city.send("devices", DEVICE, dry_run=True)).json()
    await city.ask("POST", f"/{checked['id']}/apply", city.admin)
    again = await city.ask("POST", f"/{checked['id']}/apply", city.admin)
    assert again.status_code == 409
    assert again.json()["detail"] == f"The import {checked['id']} was applied already."
    assert city.counts()["devices"] == 1


async def test_a_dry_run_is_checked_anew_when_it_is_applied(city: City) -> None:
    """What fitted the registry may fit it no more."""
    checked = (await city.send("devices", DEVICE, dry_run=True)).json()
    await city.send("devices", ["alpha", "d1", TWO, "", "", "2025-06-01", ""])
    before = city.counts()
    refused = await city.ask("POST", f"/{checked['id']}/apply", city.admin)
    assert [(row, column) for row, column, _reason in reasons(refused)] == [(2, "assigned_from")]
    assert refused.json()["import_id"] == checked["id"]
    assert city.counts() == before
    kept = (await city.ask("GET", f"/{checked['id']}", city.admin)).json()
    assert (kept["outcome"], kept["is_applicable"]) == ("rejected", False)
    again = await city.ask("POST", f"/{checked['id']}/apply", city.admin)
    assert again.status_code == 409


async def test_a_dry_run_of_yesterday_is_not_applied(city: City) -> None:
    """Its file is gone with the next upload, and refused before."""
    checked = (await city.send("devices", DEVICE, dry_run=True)).json()
    city.connection.execute("UPDATE imports SET uploaded_at = now() - %s", (timedelta(hours=25),))
    city.connection.commit()
    refused = await city.ask("POST", f"/{checked['id']}/apply", city.admin)
    assert refused.status_code == 409
    assert "no longer kept" in refused.json()["detail"]
    await city.send("devices", DEVICE, dry_run=True)
    assert city.one("SELECT content IS NULL FROM imports WHERE id = %s", checked["id"]) is True


async def test_errors_are_forgotten_after_a_month(city: City) -> None:
    """The import itself stays on record."""
    refused = (await city.send("devices", ["alpha", "", "", "", "", "", ""])).json()
    city.connection.execute("UPDATE imports SET uploaded_at = now() - interval '31 days'")
    city.connection.commit()
    await city.send("devices", DEVICE, dry_run=True)
    kept = (await city.ask("GET", f"/{refused['import_id']}", city.admin)).json()
    assert (kept["outcome"], kept["error_count"], kept["errors"]) == ("rejected", 1, [])
    gone = await city.ask("GET", f"/{refused['import_id']}/failed-rows.csv", city.admin)
    assert gone.status_code == 404


async def test_one_wrong_row_keeps_all_out(city: City) -> None:
    """Every error is listed with its row, column and reason."""
    before = city.counts()
    refused = await city.send(
        "devices",
        DEVICE,
        ["alpha", "bad serial", "", "", "", "", ""],
        ["gamma", "d3", NEW, "", "", "2026-01-01", ""],
    )
    found = reasons(refused)
    assert [(row, column) for row, column, _reason in found] == [
        (3, "serial"),
        (4, "platform"),
        (4, "uscc"),
    ]
    assert found[1][2] == "The platform gamma is not registered: import it first."
    assert refused.json()["error_count"] == 3
    assert "Errors: 3; bad rows: 2" in refused.json()["detail"]
    assert city.counts() == before


async def test_reasons_speak_the_language_of_each_reader(city: City) -> None:
    """Also of one who reads them later."""
    refused = await city.send("devices", ["alpha", "", "", "", "", "", ""], accept_language="zh-CN")
    chinese = {"accept-language": "zh-CN"}
    number = refused.json()["import_id"]
    later = await city.ask("GET", f"/{number}", city.admin, headers=chinese)
    listed = await city.ask("GET", f"/{number}/errors.csv", city.admin, headers=chinese)
    assert later.json()["errors"] == [{"row": 2, "column": "serial", "reason": "必填项为空。"}]
    assert later.json()["message"].endswith("未导入任何数据：共 1 处错误，涉及 1 行。")
    assert listed.content.decode("utf-8-sig").splitlines() == [
        "row,column,reason",
        "2,serial,必填项为空。",
    ]
    english = await city.ask("GET", f"/{number}", city.admin)
    assert english.json()["errors"][0]["reason"] == "Is empty, but required."


@pytest.mark.parametrize("form", ["csv", "xlsx"])
async def test_failed_rows_are_mended_and_imported_again(city: City, form: str) -> None:
    """Only they come back, as they were, with a column of reasons that need not be removed."""
    refused = await city.send(
        "devices",
        DEVICE,
        ["alpha", "0012", "", "=1+1", "", "2026-01-01", ""],
        ["alpha", "too", "short"],
    )
    assert refused.status_code == 422
    number = refused.json()["import_id"]
    download = await city.ask("GET", f"/{number}/failed-rows.{form}", city.admin)
    sheet = parse_sheet(download.content, f"failed.{form}", {"reasons"})
    header, first, second = (row.cells for row in sheet)
    assert header == ["reasons", *header_of("devices")]
    formula = "'=1+1" if form == "csv" else "=1+1"
    assert first[1:7] == ["alpha", "0012", "", formula, "", "2026-01-01"]
    assert str(first[0]).startswith("uscc: ")
    assert str(second[0]).startswith("The row has 3 cells")
    assert second[1:4] == ["alpha", "too", "short"]
    mended = [header, [*first[:3], ONE, *first[4:]]]
    media_type = CSV_MEDIA_TYPE if form == "csv" else XLSX_MEDIA_TYPE
    again = await city.ask(
        "POST",
        "/devices",
        city.admin,
        content=(_csv_of if form == "csv" else _xlsx_of)(mended),
        headers={"content-type": media_type},
    )
    assert again.json()["created"] == 1
    assert city.one("SELECT kind FROM devices WHERE serial = '0012'") == "=1+1"


def _csv_of(rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _xlsx_of(rows: Sequence[Sequence[Any]]) -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"strings_to_formulas": False}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return content.getvalue()


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("kind", list(KINDS))
async def test_a_template_is_a_file_without_rows(
    city: City, kind: KindName, form: str, language: str
) -> None:
    """It is taken as it stands, and says that there was nothing to do."""
    template = await city.ask("GET", f"/templates/{kind}.{form}?header={language}", city.operator)
    assert f'filename="{kind}.{form}"' in template.headers["content-disposition"]
    header = parse_sheet(template.content, "template", {"code"})[0].cells
    columns = KINDS[kind].everyday_columns
    assert header == [each.chinese if language == "zh" else each.name for each in columns]
    answer = await city.ask(
        "POST",
        f"/{kind}",
        city.admin,
        content=template.content,
        headers={"content-type": CSV_MEDIA_TYPE if form == "csv" else XLSX_MEDIA_TYPE},
    )
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["created"], said["changed"], said["unchanged"]) == (0, 0, 0)


async def test_a_form_may_carry_the_file(city: City) -> None:
    """As pages send it, under its own name."""
    content = registry_csv("devices", DEVICE).encode()
    files = {FILE_FIELD: ("设备.csv", content, "application/vnd.ms-excel")}
    answer = await city.ask("POST", "/devices", city.admin, files=files)
    assert (answer.json()["created"], answer.json()["file_name"]) == (1, "设备.csv")


async def test_a_form_without_a_file_is_refused(city: City) -> None:
    """The field is named."""
    answer = await city.ask("POST", "/devices", city.admin, files={"other": b"x"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == FILE_FIELD


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", ""])
async def test_a_body_of_another_kind_is_refused(city: City, media_type: str) -> None:
    """415, and nothing is recorded."""
    headers = {"content-type": media_type}
    answer = await city.ask("POST", "/devices", city.admin, content=b"x", headers=headers)
    assert answer.status_code == 415
    assert city.one("SELECT count(*) FROM imports") == 0


async def test_a_body_that_is_too_large_is_refused(city: City) -> None:
    """413, and nothing is recorded."""
    headers = {"content-type": CSV_MEDIA_TYPE}
    content = b"x" * (33 << 20)
    answer = await city.ask("POST", "/devices", city.admin, content=content, headers=headers)
    assert answer.status_code == 413
    assert city.one("SELECT count(*) FROM imports") == 0


@pytest.mark.parametrize(
    ("content", "media_type", "said"),
    [
        (b"", CSV_MEDIA_TYPE, "Row 1 is empty"),
        (b"a,b\n", CSV_MEDIA_TYPE, "The header must hold exactly the columns"),
        (b"\x00\xff", CSV_MEDIA_TYPE, "neither CSV in UTF-8 or GB18030"),
        (b"PK\x03\x04", XLSX_MEDIA_TYPE, "is no workbook that can be read"),
    ],
)
async def test_a_file_that_cannot_be_read_is_recorded_with_its_reason(
    city: City, content: bytes, media_type: str, said: str
) -> None:
    """In one sentence, without row errors."""
    headers = {"content-type": media_type}
    answer = await city.ask("POST", "/devices", city.admin, content=content, headers=headers)
    assert reasons(answer) == []
    assert said in answer.json()["detail"]
    kept = (await city.ask("GET", f"/{answer.json()['import_id']}", city.admin)).json()
    assert said in kept["message"]


async def test_what_the_database_refuses_is_recorded_too(city: City) -> None:
    """Its constraints are the last line; nothing is written."""
    city.connection.execute("ALTER TABLE devices ADD CONSTRAINT no_bad CHECK (name <> '坏')")
    city.connection.commit()
    answer = await city.send("devices", DEVICE, ["alpha", "d2", "", "", "坏", "", ""])
    assert reasons(answer) == []
    assert "no_bad" in answer.json()["detail"]
    assert city.counts()["devices"] == 0


@pytest.mark.parametrize("kind", ["platforms", "recognitions"])
async def test_an_operator_says_nothing_of_platforms(city: City, kind: KindName) -> None:
    """Nor of their recognition."""
    answer = await city.send(kind, caller=city.operator)
    assert answer.status_code == 403
    assert city.one("SELECT count(*) FROM imports") == 0


async def test_an_operator_imports_for_the_own_platform_only(city: City) -> None:
    """Whether another platform exists, and what it holds, is not said."""
    await city.send("devices", ["beta", "d1", TWO, "", "", "2026-01-01", ""])
    refused = await city.send(
        "devices",
        ["beta", "d1", ONE, "", "", "2026-01-01", ""],
        ["gamma", "d1", ONE, "", "", "2026-01-01", ""],
        DEVICE,
        caller=city.operator,
    )
    assert reasons(refused) == [
        (row, "platform", "Is not your platform: you can import for alpha only.") for row in (2, 3)
    ]
    assert (await city.send("devices", DEVICE, caller=city.operator)).status_code == 200


async def test_an_operator_keeps_the_enterprises_it_registers(city: City) -> None:
    """And may correct them, while others may not."""
    row = [NEW, "三厂", "licheng", "C3311"]
    assert (await city.send("enterprises", row, caller=city.operator)).json()["created"] == 1
    keeper = """
        SELECT code FROM enterprises LEFT JOIN platforms ON platforms.id = kept_by_platform_id
        WHERE uscc = %s
    """
    assert city.one(keeper, NEW) == "alpha"
    corrected = [NEW, "三分厂", "licheng", "C3311"]
    changed = await city.send("enterprises", corrected, caller=city.operator)
    assert changed.json()["changed"] == 1
    assert city.one(keeper, NEW) == "alpha"
    ((line, column, reason),) = reasons(
        await city.send("enterprises", row, caller=city.other_operator)
    )
    assert (line, column) == (2, "uscc")
    assert "alpha" not in reason
    assert "三分厂" not in reason


async def test_an_operator_may_list_what_others_keep_as_it_is(city: City) -> None:
    """An unchanged row changes nothing."""
    row = [ONE, "第1鞋厂", "licheng", "C1810"]
    answer = await city.send("enterprises", row, caller=city.operator)
    assert answer.json()["unchanged"] == 1


async def test_the_bureau_keeps_what_it_has_changed(city: City) -> None:
    """From then on no operator changes it."""
    row = [NEW, "三厂", "licheng", "C3311"]
    await city.send("enterprises", row, caller=city.operator)
    await city.send("enterprises", [NEW, "三厂", "hanjiang", "C3311"])
    assert (
        city.one("SELECT kept_by_platform_id IS NULL FROM enterprises WHERE uscc = %s", NEW) is True
    )
    refused = await city.send("enterprises", row, caller=city.operator)
    assert [line for line, _column, _reason in reasons(refused)] == [2]


async def test_imports_of_others_are_as_good_as_none(city: City) -> None:
    """To read, to download and to apply; an administrator sees them all."""
    mine = (await city.send("devices", DEVICE, caller=city.operator, dry_run=True)).json()["id"]
    for method, path in (
        ("GET", ""),
        ("GET", "/errors.csv"),
        ("GET", "/failed-rows.csv"),
        ("GET", "/failed-rows.xlsx"),
        ("POST", "/apply"),
    ):
        answer = await city.ask(method, f"/{mine}{path}", city.other_operator)
        assert answer.status_code == 404, path
    for caller, ids in ((city.operator, [mine]), (city.other_operator, []), (city.admin, [mine])):
        listed = (await city.ask("GET", "", caller)).json()
        assert [each["id"] for each in listed["items"]] == ids


async def test_imports_are_listed_in_pages_newest_first(city: City) -> None:
    """A cursor leads from one to the next."""
    ids = [(await city.send("devices", DEVICE, dry_run=True)).json()["id"] for _time in range(3)]
    first = (await city.ask("GET", "?limit=2", city.admin)).json()
    second = (await city.ask("GET", f"?limit=2&cursor={first['next_cursor']}", city.admin)).json()
    assert [each["id"] for each in first["items"] + second["items"]] == ids[::-1]
    assert second["next_cursor"] is None


async def test_an_auditor_reads_imports_and_sends_none(city: City) -> None:
    """Reads everything, changes nothing."""
    auditor = bearer(city.connection, Role.AUDITOR)
    assert (await city.send("devices", DEVICE, caller=auditor)).status_code == 403
    assert (await city.ask("GET", "", auditor)).status_code == 200


ASKED: Final = ["alpha", TWO, "HT-2", "2026-02-20", "2026-03-01", ""]
SAID: Final = ["alpha", ONE, "HT-1", "", "2026-07-01", ""]


@pytest.fixture
def asking_city(city: City) -> City:
    """Alpha's connection with its own enterprise has ended, so that another one fits."""
    city.connection.execute("UPDATE connections SET to_date = '2026-06-01'")
    city.connection.commit()
    return city


async def test_rows_of_others_enterprises_become_requests(asking_city: City) -> None:
    """A dry run says which beforehand; the others are connected in the same transaction."""
    city = asking_city
    before = city.counts()
    checked = await city.send("connections", SAID, ASKED, caller=city.operator, dry_run=True)
    said = checked.json()
    assert (said["created"], said["requested"], said["requested_rows"]) == (1, 1, [3])
    assert city.counts() == before
    assert city.one("SELECT count(*) FROM connection_requests") == 0
    applied = await city.ask("POST", f"/{said['id']}/apply", city.operator)
    assert applied.json()["requested_rows"] == [3]
    assert city.counts()["connections"] == before["connections"] + 1
    asked = city.one(
        "SELECT (uscc, contract_no, signed_on, from_date, to_date, requested_by, status)::text "
        "FROM connection_requests"
    )
    by = applied.json()["applied_by"]
    assert asked == f"({TWO},HT-2,2026-02-20,2026-03-01,,{by},open)"
    kept = (await city.ask("GET", f"/{said['id']}", city.operator)).json()
    assert (kept["requested"], kept["requested_rows"]) == (1, [3])


async def test_the_same_file_requests_once(asking_city: City) -> None:
    """Importing it again changes nothing, whatever else changed."""
    city = asking_city
    first = await city.send("connections", SAID, ASKED, caller=city.operator)
    again = await city.send("connections", SAID, ASKED, caller=city.operator)
    assert (first.json()["requested"], again.json()["requested"]) == (1, 0)
    assert again.json()["unchanged"] == 2
    assert city.one("SELECT count(*) FROM connection_requests") == 1


async def test_a_row_that_asks_otherwise_than_before_is_refused(asking_city: City) -> None:
    """What the bureau is about to confirm does not change under its eyes."""
    city = asking_city
    await city.send("connections", ASKED, caller=city.operator)
    other = await city.send("connections", [*ASKED[:5], "2027-01-01"], caller=city.operator)
    ((row, column, reason),) = reasons(other)
    assert (row, column) == (2, "contract_no, signed_on, to_date")
    assert "withdraw that request first" in reason


async def test_a_row_that_was_refused_is_not_asked_again_by_a_file(asking_city: City) -> None:
    """A program that sends its file each night would ask each night; by itself it may."""
    city = asking_city
    await city.send("connections", ASKED, caller=city.operator)
    city.connection.execute(
        "UPDATE connection_requests SET status = 'refused', decided_by = 'user:lin', "
        "decided_at = '2026-03-01 20:00Z', reason = '缺合同'"
    )
    city.connection.commit()
    ((row, column, reason),) = reasons(await city.send("connections", ASKED, caller=city.operator))
    assert (row, column) == (2, "uscc")
    assert reason.startswith("The bureau refused this connection on 2026-03-02")


@pytest.mark.parametrize("before", ["open", "refused"])
async def test_a_row_refused_as_a_request_does_not_tell_whether_the_enterprise_has_ended(
    asking_city: City, before: str
) -> None:
    """No more than one that becomes a request."""
    city = asking_city
    await city.send("connections", ASKED, caller=city.operator)
    if before == "refused":
        city.connection.execute(
            "UPDATE connection_requests SET status = 'refused', decided_by = 'user:lin', "
            "decided_at = now(), reason = '缺合同'"
        )
    row = [*ASKED[:5], "2027-01-01"]
    city.connection.commit()
    told = reasons(await city.send("connections", row, caller=city.operator))
    city.connection.execute("UPDATE enterprises SET ended_on = '2026-06-01'")
    city.connection.commit()
    assert reasons(await city.send("connections", row, caller=city.operator)) == told


async def test_a_device_of_anothers_enterprise_does_not_tell_whether_that_has_ended(
    city: City,
) -> None:
    """The row is refused in the same words before and after, as for one that is unknown."""
    row = [*DEVICE[:2], TWO, *DEVICE[3:]]
    told = reasons(await city.send("devices", row, caller=city.operator))
    assert [column for _row, column, _reason in told] == ["uscc"]
    city.connection.execute("UPDATE enterprises SET ended_on = '2026-06-01'")
    city.connection.commit()
    assert reasons(await city.send("devices", row, caller=city.operator)) == told


async def test_a_request_has_plausible_dates_too(asking_city: City) -> None:
    """As a connection has that a file registers, and a request that is made by itself."""
    city = asking_city
    rows = [[*ASKED[:4], "1990-03-01", ""], [*ASKED[:3], "2099-02-20", "2026-03-01", ""]]
    for row, column in zip(rows, ("from_date", "signed_on"), strict=True):
        refused = await city.send("connections", row, caller=city.operator)
        assert [each[1] for each in reasons(refused)] == [column]


async def test_one_bad_row_keeps_all_from_being_requested(asking_city: City) -> None:
    """All rows or none."""
    city = asking_city
    wrong = [*SAID[:4], "2026-13-01", ""]
    refused = await city.send("connections", ASKED, wrong, caller=city.operator)
    assert [row for row, _column, _reason in reasons(refused)] == [3]
    assert city.one("SELECT count(*) FROM connection_requests") == 0


async def test_requests_of_one_file_may_not_overlap(asking_city: City) -> None:
    """They could not both be confirmed."""
    city = asking_city
    later = [*ASKED[:4], "2026-05-01", ""]
    refused = await city.send("connections", ASKED, later, caller=city.operator)
    assert reasons(refused) != []


async def test_the_bureaus_file_asks_nobody(asking_city: City) -> None:
    """Its rows are connections at once."""
    city = asking_city
    answer = await city.send("connections", ASKED)
    assert (answer.json()["created"], answer.json()["requested"]) == (1, 0)
    assert city.one("SELECT count(*) FROM connection_requests") == 0
