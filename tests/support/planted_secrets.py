"""Settings with a planted secret in each place where one can be, for whoever shows settings."""

from typing import Final
from urllib.parse import urlsplit, urlunsplit

from jieru.settings import Settings

__all__ = ["PLANTED", "settings_with_secrets"]

PLANTED: Final = "geheim-4711-gepflanzt"


def settings_with_secrets(database_url: str) -> Settings:
    """Every field that is a secret holds one, and so does every address, as password and query.

    Args:
        database_url: that is reached; it gets a planted name of the application.
    """
    values: dict[str, object] = {
        name: PLANTED for name, field in Settings.model_fields.items() if not field.repr
    }
    values |= {
        "database_url": f"{_with_query(database_url)}",
        "smtp_url": f"smtp://jieru:{PLANTED}@mail.example.cn:587",
        "mqtt_url": f"mqtt://jieru:{PLANTED}@127.0.0.1:1",
        "equipment_mqtt_url": f"mqtts://jieru:{PLANTED}@mqtt.example.cn:8883",
        "witnesses": f"https://a:{PLANTED}@a.example.cn,https://b.example.cn/?key={PLANTED}",
        "mail_from": "jieru@example.cn",
    }
    return Settings(**values)  # type: ignore[arg-type]


def _with_query(url: str) -> str:
    if "://" not in url:
        return f"{url} application_name={PLANTED}"
    parts = urlsplit(url)
    query = "&".join(filter(None, [parts.query, f"application_name={PLANTED}"]))
    return urlunsplit(parts._replace(query=query))
