"""Alert rules as Grafana takes them, from a provisioning file and over its API alike."""

from typing import Final

from dashboards.alerts import Alert
from dashboards.counts import OPERATIONS_UID
from dashboards.grafana_source import DATASOURCE_UID, Json, target

__all__ = ["alert_rule"]

_EXPRESSIONS: Final = "__expr__"
"""What Grafana calls its own expressions where a datasource is named."""
_LOOK_BACK_S: Final = 600


def alert_rule(alert: Alert) -> Json:
    """What the provisioning file and the API have in common of a rule: query, reduce, threshold."""
    return {
        "uid": alert.uid,
        "title": alert.title.zh,
        "condition": "C",
        "data": [
            {
                "refId": "A",
                "queryType": "",
                "relativeTimeRange": {"from": _LOOK_BACK_S, "to": 0},
                "datasourceUid": DATASOURCE_UID,
                "model": {
                    **target(alert.sql),
                    "intervalMs": 1_000,
                    "maxDataPoints": 43_200,
                },
            },
            _expression("B", {"type": "reduce", "expression": "A", "reducer": "last"}),
            _expression(
                "C",
                {
                    "type": "threshold",
                    "expression": "B",
                    "conditions": [{"evaluator": {"type": "gt", "params": [alert.threshold]}}],
                },
            ),
        ],
        "noDataState": "Alerting",
        "execErrState": "Error",
        "for": alert.wait,
        "annotations": {
            "summary": alert.summary.zh,
            "description": alert.summary.en,
            "runbook": f"runbooks/{alert.name}.md",
            "__dashboardUid__": OPERATIONS_UID,
            "__panelId__": str(alert.panel),
        },
        "labels": {"service": "jieru", "severity": alert.severity},
        "isPaused": False,
    }


def _expression(ref_id: str, model: Json) -> Json:
    return {
        "refId": ref_id,
        "queryType": "",
        "relativeTimeRange": {"from": 0, "to": 0},
        "datasourceUid": _EXPRESSIONS,
        "model": {
            "datasource": {"type": _EXPRESSIONS, "uid": _EXPRESSIONS},
            "intervalMs": 1_000,
            "maxDataPoints": 43_200,
            "refId": ref_id,
            **model,
        },
    }
