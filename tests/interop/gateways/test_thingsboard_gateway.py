"""The library by which ThingsBoard's gateway reports publishes to a Mosquitto that bridges."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest

from tests.interop.gateways.city import City, configuration
from tests.interop.gateways.kept import THINGSBOARD_GATEWAY, python_with
from tests.interop.gateways.own_broker import OwnBroker
from tests.support.fleet import Sent, wait_until
from tests.support.processes import ENVIRONMENT, kill_tree, spawn
from tests.support.sources import declare_ready_made

if TYPE_CHECKING:
    from subprocess import Popen

pytestmark = pytest.mark.interop

_SERIALS: Final = ("CNC-1", "CNC-2", "CNC-3")
# As the library's own examples have it; the topic is the library's, v1/gateway/telemetry.
_PROGRAM: Final = """\
import sys, time
from tb_gateway_mqtt import TBGatewayMqttClient

port, newest, first, last = map(int, sys.argv[1:])
gateway = TBGatewayMqttClient("127.0.0.1", port, "ACCESS_TOKEN", client_id="gateway")
gateway.connect()
while not gateway.is_connected():
    time.sleep(0.05)
for number in range(first, last):
    device = ("CNC-1", "CNC-2", "CNC-3")[number % 3]
    telemetry = {"ts": newest - number * 10_000, "values": {"rpm": 1480.5, "load": 71}}
    sent = gateway.gw_send_telemetry(device, telemetry)
    assert sent.get() == sent.TB_ERR_SUCCESS
    print("reported", number, flush=True)
time.sleep(600)
"""


@contextmanager
def _gateway(
    the_city: City, own_broker: OwnBroker, newest: int, numbers: range
) -> Iterator["Popen[bytes]"]:
    """A gateway that has reported the heartbeats of these numbers; killed at the end."""
    log = the_city.folder / f"gateway-{numbers.start}.log"
    python = python_with(f"thingsboard-gateway=={THINGSBOARD_GATEWAY}")
    arguments = map(str, (own_broker.port, newest, numbers.start, numbers.stop))
    process = spawn([str(python), "-c", _PROGRAM, *arguments], log=log)
    try:
        wait_until(
            lambda: f"reported {numbers.stop - 1}\n" in log.read_text(),
            f"all is reported (see {log})",
            timeout_s=120,
        )
        yield process
    finally:
        kill_tree(process)


@pytest.fixture
def bridged(the_city: City, own_broker: OwnBroker) -> str:
    """The configuration of the bridge, as we show it."""
    authority = own_broker.keep("city-ca.pem", the_city.authority.read_bytes())
    return configuration("mosquitto-bridge", the_city.publishing(ca_file=authority))


def test_the_librarys_topic_cannot_be_changed() -> None:
    """Where this ends, the guide has a simpler way to tell of."""
    python = python_with(f"thingsboard-gateway=={THINGSBOARD_GATEWAY}")
    look = (
        "import inspect, tb_gateway_mqtt as m; print(m.GATEWAY_TELEMETRY_TOPIC);"
        "print('topic' in inspect.signature(m.TBGatewayMqttClient.gw_send_telemetry).parameters)"
    )
    done = subprocess.run(
        [python, "-c", look], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["v1/gateway/telemetry", "False"]


def test_what_the_library_reports_is_stored_though_it_is_killed_and_the_city_away(
    the_city: City, own_broker: OwnBroker, bridged: str
) -> None:
    """The bridge gives what it reports the name of the source that reads it."""
    newest = time.time_ns() // 1_000_000
    sent = [Sent(_SERIALS[number % 3], newest - number * 10_000) for number in range(600)]
    declare_ready_made(the_city.connection, "thingsboard-gateway")
    own_broker.start(bridged)
    with the_city.ingesting():
        with _gateway(the_city, own_broker, newest, range(200)):
            the_city.wait_for(sent[:200])
        the_city.broker.stop()
        with _gateway(the_city, own_broker, newest, range(200, 400)):
            own_broker.save()
            own_broker.kill()
            own_broker.start(bridged)
        the_city.broker.start()
        with _gateway(the_city, own_broker, newest, range(400, 600)):
            the_city.wait_for(sent)
    assert the_city.refused() == []
