"""Every snippet, in the order in which documents and console show them."""

from typing import Final

from jieru.snippets.snippet import Snippet

__all__ = ["snippets"]

_ANYBODY: Final = frozenset({"device", "gateway", "cloud"})

_SNIPPETS: Final = (
    Snippet(
        name="mosquitto-pub",
        title={"zh": "命令行（mosquitto_pub）", "en": "Command line (mosquitto_pub)"},
        language="sh",
        fits=_ANYBODY,
        is_tried=True,
    ),
    Snippet(
        name="python-paho",
        title={"zh": "Python（paho-mqtt 2）", "en": "Python (paho-mqtt 2)"},
        language="python",
        fits=_ANYBODY,
        is_tried=True,
    ),
)


def snippets() -> tuple[Snippet, ...]:
    """All of them."""
    return _SNIPPETS
