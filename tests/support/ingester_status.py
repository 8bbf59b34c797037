"""What an ingester that runs says of itself, on its status page and in its log."""

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

__all__ = ["metrics_at", "said", "status_page_of"]


def status_page_of(log: Path) -> str:
    """The address of the status page of the ingester that writes this log."""
    found = re.search(r'"status_port": (\d+)', log.read_text())
    assert found
    return f"http://127.0.0.1:{found[1]}"


def metrics_at(base: str) -> dict[str, float]:
    """Each metric by its name, labels included."""
    with urllib.request.urlopen(f"{base}/metrics", timeout=5) as answer:  # noqa: S310 - http
        lines = answer.read().decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def said(log: Path, event: str) -> list[dict[str, Any]]:
    """The log's entries for an event, in order; none before the log is there."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [json.loads(line) for line in lines if f'"event": "{event}"' in line]
