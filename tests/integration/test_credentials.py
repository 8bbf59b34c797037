"""Credentials in the database and over the API: issued, replaced, revoked, listed, audited."""

import hashlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest

from api.access.roles import Role
from api.app import create_app
from jieru.credentials import records
from jieru.credentials.records import AlreadyIssuedError, RevokedError
from jieru.credentials.secret import ITERATIONS, hash_secret
from jieru.database import connect, open_pool
from jieru.settings import Settings
from tests.support.callers import bearer
from tests.support.credentials import issue_to, register_gateway, replace, revoke
from tests.support.fleet import register_devices
from tests.support.roles import API, as_role

_CREDENTIALS = "/api/v1/credentials"
_DEVICE = {"platform": "xielian", "serial": "cnc-1"}
_GATEWAY = {"platform": "xielian", "gateway": "gw-1"}
_CLOUD = {"platform": "xielian"}

_COLUMNS = "SELECT salt, password_hash FROM credentials WHERE id = %s"
_AUDITED = """
    SELECT action, actor, before ->> 'revoked_at', after ->> 'revoked_at', after::text
    FROM audit_entries WHERE record_kind = 'credentials' AND record_id = %s ORDER BY number
"""
_END_DEVICE = "UPDATE devices SET ended_on = '2026-01-01' WHERE serial = %s"
_DEVICE_OF_OTHER = """
    SELECT d.id FROM devices d JOIN platforms p ON p.id = d.platform_id WHERE p.code = 'other'
"""
# As docs/secure.md tells EMQX to ask, with the name that a client gives itself.
_EMQX_AUTHENTICATION = """
    SELECT password_hash, salt, is_superuser FROM broker_users WHERE username = %s LIMIT 1
"""
_EMQX_AUTHORIZATION = """
    SELECT permission, action, topic FROM broker_permissions WHERE username = %s
"""


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A database with two platforms that have devices, and a gateway of one of them."""
    with connect(database_url) as connection:
        register_devices(connection, ["cnc-1", "cnc-2"])
        row = connection.execute("SELECT id FROM platforms").fetchone()
        assert row is not None
        register_gateway(connection, row[0], "gw-1")
        register_devices(connection, ["cnc-1"], "other")
        yield connection


class TestRecords:
    """What the database keeps and refuses."""

    def test_a_secret_is_kept_as_its_hash_alone(self, connection: psycopg.Connection) -> None:
        """Neither in the table nor in the audit."""
        issued = issue_to(connection, "xielian/cnc-1")
        row = connection.execute(_COLUMNS, (issued.id,)).fetchone()
        assert row is not None
        assert row == hash_secret(issued.secret, row[0])
        (entry,) = connection.execute(_AUDITED, (issued.id,)).fetchall()
        assert entry[:2] == ("create", "command:tests")
        assert row[0] not in entry[4]
        assert row[1].hex() not in entry[4]

    def test_equipment_has_one_open_credential(self, connection: psycopg.Connection) -> None:
        """The refusal says what to do instead."""
        issue_to(connection, "xielian")
        with pytest.raises(AlreadyIssuedError) as refused:
            issue_to(connection, "xielian")
        assert refused.value.message.endswith("replace it.")

    def test_replacing_revokes_and_issues_in_one(self, connection: psycopg.Connection) -> None:
        """A credential that is revoked cannot be replaced."""
        first = issue_to(connection, "xielian/cnc-1")
        second = replace(connection, first.id)
        assert (second.username, second.id) != (first.username, first.id)
        assert second.secret != first.secret
        with pytest.raises(RevokedError):
            replace(connection, first.id)
        actions = [entry[0] for entry in connection.execute(_AUDITED, (first.id,))]
        assert actions == ["create", "change"]

    def test_after_a_revocation_another_may_be_issued(self, connection: psycopg.Connection) -> None:
        """Revoking twice does nothing more."""
        first = issue_to(connection, "xielian")
        revoke(connection, first.id)
        assert not records.revoke(connection, first.id)
        assert issue_to(connection, "xielian").id != first.id

    def test_a_device_of_another_platform_gets_none(self, connection: psycopg.Connection) -> None:
        """Least of all the cloud's."""
        platform = connection.execute("SELECT id FROM platforms WHERE code = 'xielian'").fetchone()
        stranger = connection.execute(_DEVICE_OF_OTHER).fetchone()
        assert platform is not None
        assert stranger is not None
        with pytest.raises(LookupError):
            records.issue(connection, platform_id=platform[0], device_id=stranger[0])


