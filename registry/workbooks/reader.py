"""Reads a workbook in a process of its own, and tells whatever becomes of it in one sentence."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final

import structlog

from jieru.errors import UserError, WorldError
from registry.sheet_rows import SheetRow
from registry.workbooks.limits import WORKBOOK_LIMITS, WorkbookLimits
from registry.workbooks.lines import read_line
from registry.workbooks.refusals import TooMuchError, UnreadableError

__all__ = ["workbook_rows"]

_CHILD: Final = "registry.workbooks.child"
_LONGEST_LOG: Final = 2_000
_log = structlog.get_logger()


def workbook_rows(
    content: bytes, name: str, limits: WorkbookLimits = WORKBOOK_LIMITS
) -> Iterator[SheetRow]:
    """The rows of a workbook that hold anything, as they come from the process that reads it.

    Args:
        content: the file.
        name: what messages call it.
        limits: of that process.

    Raises:
        UserError: it cannot be taken, or reading it took too much; the message says what to do.
        WorldError: no process can be started just now.
    """
    try:
        yield from _rows(content, limits)
    except UserError as refusal:
        raise UserError(refusal.message, **{**refusal.values, "name": name}) from None


def _rows(content: bytes, limits: WorkbookLimits) -> Iterator[SheetRow]:
    with _child(content, limits) as (process, errors, ran_out):
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        left = limits.text_bytes * 2
        while line := process.stdout.readline(left):
            left -= len(line)
            try:
                said = read_line(line)
            except ValueError:
                break  # it died in the middle of a line, or wrote more than it may
            if said is None:
                return
            if isinstance(said, UserError):
                raise said
            yield said
        process.kill()
        _explain(process.wait(), errors, has_run_out=ran_out.is_set())


def _explain(exit_code: int, errors: IO[bytes], *, has_run_out: bool) -> None:
    """Say why a reader came to no end.

    Raises:
        UserError: always.
    """
    errors.seek(0)
    log = errors.read(_LONGEST_LOG).decode("utf-8", "replace")
    _log.warning("workbook_reader_ended", exit_code=exit_code, ran_out=has_run_out, said=log)
    # Rust aborts where memory ends; a process that may not grow may also just fault.
    if has_run_out or -exit_code in {signal.SIGKILL, signal.SIGXCPU, signal.SIGABRT}:
        raise TooMuchError
    if "MemoryError" in log or "memory allocation" in log:
        raise TooMuchError
    raise UnreadableError


@contextmanager
def _child(
    content: bytes, limits: WorkbookLimits
) -> Iterator[tuple["subprocess.Popen[bytes]", IO[bytes], threading.Event]]:
    """A process that reads this content; it has ended when the context has.

    Both files lie in memory, so that a full disk stops no import.
    """
    ran_out = threading.Event()
    with _memory_file("workbook") as source, _memory_file("errors") as errors:
        source.write(content)
        source.seek(0)
        try:
            process = subprocess.Popen(  # noqa: S603 - this program itself
                [sys.executable, "-P", "-m", _CHILD, json.dumps(limits.as_json())],
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=_environment(),
                cwd="/",
            )
        except OSError as error:
            raise WorldError(
                "No process can be started to read the workbook: try again. ({reason})",
                reason=error.strerror or error,
            ) from error

        def run_out() -> None:
            ran_out.set()
            process.kill()

        timer = threading.Timer(limits.wall_s, run_out)
        timer.daemon = True
        timer.start()
        try:
            with process:  # closes the pipe and waits
                try:
                    yield process, errors, ran_out
                finally:
                    process.kill()
        finally:
            timer.cancel()


@contextmanager
def _memory_file(name: str) -> Iterator[IO[bytes]]:
    with os.fdopen(os.memfd_create(name), "w+b", buffering=0) as file:
        yield file


def _environment() -> dict[str, str]:
    """Where the program lies, and nothing else: no address of a database, no secret."""
    return {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)), "LC_ALL": "C.UTF-8"}
