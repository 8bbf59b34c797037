"""`jieru demo`: the whole job, checked, and nothing left behind."""

import html
import json
import re
import shlex
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

import httpx
import psutil
import pytest

from tests.support.command import clean_environment, jieru, jieru_path
from tests.support.fleet import wait_until
from tests.support.visiting import form_token_of


@pytest.fixture(autouse=True)
def _leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give the demonstration a place for temporary files that must be empty at the end."""
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield
        assert list(Path(folder).iterdir()) == []


def test_the_demonstration_counts_as_its_scenario_expects() -> None:
    """Exit code 0 says that every outcome agreed; the JSON has the shape others rely on."""
    done = jieru("demo", "--once", "--json", timeout_s=240)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("cases opened: 1.") == 1, "the copied machines, and nobody else"
    count = json.loads(done.stdout)
    assert count["year"] == 2026
    assert count["policy"] == "putian-2026"
    assert count["simulation"] is True
    assert count["total_yuan"] == sum(each["award_yuan"] for each in count["platforms"])
    capped = [each for each in count["platforms"] if each["counted"] > 15]
    assert capped, "a platform with more than 15 shows the cap"
    for platform in capped:
        (line,) = (each for each in platform["lines"] if each["clause"] == "1.2")
        assert line["uncapped_yuan"] == 10_000 * line["count"] > line["amount_yuan"] == 150_000
    clauses = {line["clause"] for each in count["platforms"] for line in each["lines"]}
    assert clauses == {"1.1", "1.2"}
    outcomes = {
        each["outcome"] for platform in count["platforms"] for each in platform["enterprises"]
    }
    assert outcomes == {
        "counted",
        "held",
        "excluded",
        "out_of_scope",
        "platform_not_recognised",
        "connected_earlier",
        "pending",
        "not_effective",
    }
    for platform in count["platforms"]:
        for enterprise in platform["enterprises"]:
            assert (enterprise["outcome"] == "counted") <= (enterprise["reasons"] == [])
            assert {"uscc", "connected_on", "window_active_days", "window_longest_gap_days"} <= set(
                enterprise
            )


@dataclass
class _Demonstration:
    """One that runs, and what it has said so far."""

    process: "subprocess.Popen[bytes]"
    log: Path

    def said(self) -> str:
        return self.log.read_text()

    def wait_until_it_says(self, text: str, *, timeout_s: float = 30) -> None:
        """Wait for it, as long as it lives."""

        def has_said() -> bool:
            assert self.process.poll() is None, self.said()
            return text in self.said()

        wait_until(has_said, f"it says {text}", timeout_s=timeout_s)

    def ends(self) -> int:
        """Its exit code; no process of it is left."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        code = self.process.wait(60)
        _gone, alive = psutil.wait_procs(family, timeout=10)
        assert alive == []
        return code

    def child(self, word: str) -> psutil.Process:
        """The one process below it whose command line has this word."""
        (found,) = self._children(word)
        return found

    def has_child(self, word: str) -> bool:
        """Whether there is one."""
        return bool(self._children(word))

    def _children(self, word: str) -> list[psutil.Process]:
        return [
            child
            for child in psutil.Process(self.process.pid).children(recursive=True)
            # Beside each server stands a shell that is told its folder; PostgreSQL's own processes
            # are called by the role that they serve.
            if child.name() != "sh"
            and any(word in part and "postgres: " not in part for part in child.cmdline())
        ]


