"""How does the memory cluster say no, in the words of the Kubernetes API?

Inside the cluster every refusal is a `RefusalError` (code, reason, message, details: a Kubernetes Status). In process it
becomes a `PortError`, over HTTP a Status body; faults and admission hooks speak `PortError`, so both ways exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rollout.ports.errors import Conflict, Expired, Forbidden, KindAbsent, NotFound, PortError, Rejected, Unreachable

# The text of apimachinery's NewGenericServerResponse for 422: what a JSON patch that does not apply is answered with.
PATCH_DOES_NOT_APPLY = "the server rejected our request due to an error in our request"
PAGE_NOT_FOUND = "404 page not found"

_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Expired",
    415: "UnsupportedMediaType",
    422: "Invalid",
    503: "ServiceUnavailable",
    504: "Timeout",
}
_CODES: tuple[tuple[type[PortError], int], ...] = (
    (NotFound, 404),
    (Conflict, 409),
    (Expired, 410),
    (Forbidden, 403),
    (Rejected, 422),
    (PortError, 503),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The object that a refusal is about."""

    group: str
    plural: str
    name: str

    @property
    def text(self) -> str:
        """As Kubernetes writes it: `rollouts.example.org "checkout"`."""
        resource = f"{self.plural}.{self.group}" if self.group else self.plural
        return f'{resource} "{self.name}"'


class RefusalError(Exception):
    """A request that the memory cluster refuses, as a Kubernetes Status."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        reason: str | None = None,
        about: About | None = None,
        causes: tuple[Mapping[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = _REASONS.get(code, "InternalError") if reason is None else reason
        self.about = about
        self.causes = causes

    @property
    def is_page_not_found(self) -> bool:
        """Whether no such resource is served; the real server answers that in plain text, not with a Status."""
        return self.message == PAGE_NOT_FOUND

    def status(self) -> dict[str, Any]:
        """The Status object that the Kubernetes API sends as a body."""
        details: dict[str, Any] = {}
        if self.about is not None:
            details = {"name": self.about.name, "group": self.about.group, "kind": self.about.plural}
        if self.causes:
            details["causes"] = [dict(cause) for cause in self.causes]
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "details": {key: value for key, value in details.items() if value},
            "code": self.code,
        }


def success(about: About, uid: str) -> dict[str, Any]:
    """The Status that answers a deletion."""
    details = {"name": about.name, "group": about.group, "kind": about.plural, "uid": uid}
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {name: value for name, value in details.items() if value},
    }


def missing(about: About) -> RefusalError:
    """404 for an object that is not there."""
    return RefusalError(404, f"{about.text} not found", about=about)


def taken(about: About) -> RefusalError:
    """409 for a name that is taken."""
    return RefusalError(409, f"{about.text} already exists", reason="AlreadyExists", about=about)


def stale(about: About) -> RefusalError:
    """409 for a write made from an old resourceVersion."""
    hint = "the object has been modified; please apply your changes to the latest version and try again"
    return RefusalError(409, f"Operation cannot be fulfilled on {about.text}: {hint}", about=about)


def invalid(about: About, field: str, problem: str) -> RefusalError:
    """422 for one field."""
    cause = {"reason": "FieldValueInvalid", "message": problem, "field": field}
    return RefusalError(422, f"{about.text} is invalid: {field}: {problem}", about=about, causes=(cause,))


def port_error(refusal: RefusalError, path: str) -> PortError:
    """The refusal as the ports know it, with the path it was about."""
    message = f"{path}: {refusal.message}"
    match refusal.code:
        case 404 if refusal.is_page_not_found:
            return KindAbsent(f"{path}: the memory cluster serves no such kind; create its CustomResourceDefinition")
        case 404:
            return NotFound(message)
        case 409:
            return Conflict(message)
        case 422 if refusal.message == PATCH_DOES_NOT_APPLY:
            return Conflict(f"{message} (a `test` failed or a path is not there)")
        case 410:
            return Expired(message)
        case 401 | 403:
            return Forbidden(message)
        case 400 | 405 | 415 | 422:
            return Rejected(message)
        case _:
            return Unreachable(message)


def refusal_of(error: PortError) -> RefusalError:
    """The Status for an error that a fault or an admission hook raised."""
    if isinstance(error, KindAbsent):
        return RefusalError(404, PAGE_NOT_FOUND)
    code = next(code for kind, code in _CODES if isinstance(error, kind))
    return RefusalError(code, str(error))
