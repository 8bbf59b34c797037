"""Pushing dashboards and alert rules to a Grafana that runs, over its HTTP API.

Idempotent: what is there already is compared, and only what differs is written. No secret is sent:
the datasource, which has one, must be there before.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urljoin, urlsplit

import niquests
from grafana_client.api import GrafanaApi
from grafana_client.client import (
    GrafanaClientError,
    GrafanaException,
    GrafanaServerError,
    GrafanaTimeoutError,
    GrafanaUnauthorizedError,
)

from dashboards.alerts import GROUP, INTERVAL_S, all_alerts
from dashboards.grafana_json import grafana_dashboards
from dashboards.grafana_rules import alert_rule
from dashboards.grafana_source import DATASOURCE_TYPE, DATASOURCE_UID, Json
from dashboards.provisioning import FOLDER_TITLE
from jieru.auditor.fence import ROLE
from jieru.errors import UserError, WorldError

__all__ = ["FOLDER_UID", "OLDEST_GRAFANA", "Change", "Kind", "Pushed", "push"]

FOLDER_UID: Final = "jieru"
OLDEST_GRAFANA: Final = (12, 2)
"""The first that writes schemaVersion 42."""

Kind = Literal["folder", "dashboard", "alerts"]
Change = Literal["created", "updated", "unchanged"]

_POSTGRESQL: Final = frozenset({DATASOURCE_TYPE, "postgres"})
"""The plugin's name, and the one that it had before Grafana 10."""
_VERSION: Final = re.compile(r"(\d+)\.(\d+)")
_ORGANISATION: Final = 1
"""Required in a rule, and replaced by the organisation of the token."""

# What Grafana adds to what it stores.
_KEYS_OF_A_STORED_DASHBOARD: Final = frozenset({"id", "version"})
_KEYS_OF_A_STORED_RULE: Final = frozenset({"guid", "id", "orgID", "provenance", "updated"})

_NOT_FOUND: Final = 404
_FORBIDDEN: Final = 403
_PRECONDITION_FAILED: Final = 412


@dataclass(frozen=True, slots=True)
class Pushed:
    """What happened to one thing."""

    kind: Kind
    uid: str
    change: Change


class _Redirected(Exception):  # noqa: N818 - it never leaves this module
    """The address leads to another server, or to another path of this one."""


def push(
    url: str,
    token: str,
    report: Callable[[Pushed], None],
    *,
    disk_gb: int,
    timeout_s: float = 10,
) -> None:
    """Make folder, dashboards and alert rules of a Grafana what they are here.

    Args:
        url: of the server, with the path that it is served under.
        token: of a service account.
        report: told of each thing as soon as it is done.
        disk_gb: how much room the database may take.
        timeout_s: for each request.

    Raises:
        UserError: address, token, version or datasource are not what is needed, or Grafana refuses
            what it was sent; the message says what to do.
        WorldError: it cannot be reached, is broken, or somebody else changed the same thing.
    """
    with closing(_Server(url, token, timeout_s)) as server:
        server.require_version()
        server.require_datasource()
        report(Pushed("folder", FOLDER_UID, server.put_folder()))
        for dashboard in grafana_dashboards():
            report(Pushed("dashboard", dashboard["uid"], server.put_dashboard(dashboard)))
        rules = [alert_rule(each) for each in all_alerts(disk_gb)]
        report(Pushed("alerts", GROUP, server.put_alerts(rules)))


