"""Who asks, known before anybody is asked: by what was found valid a short while ago.

A session or a key that is unknown counts by the address from which it comes, and so do invented
ones: nobody gets bounds of his own by making something up. The gate looks at each all the same.
"""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from starlette.requests import Request

from api.access.caller import Caller
from api.access.sessions import session_cookie_of
from api.web.origin import origin_of

__all__ = ["Askers"]

_KNOWN_S: Final = 600.0
_KNOWN: Final = 20_000


class Askers:
    """Names of those whose session or key was valid lately, in the memory of one process."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Know nobody; `clock` gives seconds that never go back."""
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, tuple[str, float]] = OrderedDict()

    def name_of(self, request: Request) -> str:
        """The person or key, where it is known; otherwise the address."""
        secret = _secret_of(request)
        with self._lock:
            name, until_s = self._known.get(secret, ("", 0.0)) if secret else ("", 0.0)
        return name if name and self._clock() < until_s else f"address:{origin_of(request)}"

    def know(self, request: Request, caller: Caller) -> None:
        """Remember whom the gate found behind a session or key."""
        secret = _secret_of(request)
        if secret is None:
            return
        with self._lock:
            self._known[secret] = (caller.actor.name, self._clock() + _KNOWN_S)
            self._known.move_to_end(secret)
            while len(self._known) > _KNOWN:
                self._known.popitem(last=False)


def _secret_of(request: Request) -> bytes | None:
    """What the gate will look at, as a hash."""
    secret = request.headers.get("authorization", "") or session_cookie_of(request)
    return hashlib.sha256(secret.encode()).digest() if secret else None
