"""Turns of imports: one at a time, and nobody waits for all that another one sends."""

import threading
from collections.abc import Callable
from typing import Final

import anyio

from api.access.caller import Caller, OwnPlatform
from api.access.roles import Role
from api.imports.upload import in_turn
from jieru.audit import Actor

_PATIENCE_S: Final = 30.0


def _operator(number: int, platform: str) -> Caller:
    actor = Actor(f"key:{number}", "127.0.0.1")
    return Caller(actor, platform, Role.OPERATOR, OwnPlatform(number, platform))


async def test_who_sends_many_files_stands_in_the_line_once() -> None:
    """Another operator's file follows the one that runs, and not the ones that wait."""
    began = threading.Event()
    go_on = threading.Event()
    order: list[str] = []

    def work(name: str) -> Callable[[], None]:
        def run() -> None:
            began.set()
            assert go_on.wait(_PATIENCE_S)
            order.append(name)

        return run

    with anyio.fail_after(_PATIENCE_S):
        async with anyio.create_task_group() as group:
            group.start_soon(in_turn, _operator(1, "alpha"), work("alpha 1"))
            await anyio.to_thread.run_sync(began.wait)
            for name in ("alpha 2", "alpha 3"):
                group.start_soon(in_turn, _operator(1, "alpha"), work(name))
            # Two keys of one platform are one sender.
            group.start_soon(in_turn, _operator(9, "alpha"), work("alpha 4"))
            await anyio.wait_all_tasks_blocked()
            group.start_soon(in_turn, _operator(2, "beta"), work("beta 1"))
            await anyio.wait_all_tasks_blocked()
            go_on.set()
    assert order == ["alpha 1", "beta 1", "alpha 2", "alpha 3", "alpha 4"]
