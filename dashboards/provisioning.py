"""The files from which Grafana provisions itself: datasource, dashboards, alert rules.

No secret stands in them: Grafana takes the password of the datasource from its own environment.
"""

import json
from pathlib import PurePath
from typing import Final, NamedTuple

import yaml
from psycopg.conninfo import conninfo_to_dict

from dashboards.alerts import GROUP, INTERVAL_S, all_alerts, runbooks
from dashboards.grafana_json import grafana_dashboards
from dashboards.grafana_rules import alert_rule
from dashboards.grafana_source import DATASOURCE_TYPE, DATASOURCE_UID, Json
from jieru.auditor.fence import ROLE

__all__ = ["FOLDER_TITLE", "PASSWORD_VARIABLE", "Database", "provisioning_files"]

FOLDER_TITLE: Final = "接入 Jieru"
PASSWORD_VARIABLE: Final = "JIERU_AUDITOR_PASSWORD"  # noqa: S105 - where the password is found
"""Of Grafana's environment, and of the one of `jieru migrate`, which sets the role's password."""

_ORGANISATION: Final = 1
_OLDEST_POSTGRESQL: Final = 1500
"""15, as Grafana writes it: what the schema asks for."""
_CONNECTIONS: Final = 10
_CONNECTION_LIFETIME_S: Final = 14_400
_LOOK_FOR_CHANGES_S: Final = 60

_VERIFYING: Final = frozenset({"require", "verify-ca", "verify-full"})


class Database(NamedTuple):
    """Where Grafana finds the database, and whether it speaks TLS to it."""

    address: str
    """`host:port`."""
    name: str
    ssl_mode: str

    @classmethod
    def of_url(cls, url: str) -> "Database":
        """The database of `JIERU_DATABASE_URL`, without its user and password.

        Grafana has no "prefer": what does not require TLS there does without it here.
        """
        parts = conninfo_to_dict(url)
        host = f"{parts.get('host') or '127.0.0.1'}:{parts.get('port') or '5432'}"
        mode = str(parts.get("sslmode") or "")
        return cls(host, str(parts.get("dbname") or ""), mode if mode in _VERIFYING else "disable")


def provisioning_files(database: Database, folder: PurePath, *, disk_gb: int) -> dict[str, bytes]:
    """Everything an export writes, by path; the same arguments give the same bytes.

    Args:
        database: the datasource's.
        folder: where Grafana will find the files: the provider of dashboards must name it.
        disk_gb: how much room the database may take.
    """
    return {
        **{f"dashboards/{each['uid']}.json": _json(each) for each in grafana_dashboards()},
        "provisioning/alerting/jieru.yaml": _yaml(_alerting(disk_gb)),
        "provisioning/dashboards/jieru.yaml": _yaml(_provider(folder / "dashboards")),
        "provisioning/datasources/jieru.yaml": _yaml(_datasource(database)),
        **{f"runbooks/{name}": text for name, text in runbooks().items()},
    }


def _datasource(database: Database) -> Json:
    return {
        "apiVersion": 1,
        "datasources": [
            {
                "name": "接入审计",
                "uid": DATASOURCE_UID,
                "orgId": _ORGANISATION,
                "type": DATASOURCE_TYPE,
                "access": "proxy",
                "url": _literal(database.address),
                "user": ROLE,
                "jsonData": {
                    "database": _literal(database.name),
                    "sslmode": database.ssl_mode,
                    "postgresVersion": _OLDEST_POSTGRESQL,
                    # Macros then do without its functions, which the role may not call.
                    "timescaledb": False,
                    "maxOpenConns": _CONNECTIONS,
                    "maxIdleConns": _CONNECTIONS,
                    "connMaxLifetime": _CONNECTION_LIFETIME_S,
                },
                "secureJsonData": {"password": f"${PASSWORD_VARIABLE}"},
                "editable": False,
            }
        ],
    }


def _provider(dashboards: PurePath) -> Json:
    return {
        "apiVersion": 1,
        "providers": [
            {
                "name": "jieru",
                "orgId": _ORGANISATION,
                "folder": FOLDER_TITLE,
                "type": "file",
                "disableDeletion": True,
                "allowUiUpdates": False,
                "updateIntervalSeconds": _LOOK_FOR_CHANGES_S,
                "options": {"path": _literal(str(dashboards)), "foldersFromFilesStructure": False},
            }
        ],
    }


def _alerting(disk_gb: int) -> Json:
    return {
        "apiVersion": 1,
        "groups": [
            {
                "orgId": _ORGANISATION,
                "name": GROUP,
                "folder": FOLDER_TITLE,
                "interval": f"{INTERVAL_S}s",
                "rules": [alert_rule(each) for each in all_alerts(disk_gb)],
            }
        ],
    }


def _literal(text: str) -> str:
    """A text in which Grafana finds no variable of its environment."""
    return text.replace("$", "$$")


def _json(document: Json) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def _yaml(document: Json) -> bytes:
    text: str = yaml.dump(
        document, Dumper=_PlainDumper, allow_unicode=True, sort_keys=False, width=100
    )
    return text.encode()


class _PlainDumper(yaml.SafeDumper):
    """Without anchors, and with SQL as it stands."""

    def ignore_aliases(self, data: object) -> bool:
        """All of them: what stands twice is written twice."""
        del data
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """Several lines as a block."""
        style = "|" if "\n" in text else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style)


_PlainDumper.add_representer(str, _PlainDumper.represent_text)
