"""The documents say what the program has: every setting, metric and event, and no broken link."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from api.doors import Doors
from api.metrics import BrokerFileMetric
from api.web.bounds.bounds import Bounds
from api.web.bounds.heavy import HeavyQueue
from api.web.bounds.metrics import BoundsMetrics
from ingest.decode import Heartbeat, decode
from ingest.metrics import Metrics
from jieru.outbox.sending import Metrics as NotifyMetrics
from jieru.settings import Settings
from jieru.wire import PAYLOAD_DEPTH_LIMIT, PAYLOAD_LIMIT_BYTES, DeviceStatus, RejectionReason
from tests.faults.schedule import HOSTILE
from tests.support.messages import KNOWN_TOPIC, RULES, message, origins
from tests.support.source_tree import PARTS, ROOT, modules

_DOCS: Final = ROOT / "docs"
_LEVELS: Final = {"debug", "info", "warning", "error", "exception", "critical"}
_FENCE: Final = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
_PAGES: Final = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "dashboards/**/*.md", "tests/**/*.md")
    for path in ROOT.glob(pattern)
)
_DIVIDED: Final = "operations.md"
_MAY_POINT_TO_IT: Final = {
    "jieru/migrations/0007_credentials.sql",  # a released migration never changes
}


def _rows(page: str, pattern: str) -> Counter[str]:
    """What stands in the first cell of the tables of a page of docs/, where it is like this."""
    text = (_DOCS / page).read_text(encoding="utf-8")
    return Counter(re.findall(rf"^\| `({pattern})` \|", text, re.MULTILINE))


def test_every_setting_is_described_once() -> None:
    """In a table of docs/operate.md, and none that does not exist."""
    settings = [f"JIERU_{field.upper()}" for field in Settings.model_fields]
    assert _rows("operate.md", "JIERU_[A-Z0-9_]+") == Counter(settings)


def test_every_metric_is_described_once_by_its_full_name() -> None:
    """As Prometheus has it: a counter ends in `_total`."""
    names = [
        f"{metric.name}_total" if metric.type == "counter" else metric.name
        for metrics in (Metrics(), NotifyMetrics(), Doors())
        for metric in metrics.registry.collect()
    ]
    bounds = Bounds(HeavyQueue(lambda: nullcontext(psycopg.Connection)))  # type: ignore[arg-type]
    names += [
        f"{metric.name}_total" if metric.type == "counter" else metric.name
        for metric in BoundsMetrics(bounds).collect()
    ]
    files = BrokerFileMetric(ConnectionPool(open=False))
    names += [metric.name for metric in files.describe()]
    assert _rows("operate.md", "jieru_[a-z_]+") == Counter(names)


def _events_in(path: Path) -> Iterator[str]:
    """The names of the events that a module logs."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and node.args):
            continue
        match node.func:
            case ast.Attribute(value=ast.Name(id="_log" | "log"), attr=attr) if attr in _LEVELS:
                pass
            case ast.Name(id="log"):
                pass
            case _:
                continue
        first = node.args[0]
        for each in (first.body, first.orelse) if isinstance(first, ast.IfExp) else (first,):
            assert isinstance(each, ast.Constant), f"{path}: an event has a name that never changes"
            yield str(each.value)


def test_every_log_event_is_described_once() -> None:
    """With what it means and what to do."""
    events: set[str] = set()
    for path in modules().values():
        if "structlog" in path.read_text(encoding="utf-8"):
            events.update(_events_in(path))
    text = (_DOCS / "operate.md").read_text(encoding="utf-8")
    section = text.partition("\n### Log events\n")[2].partition("\n### ")[0]
    assert Counter(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == Counter(events)


def test_the_contract_is_described_as_it_is() -> None:
    """Every reason of rejection once, every status, both limits, and a payload that is taken."""
    text = (_DOCS / "connect.md").read_text(encoding="utf-8")
    reasons = _rows("connect.md", "|".join(RejectionReason))
    # Of earlier releases: retained messages are taken now.
    given = set(RejectionReason) - {RejectionReason.RETAINED}
    assert reasons == Counter(reason.value for reason in given)
    (statuses,) = re.findall(r"^\| `status` \| optional \| one of (.*) \|$", text, re.MULTILINE)
    assert re.findall(r"`(\w+)`", statuses) == [status.value for status in DeviceStatus]
    assert f"at most {PAYLOAD_LIMIT_BYTES:,} bytes" in text
    assert f"nested {PAYLOAD_DEPTH_LIMIT} deep" in text
    (payload,) = re.findall(r"^```json\n(.*)\n```$", text, re.MULTILINE)
    assert isinstance(
        decode(message(payload.encode()), origins({KNOWN_TOPIC: 1}), RULES), Heartbeat
    )


def _anchor(heading: str) -> str:
    """As GitHub makes it of a heading."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def _anchors(path: Path) -> set[str]:
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))
    seen: Counter[str] = Counter()
    anchors = set()
    for heading in re.findall(r"^#{1,6} (.*)$", text, re.MULTILINE):
        anchor = _anchor(heading)
        anchors.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    return anchors


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """A relative one to a file that is there, and an anchor to a heading of it."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in _LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _hash, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in _anchors(target), f"{link}: no such heading"


def test_every_attack_stands_by_the_promise_that_it_proves() -> None:
    """In the table of docs/secure.md, and none that does not exist; no promise is without one."""
    text = (_DOCS / "secure.md").read_text(encoding="utf-8")
    rows = text.partition("| promise | attacks |\n|---|---|\n")[2].partition("\n\n")[0].splitlines()
    named = [set(re.findall(r"`((?:test|hostile)_\w+)`", row)) for row in rows]
    assert rows
    assert all(named)
    attacks = {
        node.name
        for path in (ROOT / "tests" / "attacks").glob("test_*.py")
        if path.name != "test_book.py"
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    }
    assert set().union(*named) == attacks | {kind.value for kind in HOSTILE}


def test_nothing_points_to_the_page_that_was_divided() -> None:
    """Each reader has a page of his own now."""
    folders = [*PARTS, "deploy", "docs", "benchmarks"]
    texts = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    texts += [path for path in ROOT.glob("*") if path.suffix in {".md", ".yaml", ".toml"}]
    pointing = {
        str(path.relative_to(ROOT))
        for path in texts
        if path.suffix != ".pyc"
        and path.name != "CHANGELOG.md"
        and "vendor" not in path.parts
        and _DIVIDED in path.read_text(encoding="utf-8", errors="ignore")
    }
    assert pointing == _MAY_POINT_TO_IT
