"""Connecting equipment in the console: what it must be told, programs, what arrives as it does."""

import hashlib
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

import httpx
import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from fastapi import FastAPI

from api.access.roles import Role
from api.app import create_app
from api.connect.following import Following
from api.server import serving
from jieru.calendar import SHANGHAI
from jieru.database import connect, open_pool
from jieru.publishers import CLOUD_ID, ITSELF_ID
from jieru.settings import Settings
from tests.support.callers import bearer
from tests.support.certificates import Authority
from tests.support.credentials import issue_to, register_gateway
from tests.support.people import session_of
from tests.support.processes import free_port
from tests.support.registry_builder import RegistryBuilder
from tests.support.roles import API, as_role
from tests.support.served import jieru_serve
from tests.support.visiting import add_person, form_token_of, visiting

_PATIENCE_S: Final = 30.0
_DEVICE: Final = "/devices/alpha/CNC-01/connect"
_CLOUD: Final = "/platforms/alpha/connect"
_GATEWAY: Final = "/platforms/alpha/gateways/gw-1/connect"
_STREAM: Final = "/platforms/alpha/connect/arrivals"
_OF_DEVICE: Final = f"{_STREAM}?serial=CNC-01"
_HEARTBEAT: Final = """
    INSERT INTO heartbeats (device_id, time, received_at, publisher_id, status)
    SELECT id, %s, %s, %s, 'running' FROM devices WHERE serial = %s
"""
_STATE: Final = """
    INSERT INTO device_states (device_id, last_seen_at)
    SELECT id, %s FROM devices WHERE serial = %s
"""
_LATE: Final = """
    INSERT INTO presence (device_id, month, late_hours)
    SELECT id, %s, set_bit(0::bit(744), %s, 1) FROM devices WHERE serial = %s
"""
_BROKER_EVENT: Final = """
    INSERT INTO broker_events (hour, kind, platform_id, username, is_user, client_id, address,
                               topic, detail, number, first_at, at)
    VALUES (date_trunc('hour', now(), 'UTC'), %s,
            (SELECT id FROM platforms WHERE code = split_part(%s, '/', 1)), %s, true, '',
            '10.0.0.7', %s, %s, 1, now(), now())
"""
_REJECTION: Final = """
    INSERT INTO rejections (received_at, reason, topic, payload, payload_bytes)
    VALUES (now(), %s, %s, %s, %s)
"""


class _Event(NamedTuple):
    event: str
    data: str
    id: str


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """Two platforms; a device, a gateway and the operator lin of the first."""
    with connect(database_url) as connection:
        build = RegistryBuilder(connection)
        build.platform("alpha")
        build.platform("beta")
        build.device("alpha", "CNC-01")
        build.device("alpha", "CNC-02")
        row = connection.execute("SELECT id FROM platforms WHERE code = 'alpha'").fetchone()
        assert row is not None
        register_gateway(connection, row[0], "gw-1")
        add_person(connection, "lin", Role.OPERATOR, platform="alpha")
        add_person(connection, "he", Role.OPERATOR, platform="beta")
        yield connection


@pytest.fixture
def app(database_url: str, connection: psycopg.Connection) -> Iterator[FastAPI]:
    """The application on it."""
    del connection  # only what it has built
    with open_pool(as_role(database_url, API), size=4) as pool:
        yield create_app(Settings(equipment_mqtt_url="mqtt://mqtt.example.cn"), pool)


@pytest.fixture
def address(app: FastAPI) -> Iterator[str]:
    """Where it is served."""
    with serving(app, "127.0.0.1", 0) as address:
        yield address


def _hear(
    connection: psycopg.Connection,
    serial: str = "CNC-01",
    *,
    ago: timedelta = timedelta(seconds=1),
    publisher_id: int = ITSELF_ID,
) -> None:
    now = datetime.now(UTC)
    connection.execute(_HEARTBEAT, (now - ago, now, publisher_id, serial))
    connection.commit()


def _refuse(
    connection: psycopg.Connection, topic: str, payload: bytes, reason: str = "malformed_payload"
) -> None:
    connection.execute(_REJECTION, (reason, topic, payload, len(payload)))
    connection.commit()


@contextmanager
def _browser(address: str, session: str | None) -> Iterator[httpx.Client]:
    headers = {"accept": "text/event-stream", "accept-language": "en"}
    with httpx.Client(base_url=address, headers=headers, timeout=_PATIENCE_S) as client:
        if session is not None:
            client.cookies.set("jieru_session", session)
        yield client


