"""Pushing to a Grafana over its API, at the other end a server that speaks it strictly."""

import socket
from collections.abc import Iterator
from copy import deepcopy

import pytest

from dashboards.alerts import all_alerts
from dashboards.grafana_json import grafana_dashboards
from dashboards.push import FOLDER_UID, Pushed, push
from jieru.errors import UserError, WorldError
from tests.support.command import jieru
from tests.support.grafana_server import ADMIN, VIEWER, GrafanaServer, running_grafana

_DASHBOARDS = [each["uid"] for each in grafana_dashboards()]
_EVERYTHING = [
    ("folder", "jieru"),
    *(("dashboard", uid) for uid in _DASHBOARDS),
    ("alerts", "jieru"),
]


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages as they stand in the code."""
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


@pytest.fixture
def grafana() -> Iterator[GrafanaServer]:
    """A Grafana in which somebody made the datasource."""
    with running_grafana() as server:
        server.add_datasource()
        yield server


def pushed(grafana: GrafanaServer, *, token: str = ADMIN, timeout_s: float = 30) -> list[Pushed]:
    """What a push reports."""
    reports: list[Pushed] = []
    push(grafana.url, token, reports.append, disk_gb=100, timeout_s=timeout_s)
    return reports


def changes(reports: list[Pushed]) -> dict[str, str]:
    """What happened, by the uid of what it happened to (of dashboards only)."""
    return {each.uid: each.change for each in reports if each.kind == "dashboard"}


def test_a_first_push_creates_everything(grafana: GrafanaServer) -> None:
    """The folder, each dashboard in it, the alert rules; and each is stored as it is here."""
    reports = pushed(grafana)
    assert [(each.kind, each.uid) for each in reports] == _EVERYTHING
    assert {each.change for each in reports} == {"created"}
    assert set(grafana.folder_of.values()) == {FOLDER_UID}
    for dashboard in grafana_dashboards():
        stored = grafana.dashboards[dashboard["uid"]]
        assert {key: stored[key] for key in dashboard} == dashboard
    assert len(grafana.groups[FOLDER_UID, "jieru"]["rules"]) == len(all_alerts(1))


def test_a_second_push_changes_nothing(grafana: GrafanaServer) -> None:
    """It reads and compares, and writes nothing."""
    pushed(grafana)
    grafana.requests.clear()
    assert {each.change for each in pushed(grafana)} == {"unchanged"}
    assert grafana.writes == []


def test_only_what_differs_is_written(grafana: GrafanaServer) -> None:
    """A panel that somebody edited is put right; version by version, nothing is overwritten."""
    pushed(grafana)
    edited = grafana.dashboards["jieru-platform"]
    edited["panels"][1]["transformations"] = [{"id": "limit", "options": {"limitField": 1}}]
    assert changes(pushed(grafana)) == {
        uid: "updated" if uid == "jieru-platform" else "unchanged" for uid in _DASHBOARDS
    }
    assert grafana.dashboards["jieru-platform"]["version"] == 2
    assert {each.change for each in pushed(grafana)} == {"unchanged"}


def test_a_dashboard_that_was_moved_comes_back(grafana: GrafanaServer) -> None:
    """Into its folder, whose rights are those of the panels."""
    pushed(grafana)
    grafana.folders["elsewhere"] = {"uid": "elsewhere", "title": "x", "version": 1}
    grafana.folder_of["jieru-overview"] = "elsewhere"
    assert changes(pushed(grafana))["jieru-overview"] == "updated"
    assert grafana.folder_of["jieru-overview"] == FOLDER_UID


def test_folder_and_alerts_are_put_right_too(grafana: GrafanaServer) -> None:
    """A title and a threshold that somebody changed."""
    pushed(grafana)
    grafana.folders[FOLDER_UID]["title"] = "Other"
    rule = grafana.groups[FOLDER_UID, "jieru"]["rules"][0]
    rule["data"] = deepcopy(rule["data"])
    rule["data"][2]["model"]["conditions"][0]["evaluator"]["params"] = [9_999]
    found = {each.kind: each.change for each in pushed(grafana)}
    assert found == {"folder": "updated", "dashboard": "unchanged", "alerts": "updated"}
    assert {each.change for each in pushed(grafana)} == {"unchanged"}


def test_a_path_in_front_of_grafana_is_kept() -> None:
    """With or without a slash behind it."""
    with running_grafana(prefix="/grafana") as server:
        server.add_datasource()
        assert {each.change for each in pushed(server)} == {"created"}
        server.url += "/"
        assert {each.change for each in pushed(server)} == {"unchanged"}


def test_a_wrong_token_is_named(grafana: GrafanaServer) -> None:
    """401: mistyped, expired or revoked."""
    with pytest.raises(UserError, match="JIERU_GRAFANA_TOKEN"):
        pushed(grafana, token="glsa_wrong")  # noqa: S106 - no such token
    assert grafana.writes == []


def test_a_token_that_may_only_look_is_told_what_it_needs(grafana: GrafanaServer) -> None:
    """403, with what it was about and what Grafana said."""
    with pytest.raises(UserError, match=r"may not do this to jieru .*role Admin"):
        pushed(grafana, token=VIEWER)


def test_another_path_is_no_grafana(grafana: GrafanaServer) -> None:
    """404 at the very first request."""
    grafana.url += "/nowhere"
    with pytest.raises(UserError, match="There is no Grafana at"):
        pushed(grafana)


def test_a_page_is_no_grafana(grafana: GrafanaServer) -> None:
    """A web server that answers anything with a page."""
    grafana.answers_html = True
    with pytest.raises(UserError, match="is not Grafana"):
        pushed(grafana)


@pytest.mark.parametrize("version", ["10.1.5", "12.1.4", "9.5.21"])
def test_a_grafana_that_is_too_old_is_refused(grafana: GrafanaServer, version: str) -> None:
    """Before anything is written; the message says which is needed."""
    grafana.version = version
    with pytest.raises(UserError, match=rf"version {version}; .* 12\.2 or later"):
        pushed(grafana)
    assert grafana.writes == []


@pytest.mark.parametrize("version", ["12.2.0", "12.3.1+security-01", "13.0.0-pre", "14.1.0"])
def test_a_grafana_that_is_new_enough_is_taken(grafana: GrafanaServer, version: str) -> None:
    """Whatever stands behind the number."""
    grafana.version = version
    assert pushed(grafana)


def test_a_missing_datasource_is_explained(grafana: GrafanaServer) -> None:
    """It holds the password, so it is not pushed; the message says what to do."""
    grafana.datasources.clear()
    with pytest.raises(UserError, match=r"no data source with the uid jieru-auditor"):
        pushed(grafana)
    assert grafana.writes == []


def test_a_datasource_of_another_kind_is_refused(grafana: GrafanaServer) -> None:
    """The uid is taken by something else."""
    grafana.add_datasource(kind="prometheus")
    with pytest.raises(UserError, match="of type prometheus"):
        pushed(grafana)


def test_a_datasource_with_more_rights_is_refused(grafana: GrafanaServer) -> None:
    """Whoever looks at Grafana could read whatever the datasource's user can."""
    grafana.add_datasource(user="jieru")
    with pytest.raises(UserError, match=r"logs in as jieru:"):
        pushed(grafana)


