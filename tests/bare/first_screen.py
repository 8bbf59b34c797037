"""The README's first screen, as a newcomer follows it: `make demo`, a heartbeat, the page, Ctrl-C.

Uses nothing but Python itself, as it runs on machines that have nothing else.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Final

_PATIENCE_S: Final = 300
_POLL_S: Final = 0.2
_PAGE: Final = re.compile(r"http://127\.0\.0\.1:\d+")
_INTERRUPTED: Final = {0, 2, 130}
"""What make answers after Ctrl-C, by its version and by what its command answered."""


def main() -> None:
    """Follow it, and say what was seen; anything amiss is an exception."""
    before = _temporary_files()
    with tempfile.TemporaryFile() as output:
        demo = subprocess.Popen(
            ["make", "demo"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            page = _page_of(demo, output.fileno())
            with urllib.request.urlopen(f"{page}/sign-in", timeout=30) as answer:  # noqa: S310 - http
                if 'name="password"' not in answer.read().decode():
                    raise AssertionError(f"{page} does not ask who one is")
            _publish_a_first_heartbeat(_read(output.fileno()))
            os.killpg(demo.pid, signal.SIGINT)
            code = demo.wait(60)
        finally:
            if demo.poll() is None:
                os.killpg(demo.pid, signal.SIGKILL)
            said = _read(output.fileno())
            sys.stdout.write(said)
    if code not in _INTERRUPTED or "Traceback" in said:
        raise AssertionError(f"make demo ended with {code}")
    if left := _temporary_files() - before:
        raise AssertionError(f"left behind: {left}")


def _temporary_files() -> set[Path]:
    return set(Path(tempfile.gettempdir()).iterdir())


def _page_of(demo: "subprocess.Popen[bytes]", output: int) -> str:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        if page := _PAGE.search(_read(output)):
            return page[0]
        if demo.poll() is not None or time.monotonic() > deadline:
            raise AssertionError("make demo never showed the page")
        time.sleep(_POLL_S)


def _publish_a_first_heartbeat(said: str) -> None:
    """By the very line that the demonstration printed."""
    (line,) = (line for line in said.splitlines() if "simulate heartbeat" in line)
    subprocess.run(shlex.split(line), check=True)


def _read(output: int) -> str:
    return os.pread(output, 10_000_000, 0).decode(errors="replace")


if __name__ == "__main__":
    main()
