"""The programs of docs/connect.md, made ready to run: each with its language's own tools."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jieru.snippets.snippet import Publishing, fill
from tests.support.debian_packages import cache_folder, ensure_debian_packages
from tests.support.debian_root import DebianRoot
from tests.support.fleet import wait_until
from tests.support.folder_lock import locked
from tests.support.processes import StartError, kill_tree

__all__ = ["BUILT", "QUICK", "Program", "documented", "fetch_libraries", "first_line", "prepared"]

QUICK: Final = ("mosquitto-pub", "python-paho", "python-aiomqtt")
"""They need Python, and what the tests' own Debian brings."""
BUILT: Final = ("go", "java", "javascript", "c", "rust")
"""They need the tools of their languages."""

_DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "connect.md"
_LANGUAGES: Final = Path(__file__).parent / "languages"
_BUILD_TIMEOUT_S: Final = 1_800
_PATIENCE_S: Final = 90
_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "go": ("go",),
    "java": ("mvn", "javac"),
    "javascript": ("npm", "node"),
    "c": ("cc",),
    "curl": ("curl",),
    "rust": ("cargo",),
}
_MINUTE: Final = (
    (r"\bEVERY_S = 60$", "EVERY_S = 0.05"),
    (r"^EVERY_S=60$", "EVERY_S=0.05"),
    (r"= 60 \* time\.Second$", "= 50 * time.Millisecond"),
    (r"\bEVERY_MS = 60_000;$", "EVERY_MS = 50;"),
    (r"\bEVERY_MS 60000$", "EVERY_MS 50"),
    (r"from_millis\(60_000\)", "from_millis(50)"),
)
"""How each says that it publishes once a minute, and what a test says in its place."""
_ACKNOWLEDGED: Final = re.compile(r"^acknowledged (\d{13})\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Program:
    """A program that is ready to run, and what it says."""

    argv: list[str]
    folder: Path
    log: Path

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run it until the block ends, then SIGKILL it; what it says is appended to its log."""
        with self.log.open("ab") as output:
            process = subprocess.Popen(
                self.argv,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=_environment(),
                start_new_session=True,
            )
        try:
            yield
        finally:
            kill_tree(process)

    def wait_until(self, is_true: Callable[[], object], what: str) -> None:
        """Wait for something, and fail with what it said last."""
        try:
            wait_until(lambda: bool(is_true()), what, timeout_s=_PATIENCE_S)
        except TimeoutError as error:
            raise AssertionError(f"{error}; it said:\n{self.said()[-2_000:]}") from error

    def wait_for_more(self, count: int) -> None:
        """Wait until it has said of so many more that they are acknowledged."""
        wanted = len(self.acknowledged()) + count
        self.wait_until(lambda: len(self.acknowledged()) >= wanted, f"{wanted} are acknowledged")

    def acknowledged(self) -> list[int]:
        """The `ts` of every heartbeat of which it has said that it is acknowledged, in order."""
        return [int(ts) for ts in _ACKNOWLEDGED.findall(self.said())]

    def said(self) -> str:
        """All that it has said."""
        return self.log.read_text(encoding="utf-8", errors="replace")


def documented(name: str) -> str:
    """The text that the document shows under this name.

    Raises:
        ValueError: it shows none, or several.
    """
    page = _DOCUMENT.read_text(encoding="utf-8")
    text: str
    (text,) = re.findall(rf"^```\w+ {name}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return text


def first_line() -> str:
    """The line for a shell with which the document has a newcomer publish one heartbeat.

    Raises:
        ValueError: it shows none, or several.
    """
    page = _DOCUMENT.read_text(encoding="utf-8")
    text: str
    fence = r"^   ```sh example\n(   mosquitto_pub .*?)^   ```$"
    (text,) = re.findall(fence, page, re.MULTILINE | re.DOTALL)
    return text


def prepared(name: str, publishing: Publishing, folder: Path, root: DebianRoot) -> Program:
    """The program as documented, filled, twenty times a second in place of once a minute, built.

    Args:
        name: of the snippet.
        publishing: what it is filled with.
        folder: an empty one, which the user `mosquitto` of `root` may read.
        root: where Mosquitto's own client is.

    Raises:
        StartError: a tool of the language is missing, or its compiler refuses the program.
    """
    text = _hurried(fill(documented(name), publishing))
    argv = _MAKERS[name](text, folder, root)
    return Program(argv, folder, folder / "said.log")


def _hurried(text: str) -> str:
    changes = 0
    for minute, moment in _MINUTE:
        text, changed = re.subn(minute, moment, text, flags=re.MULTILINE)
        changes += changed
    assert changes == 1, "the program says once how often it publishes"
    return text


def fetch_libraries(name: str) -> Path:
    """What a language's program needs, by its lock file, kept in the cache; the folder of it.

    Raises:
        StartError: a tool of the language is missing, or its registry does not answer.
    """
    for tool in _NEEDS.get(name, ()):
        if shutil.which(tool) is None:
            raise StartError(f"`make interop` needs {tool} for the snippet in {name}: install it.")
    folder = cache_folder() / "interop" / name
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        if name in _FETCHERS:
            _FETCHERS[name](folder)
    return folder


def _python(text: str, folder: Path, _root: DebianRoot) -> list[str]:
    return [sys.executable, _written(folder / "heartbeat.py", text)]


def _curl(text: str, folder: Path, _root: DebianRoot) -> list[str]:
    fetch_libraries("curl")
    return ["/bin/sh", _written(folder / "heartbeat.sh", text)]


def _shell(text: str, folder: Path, root: DebianRoot) -> list[str]:
    _written(folder / "heartbeat.sh", text)
    there = 'cd "$0" && exec sh heartbeat.sh'
    return root.command("/bin/sh", "-c", there, root.inside(folder), user="mosquitto")


def _go(text: str, folder: Path, _root: DebianRoot) -> list[str]:
    libraries = fetch_libraries("go")
    for each in ("go.mod", "go.sum"):
        shutil.copy(libraries / each, folder)
    _written(folder / "main.go", text)
    _build(["go", "build", "-mod=readonly", "-o", "heartbeat"], folder)
    return [str(folder / "heartbeat")]


def _fetch_go(folder: Path) -> None:
    for each in ("go.mod", "go.sum"):
        shutil.copy(_LANGUAGES / "go" / each, folder)
    _build(["go", "mod", "download"], folder)


def _java(text: str, folder: Path, _root: DebianRoot) -> list[str]:
    libraries = fetch_libraries("java")
    _written(folder / "Heartbeat.java", text)
    classes = f"{libraries}/jars/*"
    _build(["javac", "-Xlint:all,-processing", "-Werror", "-cp", classes, "Heartbeat.java"], folder)
    return ["java", "-cp", f"{classes}:{folder}", "Heartbeat"]


def _fetch_java(folder: Path) -> None:
    project = _LANGUAGES / "java" / "pom.xml"
    # Jars of another version would stay beside those that the project names now.
    shutil.rmtree(folder / "jars", ignore_errors=True)
    copy = ["dependency:copy-dependencies", f"-DoutputDirectory={folder}/jars"]
    _build(["mvn", "--quiet", "--batch-mode", f"--file={project}", *copy], folder)


def _javascript(text: str, folder: Path, _root: DebianRoot) -> list[str]:
    (folder / "node_modules").symlink_to(fetch_libraries("javascript") / "node_modules")
    return ["node", _written(folder / "heartbeat.mjs", text)]


def _fetch_javascript(folder: Path) -> None:
    for each in ("package.json", "package-lock.json"):
        shutil.copy(_LANGUAGES / "javascript" / each, folder)
    _build(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)


def _c(text: str, folder: Path, _root: DebianRoot) -> list[str]:
    fetch_libraries("c")
    _written(folder / "heartbeat.c", text)
    warnings = ["-std=gnu11", "-Wall", "-Wextra", "-Werror"]
    _build(["cc", *warnings, "heartbeat.c", "-o", "heartbeat", "-lmosquitto"], folder)
    return [str(folder / "heartbeat")]


def _fetch_c(_folder: Path) -> None:
    ensure_debian_packages("libmosquitto-dev")


def _rust(text: str, folder: Path, _root: DebianRoot) -> list[str]:
    project = fetch_libraries("rust")
    with locked(project):
        _written(project / "src" / "main.rs", text)
        _build(["cargo", "build", "--locked", "--quiet"], project)
        shutil.copy(project / "target" / "debug" / "heartbeat", folder)
    return [str(folder / "heartbeat")]


def _fetch_rust(folder: Path) -> None:
    (folder / "src").mkdir(exist_ok=True)
    shutil.copy(_LANGUAGES / "rust" / "Cargo.toml", folder)
    _written(folder / "src" / "main.rs", "fn main() {}\n")
    # Cargo's own lock file names a registry's address in each entry; ours has a word in its place.
    lock = folder / "Cargo.lock"
    if not lock.exists():
        _build(["cargo", "generate-lockfile", "--quiet"], folder)
    (source,) = set(re.findall(r'^source = "(.*)"$', lock.read_text("utf-8"), re.MULTILINE))
    ours = (_LANGUAGES / "rust" / "crates.lock").read_text(encoding="utf-8")
    _written(lock, ours.replace('source = "registry"', f'source = "{source}"'))
    # Its libraries are compiled once, which takes minutes; the program then takes a moment.
    _build(["cargo", "build", "--locked", "--quiet"], folder)


_MAKERS: Final[Mapping[str, Callable[[str, Path, DebianRoot], list[str]]]] = {
    "mosquitto-pub": _shell,
    "python-paho": _python,
    "python-aiomqtt": _python,
    "go": _go,
    "java": _java,
    "javascript": _javascript,
    "c": _c,
    "rust": _rust,
    "curl": _curl,
}
_FETCHERS: Final[Mapping[str, Callable[[Path], None]]] = {
    "go": _fetch_go,
    "java": _fetch_java,
    "javascript": _fetch_javascript,
    "c": _fetch_c,
    "rust": _fetch_rust,
}


def _written(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def _build(argv: list[str], folder: Path) -> None:
    try:
        subprocess.run(
            argv,
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_BUILD_TIMEOUT_S,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        raise StartError(f"{' '.join(argv)}:\n{error.stdout}{error.stderr}") from error


def _environment() -> dict[str, str]:
    """The caller's, which may name a proxy and a registry's mirror; no Python of ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
