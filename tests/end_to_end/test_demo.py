"""`jieru demo`: the whole job, checked, and nothing left behind."""

import json
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.command import clean_environment, jieru, jieru_path
from tests.support.fleet import wait_until
from tests.support.visiting import form_token_of


@pytest.fixture(autouse=True)
def _leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Give the demonstration a place for temporary files that must be empty at the end."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))  # where a lock file may stay
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield
        assert list(Path(folder).iterdir()) == []


def test_the_demonstration_counts_as_its_scenario_expects() -> None:
    """Exit code 0 says that every outcome agreed; the JSON has the shape others rely on."""
    done = jieru("demo", "--once", "--json", timeout_s=240)
    assert done.returncode == 0, done.stderr
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("is_early", [True, False], ids=["while playing", "at the page"])
def test_a_signal_stops_everything(number: signal.Signals, is_early: bool, tmp_path: Path) -> None:
    """No process and no directory is left, wherever it was; the page's port is free again."""
    log = tmp_path / "demo.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [jieru_path(), "demo"],
            env=clean_environment(language="en", api_port="0"),
            stdout=output,
            stderr=output,
        )
    family: list[psutil.Process] = []

    def said(text: str) -> Callable[[], bool]:
        def has_said() -> bool:
            assert process.poll() is None, log.read_text()
            return text in log.read_text()

        return has_said

    try:
        if is_early:
            wait_until(said("devices.csv"), "the registry is imported")
            time.sleep(2)
        else:
            wait_until(said("The page is at"), "the page is up", timeout_s=200)
            address = log.read_text().split("The page is at ")[1].split()[0]
            _look_around(address, _accounts(log.read_text()))
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        code = process.wait(30)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert "Traceback" not in log.read_text(), log.read_text()
    assert code == (130 if is_early else 0)
    _gone, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []


def _accounts(said: str) -> dict[str, str]:
    """The accounts that the demonstration listed, and their passwords."""
    rows = [line.strip("│ ").split("│") for line in said.splitlines() if line.startswith("│")]
    return {account.strip(): password.strip() for account, password, *_others in rows}


def _look_around(address: str, accounts: dict[str, str]) -> None:
    """Each of them sees the counts; the operator those of the own platform."""
    assert list(accounts) == ["operator", "verifier", "auditor", "admin"]
    for account, password in accounts.items():
        with httpx.Client(base_url=address, follow_redirects=True, timeout=30) as browser:
            page = browser.get("/sign-in", params={"next": "/counts"})
            fields = {"name": account, "password": password, "next": "/counts"}
            counts = browser.post("/sign-in", data=fields | {"form_token": form_token_of(page)})
            assert counts.status_code == 200
            assert counts.url.path == "/counts"
            assert '<option value="2026" selected>' in counts.text
            api = browser.get("/api/v1/counts/2026").json()
            codes = {each["platform"] for each in api["platforms"]}
            assert (codes == {"xielian"}) == (account == "operator")


def test_a_taken_port_is_said_before_the_work_begins() -> None:
    """Not after half a minute of playing."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = jieru("demo", api_port=str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Imported" not in done.stderr
