"""Usual mistakes in a topic that a broker lets through, for their owner to hear of them. Pure.

A broker that drops what it does not allow tells equipment nothing, unless that speaks MQTT 5. So it
allows some topics that are nobody's evidence, and the ingester of others' formats refuses what
comes there. They are a list of endings, and not all of a platform's tree: MQTT has no filter for
"all but heartbeats", and what is allowed and subscribed to by nobody would be lost without a word.
"""

from typing import Final

__all__ = ["WRONG_ENDINGS", "WRONG_TOPIC_FILTERS"]

WRONG_ENDINGS: Final = (
    "heartbeat/",
    "heartbeats",
    "Heartbeat",
    "HEARTBEAT",
    "heart-beat",
    "heart_beat",
    "heart",
    "hb",
    "alive",
    "online",
    "ping",
    "telemetry",
    "data",
    "status",
    "state",
    "properties",
    "property",
    "attributes",
    "event",
    "events",
    "report",
    "message",
    "messages",
    "msg",
    "metrics",
    "up",
    "upload",
    "uplink",
    "post",
    "pub",
)
"""What stands in the place of `heartbeat`, with a serial before it or without. No topic of such an
end is that of a heartbeat, and one that is a source's is so for its own publisher alone."""
_SHALLOWEST: Final = 1
_DEEPEST: Final = 4
"""Parts between `jieru/v1` and the end: from a cloud with no device to a gateway with one."""
WRONG_TOPIC_FILTERS: Final = (
    # What the patterns of heartbeats and sources allow as well, and no reader of those takes.
    "jieru/v1/+/heartbeat",
    "jieru/v1/+/via/+/heartbeat",
    "jieru/v1/+/own/+/+/heartbeat",
    "jieru/v1/+/+/in/+",
    "jieru/v1/+/+/in/+/+",
    *(
        f"jieru/v1/{'+/' * parts}{ending}"
        for ending in WRONG_ENDINGS
        for parts in range(_SHALLOWEST, _DEEPEST + 1)
    ),
)
"""All that credentials may reach by these endings."""
