"""Stands in for systemd on a bare machine that nothing booted: enough of it for a guide.

It is copied to that machine and run there as `systemctl`. It reads the units where they were
installed, drop-ins too, and runs what they say as the user they say, with the environment they say.
What only systemd can do, the sandbox above all, is left out: `tests/integration/test_units.py`.
Nothing is started again by itself, and a timer that is started waits for ever.
"""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Unit", "read_unit", "split_name"]

FOLDERS: Final = ("etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")
_STATE: Final = Path("run/stand-in")
_LOGS: Final = Path("var/log/stand-in")
_START_S: Final = 60
_STOP_S: Final = 60
_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Unit:
    """What stands in a unit and its drop-ins."""

    name: str
    settings: dict[str, dict[str, list[str]]]
    """By section and key, the values in the order in which they stand."""

    def all(self, section: str, key: str) -> list[str]:
        """Every value of a key; what stood before an empty one does not count."""
        values: list[str] = []
        for value in self.settings.get(section, {}).get(key, []):
            values = [*values, value] if value else []
        return values

    def last(self, key: str, default: str = "") -> str:
        """The value of a key of [Service] that may stand once."""
        return (self.all("Service", key) or [default])[-1]

    def environment(self, root: Path) -> dict[str, str]:
        """What the process is given: `Environment`, then the files, which win."""
        words = [w for line in self.all("Service", "Environment") for w in shlex.split(line)]
        variables = dict(word.split("=", 1) for word in words)
        for name in self.all("Service", "EnvironmentFile"):
            path = root / name.removeprefix("-").lstrip("/")
            if path.exists() or not name.startswith("-"):
                variables.update(_assignments(path.read_text(encoding="utf-8")))
        return variables


def split_name(name: str) -> tuple[str, str]:
    """A unit's name with its type, and what stands for `%i`: `a@1` is (`a@.service`, `1`)."""
    stem, dot, kind = name.rpartition(".")
    if kind not in {"service", "target", "timer"}:
        stem, dot, kind = name, ".", "service"
    prefix, at, instance = stem.partition("@")
    return f"{prefix}{at}{dot}{kind}", instance


def read_unit(root: Path, name: str) -> Unit:
    """A unit of the system in a folder.

    Raises:
        FileNotFoundError: it is not installed.
    """
    file_name, instance = split_name(name)
    settings: dict[str, dict[str, list[str]]] = {}
    for path in _files(root, file_name):
        section = ""
        for line in _lines(path.read_text(encoding="utf-8")):
            if line.startswith("["):
                section = line.strip("[]")
                continue
            key, _equals, value = line.partition("=")
            value = value.strip().replace("%i", instance).replace("%I", instance)
            settings.setdefault(section, {}).setdefault(key.strip(), []).append(value)
    stem, _dot, kind = file_name.rpartition(".")
    return Unit(f"{stem.removesuffix('@')}{'@' if '@' in stem else ''}{instance}.{kind}", settings)


def _files(root: Path, file_name: str) -> Iterator[Path]:
    found = [root / folder / file_name for folder in FOLDERS]
    try:
        yield next(path for path in found if path.exists())
    except StopIteration:
        raise FileNotFoundError(f"Unit {file_name} could not be found.") from None
    stem, _dot, kind = file_name.rpartition(".")
    # `a-b@.service` is also configured by `a-.service.d`.
    parts = stem.split("-")
    prefixes = ["-".join(parts[:n]) + "-" for n in range(1, len(parts))]
    for each in (*prefixes, stem):
        for folder in FOLDERS:
            yield from sorted((root / folder / f"{each}.{kind}.d").glob("*.conf"))


def _lines(text: str) -> Iterator[str]:
    """Lines that say something, those that go on in the next one joined with it."""
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith(("#", ";")):
            yield line.strip()


def _assignments(text: str) -> dict[str, str]:
    return {
        key.strip(): "".join(shlex.split(value, comments=False))
        for key, _equals, value in (line.partition("=") for line in _lines(text))
    }