def test_a_change_at_the_same_time_is_not_overwritten(grafana: GrafanaServer) -> None:
    """412: somebody saved between the look and the write."""
    pushed(grafana)
    stored = grafana.dashboards["jieru-overview"]
    stored["title"] = "Other"
    grafana.before_save = lambda: stored.update(version=stored["version"] + 1)
    with pytest.raises(WorldError, match=r"jieru-overview .* at the same time"):
        pushed(grafana)
    assert grafana.dashboards["jieru-overview"]["title"] == "Other"


def test_dashboards_from_files_are_left_to_their_files(grafana: GrafanaServer) -> None:
    """Grafana would refuse, and the files would win anyway."""
    pushed(grafana)
    grafana.provisioned.add("jieru-overview")
    with pytest.raises(UserError, match="comes from files"):
        pushed(grafana)


def test_what_grafana_refuses_is_passed_on(grafana: GrafanaServer) -> None:
    """400, in its own words."""
    grafana.before_save = grafana.datasources.clear
    with pytest.raises(UserError, match="refuses jieru-overview: no data source jieru-auditor"):
        pushed(grafana)


def test_a_broken_grafana_is_the_worlds_error(grafana: GrafanaServer) -> None:
    """500."""
    grafana.is_broken = True
    with pytest.raises(WorldError, match="failed with Internal server error"):
        pushed(grafana)


def test_a_grafana_that_does_not_answer_is_given_up(grafana: GrafanaServer) -> None:
    """After the time that was given."""
    grafana.delay_s = 2
    with pytest.raises(WorldError, match=r"did not answer within 0\.2 s"):
        pushed(grafana, timeout_s=0.2)


def test_a_grafana_that_is_not_there_cannot_be_reached() -> None:
    """Nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(WorldError, match="cannot be reached"):
        pushed(GrafanaServer(url=f"http://127.0.0.1:{port}"))


def test_the_token_follows_no_redirect(grafana: GrafanaServer) -> None:
    """It was given for one address; the message says where that leads."""
    with running_grafana() as other:
        grafana.redirects_to = f"{other.url}/api/frontend/settings"
        with pytest.raises(UserError, match=f"leads to {other.url}"):
            pushed(grafana)
        assert other.requests == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("grafana:3000", "no address of a Grafana"),
        ("ftp://grafana/", "no address of a Grafana"),
        ("https://", "no address of a Grafana"),
        ("https://admin:admin@grafana/", "Leave user and password out"),
    ],
)
def test_an_address_is_checked_first(url: str, message: str) -> None:
    """Nothing is sent to what is no address, and no password belongs in one."""
    with pytest.raises(UserError, match=message):
        pushed(GrafanaServer(url=url))


def test_the_command_reports_each_thing(grafana: GrafanaServer) -> None:
    """One line each, and again."""
    first = jieru("dashboards", "push", grafana.url, grafana_token=ADMIN)
    assert first.returncode == 0, first.stderr
    lines = [f"{kind} {uid}: created".replace("alerts", "alert rules") for kind, uid in _EVERYTHING]
    assert first.stdout.splitlines() == lines
    second = jieru("dashboards", "push", grafana.url, grafana_token=ADMIN)
    assert second.stdout.splitlines() == [line.replace("created", "unchanged") for line in lines]
    assert ADMIN not in first.stdout + first.stderr


def test_the_command_asks_for_a_token(grafana: GrafanaServer) -> None:
    """It comes from the environment only."""
    done = jieru("dashboards", "push", grafana.url)
    assert (done.returncode, done.stdout) == (1, "")
    assert "JIERU_GRAFANA_TOKEN" in done.stderr
    assert grafana.requests == []
