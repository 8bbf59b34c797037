"""A platform's own Mosquitto hands on what its equipment publishes, by the bridge that we show."""

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final

import pytest

from jieru.wire import encode_payload
from tests.interop.gateways.city import City, configuration
from tests.interop.gateways.own_broker import OwnBroker
from tests.support.fleet import Publisher, Sent
from tests.support.sources import declare, declare_ready_made, thingsboard

_SERIALS: Final = ("CNC-1", "CNC-2", "CNC-3")
_BACKLOG: Final = 4_000
"""Four times what Mosquitto keeps unless told otherwise."""
_MINUTE_MS: Final = 60_000
_LINE: Final = {
    "format": "json",
    "rows": [{"each": "$[*]", "serial": ["@.machine"], "ts": {"unit": "s", "at": ["@.at"]}}],
}


@pytest.fixture
def bridge(the_city: City, own_broker: OwnBroker) -> str:
    """The configuration that we show, filled for this city."""
    authority = own_broker.keep("city-ca.pem", the_city.authority.read_bytes())
    return configuration("mosquitto-bridge", the_city.publishing(ca_file=authority))


def _heartbeats(count: int) -> list[Sent]:
    """As many, one a minute of three machines, none in the future."""
    now = time.time_ns() // 1_000_000_000 * 1_000
    return [
        Sent(_SERIALS[number % 3], now - number // 3 * _MINUTE_MS - number % 3)
        for number in range(count)
    ]


@contextmanager
def _equipment(own_broker: OwnBroker) -> Iterator[Publisher]:
    with closing(Publisher(own_broker.url)) as equipment:
        yield equipment


def _publish(equipment: Publisher, heartbeats: list[Sent], *, is_retained: bool = False) -> None:
    """Publish in the plant, and wait until the plant's broker has acknowledged."""
    for each in heartbeats:
        equipment.publish_raw(
            f"factory/{each.serial}/heartbeat", encode_payload(each.ts_ms), is_retained=is_retained
        )
        equipment.sent.append(each)
    equipment.wait_until_acknowledged()


def test_native_topics_and_two_sources_arrive_by_their_new_names(
    the_city: City, own_broker: OwnBroker, bridge: str
) -> None:
    """Heartbeats, a format that is declared, and a topic that nobody can change."""
    now = time.time_ns() // 1_000_000_000 * 1_000
    declare_ready_made(the_city.connection, "thingsboard-gateway")
    declare(the_city.connection, "line-3", _LINE)
    own_broker.start(bridge)
    with the_city.ingesting(), _equipment(own_broker) as equipment:
        _publish(equipment, [Sent("CNC-1", now)])
        equipment.publish_raw(
            "factory/line-3", json.dumps([{"machine": "CNC-2", "at": now // 1000}]).encode()
        )
        equipment.publish_raw("v1/gateway/telemetry", thingsboard({"CNC-3": [now]}))
        equipment.wait_until_acknowledged(3)
        the_city.wait_for([Sent(serial, now) for serial in _SERIALS])
    assert the_city.messages() == {"line-3": 1, "thingsboard-gateway": 1}
    assert the_city.refused() == []


def test_a_backlog_outlives_the_citys_absence_and_the_death_of_both_brokers(
    the_city: City, own_broker: OwnBroker, bridge: str
) -> None:
    """What was published while the city was away arrives, once, with its old times."""
    sent = _heartbeats(_BACKLOG)
    own_broker.start(bridge)
    with the_city.ingesting():
        with _equipment(own_broker) as equipment:
            _publish(equipment, sent[:100])
        the_city.wait_for(sent[:100])
        the_city.broker.save()  # that it knows its ingesters, as it does once a minute
        the_city.broker.kill()
        with _equipment(own_broker) as equipment:
            _publish(equipment, sent[100:])
        own_broker.save()
        own_broker.kill()
        the_city.broker.start()
        own_broker.start(bridge)
        the_city.wait_for(sent)
    assert the_city.refused() == []


def test_the_citys_broker_may_restart_in_the_middle(
    the_city: City, own_broker: OwnBroker, bridge: str
) -> None:
    """The bridge sends again what was not acknowledged, and nothing is counted twice."""
    sent = _heartbeats(_BACKLOG)
    own_broker.start(bridge)
    with the_city.ingesting(), _equipment(own_broker) as equipment:
        for part in range(4):
            _publish(equipment, sent[part * 1_000 : (part + 1) * 1_000])
            the_city.broker.restart()
        the_city.wait_for(sent)


def test_retained_messages_are_no_second_evidence(
    the_city: City, own_broker: OwnBroker, bridge: str
) -> None:
    """A bridge may send all of them again at each start; each is one heartbeat, however often."""
    now = time.time_ns() // 1_000_000_000 * 1_000
    retained = [Sent(serial, now - _MINUTE_MS) for serial in _SERIALS]
    own_broker.start(bridge)
    with the_city.ingesting():
        with _equipment(own_broker) as equipment:
            _publish(equipment, retained, is_retained=True)
        the_city.wait_for(retained)
        for restart in range(2):
            own_broker.stop()
            own_broker.start(bridge)
            # What comes after them is stored after them.
            with _equipment(own_broker) as equipment:
                _publish(equipment, [Sent("CNC-1", now + restart)])
            the_city.wait_for(
                [*retained, *(Sent("CNC-1", now + each) for each in range(restart + 1))]
            )
    assert the_city.refused() == []


def test_equipment_that_publishes_at_qos_0_waits_in_the_bridge_too(
    the_city: City, own_broker: OwnBroker, bridge: str
) -> None:
    """`upgrade_outgoing_qos` keeps it while the city is away."""
    sent = _heartbeats(300)
    own_broker.start(bridge)
    with the_city.ingesting():
        the_city.broker.stop()
        with _equipment(own_broker) as equipment:
            for each in sent:
                equipment._client.publish(
                    f"factory/{each.serial}/heartbeat", encode_payload(each.ts_ms), qos=0
                )
            # At QoS 1, and so acknowledged after all that came before it.
            _publish(equipment, [])
            equipment.publish_raw("factory/end", b"")
            equipment.wait_until_acknowledged(len(sent) + 1)
        the_city.broker.start()
        the_city.wait_for(sent)