class TestEmqx:
    """What EMQX would do, by its documentation, with what our views answer. No EMQX was at hand."""

    @staticmethod
    def lets_in(connection: psycopg.Connection, username: str, password: str) -> bool:
        """The check of `pbkdf2` with `mac_fun = sha512`: hex of as many bytes as SHA-512 has."""
        row = connection.execute(_EMQX_AUTHENTICATION, (username,)).fetchone()
        if row is None:
            return False
        password_hash, salt, is_superuser = row
        assert is_superuser is False
        key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt.encode(), ITERATIONS, 64)
        return bool(key.hex() == password_hash)

    def test_lets_in_whoever_has_an_open_credential(self, connection: psycopg.Connection) -> None:
        """And nobody else."""
        old = issue_to(connection, "xielian/cnc-1")
        new = replace(connection, old.id)
        assert self.lets_in(connection, "xielian/cnc-1", new.secret)
        assert not self.lets_in(connection, "xielian/cnc-1", old.secret)
        assert not self.lets_in(connection, "xielian", new.secret)
        revoke(connection, new.id)
        assert not self.lets_in(connection, "xielian/cnc-1", new.secret)

    @pytest.mark.parametrize(
        ("username", "topic"),
        [
            ("xielian", "jieru/v1/xielian/+/heartbeat"),
            ("xielian/via/gw-1", "jieru/v1/xielian/via/gw-1/+/heartbeat"),
            ("xielian/own/cnc-1", "jieru/v1/xielian/own/cnc-1/heartbeat"),
            ("xielian/cnc-1", "jieru/v1/xielian/cnc-1/heartbeat"),
        ],
    )
    def test_allows_one_topic_to_publish(
        self, connection: psycopg.Connection, username: str, topic: str
    ) -> None:
        """Cloud and gateway all devices', a device its own; nothing once it is revoked.

        Topics of others' formats are another matter (test_broker_views).
        """
        issued = issue_to(connection, username)
        rows = connection.execute(_EMQX_AUTHORIZATION, (username,)).fetchall()
        assert [row for row in rows if row[2].endswith("/heartbeat")] == [
            ("allow", "publish", topic)
        ]
        revoke(connection, issued.id)
        assert connection.execute(_EMQX_AUTHORIZATION, (username,)).fetchall() == []


@dataclass(frozen=True, slots=True)
class _Api:
    """The API, asked by an operator of xielian unless told otherwise."""

    client: httpx.AsyncClient
    connection: psycopg.Connection

    async def ask(
        self,
        method: str,
        path: str = "",
        *,
        role: Role = Role.OPERATOR,
        platform: str | None = "xielian",
        **parts: Any,  # noqa: ANN401 - httpx's own
    ) -> httpx.Response:
        """One request, in English."""
        key = bearer(self.connection, role, platform if role is Role.OPERATOR else None)
        headers = {**key, "accept-language": "en", "content-type": "application/json"}
        return await self.client.request(method, f"{_CREDENTIALS}{path}", headers=headers, **parts)

    async def issue(self, body: Mapping[str, str | None], **who: Any) -> dict[str, Any]:  # noqa: ANN401
        """An issued credential."""
        answer = await self.ask("POST", json=body, **who)
        assert answer.status_code == 201, answer.text
        issued: dict[str, Any] = answer.json()
        return issued

    async def usernames(self, **query: str) -> list[str]:
        """Of the credentials that a list holds."""
        answer = await self.ask("GET", params=query)
        assert answer.status_code == 200, answer.text
        return [item["username"] for item in answer.json()["items"]]


