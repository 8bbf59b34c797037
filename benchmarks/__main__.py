"""`python -m benchmarks [NAME ...]`: run the benchmarks, each with a table and a JSON file.

Exit code 1 when a figure misses its target: for people to look at, for no test depends on it.
"""

import sys
from collections.abc import Callable

from benchmarks import (
    archive,
    burst,
    console,
    count,
    day,
    freeze,
    imports,
    ingest,
    lists,
    mosquitto,
    panels,
    queue,
    reports,
    stages,
    two_ingesters,
    upgrade,
)
from jieru.schema import migrate
from tests.support.databases import DatabaseServer
from tests.support.debian_root import DebianRoot, ensure_debian_root
from tests.support.timescaledb import TimescaleServer

__all__: list[str] = []


def _count(server: DatabaseServer, _root: DebianRoot) -> dict[str, object]:
    with server.database() as url:
        migrate(url)
        return count.run(url)


def _console(server: DatabaseServer, _root: DebianRoot) -> dict[str, object]:
    with server.database() as url:
        migrate(url)
        return console.run(url)


def _freeze(server: DatabaseServer, _root: DebianRoot) -> dict[str, object]:
    with server.database() as url:
        migrate(url)
        return freeze.run(url)


def _ingest(server: DatabaseServer, _root: DebianRoot) -> dict[str, object]:
    return ingest.run(server)


def _imports(server: DatabaseServer, _root: DebianRoot) -> dict[str, object]:
    return imports.run(server)


def _lists(server: DatabaseServer, _root: DebianRoot) -> dict[str, object]:
    with server.database() as url:
        migrate(url)
        return lists.run(url)


def _panels(server: DatabaseServer, _root: DebianRoot) -> dict[str, object]:
    with server.database() as url:
        migrate(url)
        return panels.run(url)


def _archive(server: DatabaseServer, _root: DebianRoot) -> dict[str, object]:
    with server.database() as url:
        migrate(url)
        return archive.run(url)


def _upgrade(server: DatabaseServer, _root: DebianRoot) -> dict[str, object]:
    with server.database() as url:
        return upgrade.run(url)


_BENCHMARKS: dict[str, Callable[[DatabaseServer, DebianRoot], dict[str, object]]] = {
    "ingest": _ingest,
    "mosquitto": mosquitto.run,
    "stages": stages.run,
    "two-ingesters": two_ingesters.run,
    "burst": burst.run,
    "day": day.run,
    "queue": queue.run,
    "count": _count,
    "reports": reports.run,
    "imports": _imports,
    "lists": _lists,
    "console": _console,
    "freeze": _freeze,
    "panels": _panels,
    "archive": _archive,
    "upgrade": _upgrade,
}


def _main(names: list[str]) -> int:
    unknown = set(names) - set(_BENCHMARKS)
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)} (there are {', '.join(_BENCHMARKS)})")
        return 2
    root = ensure_debian_root()
    with TimescaleServer(root, durable=True) as server:
        results = [_BENCHMARKS[name](server, root) for name in names or _BENCHMARKS]
    return 0 if all(result["is_within_target"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
