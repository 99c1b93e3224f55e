"""Which PortError does an answer of the API server mean?"""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from rollout.ports.errors import Conflict, Expired, Forbidden, KindAbsent, NotFound, PortError, Rejected, Unreachable

# What kube-apiserver answers to a JSON patch that does not apply (a failed `test`, a path that is not there): 422
# "Invalid" with this generic text and nothing else, see NewGenericServerResponse in apimachinery.
_PATCH_FAILED = "the server rejected our request due to an error in our request"
_NO_SUCH_RESOURCE = "the server could not find the requested resource"
_LONGEST_TEXT = 500  # a refused patch is answered with the whole object, a proxy's error with a page of HTML
_LONGEST_WAIT = 600  # seconds; nobody who steers traffic leaves it alone for longer because a proxy says so


def error_of(what: str, code: int, body: str, headers: Mapping[str, str]) -> PortError:
    """The error for an answer with HTTP status `code`. what: method and path, for the message."""
    return _error(what, code, _status(code, body), _retry_after(headers))


def watch_error(what: str, status: object) -> PortError:
    """The error for the Status object of an ERROR event in a watch; Unreachable where it is none."""
    told = _plain(status)
    code, seconds = told.get("code"), told["details"].get("retryAfterSeconds")
    code = code if isinstance(code, int) and code else 500
    return _error(what, code, told, _wait(seconds) if isinstance(seconds, int) and seconds else None)


def _error(what: str, code: int, status: Mapping[str, Any], retry_after: timedelta | None) -> PortError:
    message = f"{what}: {_shortened(status.get('message') or 'no message')} ({code}{_causes(status)})"
    match code:
        case 401:
            return Forbidden(f"{message}: the credentials are not accepted; renew the token of the kubeconfig's user")
        case 403:
            return Forbidden(message)
        case 404 if _is_kind_absent(status):
            return KindAbsent(f"{message}: the API server serves no such kind; install its CustomResourceDefinition")
        case 404:
            return NotFound(message)
        case 409:
            return Conflict(message)
        case 410:
            return Expired(message)
        case 422 if status.get("message") == _PATCH_FAILED:
            return Conflict(f"{message}: a `test` of the patch failed, or a path in it is not there")
        case 408 | 429:
            return Unreachable(message, retry_after=retry_after)
        case _ if code >= 500:
            return Unreachable(message, retry_after=retry_after)
        case _:
            return Rejected(message)


def _status(code: int, body: str) -> Mapping[str, Any]:
    """The Status object in a body; a body that is none becomes one with its text as message."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict) and found.get("kind") == "Status":
        return _plain(found)
    return _plain({"message": body.strip(), "code": code})


def _plain(status: object) -> Mapping[str, Any]:
    """A Status whose message is text and whose causes are objects, whatever was sent as one."""
    found = status if isinstance(status, Mapping) else {}
    details = found.get("details") if isinstance(found.get("details"), Mapping) else {}
    causes = details.get("causes") if isinstance(details, Mapping) else ()
    plain = [cause for cause in causes if isinstance(cause, Mapping)] if isinstance(causes, list) else []
    return {**found, "message": str(found.get("message") or ""), "details": {**(details or {}), "causes": plain}}


def _is_kind_absent(status: Mapping[str, Any]) -> bool:
    """Whether a 404 is about the kind: plain text for an unserved group, a Status without a name for a resource."""
    if status.get("kind") != "Status":
        return True
    return str(status.get("message", "")).startswith(_NO_SUCH_RESOURCE)


def _causes(status: Mapping[str, Any]) -> str:
    """The fields that were refused; what is wrong with them says the message already."""
    causes = (status.get("details") or {}).get("causes") or ()
    fields = sorted({str(cause["field"]) for cause in causes if cause.get("field")})
    return f": {', '.join(fields)}" if fields else ""


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}..."


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    text = headers.get("Retry-After", "")
    return _wait(int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _wait(seconds: int) -> timedelta:
    return timedelta(seconds=max(0, min(seconds, _LONGEST_WAIT)))
