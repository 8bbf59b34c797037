"""Turns of imports: nobody waits for all that another one sends, nor for one large file."""

import threading
from collections import defaultdict
from functools import partial
from typing import Final

import anyio
from anyio.abc import TaskGroup

from api.access.caller import Caller, OwnPlatform
from api.access.roles import Role
from api.imports.turns import in_turn
from jieru.audit import Actor

_PATIENCE_S: Final = 30.0
_SMALL: Final = 1_000
_LARGE: Final = 8 << 20


def _operator(number: int, platform: str) -> Caller:
    actor = Actor(f"key:{number}", "127.0.0.1")
    return Caller(actor, platform, Role.OPERATOR, OwnPlatform(number, platform))


class _Line:
    """What was done, in its order; the files whose names begin with a capital wait to be let go."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.began = threading.Event()
        self.let_go: defaultdict[str, threading.Event] = defaultdict(threading.Event)
        self.done = threading.Semaphore(0)

    def send(self, group: TaskGroup, caller: Caller, name: str, size_bytes: int) -> None:
        """Let a file stand in the line."""

        def work() -> None:
            if name[0].isupper():
                self.began.set()
                assert self.let_go[name].wait(_PATIENCE_S)
            self.order.append(name)
            self.done.release()

        group.start_soon(partial(in_turn, caller, work, size_bytes=size_bytes))


async def test_a_large_file_holds_up_nobody_else() -> None:
    """Neither small files nor another's large one; those of its own sender wait."""
    line = _Line()
    with anyio.fail_after(_PATIENCE_S):
        async with anyio.create_task_group() as group:
            line.send(group, _operator(1, "alpha"), "Alpha 1", _LARGE)
            await anyio.to_thread.run_sync(line.began.wait)
            # Two keys of one platform are one sender.
            line.send(group, _operator(9, "alpha"), "alpha 2", _SMALL)
            line.send(group, _operator(2, "beta"), "beta 1", _LARGE)
            line.send(group, _operator(3, "gamma"), "gamma 1", _SMALL)
            for _file in range(2):
                await anyio.to_thread.run_sync(line.done.acquire)
            line.let_go["Alpha 1"].set()
    assert sorted(line.order[:2]) == ["beta 1", "gamma 1"]
    assert line.order[2:] == ["Alpha 1", "alpha 2"]


async def test_who_sends_many_files_stands_in_the_line_once() -> None:
    """Another operator's file follows the two that run, and not the ones that wait."""
    line = _Line()
    with anyio.fail_after(_PATIENCE_S):
        async with anyio.create_task_group() as group:
            line.send(group, _operator(1, "alpha"), "Alpha 1", _LARGE)
            line.send(group, _operator(2, "beta"), "Beta 1", _LARGE)
            await anyio.wait_all_tasks_blocked()
            for name in ("alpha 2", "alpha 3"):
                line.send(group, _operator(1, "alpha"), name, _LARGE)
            await anyio.wait_all_tasks_blocked()
            line.send(group, _operator(3, "gamma"), "gamma 1", _LARGE)
            await anyio.wait_all_tasks_blocked()
            line.let_go["Beta 1"].set()
            for _file in range(2):
                await anyio.to_thread.run_sync(line.done.acquire)
            line.let_go["Alpha 1"].set()
    assert line.order == ["Beta 1", "gamma 1", "Alpha 1", "alpha 2", "alpha 3"]
