"""Node-RED runs the flow that we show, imported as an engineer imports it."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from tests.interop.gateways.city import City, configuration
from tests.interop.gateways.kept import NODE_RED, node_modules
from tests.support.fleet import Sent, stored_heartbeats, wait_until
from tests.support.processes import free_port, kill_tree, spawn, wait_until_ready

if TYPE_CHECKING:
    from subprocess import Popen

pytestmark = pytest.mark.interop

_SERIALS: Final = ("CNC-1", "CNC-2", "CNC-3")
# Context in files, as the guide says; nothing else differs from Node-RED's own settings.
_SETTINGS: Final = """\
module.exports = {
  uiHost: "127.0.0.1",
  uiPort: %(port)d,
  flowFile: "flows.json",
  telemetry: {enabled: false},
  contextStorage: {default: {module: "localfilesystem", config: {flushInterval: 5}}},
};
"""
# What equipment there is on the test's side: heartbeats come by HTTP into the flow's first node.
_EQUIPMENT: Final = [
    {
        "id": "test-in",
        "type": "http in",
        "z": "jieru-tab",
        "url": "/measured",
        "method": "post",
        "wires": [["test-split"]],
    },
    {
        "id": "test-split",
        "type": "function",
        "z": "jieru-tab",
        "outputs": 2,
        "func": (
            "const each = msg.payload.map(({serial, ts}) =>"
            " ({serial, ts, status: 'running', payload: {rpm: 1480.5}}));"
            "return [each, msg];"
        ),
        "wires": [["jieru-keep"], ["test-answer"]],
    },
    {"id": "test-answer", "type": "http response", "z": "jieru-tab", "statusCode": "200"},
]


class _NodeRed:
    """A Node-RED with a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._port = free_port()
        self._folder = folder / "node-red"
        self._folder.mkdir()
        self._log = folder / "node-red.log"
        self._url = f"http://127.0.0.1:{self._port}"
        settings = _SETTINGS % {"port": self._port}
        (self._folder / "settings.js").write_text(settings, encoding="utf-8")
        self._process: Popen[bytes] | None = None

    def start(self) -> None:
        program = node_modules(f"node-red@{NODE_RED}") / "node_modules/node-red/red.js"
        starts = self._said("Started flows")
        # Its programs stand outside the folders of our own environment.
        self._process = spawn(
            ["/usr/bin/node", str(program), "--userDir", str(self._folder)], log=self._log
        )
        wait_until_ready(lambda: self._said("Started flows") > starts, self._process, log=self._log)

    def kill(self) -> None:
        if self._process is not None:
            kill_tree(self._process)
            self._process = None

    def deploy(self, flow: str) -> None:
        """Import a flow, and deploy it."""
        nodes = [node for node in json.loads(flow) if node["id"] != "jieru-example"]
        answer = httpx.post(f"{self._url}/flows", json=[*nodes, *_EQUIPMENT], timeout=60)
        answer.raise_for_status()

    def measure(self, heartbeats: list[Sent]) -> None:
        """Machines measure at these times; returns when the flow has taken it."""
        body = [{"serial": each.serial, "ts": each.ts_ms} for each in heartbeats]
        wait_until(lambda: self._post(body), "the flow takes what is measured")

    def waiting(self) -> int:
        """How many heartbeats wait on disk."""
        path = self._folder / "context/jieru-tab/flow.json"
        return len(json.loads(path.read_text()).get("waiting", {})) if path.exists() else 0

    def _post(self, body: list[dict[str, object]]) -> bool:
        return httpx.post(f"{self._url}/measured", json=body, timeout=60).status_code == 200

    def _said(self, words: str) -> int:
        return self._log.read_text(encoding="utf-8").count(words) if self._log.exists() else 0


@contextmanager
def _node_red(folder: Path) -> Iterator[_NodeRed]:
    node_red = _NodeRed(folder)
    try:
        node_red.start()
        yield node_red
    finally:
        node_red.kill()


def test_what_the_flow_keeps_outlives_the_citys_absence_and_its_own_death(
    the_city: City,
) -> None:
    """Killed while heartbeats wait on disk, it sends them when both are back, and no other."""
    now = time.time_ns() // 1_000_000
    sent = [Sent(_SERIALS[number % 3], now - number * 10_000) for number in range(600)]
    with the_city.ingesting(), _node_red(the_city.folder) as node_red:
        node_red.deploy(configuration("node-red", the_city.publishing()))
        node_red.measure(sent[:200])
        the_city.wait_for(sent[:200])
        wait_until(lambda: node_red.waiting() == 0, "nothing waits")
        the_city.broker.stop()
        node_red.measure(sent[200:500])
        wait_until(lambda: node_red.waiting() == 300, "all of it waits on disk")
        node_red.kill()
        node_red.start()
        node_red.measure(sent[500:])
        the_city.broker.start()
        the_city.wait_for(sent)
        wait_until(lambda: node_red.waiting() == 0, "nothing waits any more")
    assert the_city.refused() == []


def test_the_example_in_the_flow_publishes_a_heartbeat_as_it_stands(the_city: City) -> None:
    """Whoever imports it sees a device online within a minute."""
    with the_city.ingesting(), _node_red(the_city.folder) as node_red:
        answer = httpx.post(
            f"{node_red._url}/flows",
            json=json.loads(configuration("node-red", the_city.publishing())),
            timeout=60,
        )
        answer.raise_for_status()
        wait_until(lambda: bool(stored_heartbeats(the_city.connection)), "it is stored")
    assert {each.serial for each in stored_heartbeats(the_city.connection)} == {"CNC-1"}
