"""One schedule, from a city to a verdict."""

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx

from tests.stall.abuse import Abuse
from tests.stall.books import Asked, read_books
from tests.stall.crash import crash
from tests.stall.crowd import lag_file
from tests.stall.schedule import CRASHES, LULL_S, Schedule
from tests.stall.stage import Serve, Servers, Stage, stage
from tests.stall.timing import Crowd, Probe, crowd_between, late_probes, percentile_ms
from tests.stall.verdict import findings, read_stored, shortened

__all__ = ["P95_GOAL_MS", "RECOVERY_GOAL_S", "Outcome", "play"]

P95_GOAL_MS: Final = 500.0
RECOVERY_GOAL_S: Final = 30.0

_PATIENCE_S: Final = 120.0
_AFTERWARDS_S: Final = 2.0
"""The crowd goes on for so long once all is over."""
_CALM_S: Final = 8.0
"""A schedule of nothing lasts so long after the lull."""
_POLL_S: Final = 0.2
_TAIL_CHARACTERS: Final = 4_000
_TRACEBACK: Final = re.compile(r"Traceback \(most recent call last\)")
_CLEAR_FAULTS: Final = frozenset({503, 504, 507})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a schedule."""

    schedule: Schedule
    findings: Sequence[str]
    """What is wrong whatever the machine's speed; empty: all is well."""
    slow: Sequence[str]
    """What took longer than it may, with the machine's own slowness taken off."""
    lull: Crowd
    abused: Crowd
    recovery_s: float
    health_late: int
    health_slowest_ms: float
    """While `serve` ran."""
    lag_p95_ms: float
    """How late the crowd's own process came to its turn: no fault of `serve`."""
    changes: int
    answers: Mapping[str, Mapping[int, int]]
    """By kind of abuse, how often each status was answered; 0: none."""
    log: str
    """The end of what each `serve` said."""

    def __str__(self) -> str:
        lines = [f"  - {each}" for each in [*self.findings, *self.slow]]
        return "\n".join([str(self.schedule), *lines])

    def to_json_object(self) -> dict[str, Any]:
        """Everything but the log."""
        fields = asdict(self)
        del fields["log"]
        return fields


def play(
    servers: Servers,
    schedule: Schedule,
    *,
    prelude: str = "",
    people: int = 50,
    thinking_s: float = 4.0,
) -> Outcome:
    """Play one schedule and compare.

    Args:
        servers: of all schedules.
        schedule: what happens when.
        prelude: Python that runs in each `serve`, to break it on purpose.
        people: of the crowd.
        thinking_s: how long each waits between two requests, on average.
    """
    with (
        TemporaryDirectory() as folder,
        stage(servers, schedule, Path(folder), prelude=prelude, people=people) as parts,
    ):
        return _play(parts, schedule, thinking_s)


def _play(parts: Stage, schedule: Schedule, thinking_s: float) -> Outcome:
    abuses: list[Abuse] = []
    books_file = parts.folder / "books"
    books_file.touch()
    with _probing(parts) as probes_file, _crowd(parts, schedule.seed, thinking_s, books_file):
        _wait_for_the_crowd(books_file)
        time.sleep(LULL_S)
        began_s = time.monotonic()
        _happen(parts, schedule, abuses)
        ended_s = time.monotonic()
        found = list(_unrecovered(parts, ended_s + _PATIENCE_S))
        recovery_s = time.monotonic() - ended_s
        time.sleep(_AFTERWARDS_S)
    with books_file.open(encoding="utf-8") as lines:
        books = list(read_books(lines))
    for serve in parts.serves:
        serve.terminate()
        found += [f"serve left with {code} at SIGTERM" for code in serve.exit_codes if code]
        if traces := len(_TRACEBACK.findall(serve.says)):
            found.append(f"{traces} tracebacks in what serve said")
    large = [each for abuse in abuses for each in abuse.imports]
    found += shortened(findings([*books, *large], read_stored(parts.url, parts.documents)))
    found += shortened([f"unclear: {each}" for each in books if _is_unclear(each)])
    probes = [
        Probe(*json.loads(line)) for line in probes_file.read_text(encoding="ascii").splitlines()
    ]
    return _outcome(parts, schedule, found, books, probes, abuses, (began_s, ended_s, recovery_s))


def _wait_for_the_crowd(books: Path) -> None:
    """Until somebody was answered: a process takes its time to begin."""
    deadline = time.monotonic() + _PATIENCE_S
    while not books.stat().st_size:
        if time.monotonic() > deadline:
            raise RuntimeError("the crowd does not come")
        time.sleep(_POLL_S)


def _is_unclear(asked: Asked) -> bool:
    """Whether an answer says less than a caller needs: a fault, or no page where one should be."""
    if asked.what == "page" and asked.status in {401, 404}:
        return not asked.subject.startswith("/api/")
    return asked.status >= 500 and asked.status not in _CLEAR_FAULTS


