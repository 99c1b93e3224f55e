"""What came to the door, and why is somebody not let in?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus

from rollout.model.receiver import Receiver


class Refusal(StrEnum):
    """Why a request was refused, for our own log; the sender learns the status code alone where it could help a liar."""

    UNKNOWN = "unknown"  # no Receiver has this path, or it is of another type than the route
    SUSPENDED = "suspended"
    TOO_LARGE = "too large"
    TOO_SLOW = "too slow"
    BROKEN_OFF = "broken off"  # the sender went away before the end of the body
    TOO_MANY = "too many"
    UNSIGNED = "unsigned"  # what proves it is missing, is there twice, or cannot be read
    FORGED = "forged"  # the proof is of another body, another time or another secret
    STALE = "stale"  # outside the replay window, in the past or in the future
    REPLAYED = "replayed"
    UNREADABLE = "unreadable"  # proven, but the body says nothing that can be asked for
    NOT_ALLOWED = "not allowed"
    OUTDATED = "outdated"  # made for a run, step or revision that is over
    NOT_THERE = "not there"  # proven, but what it names does not exist
    UNAVAILABLE = "unavailable"  # try again later


# 401 says nothing about what was wrong with the proof: whoever signs rightly knows, whoever guesses learns nothing.
CODES: Mapping[Refusal, HTTPStatus] = {
    Refusal.UNKNOWN: HTTPStatus.NOT_FOUND,
    Refusal.SUSPENDED: HTTPStatus.NOT_FOUND,
    Refusal.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Refusal.TOO_SLOW: HTTPStatus.REQUEST_TIMEOUT,
    Refusal.BROKEN_OFF: HTTPStatus.BAD_REQUEST,
    Refusal.TOO_MANY: HTTPStatus.TOO_MANY_REQUESTS,
    Refusal.UNSIGNED: HTTPStatus.UNAUTHORIZED,
    Refusal.FORGED: HTTPStatus.UNAUTHORIZED,
    Refusal.STALE: HTTPStatus.UNAUTHORIZED,
    Refusal.REPLAYED: HTTPStatus.UNAUTHORIZED,
    Refusal.UNREADABLE: HTTPStatus.UNPROCESSABLE_ENTITY,
    Refusal.NOT_ALLOWED: HTTPStatus.FORBIDDEN,
    Refusal.OUTDATED: HTTPStatus.CONFLICT,
    Refusal.NOT_THERE: HTTPStatus.NOT_FOUND,
    Refusal.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}


class RefusedError(Exception):
    """A request is refused. text: for the sender; retry_after: seconds, 0 for none."""

    def __init__(self, refusal: Refusal, text: str = "", *, retry_after: int = 0) -> None:
        super().__init__(text or refusal.value)
        self.refusal = refusal
        self.text = text
        self.retry_after = retry_after

    @property
    def code(self) -> HTTPStatus:
        """The HTTP status."""
        return CODES[self.refusal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """A request at a Receiver's door, not believed yet. uid: the Receiver's.

    headers: by name in lower case; those that came twice are not there, since nobody knows which one counts.
    body: as it came. secrets: those that count now, none for a Receiver of tokens.
    """

    receiver: Receiver
    uid: str
    headers: Mapping[str, str]
    body: bytes
    now: datetime
    secrets: tuple[bytes, ...] = field(default=(), repr=False)

    def header(self, name: str) -> str:
        """The value of a header; "" when it is not there."""
        return self.headers.get(name, "")


def single(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers that came once, by name in lower case."""
    found: dict[str, str] = {}
    twice: set[str] = set()
    for raw_name, value in headers:
        name = raw_name.decode("latin-1").lower()
        if name in found:
            twice.add(name)
        found[name] = value.decode("latin-1").strip()
    return {name: value for name, value in found.items() if name not in twice}
