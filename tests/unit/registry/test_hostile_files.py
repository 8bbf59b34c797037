"""A zoo of hostile files: each is read or refused in one sentence, and the next import works."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from registry.workbooks.limits import WORKBOOK_LIMITS
from tests.support.hostile_files import HOSTILE

_SENTENCE_LONGEST = 2_000


def _confined(path: Path) -> dict[str, Any]:
    """What a process that may hardly grow makes of a file."""
    reading = subprocess.run(
        [sys.executable, "-m", "tests.support.confined_reading", str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "JIERU_LANGUAGE": "en"},
    )
    assert reading.returncode == 0, reading.stderr
    found = json.loads(reading.stdout.splitlines()[-1])
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_read_or_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    """Within its bounds of memory and time, told by counters; the next files are read as ever."""
    hostile = HOSTILE[name]
    path = tmp_path / "file"
    path.write_bytes(hostile.make())
    found = _confined(path)
    if hostile.said:
        assert hostile.said in found.get("said", ""), found
        assert "\n" not in found["said"]
        assert len(found["said"]) < _SENTENCE_LONGEST
    else:
        assert found.get("rows") == hostile.rows, found.get("said")
    assert found["child_cpu_s"] < WORKBOOK_LIMITS.cpu_s
    assert found["child_rss_bytes"] < WORKBOOK_LIMITS.memory_bytes
    assert found["next"] == [
        {"rows": [["code", "name"]]},
        {"rows": [["code", "name"], ["a", "b"]]},
    ]
