"""`python -m benchmarks [NAME ...]`: run the benchmarks, each with a table and a JSON file.

Exit code 1 when a figure misses its target: for people to look at, for no test depends on it.
"""

import sys
from collections.abc import Callable

from benchmarks import (
    archive,
    backlog,
    burst,
    console,
    count,
    day,
    evidence,
    freeze,
    frozen,
    http,
    imports,
    ingest,
    lists,
    mosquitto,
    panels,
    queue,
    reports,
    sign_in,
    signals,
    sources,
    stages,
    trust,
    two_ingesters,
    upgrade,
    year,
)
from jieru.schema import migrate
from tests.support.databases import DatabaseServer
from tests.support.debian_root import DebianRoot, ensure_debian_root
from tests.support.timescaledb import TimescaleServer

__all__: list[str] = []


_Benchmark = Callable[[DatabaseServer, DebianRoot], dict[str, object]]


def _on_server(run: Callable[[DatabaseServer], dict[str, object]]) -> _Benchmark:
    """One that makes its databases itself."""
    return lambda server, _root: run(server)


def _on_database(
    run: Callable[[str], dict[str, object]], *, is_migrated: bool = True
) -> _Benchmark:
    """One that is given a database."""

    def measured(server: DatabaseServer, _root: DebianRoot) -> dict[str, object]:
        with server.database() as url:
            if is_migrated:
                migrate(url)
            return run(url)

    return measured


_BENCHMARKS: dict[str, _Benchmark] = {
    "ingest": _on_server(ingest.run),
    "mosquitto": mosquitto.run,
    "stages": stages.run,
    "two-ingesters": two_ingesters.run,
    "burst": burst.run,
    "http": _on_server(http.run),
    "day": day.run,
    "queue": queue.run,
    "sources": sources.run,
    "backlog": backlog.run,
    "count": _on_database(count.run),
    "reports": reports.run,
    "imports": _on_server(imports.run),
    "lists": _on_database(lists.run),
    "console": _on_database(console.run),
    "sign-in": _on_database(sign_in.run),
    "freeze": _on_database(freeze.run),
    "frozen": _on_database(frozen.run),
    "evidence": _on_database(evidence.run),
    "panels": _on_database(panels.run),
    "signals": _on_database(signals.run),
    "archive": _on_database(archive.run),
    "year": _on_database(year.run),
    "upgrade": _on_database(upgrade.run, is_migrated=False),
}


_WITHOUT_SERVER: dict[str, Callable[[], dict[str, object]]] = {"trust": trust.run}


def _main(names: list[str]) -> int:
    known = (*_BENCHMARKS, *_WITHOUT_SERVER)
    unknown = set(names) - set(known)
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)} (there are {', '.join(known)})")
        return 2
    chosen = names or known
    results = [_WITHOUT_SERVER[name]() for name in chosen if name in _WITHOUT_SERVER]
    if set(chosen) & set(_BENCHMARKS):
        root = ensure_debian_root()
        with TimescaleServer(root, durable=True) as server:
            results += [_BENCHMARKS[name](server, root) for name in chosen if name in _BENCHMARKS]
    return 0 if all(result["is_within_target"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
