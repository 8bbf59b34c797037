"""What lines of Mosquitto's log tell (2.0 and 2.1). Pure.

A line begins with what Mosquitto says and goes on with what clients chose, so that a client may
write nearly all of a line. Three things keep it from writing another's:

- Names that are believed have no space, so where such a name ends is certain.
- A username is believed where the broker had let its owner in, and read from the line's end.
- An address is believed where the broker itself had announced a connection from it.

What can be read in two ways is read in none.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

from jieru.broker_events.event import BrokerEvent, Detail, EventKind

__all__ = ["MosquittoLog", "Session"]

_STAMP: Final = re.compile(r"(\d{9,11}): ")
_ADDRESS: Final = r"(?P<address>[0-9A-Fa-f.:%a-z]+):(?P<port>\d{1,5})"
_NEW: Final = re.compile(rf"New connection from {_ADDRESS} on port \d+\.")
_CONNECTED: Final = re.compile(
    rf"New (?:client|bridge) connected from {_ADDRESS} as (?P<id>.*) "
    r"\(p\d+, c\d, k\d+(?:, u'(?P<username>[^' ]*)')?\)\."
)
_CLIENT: Final = re.compile(rf"Client (?P<id>\S+)(?: \[{_ADDRESS}\])? (?P<end>[^\[]*)")
_FOREIGN: Final = re.compile(r"Client (?P<id>.*?) ?disconnected[,:] not authorised\.", re.DOTALL)
_DENIED_FROM: Final = re.compile(r" \(d[01], q[0-2], r[01], m\d+, '")
_DENIED: Final = re.compile(
    r"Denied PUBLISH from (?P<id>\S+) \(d[01], q[0-2], r[01], m\d+, '(?P<topic>.*)"
)
_DENIED_END: Final = re.compile(r"', \.\.\. \(\d+ bytes\)\)\Z")
_BROKER: Final = re.compile(r"mosquitto version \S+ (?:starting|terminating)")
_RELOADING: Final = "Reloading config."
_BEGINNINGS: Final = ("Client ", "New ", "Denied PUBLISH from ", _RELOADING, "mosquitto version ")
_NOBODY: Final = "<unknown>"
_NOT_AUTHORISED: Final = ("disconnected, not authorised.", "disconnected: not authorised.")
_ENDS: Final = {
    "disconnected.": Detail.LEFT,
    "closed its connection.": Detail.LOST,
    "has exceeded timeout, disconnecting.": Detail.LOST,
    "disconnected: exceeded timeout.": Detail.LOST,
    "disconnected: connection lost.": Detail.LOST,
    "disconnected: connection closed by client.": Detail.LOST,
    "been disconnected by administrative action.": Detail.BROKER_ENDED,
    "already connected, closing old connection.": Detail.TAKEN_OVER,
}
_MOST_WAITING: Final = 10_000
_WAITS_S: Final = 60
"""Mosquitto gives a client less than that to say who it is."""
_MOST_SESSIONS: Final = 200_000


class Session(NamedTuple):
    """Who has a session, by the line that told of it."""

    username: str
    address: str
    port: int | None


class MosquittoLog:
    """Reads one line after another; what it remembers is bounded."""

    def __init__(self, sessions: Mapping[str, Session] | None = None) -> None:
        """Begin with the sessions that are known, by client id."""
        self.sessions = dict(sessions or {})
        self._waiting: dict[tuple[str, int], float] = {}
        """Connections that have not said who they are, with the time at which they came."""
        self._reloaded_at: datetime | None = None
        """Until another line than those that follow from a reload."""

    def read(self, line: str, *, now: datetime) -> list[BrokerEvent]:
        """What a line tells; usually nothing.

        Args:
            line: without its end.
            now: for lines without a time.
        """
        stamp = _STAMP.match(line)
        at = now
        if stamp is not None:
            line = line[stamp.end() :]
        if not line.startswith(_BEGINNINGS):  # nearly all, where debugging is on
            self._reloaded_at = None
            return []
        if stamp is not None:
            at = min(datetime.fromtimestamp(int(stamp[1]), UTC), now)
        if line.startswith("Client "):
            return self._client(line, at)
        # Whose credential is gone loses its connection at once, before anything else happens.
        self._reloaded_at = at if line == _RELOADING else None
        if line.startswith("New "):
            return self._new(line, at)
        if line.startswith("Denied PUBLISH from "):
            return self._denied(line, at)
        if _BROKER.fullmatch(line):
            return self._broker_ended(at)
        return []

    def _new(self, line: str, at: datetime) -> list[BrokerEvent]:
        if match := _NEW.fullmatch(line):
            if len(self._waiting) >= _MOST_WAITING:
                self._waiting.clear()
            self._waiting[match["address"], int(match["port"])] = at.timestamp()
            return []
        match = _CONNECTED.fullmatch(line)
        if match is None:
            return []
        address, port = match["address"], int(match["port"])
        self._waiting.pop((address, port), None)
        username, client_id = match["username"] or "", match["id"]
        if len(self.sessions) >= _MOST_SESSIONS:
            self.sessions.clear()
        self.sessions[client_id] = Session(username, address, port)
        return [BrokerEvent(at, EventKind.CONNECTED, username, client_id, address, port)]

    def _client(self, line: str, at: datetime) -> list[BrokerEvent]:
        match = _CLIENT.fullmatch(line)
        if match is None or not self._is_announced(match):
            return self._of_odd_name(line, at)
        client_id, end = match["id"], match["end"]
        place = (match["address"], int(match["port"])) if match["address"] else None
        if end in _NOT_AUTHORISED:
            return self._not_authorised(client_id, place, at)
        if client_id == _NOBODY:
            self._identified(place)
            return []
        detail = _ENDS.get(end)
        if detail is Detail.LEFT and at == self._reloaded_at:
            detail = Detail.REVOKED
        if detail is None and end.startswith(("disconnected due to ", "disconnected: ")):
            detail = Detail.PROTOCOL
        if detail is None:
            return []
        return self._ended(client_id, place, detail, at)

    def _is_announced(self, match: re.Match[str]) -> bool:
        """Whether its address, where it has one, is of a connection that the broker told of."""
        if match["address"] is None:
            return True
        place = (match["address"], int(match["port"]))
        known = self.sessions.get(match["id"])
        return place in self._waiting or (known is not None and known[1:] == place)

    def _of_odd_name(self, line: str, at: datetime) -> list[BrokerEvent]:
        """Of a client whose id has a space: let in, or never."""
        for end, detail in _ENDS.items():
            client_id = line.removeprefix("Client ").removesuffix(end).removesuffix(" ")
            if line.endswith(f" {end}") and client_id in self.sessions:
                return self._ended(client_id, None, detail, at)
        match = _FOREIGN.fullmatch(line)
        return self._not_authorised(match["id"], None, at) if match else []

    def _not_authorised(
        self, name: str, place: tuple[str, int] | None, at: datetime
    ) -> list[BrokerEvent]:
        address, port = self._identified(place, at.timestamp()) or ("", None)
        username = "" if name == _NOBODY else name
        return [BrokerEvent(at, EventKind.REFUSED, username, "", address, port)]

    def _ended(
        self, client_id: str, place: tuple[str, int] | None, detail: Detail, at: datetime
    ) -> list[BrokerEvent]:
        session = self.sessions.get(client_id)
        if session is None or (place is not None and session[1:] != place):
            return []
        del self.sessions[client_id]
        return [
            BrokerEvent(
                at,
                EventKind.DISCONNECTED,
                session.username,
                client_id,
                session.address,
                session.port,
                detail=detail,
            )
        ]

    def _identified(
        self, place: tuple[str, int] | None, now_s: float = 0.0
    ) -> tuple[str, int] | None:
        """One of those that wait is over; which one, where that is certain."""
        if place is not None:
            self._waiting.pop(place, None)
            return place
        for waiting in [
            key for key, since_s in self._waiting.items() if since_s + _WAITS_S < now_s
        ]:
            del self._waiting[waiting]
        only = next(iter(self._waiting)) if len(self._waiting) == 1 else None
        self._waiting.clear()
        return only

    def _denied(self, line: str, at: datetime) -> list[BrokerEvent]:
        match = _DENIED.fullmatch(line)
        if match is None or len(_DENIED_FROM.findall(line)) != 1:
            return []
        session = self.sessions.get(match["id"])
        # Where it was not seen to come: equipment's listeners make the username the client id.
        username, address, port = session or Session(match["id"], "", None)
        topic = _DENIED_END.sub("", match["topic"])  # a long one is cut by the broker
        return [BrokerEvent(at, EventKind.DENIED, username, match["id"], address, port, topic)]

    def _broker_ended(self, at: datetime) -> list[BrokerEvent]:
        self._waiting.clear()
        return [
            event
            for client_id in list(self.sessions)
            for event in self._ended(client_id, None, Detail.BROKER_ENDED, at)
        ]
