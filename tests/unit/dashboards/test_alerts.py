"""Alert rules: each has its runbook and leads to the panel that shows what it is about."""

import re
from pathlib import Path

import pytest

import dashboards
from dashboards.alerts import Alert, all_alerts, runbooks
from dashboards.grafana_json import grafana_dashboards
from dashboards.grafana_rules import alert_rule
from dashboards.grafana_source import DATASOURCE_UID
from dashboards.queries import views_read

_ALERTS = all_alerts(100)
_RUNBOOKS = Path(dashboards.__file__).parent / "runbooks"
_SECTIONS = ("含义", "先看什么", "怎么办", "何时上报", "Meaning", "First look", "What to do",
             "When to escalate")  # fmt: skip

each_alert = pytest.mark.parametrize("alert", _ALERTS, ids=lambda alert: alert.name)


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    """Of the same name."""
    assert {f"{alert.name}.md" for alert in _ALERTS} == set(runbooks())
    assert set(runbooks()) == {path.name for path in _RUNBOOKS.iterdir()}


@each_alert
def test_a_runbook_says_what_whoever_is_woken_needs(alert: Alert) -> None:
    """In both languages: what it means, where to look, what to do, whom to tell."""
    text = runbooks()[f"{alert.name}.md"].decode()
    headings = re.findall(r"^##+ (.+)$", text, re.MULTILINE)
    assert tuple(headings) == _SECTIONS
    assert text.startswith(f"# {alert.title.zh} {alert.name}\n")


@each_alert
def test_an_alert_leads_to_a_panel(alert: Alert) -> None:
    """That shows the same views."""
    operations = next(each for each in grafana_dashboards() if each["uid"] == "jieru-operations")
    annotations = alert_rule(alert)["annotations"]
    assert annotations["__dashboardUid__"] == operations["uid"]
    panel = next(p for p in operations["panels"] if str(p["id"]) == annotations["__panelId__"])
    assert views_read(alert.sql) == views_read(panel["targets"][0]["rawSql"])


@each_alert
def test_an_alert_is_a_query_then_a_number_then_a_threshold(alert: Alert) -> None:
    """Each step takes the one before; the last is the condition."""
    rule = alert_rule(alert)
    query, reduce, threshold = rule["data"]
    assert (query["refId"], query["datasourceUid"]) == ("A", DATASOURCE_UID)
    assert (reduce["model"]["type"], reduce["model"]["expression"]) == ("reduce", "A")
    assert (threshold["model"]["type"], threshold["model"]["expression"]) == ("threshold", "B")
    assert rule["condition"] == threshold["refId"] == "C"
    assert [each["model"]["refId"] for each in rule["data"]] == ["A", "B", "C"]


@each_alert
def test_an_alert_has_nothing_that_provisioning_would_fill_in(alert: Alert) -> None:
    """A `$` in a provisioning file is a variable of Grafana's environment."""
    assert "$" not in str(alert_rule(alert))


def test_the_names_of_alerts_are_unique_and_fit() -> None:
    """Grafana allows forty characters."""
    uids = [alert.uid for alert in _ALERTS]
    assert len(set(uids)) == len(uids)
    assert all(re.fullmatch(r"[a-z-]{1,40}", uid) for uid in uids)


def test_the_disk_is_as_large_as_it_is_said_to_be() -> None:
    """Gigabytes are thousands of thousands of thousands, as disks are sold."""
    (before,) = (alert.sql for alert in all_alerts(100) if alert.name == "disk-filling")
    (after,) = (alert.sql for alert in all_alerts(250) if alert.name == "disk-filling")
    assert "100000000000.0" in before
    assert before.replace("100000000000.0", "250000000000.0") == after