class _Server:
    """One Grafana; every failure of a request is spoken."""

    def __init__(self, url: str, token: str, timeout_s: float) -> None:
        self._url = _checked_address(url)
        self._timeout_s = timeout_s
        self._api = GrafanaApi.from_url(self._url, credential=token, timeout=timeout_s)
        self._api.client.s.hooks["response"].append(self._stay_here)

    def close(self) -> None:
        """Close its connections."""
        self._api.client.s.close()

    def require_version(self) -> None:
        """Check that it is Grafana, and new enough."""
        with self._speaking("/"):
            try:
                info = self._api.health.check()
            except (AttributeError, niquests.exceptions.JSONDecodeError):
                info = None  # the client takes for granted that an object comes back
        version = str(info.get("version", "")) if isinstance(info, dict) else ""
        match = _VERSION.match(version)
        if match is None:
            raise UserError("What answers at {url} is not Grafana.", url=self._url)
        if (int(match[1]), int(match[2])) < OLDEST_GRAFANA:
            raise UserError(
                "Grafana at {url} is version {version}; these dashboards need {oldest} or later.",
                url=self._url,
                version=version,
                oldest=".".join(map(str, OLDEST_GRAFANA)),
            )

    def require_datasource(self) -> None:
        """Check that the datasource is there, PostgreSQL, and logs in as the auditors' role."""
        found = self._found(
            DATASOURCE_UID, lambda: self._api.datasource.get_datasource_by_uid(DATASOURCE_UID)
        )
        if found is None:
            raise UserError(
                "Grafana has no data source with the uid {uid}: provision it from the files of "
                "`jieru dashboards export`, or add one of type PostgreSQL with that uid and the "
                "user {role}, then push again.",
                uid=DATASOURCE_UID,
                role=ROLE,
            )
        if found.get("type") not in _POSTGRESQL:
            raise UserError(
                "Grafana's data source {uid} is of type {type}, not PostgreSQL: give it another "
                "uid, and this one to that of Jieru.",
                uid=DATASOURCE_UID,
                type=found.get("type"),
            )
        if found.get("user") != ROLE:
            raise UserError(
                "Grafana's data source {uid} logs in as {user}: whoever looks at Grafana can read "
                "what that user can. Let it log in as {role}.",
                uid=DATASOURCE_UID,
                user=found.get("user"),
                role=ROLE,
            )

    def put_folder(self) -> Change:
        """Make the folder, or give it its title back."""
        found = self._found(FOLDER_UID, lambda: self._api.folder.get_folder(FOLDER_UID))
        with self._speaking(FOLDER_UID):
            if found is None:
                self._api.folder.create_folder(FOLDER_TITLE, uid=FOLDER_UID)
                return "created"
            if found.get("title") != FOLDER_TITLE:
                self._api.folder.update_folder(
                    FOLDER_UID, title=FOLDER_TITLE, version=found.get("version")
                )
                return "updated"
        return "unchanged"

    def put_dashboard(self, dashboard: Json) -> Change:
        """Make one dashboard what it is here; whoever changes it meanwhile is not overwritten."""
        uid = dashboard["uid"]
        found = self._found(uid, lambda: self._api.dashboard.get_dashboard(uid))
        stored, meta = (found["dashboard"], found["meta"]) if found else ({}, {})
        if meta.get("provisioned"):
            raise UserError(
                "The dashboard {uid} of this Grafana comes from files: renew those with "
                "`jieru dashboards export`.",
                uid=uid,
            )
        is_here = meta.get("folderUid") == FOLDER_UID
        if is_here and _without(stored, _KEYS_OF_A_STORED_DASHBOARD) == dashboard:
            return "unchanged"
        identity = {key: stored.get(key) for key in _KEYS_OF_A_STORED_DASHBOARD} if found else {}
        with self._speaking(uid):
            self._api.dashboard.update_dashboard(
                {
                    "dashboard": {**dashboard, "id": None, **identity},
                    "folderUid": FOLDER_UID,
                    "message": "jieru dashboards push",
                    "overwrite": False,
                }
            )
        return "updated" if found else "created"

    def put_alerts(self, rules: list[Json]) -> Change:
        """Make the group of alert rules what it is here."""
        group: Json = {
            "title": GROUP,
            "folderUid": FOLDER_UID,
            "interval": INTERVAL_S,
            "rules": [
                {**rule, "folderUID": FOLDER_UID, "ruleGroup": GROUP, "orgID": _ORGANISATION}
                for rule in rules
            ],
        }
        alerting = self._api.alertingprovisioning
        found = self._found(GROUP, lambda: alerting.get_rule_group(FOLDER_UID, GROUP))
        if found is not None and _comparable(found) == _comparable(group):
            return "unchanged"
        with self._speaking(GROUP):
            alerting.update_rule_group(FOLDER_UID, GROUP, group)
        return "created" if found is None else "updated"

    def _found(self, name: str, request: Callable[[], Any]) -> Json | None:
        """What a request gives; None where Grafana does not have it."""
        with self._speaking(name):
            try:
                found = request()
            except GrafanaClientError as error:
                if error.status_code == _NOT_FOUND:
                    return None
                raise
        if not isinstance(found, dict):
            raise UserError("What answers at {url} is not Grafana.", url=self._url)
        return found

    def _stay_here(self, response: niquests.Response, **_: object) -> None:
        """Refuse to follow a redirect elsewhere: the token is for this address."""
        if response.is_redirect:
            target = urljoin(str(response.url), str(response.headers["location"]))
            if not target.startswith(self._url):
                response.close()  # nobody reads it, and the session does not close it for us
                raise _Redirected(target)

    @contextmanager
    def _speaking(self, name: str) -> Iterator[None]:
        """Turn every failure of a request about one thing into what its reader can do."""
        try:
            yield
        except _Redirected as error:
            raise UserError(
                "{url} leads to {target}: give the address at which Grafana itself answers.",
                url=self._url,
                target=str(error),
            ) from None
        except GrafanaTimeoutError:
            raise WorldError(
                "Grafana at {url} did not answer within {seconds} s; try again or raise --timeout.",
                url=self._url,
                seconds=f"{self._timeout_s:g}",
            ) from None
        except GrafanaUnauthorizedError:
            raise UserError(
                "Grafana does not know the token in JIERU_GRAFANA_TOKEN: it may be mistyped, "
                "expired or revoked. Make one at a service account under Administration."
            ) from None
        except GrafanaServerError as error:
            raise WorldError(
                "Grafana at {url} failed with {answer}; look into its log.",
                url=self._url,
                answer=_said(error),
            ) from None
        except GrafanaClientError as error:
            raise self._refusal(name, error) from None
        except (GrafanaException, niquests.exceptions.RequestException) as error:
            raise WorldError(
                "Grafana at {url} cannot be reached: {reason}", url=self._url, reason=_said(error)
            ) from None

    def _refusal(self, name: str, error: GrafanaClientError) -> UserError | WorldError:
        """What a 4xx means, other than that the token is wrong."""
        if error.status_code == _FORBIDDEN:
            return UserError(
                "The token in JIERU_GRAFANA_TOKEN may not do this to {name} ({answer}): its "
                "service account needs the role Admin.",
                name=name,
                answer=_said(error),
            )
        if error.status_code == _NOT_FOUND:
            return UserError(
                "There is no Grafana at {url}: give its address with the path that it is served "
                "under.",
                url=self._url,
            )
        if error.status_code == _PRECONDITION_FAILED:
            return WorldError(
                "Somebody changed {name} in Grafana at the same time ({answer}); push again.",
                name=name,
                answer=_said(error),
            )
        return UserError("Grafana refuses {name}: {answer}", name=name, answer=_said(error))


def _checked_address(url: str) -> str:
    """The address with a slash at its end, which the client puts the path of its API behind."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UserError(
            "“{url}” is no address of a Grafana: write it as https://HOST or https://HOST/PATH.",
            url=url,
        )
    if parts.username or parts.password:
        raise UserError(
            "Leave user and password out of the address of Grafana: JIERU_GRAFANA_TOKEN says who "
            "you are."
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/"


def _comparable(group: Json) -> Json:
    """A group of rules without what Grafana adds; an absent key and a null are the same to it."""
    rules = [_without(rule, _KEYS_OF_A_STORED_RULE) for rule in group.get("rules") or []]
    return {
        "interval": group.get("interval"),
        "rules": [
            {key: value for key, value in rule.items() if value is not None} for rule in rules
        ],
    }


def _without(document: Json, keys: frozenset[str]) -> Json:
    return {key: value for key, value in document.items() if key not in keys}


def _said(error: Exception) -> str:
    """What the server or the network said, in one line."""
    response = getattr(error, "response", None)
    message = response.get("message") if isinstance(response, dict) else None
    return " ".join(str(message or error).split())[:300]
