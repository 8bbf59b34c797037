"""Programs that publish heartbeats, and how one is filled with somebody's own address."""

import re
from collections.abc import Mapping
from importlib import resources
from typing import Final, NamedTuple

__all__ = ["EXAMPLE", "Publishing", "Snippet", "fill", "snippets"]

_PUBLIC_AUTHORITIES: Final = "/etc/ssl/certs/ca-certificates.crt"
"""Where Debian and most others keep those that everybody trusts."""
_ENDS_A_LITERAL: Final = re.compile(r"""["'`$\\\x00-\x1f\x7f]""")
"""In the one or other of the languages: a value with any of these could become code."""


class Publishing(NamedTuple):
    """What a snippet is filled with."""

    host: str
    port: int
    is_tls: bool
    ca_file: str
    """The authority's certificate where the program runs; empty: one that everybody trusts."""
    username: str
    secret: str
    topic: str
    client_id: str
    https_url: str


EXAMPLE: Final = Publishing(
    host="jieru.example.cn",
    port=8883,
    is_tls=True,
    ca_file="ca.pem",
    username="xielian/own/CNC-00059",
    secret="SECRET",  # noqa: S106  # no secret, but the word in its place
    topic="jieru/v1/xielian/own/CNC-00059/heartbeat",
    client_id="xielian-own-CNC-00059",
    https_url="https://jieru.example.cn/ingest/v1/xielian",
)
"""What stands in the texts as they are, and in the documents."""

_GATEWAY_EXAMPLE: Final = EXAMPLE._replace(
    ca_file="/etc/jieru/ca.pem",
    username="xielian/via/licheng-1",
    topic="jieru/v1/xielian/via/licheng-1/CNC-00059/heartbeat",
    client_id="xielian-via-licheng-1",
)
"""What stands in the configurations of software that speaks for many devices."""


class Snippet(NamedTuple):
    """A whole program, or a configuration, in one language."""

    name: str
    title: Mapping[str, str]
    """By language: `zh`, `en`."""
    language: str
    """Of highlighting."""
    fits: frozenset[str]
    """Of `device`, `gateway`, `cloud`."""
    is_tried: bool
    """Whether a test runs it; else document and console say that it was not tried."""
    example: Publishing = EXAMPLE
    """What stands in its text."""
    page: str = "connect"
    """The document that shows it, without its language."""

    @property
    def text(self) -> str:
        """The program with the example's values, as the documents show it."""
        texts = resources.files("jieru.snippets") / "texts"
        return (texts / f"{self.name}.txt").read_text(encoding="utf-8")

    def filled(self, publishing: Publishing) -> str:
        """The program with these values in place of the example's.

        Raises:
            ValueError: a value has a character that would end a literal.
        """
        return fill(self.text, publishing, self.example)


def fill(text: str, publishing: Publishing, example: Publishing = EXAMPLE) -> str:
    """A text with these values in place of the example's.

    Raises:
        ValueError: a value has a character that would end a literal.
    """
    values = _marked(publishing)
    if any(_ENDS_A_LITERAL.search(value) for value in values):
        raise ValueError("a quotation mark, dollar, backslash or control character")
    given = dict(zip(_marked(example), values, strict=True))
    # All in one pass and the longest first: some stand inside others, and no value that was filled
    # in is looked at again.
    longest_first = sorted(given, key=len, reverse=True)
    pattern = "|".join(rf"(?<!\w){re.escape(value)}(?!\w)" for value in longest_first)
    return re.sub(pattern, lambda found: given[found[0]], text)


def _marked(publishing: Publishing) -> tuple[str, ...]:
    """The values that stand in texts, in an order that is always the same."""
    authority = publishing.ca_file or (_PUBLIC_AUTHORITIES if publishing.is_tls else "")
    platform, serial = publishing.topic.split("/")[2], publishing.topic.split("/")[-2]
    return (
        publishing.https_url,
        publishing.topic,
        publishing.topic.rpartition(f"/{serial}/")[0],  # before which a bridge puts its prefix
        publishing.client_id,
        publishing.username,
        publishing.host,
        authority,
        publishing.secret,
        str(publishing.port),
        serial,
        platform,
    )


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
    Snippet(
        name="python-aiomqtt",
        title={"zh": "Python asyncio（aiomqtt）", "en": "Python asyncio (aiomqtt)"},
        language="python",
        fits=_ANYBODY,
        is_tried=True,
    ),
    Snippet(
        name="go",
        title={"zh": "Go（autopaho）", "en": "Go (autopaho)"},
        language="go",
        fits=_ANYBODY,
        is_tried=True,
    ),
    Snippet(
        name="java",
        title={"zh": "Java（HiveMQ 客户端）", "en": "Java (HiveMQ client)"},
        language="java",
        fits=_ANYBODY,
        is_tried=True,
    ),
    Snippet(
        name="javascript",
        title={"zh": "JavaScript（mqtt.js）", "en": "JavaScript (mqtt.js)"},
        language="javascript",
        fits=_ANYBODY,
        is_tried=True,
    ),
    Snippet(
        name="c",
        title={"zh": "C（libmosquitto）", "en": "C (libmosquitto)"},
        language="c",
        fits=_ANYBODY,
        is_tried=True,
    ),
    Snippet(
        name="rust",
        title={"zh": "Rust（rumqttc）", "en": "Rust (rumqttc)"},
        language="rust",
        fits=_ANYBODY,
        is_tried=True,
    ),
    Snippet(
        name="arduino",
        title={"zh": "Arduino（PubSubClient）", "en": "Arduino (PubSubClient)"},
        language="cpp",
        fits=frozenset({"device"}),
        is_tried=False,
    ),
    Snippet(
        name="curl",
        title={"zh": "HTTPS（curl）", "en": "HTTPS (curl)"},
        language="sh",
        fits=_ANYBODY,
        is_tried=True,
    ),
)


def _of_many(name: str, language: str, *, zh: str, en: str) -> Snippet:
    """What somebody configures once for many devices."""
    return Snippet(
        name=name,
        title={"zh": zh, "en": en},
        language=language,
        fits=frozenset({"gateway", "cloud"}),
        is_tried=True,
        example=_GATEWAY_EXAMPLE,
        page="connect-gateways",
    )


_SOFTWARE_OF_OTHERS: Final = (
    _of_many(
        "mosquitto-bridge", "sh", zh="自有 Mosquitto 桥接", en="A bridge from your own Mosquitto"
    ),
    _of_many(
        "telegraf-native",
        "toml",
        zh="Telegraf：逐台心跳",
        en="Telegraf: a heartbeat for each device",
    ),
    _of_many("telegraf-source", "toml", zh="Telegraf：成批上报", en="Telegraf: in batches"),
    _of_many("node-red", "json", zh="Node-RED 流程", en="A flow for Node-RED"),
    _of_many(
        "thingsboard-gateway",
        "sh",
        zh="ThingsBoard IoT Gateway",
        en="ThingsBoard IoT Gateway",
    ),
    _of_many(
        "sparkplug-python",
        "python",
        zh="Sparkplug B：Python（pysparkplug）",
        en="Sparkplug B: Python (pysparkplug)",
    ),
    _of_many(
        "sparkplug-javascript",
        "javascript",
        zh="Sparkplug B：JavaScript（sparkplug-client）",
        en="Sparkplug B: JavaScript (sparkplug-client)",
    ),
)


def snippets() -> tuple[Snippet, ...]:
    """All of them, in the order in which documents and console show them."""
    return _SNIPPETS + _SOFTWARE_OF_OTHERS
