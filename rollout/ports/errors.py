"""What can go wrong outside, and what should the receiver do about it?

PortError                 try later; `retry_after` says when, if the other side said so
├── Unreachable           no answer, a time-out, a 5xx, a 429
├── Conflict              somebody wrote in between: tick again
├── NotFound              the object is not there
│   └── KindAbsent        the API server does not know this kind (no CRD)
├── Expired               the resourceVersion or continue token is too old: list again
├── Forbidden             the credentials do not allow it
├── Rejected              the other side refuses the content; the same content will be refused again
└── LeaseLost             this replica may not start a write any more
"""

from datetime import timedelta


class PortError(Exception):
    """Something outside did not do what was asked; the message says what, where and what next."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unreachable(PortError):
    """No answer, a time-out, a 5xx or a 429."""


class Conflict(PortError):
    """The object changed since it was read (409, or 422 from a failed `test`): tick again."""


class NotFound(PortError):
    """The object is not there."""


class KindAbsent(NotFound):
    """The API server serves no such kind; it may appear later."""


class Expired(PortError):
    """The resourceVersion or continue token is too old (410): list again."""


class Forbidden(PortError):
    """The credentials are not accepted (401) or do not allow it (403)."""


class Rejected(PortError):
    """The content is refused (400, 422, admission); sending it again will not help."""


class LeaseLost(PortError):
    """Another replica may hold the lease: no write is started."""
