"""What does one entry of a pool name, and how does the same entry look for another backend?"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from rollout.model.names import BackendName
from rollout.traffic.dialects import Dialect

Obj = Mapping[str, Any]


def backend_of(entry: Obj, namespace: str, dialect: Dialect) -> BackendName:
    """The backend that `entry` names.

    What is not a Service of `namespace` keeps a name that no Service can have: the full host, `name.namespace`, or
    `group:kind:name`.
    """
    service = str(_field(entry, dialect.service) or "")
    subset = str(_field(entry, dialect.subset) or "") if dialect.subset else ""
    if dialect.is_host:
        return BackendName(service=short_host(service, namespace), subset=subset)
    if not _is_home(entry, namespace, dialect):
        return BackendName(service=_foreign(entry, service, namespace), subset=subset)
    return BackendName(service=service, subset=subset)


def renamed(entry: Obj, backend: BackendName, namespace: str, dialect: Dialect) -> dict[str, Any]:
    """A copy of `entry` that leads to `backend`: port, headers and filters stay, also the style of the host."""
    copy: dict[str, Any] = deepcopy(dict(entry))
    named = backend_of(entry, namespace, dialect).service
    text = str(_field(entry, dialect.service) or "")
    is_local = not dialect.is_host or short_host(text, namespace) != text or "." not in text
    style = text[len(named) :] if dialect.is_host and is_local else ""
    if not dialect.is_host and not _is_home(entry, namespace, dialect):
        for path in dialect.home:
            copy.pop(path, None)
    _put(copy, dialect.service, f"{backend.service}{style}")
    if dialect.subset:
        _put(copy, dialect.subset, backend.subset)
    return copy


def short_host(host: str, namespace: str) -> str:
    """The Service's name when `host` is one of the four ways to write it, else `host` as it is."""
    name, _, rest = host.partition(".")
    is_ours = rest in {"", namespace, f"{namespace}.svc"} or rest.startswith(f"{namespace}.svc.")
    return name if is_ours and name != "*" else host


def _is_home(entry: Obj, namespace: str, dialect: Dialect) -> bool:
    return all(
        _field(entry, path) in (None, value.replace("{namespace}", namespace)) for path, value in dialect.home.items()
    )


def _foreign(entry: Obj, service: str, namespace: str) -> str:
    kind, group = entry.get("kind") or "Service", entry.get("group") or ""
    where = entry.get("namespace") or namespace
    return f"{service}.{where}" if (kind, group) == ("Service", "") else f"{group}:{kind}:{service}.{where}"


def _field(entry: Obj, path: str) -> object:
    here: object = entry
    for name in path.split("."):
        here = here.get(name) if isinstance(here, Mapping) else None
    return here


def _put(entry: dict[str, Any], path: str, value: str) -> None:
    *parents, last = path.split(".")
    here = entry
    for name in parents:
        here = here.setdefault(name, {})
    if value:
        here[last] = value
    else:
        here.pop(last, None)
