"""Software of others, made once in the cache beside the suite's other services.

Its versions are part of the folders' names: another version is made anew. What makes it must be on
this machine, and is named where it is not; nothing is ever skipped.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.support.debian_packages import cache_folder
from tests.support.folder_lock import locked
from tests.support.processes import StartError

__all__ = [
    "NODE_RED",
    "PYSPARKPLUG",
    "SOFTWARE",
    "SPARKPLUG_CLIENT",
    "TELEGRAF",
    "THINGSBOARD_GATEWAY",
    "node_modules",
    "python_with",
    "telegraf",
]

TELEGRAF: Final = "1.37.0"
NODE_RED: Final = "4.1.15"
THINGSBOARD_GATEWAY: Final = "3.8.5"
PYSPARKPLUG: Final = "0.6.1"
SPARKPLUG_CLIENT: Final = "3.2.4"
_TELEGRAF_TAGS: Final = (
    "custom",
    *("inputs.mqtt_consumer", "inputs.tail", "outputs.mqtt"),
    *("parsers.json", "parsers.influx", "serializers.json"),
)
_TIMEOUT_S: Final = 1_800


def telegraf() -> Path:
    """Telegraf's program with the plugins that the tests use, three minutes when it is made.

    Raises:
        StartError: Go is missing, or it cannot be built.
    """
    package = f"github.com/influxdata/telegraf/cmd/telegraf@v{TELEGRAF}"

    def build(folder: Path) -> None:
        install = ["go", "install", "-ldflags", "-s -w", "-tags", ",".join(_TELEGRAF_TAGS)]
        _run([*install, package], GOBIN=str(folder), CGO_ENABLED="0")

    return _kept(f"telegraf-{TELEGRAF}", build) / "telegraf"


def node_modules(*packages: str) -> Path:
    """A folder whose `node_modules` has these packages of npm, each `name@version`.

    Raises:
        StartError: npm is missing, or they cannot be had.
    """

    def install(folder: Path) -> None:
        _run(["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), *packages])

    return _kept(_name("npm", packages), install)


def python_with(*packages: str) -> Path:
    """A Python in an environment of its own with these packages, each `name==version`.

    Raises:
        StartError: they cannot be had.
    """

    def install(folder: Path) -> None:
        # The place of an environment is written into it, so it is made where it stays.
        folder.rmdir()
        _run(["python3", "-m", "venv", str(folder)])
        _run([str(folder / "bin/python"), "-m", "pip", "install", "--quiet", *packages])

    return _kept(_name("python", packages), install, in_place=True) / "bin/python"


def _name(kind: str, packages: Sequence[str]) -> str:
    # `env` takes a program whose path has an equals sign for a variable.
    return "-".join([kind, *(re.sub(r"[=@/]+", "-", each) for each in packages)])


SOFTWARE: Final[Mapping[str, Callable[[], Path]]] = {
    "telegraf": telegraf,
    "node-red": lambda: node_modules(f"node-red@{NODE_RED}"),
    "sparkplug-client": lambda: node_modules(f"sparkplug-client@{SPARKPLUG_CLIENT}"),
    "pysparkplug": lambda: python_with(f"pysparkplug=={PYSPARKPLUG}"),
    "thingsboard-gateway": lambda: python_with(f"thingsboard-gateway=={THINGSBOARD_GATEWAY}"),
}
"""What makes each of them, where it is not kept yet."""


def _kept(name: str, make: Callable[[Path], None], *, in_place: bool = False) -> Path:
    """The folder of this name, made under a lock if it is not there whole."""
    parent = cache_folder() / "interop"
    folder, mark = parent / name, parent / f".{name}.whole"
    if mark.exists():
        return folder
    parent.mkdir(parents=True, exist_ok=True)
    with locked(parent):
        if not mark.exists():
            shutil.rmtree(folder, ignore_errors=True)
            if in_place:
                folder.mkdir()
                make(folder)
            else:
                made = Path(tempfile.mkdtemp(prefix="unfinished-", dir=parent))
                make(made)
                made.rename(folder)
            mark.touch()
    return folder


def _run(argv: Sequence[str], **environment: str) -> None:
    if not shutil.which(argv[0]):
        raise StartError(f"{argv[0]} is missing: install it, and try again.")
    done = subprocess.run(
        argv,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise StartError(f"This failed: {' '.join(argv)}\n{(done.stderr + done.stdout)[-2_000:]}")