def _events(answer: httpx.Response) -> Iterator[_Event]:
    """What a browser makes of the stream, comments left out."""
    fields: dict[str, list[str]] = {}
    for line in answer.iter_lines():
        name, _, value = line.partition(": ")
        if line and name:
            fields.setdefault(name, []).append(value)
        elif not line:
            if "event" in fields:
                yield _Event(
                    fields["event"][0], "\n".join(fields["data"]), fields.get("id", [""])[0]
                )
            fields = {}


async def test_the_page_says_what_a_device_must_be_told(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """Address, name and topic, also inside the programs; the secret is known to nobody."""
    async with visiting(app) as browser:
        browser.cookies.set("jieru_session", session_of(connection, "lin"))
        device = (await browser.get("/devices/alpha/CNC-01")).text
        assert f'href="{_DEVICE}"' in device
        shown = (await browser.get(_DEVICE)).text
        for told in ("mqtt.example.cn", "alpha/own/CNC-01", "jieru/v1/alpha/own/CNC-01/heartbeat"):
            assert shown.count(told) >= 2, told
        assert "It has no valid credential yet" in shown
        assert "SECRET stands for it" in shown
        assert "Waiting for the first message" in shown
        assert '<meta http-equiv="refresh"' in shown
        other = (await browser.get(f"{_DEVICE}?snippet=python-paho")).text
        assert "import paho.mqtt.client" in other
        assert (await browser.get(f"{_DEVICE}?snippet=nothing")).status_code == 200


async def test_a_cloud_and_a_gateway_name_a_device_of_their_own(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """The first of the platform, or whichever is asked for."""
    async with visiting(app) as browser:
        browser.cookies.set("jieru_session", session_of(connection, "lin"))
        platform = (await browser.get("/platforms/alpha")).text
        assert f'href="{_CLOUD}"' in platform
        assert f'href="{_GATEWAY}"' in platform
        assert "jieru/v1/alpha/CNC-01/heartbeat" in (await browser.get(_CLOUD)).text
        gateway = (await browser.get(f"{_GATEWAY}?serial=CNC-02")).text
        assert "jieru/v1/alpha/via/gw-1/CNC-02/heartbeat" in gateway
        assert "alpha/via/gw-1" in gateway
        quoted = (await browser.get(f"{_CLOUD}?serial=%22%3E")).text
        assert "jieru/v1/alpha/CNC-01/heartbeat" in quoted


async def test_what_is_of_another_platform_is_not_there(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """Neither its pages nor its stream, nor what programs ask for."""
    headers = bearer(connection, Role.OPERATOR, "beta")
    async with visiting(app) as browser:
        for path in ("/api/v1/connect/alpha", "/api/v1/connect/alpha/arrivals?serial=CNC-01"):
            assert (await browser.get(path, headers=headers)).status_code == 404
        browser.cookies.set("jieru_session", session_of(connection, "he"))
        for path in (_DEVICE, _CLOUD, _GATEWAY, _STREAM, _OF_DEVICE):
            assert (await browser.get(path)).status_code == 404, path
        browser.cookies.set("jieru_session", session_of(connection, "lin"))
        for path in (
            "/devices/alpha/CNC-99/connect",
            "/platforms/alpha/gateways/gw-9/connect",
            f"{_STREAM}?serial=CNC-99",
            f"{_STREAM}?gateway=gw-9",
        ):
            assert (await browser.get(path)).status_code == 404, path


async def test_the_answer_with_the_secret_has_it_in_the_programs_and_no_other_has(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """It leads to the page where the first message is awaited, which does not know the secret."""
    async with visiting(app) as browser:
        browser.cookies.set("jieru_session", session_of(connection, "lin"))
        token = form_token_of(await browser.get("/devices/alpha/CNC-01"))
        fields = {"platform": "alpha", "serial": "CNC-01", "form_token": token}
        issued = (await browser.post("/credentials", data=fields)).text
        secret = issued.split('<pre id="secret"')[1].split(">")[1].split("<")[0]
        assert len(secret) == 32
        assert issued.count(secret) >= 4
        assert f'href="{_DEVICE}"' in issued
        assert issued.count('<details name="program">') >= 2
        page = (await browser.get(_DEVICE)).text
        assert secret not in page
        assert "It has no valid credential yet" not in page


async def test_programs_read_how_equipment_connects_and_what_arrived(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """The same as the page says."""
    issue_to(connection, "alpha/own/CNC-01")
    headers = bearer(connection, Role.OPERATOR, "alpha")
    async with visiting(app) as program:
        asked = {"serial": "CNC-01"}
        answer = await program.get("/api/v1/connect/alpha", params=asked, headers=headers)
        assert answer.json() == {
            "broker": {
                "host": "mqtt.example.cn",
                "port": 1883,
                "is_tls": False,
                "is_named": True,
            },
            "https_url": None,
            "authority": [],
            "kind": "device",
            "username": "alpha/own/CNC-01",
            "topic": "jieru/v1/alpha/own/CNC-01/heartbeat",
            "qos": 1,
            "has_credential": True,
        }
        _hear(connection)
        _refuse(connection, "jieru/v1/alpha/own/CNC-01/heartbeat", b'{"ts": 1780117171}')
        arrivals = "/api/v1/connect/alpha/arrivals"
        items = (await program.get(arrivals, params=asked, headers=headers)).json()["items"]
        refused, heard = items
        assert heard["heartbeat"]["delay_s"] == pytest.approx(1.0, abs=0.01)
        assert heard["heartbeat"]["publisher"] == "device"
        assert refused["rejection"]["reason"] == "malformed_payload"
        both = await program.get(
            arrivals, params={"serial": "CNC-01", "gateway": "gw-1"}, headers=headers
        )
        assert both.status_code == 400


async def test_each_sees_its_own_arrivals(app: FastAPI, connection: psycopg.Connection) -> None:
    """A gateway what it published itself, a device what came of it in whichever way."""
    headers = bearer(connection, Role.OPERATOR, "alpha")
    row = connection.execute("SELECT id FROM publishers WHERE name = 'gw-1'").fetchone()
    assert row is not None
    _hear(connection, "CNC-01", publisher_id=row[0], ago=timedelta(seconds=3))
    _hear(connection, "CNC-01", publisher_id=CLOUD_ID, ago=timedelta(seconds=2))
    _hear(connection, "CNC-02", publisher_id=ITSELF_ID, ago=timedelta(seconds=1))
    _refuse(connection, "jieru/v1/alpha/via/gw-1/CNC-77/heartbeat", b"{}", "unknown_device")

    async with visiting(app) as program:

        async def seen(**asked: str) -> list[str]:
            answer = await program.get(
                "/api/v1/connect/alpha/arrivals", params=asked, headers=headers
            )
            return [
                each["heartbeat"]["serial"] if each["heartbeat"] else each["rejection"]["reason"]
                for each in answer.json()["items"]
            ]

        assert sorted(await seen(gateway="gw-1")) == ["CNC-01", "unknown_device"]
        assert await seen(serial="CNC-01") == ["CNC-01", "CNC-01"]
        assert sorted(await seen()) == ["CNC-01", "CNC-01", "CNC-02", "unknown_device"]


async def test_a_device_that_was_registered_long_ago_is_seen_too(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """A gateway of a large platform that works is not told that nothing came."""
    connection.execute(
        "INSERT INTO devices (platform_id, serial)"
        " SELECT platforms.id, 'NEW-' || number FROM platforms, generate_series(1, 60) AS number"
        " WHERE code = 'alpha'"
    )
    connection.execute(_STATE, (datetime.now(UTC), "CNC-01"))
    row = connection.execute("SELECT id FROM publishers WHERE name = 'gw-1'").fetchone()
    assert row is not None
    _hear(connection, "CNC-01", publisher_id=row[0])
    async with visiting(app) as browser:
        browser.cookies.set("jieru_session", session_of(connection, "lin"))
        for page in (_CLOUD, _GATEWAY):
            assert (
                "Heard: messages arrive." in (await browser.get(page)).text.split('id="state"')[1]
            )


async def test_a_clock_that_is_years_behind_is_an_arrival(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """Its one heartbeat is found by what is noted of the device."""
    long_ago = timedelta(days=1_800)
    connection.execute(_STATE, (datetime.now(UTC) - long_ago, "CNC-01"))
    row = connection.execute("SELECT last_seen_at FROM device_states").fetchone()
    assert row is not None
    connection.execute(_HEARTBEAT, (row[0], datetime.now(UTC), ITSELF_ID, "CNC-01"))
    connection.commit()
    async with visiting(app) as browser:
        browser.cookies.set("jieru_session", session_of(connection, "lin"))
        assert "1,800 days later" in (await browser.get(_DEVICE)).text


async def test_a_clock_that_fell_back_is_an_arrival(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """The device was heard rightly before: presence tells where it is heard now."""
    _hear(connection, "CNC-01")
    connection.execute(_STATE, (datetime.now(UTC) - timedelta(minutes=2), "CNC-01"))
    fallen = datetime(2020, 1, 31, 23, 30, tzinfo=SHANGHAI)
    connection.execute(_HEARTBEAT, (fallen, datetime.now(UTC), ITSELF_ID, "CNC-01"))
    connection.execute(_LATE, ("2020-01-01", 30 * 24 + 23, "CNC-01"))
    connection.commit()
    async with visiting(app) as browser:
        browser.cookies.set("jieru_session", session_of(connection, "lin"))
        assert "days later: late, or its clock is behind" in (await browser.get(_DEVICE)).text


def test_what_arrives_is_told_while_it_is_followed(
    address: str, connection: psycopg.Connection
) -> None:
    """A heartbeat with its delay, a refusal with what is wrong and where it is mended, each once.

    Nobody else's is told; who comes back is told what came meanwhile.
    """
    with _browser(address, session_of(connection, "lin")) as browser:
        with browser.stream("GET", _OF_DEVICE) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert answer.headers["x-accel-buffering"] == "no"
            assert answer.headers["cache-control"] == "no-cache"
            events = _events(answer)
            _hear(connection, "CNC-02")
            _hear(connection)
            first = next(events)
            assert first.event == "heard"
            assert first.data.count("<tr ") == 1
            assert "CNC-01" in first.data
            assert "1.0 s later" in first.data
            _refuse(connection, "jieru/v1/alpha/own/CNC-01/heartbeat", b'{"ts": "now"}')
            second = next(events)
            assert second.event == "refused"
            assert second.data.count("<tr ") == 1
            assert "ts must be an integer" in second.data
        _hear(connection)
        with browser.stream("GET", _OF_DEVICE, headers={"Last-Event-ID": second.id}) as answer:
            missed = next(_events(answer))
            assert missed.event == "heard"
            assert 'id="heartbeat-' in missed.data


def test_what_the_broker_refuses_is_told(address: str, connection: psycopg.Connection) -> None:
    """To whom it concerns; again when it happens again, in the same row."""
    for kind, username, topic, detail in (
        ("refused", "alpha/own/CNC-02", "", "wrong_secret"),
        ("refused", "beta", "", "wrong_secret"),
        ("connected", "alpha/own/CNC-01", "", ""),
    ):
        connection.execute(_BROKER_EVENT, (kind, username, username, topic, detail))
    connection.commit()
    with (
        _browser(address, session_of(connection, "lin")) as browser,
        browser.stream("GET", _OF_DEVICE) as answer,
    ):
        events = _events(answer)
        let_in = next(events)
        assert let_in.event == "told"
        assert let_in.data.count("<tr ") == 1
        assert "alpha/own/CNC-01 was let in, from 10.0.0.7." in let_in.data
        topic = "v1/gateway/telemetry"
        connection.execute(
            _BROKER_EVENT, ("denied", "alpha/own/CNC-01", "alpha/own/CNC-01", topic, "")
        )
        connection.commit()
        denied = next(events)
        assert denied.event == "refused"
        assert f"it may not publish on {topic}. It must begin with jieru/v1/." in denied.data
        connection.execute("UPDATE broker_events SET number = 17, at = now() WHERE kind = 'denied'")
        connection.commit()
        again = next(events)
        assert "17 times within the hour" in again.data
        assert again.data.partition('id="')[2][:9] == denied.data.partition('id="')[2][:9]


async def test_what_the_broker_tells_less_of_is_told_as_it_is(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """A credential that was revoked, and topics beyond the bound, which stand nowhere."""
    name = "alpha/own/CNC-01"
    for kind, detail in (("refused", "revoked"), ("denied", "")):
        connection.execute(_BROKER_EVENT, (kind, name, name, "", detail))
    connection.commit()
    async with visiting(app) as program:
        answer = await program.get(
            "/api/v1/connect/alpha/arrivals", headers=bearer(connection, Role.OPERATOR, "alpha")
        )
    assert {each["broker"]["said"] for each in answer.json()["items"]} == {
        f"{name} was not let in, from 10.0.0.7: its credential is revoked.",
        f"Messages of {name} were dropped: it may not publish on their topics.",
    }


async def test_what_is_refused_of_sparkplug_is_seen_by_whom_it_concerns(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """Its topics begin with spBv1.0, and the group names the platform and who published."""
    row = connection.execute("SELECT id FROM platforms WHERE code = 'alpha'").fetchone()
    assert row is not None
    register_gateway(connection, row[0], "gw-2")
    for topic in (
        "spBv1.0/alpha.via/DDATA/gw-1/CNC-01",
        "spBv1.0/alpha/DDATA/gw-2/CNC-02",
        "spBv1.0/beta.via/DDATA/gw-1/CNC-01",
        "spBv1.0/alpha",
    ):
        _refuse(connection, topic, b"\x00", "unknown_source")
    async with visiting(app) as program:

        async def topics(**asked: str) -> list[str]:
            answer = await program.get(
                "/api/v1/connect/alpha/arrivals",
                params=asked,
                headers=bearer(connection, Role.OPERATOR, "alpha"),
            )
            return sorted(each["rejection"]["topic"] for each in answer.json()["items"])

        of_gateway, of_cloud = (
            "spBv1.0/alpha.via/DDATA/gw-1/CNC-01",
            "spBv1.0/alpha/DDATA/gw-2/CNC-02",
        )
        assert await topics() == [of_gateway, of_cloud]
        assert await topics(gateway="gw-1") == await topics(serial="CNC-01") == [of_gateway]
        assert await topics(gateway="gw-2") == []
        assert await topics(serial="CNC-02") == [of_cloud]


def test_a_device_that_is_registered_meanwhile_is_followed_too(
    address: str, connection: psycopg.Connection
) -> None:
    """By whoever follows its platform, within some looks."""
    with (
        _browser(address, session_of(connection, "lin")) as browser,
        browser.stream("GET", _STREAM) as answer,
    ):
        connection.execute(
            "INSERT INTO devices (platform_id, serial)"
            " SELECT id, 'CNC-03' FROM platforms WHERE code = 'alpha'"
        )
        _hear(connection, "CNC-03")
        assert "CNC-03" in next(_events(answer)).data


def test_an_unknown_device_leads_to_its_registration(
    address: str, connection: psycopg.Connection
) -> None:
    """For whoever may register it; an auditor reads why, and has nothing to press."""
    add_person(connection, "chen", Role.AUDITOR)
    _refuse(connection, "jieru/v1/alpha/CNC-77/heartbeat", b"{}", "unknown_device")
    for name, links in (("lin", 1), ("chen", 0)):
        with (
            _browser(address, session_of(connection, name)) as browser,
            browser.stream("GET", _STREAM) as answer,
        ):
            event = next(_events(answer))
            assert event.data.count("/devices/new?platform=alpha&amp;serial=CNC-77") == links


@pytest.mark.parametrize(
    "ending",
    [
        "UPDATE sessions SET revoked_at = now()",
        "UPDATE sessions SET last_used_at = now() - interval '3 hours'",
        "UPDATE users SET disabled_at = now() WHERE name = 'lin'",
        "UPDATE users SET role = 'auditor', platform_id = NULL WHERE name = 'lin'",
        "UPDATE users SET platform_id = (SELECT max(id) FROM platforms) WHERE name = 'lin'",
    ],
)
def test_following_ends_with_the_session_it_began_with(
    address: str, connection: psycopg.Connection, ending: str
) -> None:
    """Signed out, idle for too long, disabled, with another role, on another platform."""
    with (
        _browser(address, session_of(connection, "lin")) as browser,
        browser.stream("GET", _OF_DEVICE) as answer,
    ):
        connection.execute(ending.encode())
        connection.commit()
        events = list(_events(answer))
    assert [each.event for each in events] == ["parting"]
    assert "Your session has ended" in events[0].data


def test_nobody_follows_without_a_session(address: str, connection: psycopg.Connection) -> None:
    """Nor with a key: programs ask for what arrived now and then."""
    with _browser(address, None) as browser:
        assert browser.get(_OF_DEVICE).status_code == 401
        headers = bearer(connection, Role.OPERATOR, "alpha")
        assert browser.get(_OF_DEVICE, headers=headers).status_code == 403


def test_a_person_follows_some_pages_and_all_together_some_more(
    database_url: str, connection: psycopg.Connection
) -> None:
    """Beyond that the answer says so at once; who leaves makes room."""
    with open_pool(as_role(database_url, API), size=4) as pool:
        app = create_app(Settings(), pool)
        following = app.state.services.get(Following)
        following._most, following._most_of_a_person = 3, 2
        add_person(connection, "wu", Role.ADMIN)
        with serving(app, "127.0.0.1", 0) as address, ExitStack() as stack:
            lin = stack.enter_context(_browser(address, session_of(connection, "lin")))
            wu = stack.enter_context(_browser(address, session_of(connection, "wu")))
            first = stack.enter_context(lin.stream("GET", _OF_DEVICE))
            stack.enter_context(lin.stream("GET", _STREAM))
            own = lin.get(_STREAM)
            assert (own.status_code, own.headers["retry-after"]) == (429, "30")
            assert "You follow 2 pages already" in own.json()["detail"]
            stack.enter_context(wu.stream("GET", _STREAM))
            everybody = wu.get(_STREAM)
            assert everybody.status_code == 429
            assert "3 people follow already" in everybody.json()["detail"]
            first.close()
            deadline = time.monotonic() + _PATIENCE_S
            while len(following._followers) > 2:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            stack.enter_context(wu.stream("GET", _STREAM))


def test_many_followers_cost_one_look_a_second_and_no_connection(
    database_url: str, connection: psycopg.Connection
) -> None:
    """Twenty streams on a pool of two connections, and everybody else is answered."""
    with open_pool(as_role(database_url, API), size=2) as pool:
        app = create_app(Settings(), pool)
        following = app.state.services.get(Following)
        following._most_of_a_person = 100
        with (
            serving(app, "127.0.0.1", 0) as address,
            _browser(address, session_of(connection, "lin")) as browser,
            ExitStack() as stack,
        ):
            answers = [stack.enter_context(browser.stream("GET", _STREAM)) for _ in range(20)]
            before, began = following.looks, time.monotonic()
            _hear(connection)
            assert all(next(_events(each)).event == "heard" for each in answers)
            looks, took = following.looks - before, time.monotonic() - began
            assert looks <= took + 2, (looks, took)
            assert httpx.get(f"{address}/healthz", timeout=_PATIENCE_S).status_code == 200
        deadline = time.monotonic() + _PATIENCE_S
        while following._followers:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert following._looking is None, "nobody follows, so nobody looks"


def test_a_head_request_of_the_stream_is_answered_and_ends(
    address: str, connection: psycopg.Connection
) -> None:
    """Nobody would read a body without an end."""
    with _browser(address, session_of(connection, "lin")) as browser:
        answer = browser.head(_OF_DEVICE)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")


def test_a_server_that_is_told_to_stop_ends_its_streams_at_once(
    database_url: str, connection: psycopg.Connection
) -> None:
    """SIGTERM: each follower is told, and the process leaves before its patience with requests."""
    port = free_port()
    token = session_of(connection, "lin")
    with (
        jieru_serve(database_url, port) as process,
        _browser(f"http://127.0.0.1:{port}", token) as browser,
        browser.stream("GET", _OF_DEVICE) as one,
        browser.stream("GET", _STREAM) as another,
    ):
        process.send_signal(signal.SIGTERM)
        told = [[event.event for event in _events(each)] for each in (one, another)]
        output, errors = process.communicate(timeout=_PATIENCE_S)
    assert told == [["parting"], ["parting"]]
    assert (process.returncode, errors) == (0, ""), output


async def test_the_authority_is_handed_out_with_its_fingerprint(
    database_url: str, connection: psycopg.Connection, tmp_path: Path
) -> None:
    """As it is in the file, but for what is no certificate there."""
    file = tmp_path / "authority.crt"
    authority = Authority("Jieru")
    file.write_bytes(b"of the city\n" + authority.certificate)
    certificate = x509.load_pem_x509_certificate(authority.certificate)
    fingerprint = hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
    settings = Settings(equipment_mqtt_url="mqtts://mqtt.example.cn", equipment_ca_file=str(file))
    with open_pool(as_role(database_url, API), size=2) as pool:
        async with visiting(create_app(settings, pool)) as browser:
            browser.cookies.set("jieru_session", session_of(connection, "lin"))
            shown = (await browser.get(_DEVICE)).text
            assert fingerprint in shown.replace(":", "").lower()
            assert "ca.pem" in shown
            answer = await browser.get("/api/v1/connect/authority.pem")
            assert answer.content == authority.certificate
            assert 'filename="ca.pem"' in answer.headers["content-disposition"]
