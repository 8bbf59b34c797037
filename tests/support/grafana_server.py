"""A small server that speaks the documented HTTP API of Grafana, strictly.

It knows what `jieru dashboards push` needs: build information, datasources, folders, dashboards and
groups of alert rules. What a real Grafana would let pass, such as a field that it does not know,
is refused here: the aim is to find a wrong request, not to be lenient with it.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

__all__ = ["ADMIN", "VIEWER", "GrafanaServer", "Request", "running_grafana"]

Json = dict[str, Any]

ADMIN: Final = "glsa_admin"
"""Token of a service account that may do everything."""
VIEWER: Final = "glsa_viewer"
"""Token of one that may only look."""

_UID: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
_DURATION: Final = re.compile(r"\d+[smhdw](\d+[smhdw])*")
_SCHEMA_VERSION: Final = 42

_OF_A_SAVE: Final = frozenset({"dashboard", "folderUid", "message", "overwrite"})
_OF_A_DASHBOARD: Final = frozenset(
    {
        "annotations", "description", "editable", "fiscalYearStartMonth", "graphTooltip", "id",
        "links", "liveNow", "panels", "preload", "refresh", "revision", "schemaVersion", "tags",
        "templating", "time", "timepicker", "timezone", "title", "uid", "version", "weekStart",
    }
)  # fmt: skip
_OF_A_PANEL: Final = frozenset(
    {
        "collapsed", "datasource", "description", "fieldConfig", "gridPos", "id", "interval",
        "links", "maxDataPoints", "options", "panels", "pluginVersion", "repeat", "targets",
        "timeFrom", "timeShift", "title", "transformations", "transparent", "type",
    }
)  # fmt: skip
_OF_A_GROUP: Final = frozenset({"title", "folderUid", "interval", "rules"})
_REQUIRED_OF_A_RULE: Final = frozenset(
    {
        "condition", "data", "execErrState", "folderUID", "for", "noDataState", "orgID",
        "ruleGroup", "title",
    }
)  # fmt: skip
_OF_A_RULE: Final = _REQUIRED_OF_A_RULE | {
    "annotations", "id", "isPaused", "keep_firing_for", "labels", "notification_settings",
    "record", "uid",
}  # fmt: skip
_OF_A_QUERY: Final = frozenset(
    {"refId", "queryType", "relativeTimeRange", "datasourceUid", "model"}
)
_NO_DATA_STATES: Final = frozenset({"Alerting", "NoData", "OK", "KeepLast"})
_ERROR_STATES: Final = frozenset({"Alerting", "Error", "OK", "KeepLast"})
_EXPRESSIONS: Final = "__expr__"


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    body: Json | None


class _RefusedError(Exception):
    """An answer that is no success."""

    def __init__(self, code: int, message: str, **more: object) -> None:
        super().__init__(message)
        self.code = code
        self.body = {"message": message, **more}


@dataclass(slots=True)
class GrafanaServer:
    """What is stored, and how the server behaves; a test sets either."""

    url: str = ""
    version: str = "13.2.3"
    prefix: str = ""
    """The path under which it is served."""
    delay_s: float = 0
    is_broken: bool = False
    answers_html: bool = False
    redirects_to: str = ""
    before_save: Callable[[], None] | None = None
    """Runs between a request to save a dashboard and its answer: somebody else's change."""
    datasources: dict[str, Json] = field(default_factory=dict)
    folders: dict[str, Json] = field(default_factory=dict)
    dashboards: dict[str, Json] = field(default_factory=dict)
    """By uid, with `id` and `version`."""
    folder_of: dict[str, str] = field(default_factory=dict)
    provisioned: set[str] = field(default_factory=set)
    groups: dict[tuple[str, str], Json] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def add_datasource(
        self, *, kind: str = "grafana-postgresql-datasource", user: str = "jieru_auditor"
    ) -> None:
        """The datasource that an administrator made beforehand."""
        self.datasources["jieru-auditor"] = {
            "id": 1,
            "uid": "jieru-auditor",
            "orgId": 1,
            "name": "接入审计",
            "type": kind,
            "user": user,
            "access": "proxy",
            "jsonData": {},
            "secureJsonFields": {"password": True},
        }

    @property
    def writes(self) -> list[Request]:
        """The requests that change something."""
        return [each for each in self.requests if each.method != "GET"]

    # What it answers ------------------------------------------------------------------------

    def answer(self, method: str, path: str, token: str | None, body: Json | None) -> Json:
        """The answer to a request.

        Raises:
            _RefusedError: it is not granted.
        """
        if self.is_broken:
            raise _RefusedError(500, "Internal server error")
        if not path.startswith(f"{self.prefix}/api/"):
            raise _RefusedError(404, "Not found")
        if token not in {ADMIN, VIEWER}:
            raise _RefusedError(401, "Invalid API key")
        place = path.removeprefix(f"{self.prefix}/api")
        for (allowed, pattern), handle in self._routes().items():
            match = re.fullmatch(pattern, place)
            if match and method == allowed:
                if method != "GET" and token != ADMIN:
                    raise _RefusedError(403, "You'll need additional permissions")
                return handle(*match.groups(), *([body or {}] if method != "GET" else []))
        raise _RefusedError(404, "Not found")

    def _routes(self) -> Mapping[tuple[str, str], Callable[..., Json]]:
        group = r"/v1/provisioning/folder/([^/]+)/rule-groups/([^/]+)"
        return {
            ("GET", "/frontend/settings"): lambda: {"buildInfo": {"version": self.version}},
            ("GET", "/datasources/uid/([^/]+)"): lambda uid: _found(
                self.datasources.get(uid), "Data source not found"
            ),
            ("GET", "/folders/([^/]+)"): lambda uid: _found(
                self.folders.get(uid), "folder not found"
            ),
            ("POST", "/folders"): self._create_folder,
            ("PUT", "/folders/([^/]+)"): self._update_folder,
            ("GET", "/dashboards/uid/([^/]+)"): self._dashboard,
            ("POST", "/dashboards/db"): self._save_dashboard,
            ("GET", group): lambda folder, name: _found(
                self.groups.get((folder, name)), "rule group not found"
            ),
            ("PUT", group): self._put_group,
        }

    def _create_folder(self, body: Json) -> Json:
        _only(body, {"title", "uid"}, "folder")
        _uid(body["uid"])
        if body["uid"] in self.folders:
            raise _RefusedError(409, "a folder with the same uid already exists")
        self.folders[body["uid"]] = {**body, "id": len(self.folders) + 1, "version": 1}
        return self.folders[body["uid"]]

    def _update_folder(self, uid: str, body: Json) -> Json:
        _only(body, {"title", "version", "overwrite"}, "folder")
        folder = _found(self.folders.get(uid), "folder not found")
        if body.get("version") != folder["version"]:
            raise _RefusedError(
                412, "The folder has been changed by someone else", status="version-mismatch"
            )
        folder.update(title=body["title"], version=folder["version"] + 1)
        return folder

    def _dashboard(self, uid: str) -> Json:
        found = _found(self.dashboards.get(uid), "Dashboard not found")
        meta = {
            "folderUid": self.folder_of[uid],
            "provisioned": uid in self.provisioned,
            "url": f"/d/{uid}/",
            "version": found["version"],
        }
        return {"dashboard": found, "meta": meta}

    def _save_dashboard(self, body: Json) -> Json:
        if self.before_save is not None:
            self.before_save()
        _only(body, _OF_A_SAVE, "request")
        dashboard: Json = body["dashboard"]
        self._check_dashboard(dashboard)
        if body.get("folderUid") not in self.folders:
            raise _RefusedError(400, "folder not found")
        uid = dashboard["uid"]
        stored = self.dashboards.get(uid)
        if uid in self.provisioned:
            raise _RefusedError(400, "Cannot save provisioned dashboard")
        if stored is None:
            if dashboard.get("id") is not None:
                raise _RefusedError(404, "Dashboard not found", status="not-found")
            new = {**dashboard, "id": len(self.dashboards) + 1, "version": 1}
        elif body.get("overwrite"):
            new = {**dashboard, "id": stored["id"], "version": stored["version"] + 1}
        elif dashboard.get("id") != stored["id"]:
            raise _RefusedError(
                412, "A dashboard with the same uid already exists", status="name-exists"
            )
        elif dashboard.get("version") != stored["version"]:
            raise _RefusedError(
                412, "The dashboard has been changed by someone else", status="version-mismatch"
            )
        else:
            new = {**dashboard, "version": stored["version"] + 1}
        self.dashboards[uid] = new
        self.folder_of[uid] = body["folderUid"]
        return {
            "id": new["id"],
            "uid": uid,
            "url": f"/d/{uid}/",
            "status": "success",
            "version": new["version"],
        }

    def _check_dashboard(self, dashboard: Json) -> None:
        _only(dashboard, _OF_A_DASHBOARD, "dashboard")
        _uid(dashboard["uid"])
        if not dashboard.get("title"):
            raise _RefusedError(400, "Dashboard title cannot be empty", status="empty-name")
        if dashboard.get("schemaVersion") != _SCHEMA_VERSION:
            raise _RefusedError(400, "unexpected schemaVersion")
        for panel in dashboard["panels"]:
            _only(panel, _OF_A_PANEL, "panel")
            for named in (panel, *panel.get("targets", ())):
                if "datasource" in named and named["datasource"]["uid"] not in self.datasources:
                    raise _RefusedError(400, f"no data source {named['datasource']['uid']}")

    def _put_group(self, folder: str, name: str, body: Json) -> Json:
        _only(body, _OF_A_GROUP, "rule group")
        if folder not in self.folders:
            raise _RefusedError(404, "folder does not exist")
        if (body["folderUid"], body["title"]) != (folder, name):
            raise _RefusedError(400, "the rule group is another than that of the address")
        if not isinstance(body["interval"], int) or body["interval"] % 10:
            raise _RefusedError(400, "interval must be seconds, a multiple of 10")
        for rule in body["rules"]:
            self._check_rule(rule, folder, name)
        stored = self.groups.get((folder, name), {"rules": []})
        known = {rule["uid"]: rule for rule in stored["rules"]}
        rules: list[Json] = []
        for rule in body["rules"]:
            id_ = known.get(rule["uid"], {}).get("id", len(known) + len(rules) + 1)
            added = {
                "id": id_,
                "orgID": 1,
                "provenance": "api",
                "updated": "2026-01-01T00:00:00Z",
                "notification_settings": None,
                "record": None,
            }
            rules.append({**rule, **added})
        self.groups[folder, name] = {**body, "rules": rules}
        return self.groups[folder, name]

    def _check_rule(self, rule: Json, folder: str, name: str) -> None:
        _only(rule, _OF_A_RULE, "alert rule")
        if missing := _REQUIRED_OF_A_RULE - set(rule):
            raise _RefusedError(400, f"an alert rule needs {sorted(missing)}")
        _uid(rule["uid"])
        if (rule["folderUID"], rule["ruleGroup"]) != (folder, name):
            raise _RefusedError(400, "the rule belongs to another group")
        if not _DURATION.fullmatch(rule["for"]):
            raise _RefusedError(400, f"no duration: {rule['for']}")
        if (
            rule["noDataState"] not in _NO_DATA_STATES
            or rule["execErrState"] not in _ERROR_STATES
            or rule["condition"] not in {each["refId"] for each in rule["data"]}
        ):
            raise _RefusedError(400, "invalid alert rule")
        if {"__dashboardUid__", "__panelId__"} & set(rule["annotations"]) and not (
            {"__dashboardUid__", "__panelId__"} <= set(rule["annotations"])
        ):
            raise _RefusedError(400, "both annotations of the panel, or none")
        for query in rule["data"]:
            _only(query, _OF_A_QUERY, "query")
            if query["datasourceUid"] not in {*self.datasources, _EXPRESSIONS}:
                raise _RefusedError(400, f"no data source {query['datasourceUid']}")