def _outcome(
    parts: Stage,
    schedule: Schedule,
    found: Sequence[str],
    books: Sequence[Asked],
    probes: Sequence[Probe],
    abuses: Sequence[Abuse],
    times: tuple[float, float, float],
) -> Outcome:
    began_s, ended_s, recovery_s = times
    away = {f"serve {n}": serve.away for n, serve in enumerate(parts.serves, 1)}
    # One that ends for good after the play is asked no more.
    probes = [probe for probe in probes if probe.ended_s < ended_s + recovery_s]
    late = late_probes(probes, away)
    crowd = crowd_between(books, began_s, ended_s, away)
    lull = crowd_between(books, began_s - LULL_S, began_s, away)
    lags = json.loads(lag_file(parts.folder / "books").read_text(encoding="ascii"))
    lag_p95_ms = percentile_ms([lag for at, lag in lags if began_s <= at < ended_s], 95)
    running = [probe for probe in probes if probe.name in away]
    running = [
        probe for probe in running if not any(probe.overlaps(*each) for each in away[probe.name])
    ]
    slow = []
    if late:
        worst = max(late, key=lambda probe: probe.took_s)
        slow.append(
            f"health of {worst.name} not answered within a second {len(late)} times, "
            f"{worst.took_s:.1f} s at worst"
        )
    if crowd.p95_ms - lag_p95_ms > P95_GOAL_MS and crowd.p95_ms > 2 * lull.p95_ms:
        slow.append(
            f"the crowd waited {crowd.p95_ms:.0f} ms (p95) during abuse, {lull.p95_ms:.0f} before"
        )
    if recovery_s > RECOVERY_GOAL_S:
        slow.append(f"recovered after {recovery_s:.0f} s")
    return Outcome(
        schedule=schedule,
        findings=found,
        slow=slow,
        lull=lull,
        abused=crowd,
        recovery_s=round(recovery_s, 1),
        health_late=len(late),
        health_slowest_ms=percentile_ms([probe.took_s for probe in running], 100),
        lag_p95_ms=lag_p95_ms,
        changes=sum(asked.what != "page" for asked in books),
        answers={abuse.kind: dict(sorted(abuse.answers.items())) for abuse in abuses},
        log="\n".join(serve.says[-_TAIL_CHARACTERS:] for serve in parts.serves),
    )


def _happen(parts: Stage, schedule: Schedule, abuses: list[Abuse]) -> None:
    """Let each event happen at its time, and wait until all are over."""
    begun = time.monotonic()
    errors: list[BaseException] = []

    def happen(at_s: float, do: Any) -> None:  # noqa: ANN401 - called without arguments
        time.sleep(max(0.0, begun + at_s - time.monotonic()))
        try:
            do()
        except BaseException as error:  # noqa: BLE001 - raised anew below
            errors.append(error)

    threads = []
    for event in schedule.events:
        if event.kind in CRASHES:
            do: Any = lambda event=event: crash(event, parts)  # noqa: E731
        else:
            abuses.append(abuse := Abuse(event, parts))
            do = abuse.happen
        threads.append(threading.Thread(target=happen, args=(event.at_s, do)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    if not schedule.events:
        time.sleep(_CALM_S)


def _unrecovered(parts: Stage, until_s: float) -> Iterator[str]:
    """Wait until each `serve` is healthy, shows a page and takes a change."""
    for number, serve in enumerate(parts.serves, 1):
        while why := _works(parts, serve):
            if time.monotonic() > until_s:
                yield f"serve {number} works no more {_PATIENCE_S:.0f} s after all was over: {why}"
                break
            time.sleep(_POLL_S)


def _works(parts: Stage, serve: Serve) -> str:
    """What keeps it from working; empty: nothing does."""
    base = f"http://127.0.0.1:{serve.port}"
    person = next(each for each in parts.people if each.role == "verifier")
    headers = {"x-forwarded-for": person.address, "authorization": f"Bearer {person.key}"}
    try:
        health = httpx.get(f"{base}/healthz", timeout=10)
        page = httpx.get(
            f"{base}/enterprises",
            headers={
                "x-forwarded-for": person.address,
                "cookie": f"jieru_session={person.session}",
            },
            timeout=10,
        )
        # A change that is looked at and refused has had its turn.
        path = f"{base}/api/v1/enterprises"
        change = httpx.post(path, headers=headers, json={}, timeout=10)
    except httpx.HTTPError as error:
        return repr(error)
    statuses = (health.status_code, page.status_code, change.status_code)
    return "" if statuses == (200, 200, 422) else f"health, page and change answer {statuses}"


@contextmanager
def _probing(parts: Stage) -> Iterator[Path]:
    file = parts.folder / "probes"
    with file.open("wb") as output:
        ports = [str(serve.port) for serve in parts.serves]
        command = [sys.executable, "-m", "tests.stall.probing", *ports]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output) as process:
            yield file
            _end(process)


@contextmanager
def _crowd(parts: Stage, seed: int, thinking_s: float, books: Path) -> Iterator[None]:
    asked = {
        "people": [asdict(person) for person in parts.people],
        "ports": [serve.port for serve in parts.serves],
        "books": str(books),
        "seed": seed,
        "thinking_s": thinking_s,
    }
    file = parts.folder / "crowd.json"
    file.write_text(json.dumps(asked), encoding="utf-8")
    command = [sys.executable, "-m", "tests.stall.crowd", str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        yield
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close its standard input, at which it ends."""
    assert process.stdin is not None
    process.stdin.close()
    if code := process.wait(_PATIENCE_S):
        raise RuntimeError(f"a part of the harness itself failed with {code}")
