"""The `jieru` command as a user runs it: a process, its output, its exit code."""

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["clean_environment", "jieru", "jieru_path"]


def jieru_path() -> str:
    """The installed command of this virtual environment."""
    return str(Path(sys.executable).parent / "jieru")


def clean_environment(**settings: str) -> dict[str, str]:
    """This environment without settings of Jieru but the given ones (`JIERU_` is added)."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JIERU_")}
    return {**kept, **{f"JIERU_{name.upper()}": value for name, value in settings.items()}}


def jieru(
    *arguments: str, timeout_s: float = 60, **settings: str
) -> "subprocess.CompletedProcess[str]":
    """Run the command to its end; English unless told otherwise."""
    environment = clean_environment(**{"language": "en", **settings})
    return subprocess.run(
        [jieru_path(), *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