@pytest.fixture
def demonstration(tmp_path: Path) -> Iterator[_Demonstration]:
    """A demonstration in English, with its page at any port."""
    log = tmp_path / "demo.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [jieru_path(), "demo", "--port", "0"],
            env=clean_environment(language="en"),
            stdout=output,
            stderr=output,
        )
    try:
        yield _Demonstration(process, log)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGINT, marks=pytest.mark.nightly),
        signal.SIGTERM,
        pytest.param(signal.SIGHUP, marks=pytest.mark.nightly),
    ],
)
def test_a_signal_stops_everything_while_it_plays(
    demonstration: _Demonstration, number: signal.Signals
) -> None:
    """No process and no directory is left, however impatient somebody is."""
    demonstration.wait_until_it_says("devices.csv")
    time.sleep(2)
    _send_thrice(demonstration, number)
    assert demonstration.ends() == 130
    assert "Traceback" not in demonstration.said(), demonstration.said()


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.nightly)]
)
def test_at_the_page_it_waits_for_people_and_heartbeats_until_a_signal(
    demonstration: _Demonstration, number: signal.Signals
) -> None:
    """Everybody signs in; the printed line turns a device online; then nothing is left."""
    demonstration.wait_until_it_says("The page is at", timeout_s=200)
    said = demonstration.said()
    end = said[said.index("Accounts of this demonstration") :]
    assert len(end.splitlines()) < 24, "what one needs fits a screen, and is the last that is said"
    address = end.split("The page is at ")[1].split()[0]
    _look_around(address, _accounts(end))
    _lead_a_count_to_its_payment(address, _accounts(end))
    _publish_a_first_heartbeat(end, address)
    _send_thrice(demonstration, number)
    assert demonstration.ends() == 0
    assert "Traceback" not in demonstration.said(), demonstration.said()


@pytest.mark.parametrize("word", ["ingest", "nats-server"])
def test_what_dies_ends_the_demonstration_aloud(demonstration: _Demonstration, word: str) -> None:
    """Rather than a page on which nothing ever arrives; nothing is left."""
    demonstration.wait_until_it_says("The page is at", timeout_s=200)
    demonstration.child(word).kill()
    assert demonstration.ends() == 1
    assert "RuntimeError" in demonstration.said()


def test_a_demonstration_that_is_killed_leaves_no_server(demonstration: _Demonstration) -> None:
    """SIGKILL leaves it no time to clean up: its servers and their folders go all the same."""
    demonstration.wait_until_it_says("devices.csv")
    wait_until(lambda: demonstration.has_child("ingest"), "it plays")
    family = psutil.Process(demonstration.process.pid).children(recursive=True)
    assert demonstration.has_child("nats-server")
    demonstration.process.kill()
    _gone, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []


def _send_thrice(demonstration: _Demonstration, number: signal.Signals) -> None:
    for _ in range(3):
        demonstration.process.send_signal(number)


def _publish_a_first_heartbeat(said: str, address: str) -> None:
    """With the very line that was printed; the operator sees the device come online."""
    (line,) = (line for line in said.splitlines() if "simulate heartbeat" in line)
    words = shlex.split(line)
    serial = words[-1]
    operator = _accounts(said)["operator"]
    with httpx.Client(base_url=address, follow_redirects=True, timeout=30) as browser:
        _sign_in(browser, "operator", operator, "/devices")

        def online() -> set[str]:
            answer = browser.get("/api/v1/devices", params={"status": "online", "limit": 200})
            assert answer.status_code == 200, answer.text
            return {device["serial"] for device in answer.json()["items"]}

        assert serial not in online()
        _see_the_fleet_live(browser)
        wrong = [word.replace("@", "x@") for word in words]
        refused = subprocess.run(wrong, capture_output=True, text=True, check=False)
        assert (refused.returncode, refused.stdout) == (1, "")
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert serial in done.stdout
        wait_until(lambda: serial in online(), f"device {serial} is online")
        _try_a_credential_of_the_console(browser, serial, broker=urlsplit(words[-3]))


def _try_a_credential_of_the_console(
    browser: httpx.Client, serial: str, *, broker: SplitResult
) -> None:
    """Issued, it works at once, and the page names this broker."""
    token = form_token_of(browser.get(f"/devices/xielian/{serial}"))
    fields = {"platform": "xielian", "serial": serial, "form_token": token}
    page = browser.post("/credentials", data=fields)
    assert page.status_code == 200, page.text
    shown = shlex.split(html.unescape(re.findall(r"mosquitto_pub[^<]*", page.text)[0]))
    options = dict(zip(shown[1::2], shown[2::2], strict=False))
    assert (options["-h"], options["-p"]) == (broker.hostname, str(broker.port))
    user = f"{quote(options['-u'], safe='')}:{options['-P']}"
    done = jieru("simulate", "heartbeat", "--url", f"mqtt://{user}@127.0.0.1:{broker.port}")
    assert done.returncode == 0, done.stderr


def _accounts(said: str) -> dict[str, str]:
    """The accounts that the demonstration listed, and their passwords."""
    rows = [line.strip("│ ").split("│") for line in said.splitlines() if line.startswith("│")]
    return {account.strip(): password.strip() for account, password, *_others in rows}


