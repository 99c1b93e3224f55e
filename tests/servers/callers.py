"""What happened to each request of clients that call all the time, and when?

Each caller is a thread with at most one connection. Nothing is ever sent again, so that a lost request is seen.
"""

import http.client
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event, Thread

PAUSE_S = 0.01
ANSWER_S = 5.0
Address = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One request. sent, ended: time.monotonic(). status: of the answer, 0 for none. first: of its connection."""

    sent: float
    ended: float
    status: int
    first: bool
    trouble: str = ""

    @property
    def is_served(self) -> bool:
        """Whether it was answered well."""
        return self.status == 200


@dataclass(slots=True)
class Caller:
    """Calls one of `addresses()` after the other with the Host header `host`, from `start` to `stop`, as often as wanted.

    keeps: it goes on with a connection as long as its address is listed; else each request has a connection of its own.
    """

    name: str
    host: str
    addresses: Callable[[], Sequence[Address]]
    keeps: bool
    outcomes: list[Outcome] = field(default_factory=list)
    _turn: int = 0
    _connection: http.client.HTTPConnection | None = None
    _ending: Event = field(default_factory=Event)
    _thread: Thread | None = None

    def start(self) -> None:
        """Begin to call."""
        self._ending = Event()
        self._thread = Thread(target=self._call, args=(self._ending,), name=self.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Call no more; the request in hand ends first, and the connection is closed."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(ANSWER_S * 2)
        self._thread = None

    def served(self, since: float = 0.0, until: float = float("inf")) -> list[Outcome]:
        """Good answers to what was sent in this time."""
        return [one for one in list(self.outcomes) if one.is_served and since <= one.sent < until]

    def failed(self, since: float = 0.0, until: float = float("inf")) -> list[Outcome]:
        """All other ends of what was sent in this time."""
        return [one for one in list(self.outcomes) if not one.is_served and since <= one.sent < until]

    def _call(self, ending: Event) -> None:
        while not ending.is_set():
            listed = self.addresses()
            if listed:
                self._request(listed)
            ending.wait(PAUSE_S)
        self._close()

    def _request(self, listed: Sequence[Address]) -> None:
        known = self._connection
        if known is not None and (not self.keeps or (known.host, known.port) not in listed):
            self._close()
        if self._connection is None:
            self._turn += 1
            self._connection = http.client.HTTPConnection(*listed[self._turn % len(listed)], timeout=ANSWER_S)
        connection = self._connection
        first, sent, status, trouble = connection.sock is None, time.monotonic(), 0, ""
        try:
            if connection.sock is None:
                connection.connect()
            connection.request("GET", "/", headers={"Host": self.host})
            answer = connection.getresponse()
            answer.read()
            status = answer.status
        except (OSError, http.client.HTTPException) as error:
            trouble = f"{type(error).__name__}: {error}"
            self._close()
        self.outcomes.append(Outcome(sent=sent, ended=time.monotonic(), status=status, first=first, trouble=trouble))

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
