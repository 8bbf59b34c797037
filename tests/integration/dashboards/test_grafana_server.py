"""The server that stands for Grafana refuses what is wrong with a request."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dashboards.alerts import all_alerts
from dashboards.grafana_json import grafana_dashboards
from dashboards.grafana_rules import alert_rule
from tests.support.grafana_server import ADMIN, GrafanaServer, running_grafana

Json = dict[str, Any]


@pytest.fixture
def grafana() -> Iterator[GrafanaServer]:
    """With the datasource and the folder."""
    with running_grafana() as server:
        server.add_datasource()
        server.folders["jieru"] = {"uid": "jieru", "title": "接入 Jieru", "version": 1}
        yield server


def answer(
    grafana: GrafanaServer, method: str, path: str, body: Json | None, token: str | None = ADMIN
) -> tuple[int, Json]:
    """Status and body of an answer."""
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(  # noqa: S310 - on this machine
        f"{grafana.url}/api{path}",
        method=method,
        headers=headers,
        data=None if body is None else json.dumps(body).encode(),
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def a_save() -> Json:
    """A request that is right."""
    return {
        "dashboard": {**grafana_dashboards()[0], "id": None},
        "folderUid": "jieru",
        "message": "",
        "overwrite": False,
    }


def a_group() -> Json:
    """A group of rules that is right."""
    rule = alert_rule(all_alerts(100)[0])
    return {
        "title": "jieru",
        "folderUid": "jieru",
        "interval": 60,
        "rules": [{**rule, "folderUID": "jieru", "ruleGroup": "jieru", "orgID": 1}],
    }


def test_what_is_right_is_taken(grafana: GrafanaServer) -> None:
    """Otherwise a refusal would prove nothing."""
    assert answer(grafana, "POST", "/dashboards/db", a_save())[0] == 200
    path = "/v1/provisioning/folder/jieru/rule-groups/jieru"
    assert answer(grafana, "PUT", path, a_group())[0] == 200


@pytest.mark.parametrize("token", [None, "", "glsa_other"])
def test_nobody_is_let_in_without_a_token(grafana: GrafanaServer, token: str | None) -> None:
    """Not even to look."""
    assert answer(grafana, "GET", "/frontend/settings", None, token)[0] == 401


_WRONG_SAVES: dict[str, Callable[[Json], object]] = {
    "field of the request": lambda save: save.update(folder="jieru"),
    "field of the dashboard": lambda save: save["dashboard"].update(style="dark"),
    "key of a panel": lambda save: save["dashboard"]["panels"][1].update(gridpos={}),
    "uid": lambda save: save["dashboard"].update(uid="jieru overview"),
    "uid that is too long": lambda save: save["dashboard"].update(uid="x" * 41),
    "title": lambda save: save["dashboard"].update(title=""),
    "schema version": lambda save: save["dashboard"].update(schemaVersion=41),
    "folder": lambda save: save.update(folderUid="elsewhere"),
    "datasource": lambda save: save["dashboard"]["panels"][1].update(datasource={"uid": "x"}),
    "id of a new dashboard": lambda save: save["dashboard"].update(id=7),
}


@pytest.mark.parametrize("name", _WRONG_SAVES)
def test_a_wrong_dashboard_is_refused(grafana: GrafanaServer, name: str) -> None:
    """And not stored."""
    save = json.loads(json.dumps(a_save()))
    _WRONG_SAVES[name](save)
    status, body = answer(grafana, "POST", "/dashboards/db", save)
    assert status in {400, 404}
    assert body["message"]
    assert grafana.dashboards == {}


_WRONG_GROUPS: dict[str, Callable[[Json], object]] = {
    "field of the group": lambda group: group.update(name="jieru"),
    "other folder": lambda group: group.update(folderUid="elsewhere"),
    "interval": lambda group: group.update(interval="1m"),
    "field of a rule": lambda group: group["rules"][0].update(severity="critical"),
    "missing field": lambda group: group["rules"][0].pop("orgID"),
    "duration": lambda group: group["rules"][0].update({"for": "five minutes"}),
    "condition": lambda group: group["rules"][0].update(condition="D"),
    "state": lambda group: group["rules"][0].update(noDataState="Fire"),
    "panel without dashboard": lambda group: group["rules"][0]["annotations"].pop("__panelId__"),
    "field of a query": lambda group: group["rules"][0]["data"][0].update(sql=""),
    "datasource": lambda group: group["rules"][0]["data"][0].update(datasourceUid="x"),
}


@pytest.mark.parametrize("name", _WRONG_GROUPS)
def test_a_wrong_group_of_rules_is_refused(grafana: GrafanaServer, name: str) -> None:
    """And not stored."""
    group = json.loads(json.dumps(a_group()))
    _WRONG_GROUPS[name](group)
    path = "/v1/provisioning/folder/jieru/rule-groups/jieru"
    assert answer(grafana, "PUT", path, group)[0] == 400
    assert grafana.groups == {}


def test_an_unknown_path_is_not_found(grafana: GrafanaServer) -> None:
    """As with a Grafana that does not have it."""
    assert answer(grafana, "GET", "/dashboards/db/overview", None)[0] == 404
    assert answer(grafana, "PUT", "/dashboards/db", a_save())[0] == 404
