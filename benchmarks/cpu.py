"""What processes have computed, by the kernel's books: fair on a machine that others use too."""

from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil
import psycopg

__all__ = ["cpu_s_of", "peak_mb_of", "pin_backends", "postgres_cpu_s", "rss_mb_of"]

_SELECT_BACKENDS: Final = """
    SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND client_port = ANY (%s)
"""


def cpu_s_of(pid: int) -> float:
    """Seconds of CPU that a process has used, user and system."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def postgres_cpu_s(database_url: str) -> float:
    """Seconds of CPU that the whole server has used, backends that are gone among it."""
    server = _postmaster(database_url)
    times = server.cpu_times()
    total = times.user + times.system + times.children_user + times.children_system
    for child in server.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            total += cpu_s_of(child.pid)
    return total


def peak_mb_of(pid: int) -> float:
    """The largest resident size that a process ever had."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def rss_mb_of(pid: int) -> float:
    """The resident size that a process has now."""
    return psutil.Process(pid).memory_info().rss / 1e6


def pin_backends(database_url: str, pid: int, cores: set[int]) -> None:
    """Bind the sessions that a process has with this database to some of the machine's cores."""
    ports = [connection.laddr.port for connection in psutil.Process(pid).net_connections()]
    with psycopg.connect(database_url) as connection:
        for (backend_pid,) in connection.execute(_SELECT_BACKENDS, (ports,)).fetchall():
            psutil.Process(backend_pid).cpu_affinity(sorted(cores))


def _postmaster(database_url: str) -> psutil.Process:
    with psycopg.connect(database_url) as connection:
        parent = psutil.Process(connection.info.backend_pid).parent()
    if parent is None:
        raise RuntimeError("the server has no parent process")
    return parent
