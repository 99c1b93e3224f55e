"""Does an object match a labelSelector and a fieldSelector?"""

import re
from collections.abc import Callable, Mapping

from adapters.memory.objects import Obj
from adapters.memory.statuses import RefusalError

Test = Callable[[Obj], bool]

_KEY = r"[A-Za-z0-9][-A-Za-z0-9_./]*"
_SET = re.compile(rf"^({_KEY})\s+(in|notin)\s+\(([^()]*)\)$")
_EQUAL = re.compile(rf"^({_KEY})\s*(==|=|!=)\s*([-A-Za-z0-9_.]*)$")
_EXISTS = re.compile(rf"^(!?)\s*({_KEY})$")
# Commas inside the parentheses of `in (a, b)` do not separate requirements.
_SEPARATOR = re.compile(r",(?![^()]*\))")

# Beyond name and namespace the real server knows a fixed list per kind.
_FIELDS: Mapping[str, frozenset[str]] = {
    "pods": frozenset({"spec.nodeName", "status.phase", "status.podIP", "spec.serviceAccountName"}),
    "events": frozenset(
        {f"involvedObject.{name}" for name in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion")}
        | {"reason", "type", "reportingComponent", "source"}
    ),
    "events.events.k8s.io": frozenset(
        {f"regarding.{name}" for name in ("kind", "namespace", "name", "uid")} | {"reason", "type"}
    ),
    "namespaces": frozenset({"status.phase"}),
    "secrets": frozenset({"type"}),
}


def matching(query: Mapping[str, str], resource: str) -> Test:
    """The test that `labelSelector` and `fieldSelector` of a request stand for; raises RefusalError (400)."""
    tests = [_label_test(part) for part in _parts(query.get("labelSelector", ""))]
    tests += [_field_test(part, resource) for part in _parts(query.get("fieldSelector", ""))]
    return lambda obj: all(test(obj) for test in tests)


def _parts(selector: str) -> list[str]:
    return [part.strip() for part in _SEPARATOR.split(selector) if part.strip()]


def _label_test(text: str) -> Test:
    if match := _SET.match(text):
        key, operator, listed = match.groups()
        values = {value.strip() for value in listed.split(",")}
        if operator == "in":
            return lambda obj: _labels(obj).get(key) in values
        return lambda obj: _labels(obj).get(key) not in values
    if match := _EQUAL.match(text):
        key, operator, wanted = match.groups()
        if operator == "!=":
            return lambda obj: _labels(obj).get(key) != wanted
        return lambda obj: _labels(obj).get(key) == wanted
    if match := _EXISTS.match(text):
        absent, key = match.groups()
        return lambda obj: (key in _labels(obj)) != bool(absent)
    raise RefusalError(400, f"unable to parse requirement: {text!r} is no labelSelector such as a=b, a in (b,c), !a")


def _labels(obj: Obj) -> Mapping[str, str]:
    return obj["metadata"].get("labels") or {}


def _field_test(text: str, resource: str) -> Test:
    path, operator, wanted = _field_parts(text)
    if path not in {"metadata.name", "metadata.namespace"} | _FIELDS.get(resource, frozenset()):
        raise RefusalError(400, f"field label not supported: {path} (of {resource})")
    if operator == "!=":
        return lambda obj: _at(obj, path) != wanted
    return lambda obj: _at(obj, path) == wanted


def _field_parts(text: str) -> tuple[str, str, str]:
    for operator in ("!=", "==", "="):
        path, found, wanted = text.partition(operator)
        if found:
            return path.strip(), operator, wanted.strip()
    raise RefusalError(400, f"invalid field selector: {text!r}; expected field=value")


def _at(obj: Obj, path: str) -> str:
    here: object = obj
    for name in path.split("."):
        here = here.get(name) if isinstance(here, Mapping) else None
    return "" if here is None else str(here)