def _found(stored: Json | None, message: str) -> Json:
    if stored is None:
        raise _RefusedError(404, message)
    return stored


def _only(body: Json, known: frozenset[str] | set[str], what: str) -> None:
    if unknown := set(body) - known:
        raise _RefusedError(400, f"unknown field of a {what}: {sorted(unknown)}")


def _uid(uid: str) -> None:
    if not _UID.fullmatch(uid):
        raise _RefusedError(400, f"no uid: {uid}")


@contextmanager
def running_grafana(*, prefix: str = "") -> Iterator[GrafanaServer]:
    """The server on a free port of this machine."""
    grafana = GrafanaServer(prefix=prefix)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer in one piece: two would wait for an acknowledgement between

        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            grafana.requests.append(Request(self.command, self.path, body))
            time.sleep(grafana.delay_s)
            if grafana.redirects_to:
                self.send_response(302)
                self.send_header("Location", grafana.redirects_to)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            scheme, _, token = (self.headers.get("Authorization") or "").partition(" ")
            try:
                found = grafana.answer(
                    self.command, self.path, token if scheme == "Bearer" else None, body
                )
                status: int = 200
            except _RefusedError as refused:
                found, status = refused.body, refused.code
            content = json.dumps(found).encode()
            kind = "application/json; charset=UTF-8"
            if grafana.answers_html:
                content, kind = b"<html>Welcome</html>", "text/html"
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = _handle  # noqa: N815 - names of the standard library

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    grafana.url = f"http://127.0.0.1:{server.server_port}{prefix}"
    try:
        yield grafana
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
