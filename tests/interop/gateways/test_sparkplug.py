"""Two libraries for Sparkplug B publish as an edge node, and so do the programs that we show."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.interop.gateways.city import City, configuration
from tests.interop.gateways.kept import PYSPARKPLUG, SPARKPLUG_CLIENT, node_modules, python_with
from tests.support.equipment import Equipment
from tests.support.fleet import Sent, stored_heartbeats, wait_until
from tests.support.processes import kill_tree, spawn
from tests.support.sources import declare_ready_made

if TYPE_CHECKING:
    from subprocess import Popen

pytestmark = pytest.mark.interop

_SERIALS: Final = ("CNC-1", "CNC-2", "CNC-3")
_SOURCE: Final = "sparkplug-b"
# Each publishes heartbeats at known times: a birth for each device, and then its data.
_PYTHON: Final = """\
import sys, time
import pysparkplug as sparkplug

port, newest, first, last = map(int, sys.argv[5:])
group, edge = sys.argv[1], sys.argv[2]
devices = ("CNC-1", "CNC-2", "CNC-3")

def measured(number):
    return sparkplug.Metric(timestamp=newest - number * 10_000, name="rpm",
                            datatype=sparkplug.DataType.DOUBLE, value=float(number))

client = sparkplug.Client(client_id="edge", username=sys.argv[3], password="{password}",
                          transport_config=sparkplug.TLSConfig(ca_certs=sys.argv[4]))
node = sparkplug.EdgeNode(group, edge, metrics=[], client=client)
for number in range(first, first + 3):
    node.register(sparkplug.Device(devices[number % 3], metrics=[measured(number)]))
node.connect("127.0.0.1", port=port)
while not node._connected:
    time.sleep(0.05)
time.sleep(0.5)
for number in range(first + 3, last):
    node.update_device(devices[number % 3], [measured(number)])
print("published", flush=True)
time.sleep(600)
"""
_JAVASCRIPT: Final = """\
const fs = require("fs");
const sparkplug = require("sparkplug-client");
const [group, edge, username, ca, ...numbers] = process.argv.slice(2);
const [port, newest, first, last] = numbers.map(Number);
const devices = ["CNC-1", "CNC-2", "CNC-3"];
const measured = (number) => {
  const timestamp = newest - number * 10000;
  const metric = {name: "rpm", type: "Double", value: number, timestamp};
  return {timestamp: Date.now(), metrics: [metric]};
};
const client = sparkplug.newClient({
  serverUrl: `mqtts://127.0.0.1:${port}`, username, password: "{password}", clientId: "edge",
  groupId: group, edgeNode: edge, version: "spBv1.0", mqttOptions: {ca: fs.readFileSync(ca)},
});
client.on("birth", () => {
  client.publishNodeBirth({timestamp: Date.now(), metrics: []});
  for (let number = first; number < first + 3; number++) {
    client.publishDeviceBirth(devices[number % 3], measured(number));
  }
  for (let number = first + 3; number < last; number++) {
    client.publishDeviceData(devices[number % 3], measured(number));
  }
  console.log("published");
});
setTimeout(() => {}, 600000);
"""


def _python_command(folder: Path, program: str) -> list[str]:
    file = folder / "edge_node.py"
    file.write_text(program, encoding="utf-8")
    return [str(python_with(f"pysparkplug=={PYSPARKPLUG}")), str(file)]


def _node_command(folder: Path, program: str) -> list[str]:
    modules = node_modules(f"sparkplug-client@{SPARKPLUG_CLIENT}") / "node_modules"
    file = folder / "edge_node.js"
    file.write_text(program, encoding="utf-8")
    # What a program requires is looked for from its own place on.
    (folder / "node_modules").symlink_to(modules)
    return ["/usr/bin/node", str(file)]


_Command = Callable[[Path, str], list[str]]
_LIBRARIES: Final = {
    "pysparkplug": (_python_command, _PYTHON),
    "sparkplug-client": (_node_command, _JAVASCRIPT),
}


@contextmanager
def _running(argv: list[str], log: Path) -> Iterator["Popen[bytes]"]:
    process = spawn(argv, log=log)
    try:
        yield process
    finally:
        kill_tree(process)


@pytest.mark.parametrize("library", _LIBRARIES)
def test_what_an_edge_node_publishes_is_stored_though_it_and_the_ingesters_are_killed(
    library: str, the_city: City
) -> None:
    """Births and data are heartbeats; what waits for an ingester waits at QoS 1."""
    command, program = _LIBRARIES[library]
    publishing = the_city.publishing()
    newest = time.time_ns() // 1_000_000
    sent = [Sent(_SERIALS[number % 3], newest - number * 10_000) for number in range(600)]
    declare_ready_made(the_city.connection, _SOURCE)
    argv = [
        *command(the_city.folder, program.replace("{password}", publishing.secret)),
        *("xielian.via", "licheng-1", publishing.username, publishing.ca_file),
        *(str(publishing.port), str(newest)),
    ]
    log = the_city.folder / "edge-node.log"
    # At QoS 0 nobody tells the edge node that something has arrived: somebody else looks.
    with Equipment(the_city.broker.url()) as onlooker:
        onlooker.subscribe("spBv1.0/#")

        def publish(first: int, last: int) -> None:
            with _running([*argv, str(first), str(last)], log):
                wait_until(
                    lambda: _from_devices(onlooker) >= last, f"{last} have arrived (see {log})"
                )

        with the_city.ingesting():
            publish(0, 200)
            the_city.wait_for(sent[:200])
        publish(200, 400)
        with the_city.ingesting():
            publish(400, 600)
            the_city.wait_for(sent)
    assert the_city.refused() == []


def _from_devices(onlooker: Equipment) -> int:
    return sum("/DBIRTH/" in topic or "/DDATA/" in topic for topic in onlooker.received)


@pytest.mark.parametrize(
    ("name", "command", "every"),
    [
        ("sparkplug-python", _python_command, ("EVERY_S = 60", "EVERY_S = 0.2")),
        ("sparkplug-javascript", _node_command, ("EVERY_MS = 60000", "EVERY_MS = 200")),
    ],
)
def test_the_programs_of_the_guide_publish_heartbeats_that_are_taken(
    name: str, command: _Command, every: tuple[str, str], the_city: City
) -> None:
    """As they stand, but for how often."""
    declare_ready_made(the_city.connection, _SOURCE)
    program, changes = re.subn(
        re.escape(every[0]), every[1], configuration(name, the_city.publishing())
    )
    assert changes == 1
    log = the_city.folder / "edge-node.log"
    with the_city.ingesting(), _running(command(the_city.folder, program), log):
        wait_until(
            lambda: len(stored_heartbeats(the_city.connection)) >= 5, f"five are stored (see {log})"
        )
    assert {each.serial for each in stored_heartbeats(the_city.connection)} == {"CNC-1"}
    assert the_city.refused() == []