def _look_around(address: str, accounts: dict[str, str]) -> None:
    """Each of them sees the counts; the operator those of the own platform."""
    assert list(accounts) == ["operator", "verifier", "auditor", "admin"]
    for account, password in accounts.items():
        with httpx.Client(base_url=address, follow_redirects=True, timeout=30) as browser:
            counts = _sign_in(browser, account, password, "/counts")
            assert '<option value="2026" selected>' in counts.text
            api = browser.get("/api/v1/counts/2026").json()
            codes = {each["platform"] for each in api["platforms"]}
            assert (codes == {"xielian"}) == (account == "operator")
            if account == "verifier":
                _look_at_the_case(browser)


def _look_at_the_case(browser: httpx.Client) -> None:
    """Of who shows the machines of another enterprise, hour by hour."""
    (case,) = browser.get("/api/v1/cases").json()["items"]
    assert (case["platform"], case["strength"]) == ("xielian", "hard")
    assert "rhythm_alike" in case["kinds"]
    assert case["enterprise_name"] in browser.get("/cases").text
    page = browser.get(f"/cases/{case['id']}")
    assert page.status_code == 200, page.text


def _lead_a_count_to_its_payment(address: str, accounts: dict[str, str]) -> None:
    """By two of its people, who let a month pass when a notice is up."""
    with (
        httpx.Client(base_url=address, follow_redirects=True, timeout=60) as maker,
        httpx.Client(base_url=address, follow_redirects=True, timeout=60) as checker,
    ):
        for browser, account in ((maker, "verifier"), (checker, "admin")):
            token = form_token_of(_sign_in(browser, account, accounts[account], "/counts"))
            browser.headers["x-form-token"] = token

        def take(browser: httpx.Client, step: str, **body: str) -> dict[str, Any]:
            answer = browser.post(f"/api/v1/counts/{step}", json=body)
            assert answer.is_success, answer.text
            return dict(answer.json())

        take(maker, "2026/draft", as_of="2027-01-31")
        for each in maker.get("/api/v1/counts/2026/review").json()["items"]:
            if each["kind"] == "hold":
                take(maker, f"decisions/{each['decision_id']}/withdraw", reason="核查无误")
            elif each["kind"] == "pending":
                (platform,) = each["platforms"]
                where = {"platform": platform, "uscc": each["uscc"]}
                take(maker, "2026/closings", **where, reason="停产")
        drafted = take(maker, "2026/draft", as_of="2027-01-31")
        take(maker, "2026/submit", content_sha256=drafted["content_sha256"])
        take(checker, "2026/freeze", content_sha256=drafted["content_sha256"])
        take(checker, "2026/publish")
        form = {"days": "31", "back": "/counts", "form_token": maker.headers["x-form-token"]}
        page = maker.post("/demonstration/clock", data=form)
        (day,) = re.findall(r"are taken as on ([\d-]+)\.", page.text)
        take(checker, "2026/approve-payment")
        paid = take(maker, "2026/payments", platform="xielian", reference="1", paid_on=day)
        assert paid["state"] == "payable"


def _see_the_fleet_live(browser: httpx.Client) -> None:
    """Machines go on sending; one of them is registered nowhere."""

    def unknown() -> bool:
        answer = browser.get("/api/v1/rejections", params={"reason": "unknown_device", "limit": 1})
        (newest,) = answer.json()["items"]
        return bool(newest["topic"].endswith("/NOT-REGISTERED-1/heartbeat"))

    wait_until(unknown, "the machine that is registered nowhere is refused", timeout_s=60)


def _sign_in(browser: httpx.Client, account: str, password: str, path: str) -> httpx.Response:
    """The page to which it leads."""
    page = browser.get("/sign-in", params={"next": path})
    fields = {"name": account, "password": password, "next": path}
    answer = browser.post("/sign-in", data=fields | {"form_token": form_token_of(page)})
    assert answer.status_code == 200
    assert answer.url.path == path
    return answer


def test_a_taken_port_is_said_before_the_work_begins() -> None:
    """Not after half a minute of playing."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = jieru("demo", api_port=port)
    assert done.returncode == 1
    assert f"Port {port} is in use" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Imported" not in done.stderr