class TestApi:
    """As programs use it."""

    @pytest.fixture
    async def api(self, connection: psycopg.Connection, database_url: str) -> AsyncIterator[_Api]:
        """The API on this database."""
        settings = Settings(equipment_mqtt_url="mqtts://broker.example")
        with open_pool(as_role(database_url, API), size=2) as pool:
            transport = httpx.ASGITransport(app=create_app(settings, pool))
            async with httpx.AsyncClient(
                transport=transport, base_url="http://jieru.test"
            ) as client:
                yield _Api(client, connection)

    async def test_a_secret_is_shown_once(self, api: _Api) -> None:
        """With the username and a line to try it; the list has neither."""
        issued = await api.issue(_DEVICE)
        assert issued["username"] == "xielian/own/cnc-1"
        assert len(issued["secret"]) == 32
        assert (
            "-h broker.example -p 8883 --tls-use-os-certs -u xielian/own/cnc-1 "
            f"-P {issued['secret']}" in (issued["example"])
        )
        listed = (await api.ask("GET")).json()["items"]
        assert listed == [{k: issued[k] for k in issued if k not in {"secret", "example"}}]

    @pytest.mark.parametrize(
        ("body", "username", "kind", "topic"),
        [
            (_CLOUD, "xielian", "cloud", "jieru/v1/xielian/+/heartbeat"),
            ({**_CLOUD, "serial": None, "gateway": None}, "xielian", "cloud", None),
            (_GATEWAY, "xielian/via/gw-1", "gateway", "jieru/v1/xielian/via/gw-1/+/heartbeat"),
            (_DEVICE, "xielian/own/cnc-1", "device", "jieru/v1/xielian/own/cnc-1/heartbeat"),
        ],
    )
    async def test_a_credential_says_as_whom_and_where_it_publishes(
        self, api: _Api, body: dict[str, str | None], username: str, kind: str, topic: str | None
    ) -> None:
        """Whose it is, the request says; with neither serial nor gateway, the cloud's."""
        issued = await api.issue(body)
        assert (issued["username"], issued["kind"]) == (username, kind)
        assert (issued["gateway"], issued["serial"]) == (body.get("gateway"), body.get("serial"))
        assert topic in {issued["topic"], None}

    async def test_a_credential_of_an_earlier_release_is_told_apart_and_replaced_by_its_like(
        self, api: _Api
    ) -> None:
        """The equipment goes on publishing where it does; a new one stands beside it meanwhile."""
        old = issue_to(api.connection, "xielian/cnc-1")
        (listed,) = (await api.ask("GET")).json()["items"]
        assert (listed["kind"], listed["serial"]) == ("cloud", "cnc-1")
        assert listed["topic"] == "jieru/v1/xielian/cnc-1/heartbeat"
        own = await api.issue(_DEVICE)
        replaced = await api.ask("POST", f"/{old.id}/replace")
        assert replaced.status_code == 201
        assert replaced.json()["username"] == "xielian/cnc-1"
        assert await api.usernames() == ["xielian/cnc-1", "xielian/own/cnc-1"]
        again = await api.ask("POST", f"/{own['id']}/replace")
        assert again.json()["username"] == "xielian/own/cnc-1"
        await api.ask("POST", f"/{replaced.json()['id']}/revoke")
        assert await api.usernames() == ["xielian/own/cnc-1"]

    async def test_a_gateways_credential_is_replaced_by_another_of_the_gateway(
        self, api: _Api
    ) -> None:
        """Never by the cloud's."""
        issued = await api.issue(_GATEWAY)
        replaced = await api.ask("POST", f"/{issued['id']}/replace")
        assert replaced.status_code == 201
        assert replaced.json()["username"] == "xielian/via/gw-1"
        assert await api.usernames() == ["xielian/via/gw-1"]

    @pytest.mark.parametrize(
        ("wrong", "sentence"),
        [
            ({"gateway": "gw-9"}, "There is no gateway gw-9 on platform xielian."),
            ({"gateway": "own"}, "There is no gateway own on platform xielian."),
            ({"gateway": ""}, "There is no gateway  on platform xielian."),
            (
                {"gateway": "gw-1", "serial": "cnc-1"},
                "A credential is a device's or a gateway's, not both: name one of them.",
            ),
            ({"platform": "other", "gateway": "gw-1"}, "There is no platform other."),
        ],
    )
    async def test_a_wrong_gateway_is_named(
        self, api: _Api, wrong: dict[str, str], sentence: str
    ) -> None:
        """As any other field is; of another platform nothing is said."""
        refused = await api.ask("POST", json={**_CLOUD, **wrong})
        assert refused.status_code == 422
        assert refused.json()["detail"] == sentence
        named = refused.json()["errors"][0]["field"]
        assert named == ("platform" if "platform" in wrong else "gateway")

    async def test_a_second_credential_is_a_conflict(self, api: _Api) -> None:
        """The way out is to replace the first."""
        first = await api.issue(_DEVICE)
        refused = await api.ask("POST", json=_DEVICE)
        assert refused.status_code == 409
        assert "replace it" in refused.json()["detail"]
        replaced = await api.ask("POST", f"/{first['id']}/replace")
        assert replaced.status_code == 201
        assert replaced.json()["secret"] != first["secret"]
        assert (await api.ask("POST", f"/{first['id']}/replace")).status_code == 409

    async def test_revoking_again_changes_nothing(self, api: _Api) -> None:
        """The first moment stays."""
        issued = await api.issue(_DEVICE)
        first, second = [await api.ask("POST", f"/{issued['id']}/revoke") for _ in range(2)]
        assert first.status_code == second.status_code == 200
        assert first.json() == second.json()
        assert first.json()["revoked_at"]

    async def test_the_list_is_filtered(self, api: _Api) -> None:
        """By platform, serial, gateway, kind and state; the newest first."""
        revoked = await api.issue(_DEVICE)
        await api.ask("POST", f"/{revoked['id']}/revoke")
        await api.issue(_CLOUD)
        await api.issue(_GATEWAY)
        await api.issue({"platform": "xielian", "serial": "cnc-2"})
        assert await api.usernames() == ["xielian/own/cnc-2", "xielian/via/gw-1", "xielian"]
        assert await api.usernames(state="revoked") == ["xielian/own/cnc-1"]
        assert await api.usernames(state="all", serial="cnc-1") == ["xielian/own/cnc-1"]
        assert await api.usernames(gateway="gw-1") == ["xielian/via/gw-1"]
        assert await api.usernames(kind="cloud") == ["xielian"]
        assert await api.usernames(kind="gateway") == ["xielian/via/gw-1"]
        assert await api.usernames(kind="device") == ["xielian/own/cnc-2"]
        assert await api.usernames(platform="other") == []

    async def test_the_list_comes_in_pages(self, api: _Api) -> None:
        """Each credential once, though others are issued meanwhile."""
        await api.issue(_CLOUD)
        await api.issue(_DEVICE)
        first = (await api.ask("GET", params={"limit": 1})).json()
        await api.issue({"platform": "xielian", "serial": "cnc-2"})
        query = {"limit": 1, "cursor": first["next_cursor"]}
        second = (await api.ask("GET", params=query)).json()
        names = [item["username"] for page in (first, second) for item in page["items"]]
        assert names == ["xielian/own/cnc-1", "xielian"]
        assert second["next_cursor"] is None

    async def test_an_operator_has_to_do_with_the_own_platform_alone(self, api: _Api) -> None:
        """Another's is answered as what does not exist."""
        issued = await api.issue({"platform": "other", "serial": "cnc-1"}, role=Role.ADMIN)
        assert await api.usernames(state="all") == []
        for action in ("replace", "revoke"):
            assert (await api.ask("POST", f"/{issued['id']}/{action}")).status_code == 404
        foreign = await api.ask("POST", json={"platform": "other", "serial": None})
        unknown = await api.ask("POST", json={"platform": "nobody", "serial": None})
        assert foreign.status_code == unknown.status_code == 422
        assert foreign.json()["detail"] == "There is no platform other."
        assert foreign.json()["errors"][0]["field"] == "platform"

    @pytest.mark.parametrize("role", [Role.VERIFIER, Role.AUDITOR])
    async def test_whoever_judges_hands_out_nothing(self, api: _Api, role: Role) -> None:
        """They read which credentials there are."""
        issued = await api.issue(_DEVICE)
        assert (await api.ask("GET", role=role)).status_code == 200
        for path in ("", f"/{issued['id']}/replace", f"/{issued['id']}/revoke"):
            assert (await api.ask("POST", path, role=role, json=_CLOUD)).status_code == 403

    async def test_equipment_that_has_ended_gets_none(self, api: _Api) -> None:
        """Neither a new one nor another in its place; what it has can be revoked."""
        issued = await api.issue(_DEVICE)
        api.connection.execute(_END_DEVICE, ("cnc-1",))
        api.connection.commit()
        assert (await api.ask("POST", f"/{issued['id']}/replace")).status_code == 409
        assert (await api.ask("POST", f"/{issued['id']}/revoke")).status_code == 200
        refused = await api.ask("POST", json=_DEVICE)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["field"] == "serial"

    @pytest.mark.parametrize(
        "serial", ["nothing", "", "cnc-1\0", "\ud800", "中文", "x" * 101, 7, ["cnc-1"]]
    )
    async def test_a_strange_serial_is_named(self, api: _Api, serial: object) -> None:
        """Whatever it is."""
        body = json.dumps({"platform": "xielian", "serial": serial})
        refused = await api.ask("POST", content=body)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["field"] == "serial"

    @pytest.mark.parametrize("number", ["0", "-1", "x", "1.5", "99999999999999999999"])
    async def test_a_strange_id_is_refused(self, api: _Api, number: str) -> None:
        """As a value that is wrong, without asking the database."""
        for action in ("replace", "revoke"):
            assert (await api.ask("POST", f"/{number}/{action}")).status_code == 422
