"""Telling Mosquitto to read its files again: SIGHUP, to it and to nobody else."""

import os
import re
import signal
from pathlib import Path
from typing import Final

from jieru.errors import WorldError

__all__ = ["reload_broker"]

_NAME: Final = "mosquitto"
_PROCESSES: Final = Path("/proc")
_CAUGHT: Final = re.compile(r"^SigCgt:\s*([0-9a-f]+)$", re.MULTILINE)
_SIGHUP_BIT: Final = 1 << (signal.SIGHUP - 1)


def reload_broker(pid_file: Path) -> None:
    """Tell the broker whose process id is in this file to read its files again.

    Raises:
        WorldError: it does not run, is not Mosquitto, does not listen to signals yet, or is not
            ours to signal.
    """
    pid = _read_pid(pid_file)
    if _PROCESSES.is_dir():  # Linux
        _signal_checked(pid, pid_file)
    else:
        _signal(pid, pid_file)


def _read_pid(pid_file: Path) -> int:
    try:
        text = pid_file.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        raise WorldError(
            "The broker does not run: its pid file {path} is not there. It reads its files when "
            "it starts.",
            path=pid_file,
        ) from None
    except OSError as error:
        raise WorldError(
            "The broker's pid file {path} cannot be read: {reason}",
            path=pid_file,
            reason=error.strerror or error,
        ) from None
    # A zero would mean our own process group to kill(2).
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise WorldError("The broker's pid file {path} holds no process id.", path=pid_file)
    return int(text)


def _signal_checked(pid: int, pid_file: Path) -> None:
    """Signal the process if it is Mosquitto, by a handle that no later process can get."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        raise _gone(pid, pid_file) from None
    try:
        name = (_PROCESSES / str(pid) / "comm").read_text(encoding="utf-8").strip()
        status = (_PROCESSES / str(pid) / "status").read_text(encoding="utf-8")
        if name != _NAME:
            raise WorldError(
                "Process {pid}, named by the broker's pid file {path}, is {name} and not "
                "Mosquitto; it was not signalled.",
                pid=pid,
                path=pid_file,
                name=name,
            )
        caught = _CAUGHT.search(status)
        if caught and not int(caught[1], 16) & _SIGHUP_BIT:
            # It writes its pid file before it minds signals; until then this one would end it.
            raise WorldError("The broker (process {pid}) is still starting.", pid=pid)
        signal.pidfd_send_signal(handle, signal.SIGHUP)
    except FileNotFoundError:
        raise (_hidden(pid) if _is_alive(handle) else _gone(pid, pid_file)) from None
    except ProcessLookupError:
        raise _gone(pid, pid_file) from None
    except PermissionError:
        raise _not_ours(pid) from None
    finally:
        os.close(handle)


def _signal(pid: int, pid_file: Path) -> None:
    try:
        os.kill(pid, signal.SIGHUP)
    except ProcessLookupError:
        raise _gone(pid, pid_file) from None
    except PermissionError:
        raise _not_ours(pid) from None


def _gone(pid: int, pid_file: Path) -> WorldError:
    return WorldError(
        "The broker does not run: there is no process {pid}, which its pid file {path} names. It "
        "reads its files when it starts.",
        pid=pid,
        path=pid_file,
    )


def _is_alive(handle: int) -> bool:
    try:
        signal.pidfd_send_signal(handle, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _hidden(pid: int) -> WorldError:
    return WorldError(
        "This machine hides the broker (process {pid}) from this user, so it was not signalled: "
        "run without hidepid on /proc, in a unit with ProtectProc=default.",
        pid=pid,
    )


def _not_ours(pid: int) -> WorldError:
    return WorldError(
        "This user may not signal the broker (process {pid}): run as the broker's user.", pid=pid
    )