class StandIn:
    """Does what it is told to units of this machine."""

    def __init__(self, root: Path) -> None:
        """Take the system in a folder, `/` for this machine's own."""
        self._root = root
        for folder in (_STATE, _LOGS):
            (root / folder).mkdir(parents=True, exist_ok=True)

    def run(self, words: list[str]) -> int:
        """One call of `systemctl`; its exit code."""
        options = [word for word in words if word.startswith("-")]
        verb, *names = [word for word in words if not word.startswith("-")]
        known = {"--now", "--quiet", "--no-pager"}
        if unknown := set(options) - known:
            raise NotImplementedError(f"{' '.join(unknown)}: the guide asks more than we can")
        if verb == "is-active":
            states = [self._is_active(read_unit(self._root, name)) for name in names]
            if "--quiet" not in options:
                sys.stdout.writelines("active\n" if on else "inactive\n" for on in states)
            return 0 if all(states) else 3
        act = {
            "daemon-reload": lambda _unit: None,
            "enable": self._enable,
            "disable": self._disable,
            "start": self._start,
            "stop": self._stop,
            "restart": self._restart,
            "reload": self._reload,
        }[verb]
        for name in names:
            unit = read_unit(self._root, name)
            act(unit)
            if "--now" in options:
                {"enable": self._start, "disable": self._stop}[verb](unit)
        return 0

    def _enable(self, unit: Unit) -> None:
        for wanted in unit.all("Install", "WantedBy"):
            folder = self._root / FOLDERS[0] / f"{wanted}.wants"
            folder.mkdir(parents=True, exist_ok=True)
            link = folder / unit.name
            link.unlink(missing_ok=True)
            link.symlink_to(f"/{FOLDERS[0]}/{split_name(unit.name)[0]}")

    def _disable(self, unit: Unit) -> None:
        for link in (self._root / FOLDERS[0]).glob(f"*.wants/{unit.name}"):
            link.unlink()

    def _of_target(self, target: Unit) -> list[Unit]:
        wants = self._root / FOLDERS[0] / f"{target.name}.wants"
        return [read_unit(self._root, link.name) for link in sorted(wants.glob("*"))]

    def _start(self, unit: Unit) -> None:
        for name in unit.all("Unit", "Conflicts"):
            with suppress(FileNotFoundError):
                self._stop(read_unit(self._root, name))
        if unit.name.endswith(".target"):
            for each in self._of_target(unit):
                self._start(each)
        elif unit.name == "postgresql.service":
            for each in self._clusters():
                self._start(each)
        elif unit.name.endswith(".service") and not self._is_active(unit):
            self._start_service(unit)

    def _clusters(self) -> list[Unit]:
        """What a generator of postgresql-common makes of each cluster."""
        folders = sorted((self._root / "etc/postgresql").glob("*/*"))
        names = [f"postgresql@{each.parent.name}-{each.name}" for each in folders]
        return [read_unit(self._root, name) for name in names]

    def _start_service(self, unit: Unit) -> None:
        environment = {"PATH": os.defpath, **unit.environment(self._root)}
        as_user = _identity(unit.last("User", "root"))
        for key, base in (("StateDirectory", "/var/lib"), ("RuntimeDirectory", "/run")):
            for name in unit.last(key).split():
                owner = f"--owner={unit.last('User', 'root')}"
                mode = f"--mode={unit.last(key + 'Mode', '0755')}"
                subprocess.run(["install", "-d", owner, mode, f"{base}/{name}"], check=True)
        log = self._root / _LOGS / f"{unit.name}.log"
        for line in unit.all("Service", "ExecStartPre"):
            subprocess.run([*as_user, *_command(line)], env=environment, check=True)
        (line,) = unit.all("Service", "ExecStart")
        kind = unit.last("Type", "simple")
        umask = int(unit.last("UMask", "0022"), 8)
        with log.open("ab") as output:
            if kind in {"oneshot", "forking"}:
                subprocess.run(
                    [*as_user, *_command(line)],
                    env=environment,
                    check=True,
                    stdout=output,
                    stderr=output,
                    umask=umask,
                )
                return
            process = subprocess.Popen(
                [*as_user, *_command(line)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                umask=umask,
            )
        self._pid_file(unit).write_text(str(process.pid), encoding="ascii")
        # It is there once its own program runs in place of what changed the user.
        deadline = time.monotonic() + _START_S
        while Path(f"/proc/{process.pid}/comm").read_text(encoding="utf-8").strip() == "setpriv":
            if process.poll() is not None or time.monotonic() > deadline:
                break
            time.sleep(_POLL_S)
        if process.poll() is not None:
            sys.exit(f"Job for {unit.name} failed: {log.read_text(encoding='utf-8')[-2_000:]}")

    def _stop(self, unit: Unit) -> None:
        if unit.name.endswith(".target"):
            for each in self._of_target(unit):
                if unit.name in each.all("Unit", "PartOf"):
                    self._stop(each)
        elif unit.name == "postgresql.service":
            for each in self._clusters():
                self._stop(each)
        elif lines := unit.all("Service", "ExecStop"):
            subprocess.run(_command(lines[0]), check=True)
        elif (pid := self._pid(unit)) is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + _STOP_S
            while _is_alive(pid):
                if time.monotonic() > deadline:
                    sys.exit(f"{unit.name} does not stop.")
                time.sleep(_POLL_S)
            self._pid_file(unit).unlink()

    def _restart(self, unit: Unit) -> None:
        self._stop(unit)
        self._start(unit)

    def _reload(self, unit: Unit) -> None:
        for line in unit.all("Service", "ExecReload"):
            words = [w.replace("$MAINPID", str(self._pid(unit))) for w in _command(line)]
            subprocess.run(words, check=True)

    def _is_active(self, unit: Unit) -> bool:
        pid = self._pid(unit)
        return pid is not None and _is_alive(pid)

    def _pid_file(self, unit: Unit) -> Path:
        return self._root / _STATE / f"{unit.name}.pid"

    def _pid(self, unit: Unit) -> int | None:
        path = Path(unit.last("PIDFile") or self._pid_file(unit))
        return int(path.read_text(encoding="ascii").split()[0]) if path.exists() else None


def _identity(user: str) -> list[str]:
    if user == "root":
        return []
    group = subprocess.run(["id", "-g", user], check=True, capture_output=True, text=True).stdout
    return ["setpriv", f"--reuid={user}", f"--regid={group.strip()}", "--init-groups", "--"]


def _command(line: str) -> list[str]:
    return shlex.split(line.lstrip("-+!@:"))


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


if __name__ == "__main__":
    sys.exit(StandIn(Path("/")).run(sys.argv[1:]))
