"""Settings as people may see them: secrets are named as set or not, addresses without their users.

Whoever adds a setting with a secret gives its field `repr=False`; everything that looks like an
address is cut all the same, so that a password in one is never shown because somebody forgot.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from jieru.database import describe_address
from jieru.settings import Settings

__all__ = ["HIDDEN", "shown_settings"]

HIDDEN: Final = "***"
"""In place of a secret that is set."""

_LOOKS_LIKE_ADDRESS: Final = re.compile(r"://|@")


def shown_settings(settings: Settings) -> Mapping[str, str]:
    """Every setting by the name that an operator writes, as text; what is empty stays empty."""
    return {
        f"JIERU_{name.upper()}": _shown(name, getattr(settings, name), is_secret=not field.repr)
        for name, field in Settings.model_fields.items()
    }


def _shown(name: str, value: object, *, is_secret: bool) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if not text:
        return ""
    if is_secret:
        return HIDDEN
    if name == "database_url":
        return describe_address(text)
    if name != "mail_from" and _LOOKS_LIKE_ADDRESS.search(text):
        return ",".join(_without_user(each.strip()) for each in text.split(","))
    return text


def _without_user(address: str) -> str:
    """Scheme, host, port and path: never a user, a password or a query."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return HIDDEN
    if not parts.scheme or not parts.hostname:
        return HIDDEN if "@" in address else address.partition("?")[0]
    place = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{place}{parts.path}"
