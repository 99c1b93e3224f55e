"""By what are cached objects found without looking at all of them?

Values are texts such as "shop/checkout"; an object that lacks the field simply has no value.
"""

from collections.abc import Iterator, Mapping

from adapters.kube.api import Obj
from adapters.kube.hosts import host_key, template_key
from adapters.kube.marks import owner_index
from adapters.kube.receiver_paths import path_index
from adapters.kube.shelf import Index


def _field(value: object, *path: str) -> object:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _text(value: object, *path: str) -> str:
    found = _field(value, *path)
    return found if isinstance(found, str) else ""


def _items(value: object, *path: str) -> list[object]:
    found = _field(value, *path)
    return found if isinstance(found, list) else []


def _namespace(obj: Obj) -> str:
    return _text(obj, "metadata", "namespace")


def _endpoint_service(obj: Obj) -> Iterator[str]:
    service = _text(obj, "metadata", "labels", "kubernetes.io/service-name")
    if service:
        yield f"{_namespace(obj)}/{service}"


def _service_selector(obj: Obj) -> Iterator[str]:
    """One pair of the selector: a pod that has not this one is not selected."""
    selector = _field(obj, "spec", "selector")
    if isinstance(selector, Mapping) and selector:
        name = min(selector)
        yield f"{_namespace(obj)}/{name}={selector[name]}"


def _rule_host(obj: Obj) -> Iterator[str]:
    host = _text(obj, "spec", "host")
    if host:
        yield host_key(host, _namespace(obj))


def _virtual_service_hosts(obj: Obj) -> Iterator[str]:
    for protocol in ("http", "tcp", "tls"):
        for route in _items(obj, "spec", protocol):
            for entry in _items(route, "route"):
                host = _text(entry, "destination", "host")
                if host:
                    yield host_key(host, _namespace(obj))


def _gateway_route_hosts(obj: Obj) -> Iterator[str]:
    for rule in _items(obj, "spec", "rules"):
        for entry in _items(rule, "backendRefs"):
            if _text(entry, "name"):
                yield f"{_text(entry, 'namespace') or _namespace(obj)}/{_text(entry, 'name')}"


def _split_hosts(obj: Obj) -> Iterator[str]:
    for entry in _items(obj, "spec", "backends"):
        if _text(entry, "service"):
            yield f"{_namespace(obj)}/{_text(entry, 'service')}"


def _command_target(obj: Obj) -> Iterator[str]:
    """`Rollout/namespace/name`: a GitSource may have the name of a Rollout."""
    kind, name = _text(obj, "spec", "target", "kind"), _text(obj, "spec", "target", "name")
    if kind and name:
        yield f"{kind}/{_namespace(obj)}/{name}"


def _rollout_route(obj: Obj) -> Iterator[str]:
    for route in _items(obj, "spec", "routes"):
        yield f"{_namespace(obj)}/{_text(route, 'kind')}/{_filled(obj, _text(route, 'name'))}"


def _rollout_policy(obj: Obj) -> Iterator[str]:
    """`namespace/name`, and `*/name`: a policy of the controller's namespace counts everywhere."""
    for name in _items(obj, "spec", "policies"):
        yield f"{_namespace(obj)}/{name}"
        yield f"*/{name}"


def _rollout_approval(obj: Obj) -> Iterator[str]:
    """As `_rollout_policy`: the policies that must approve a step of git's plan, or of the plan that a run has pinned."""
    steps = [*_items(obj, "spec", "steps"), *_items(obj, "status", "machine", "run", "plan")]
    for name in sorted({name for step in steps for name in _approvals(step)}):
        yield f"{_namespace(obj)}/{name}"
        yield f"*/{name}"


def _approvals(step: object) -> Iterator[str]:
    named = (_field(step, "approval"), *_items(step, "approvals"))
    yield from (name for name in named if isinstance(name, str) and name)


def _wave_approval(obj: Obj) -> Iterator[str]:
    """Names of policies; a migration's are in the controller's namespace."""
    yield from (name for wave in _items(obj, "spec", "waves") if (name := _text(wave, "approval")))


def _rollout_backend(obj: Obj) -> Iterator[str]:
    """Template keys of the Services that `spec.backend` and `spec.stable` can name."""
    for place in ("backend", "stable"):
        service, host = _text(obj, "spec", place, "service"), _field(obj, "spec", place, "subset", "host")
        for template in (service, host):
            if isinstance(template, str) and template:
                namespace, _, name = host_key(_filled(obj, template), _namespace(obj)).partition("/")
                yield template_key(namespace, name)


def _rollout_workload(obj: Obj) -> Iterator[str]:
    kind, name = _text(obj, "spec", "workload", "kind"), _text(obj, "spec", "workload", "name")
    if kind and name:
        yield f"{kind}/{template_key(_namespace(obj), _filled(obj, name))}"


def _rollout_subset(obj: Obj) -> Iterator[str]:
    host = _text(obj, "spec", "backend", "subset", "host")
    if host:
        yield host_key(_filled(obj, host), _namespace(obj))


def _filled(obj: Obj, template: str) -> str:
    return template.replace("{namespace}", _namespace(obj)).replace("{name}", _text(obj, "metadata", "name"))


def _moved_namespaces(obj: Obj) -> Iterator[str]:
    """The namespaces that a migration moves, and the mesh's own, whose policies are for all of them."""
    waves = _items(obj, "spec", "waves")
    if waves:
        yield _text(obj, "spec", "mesh", "root") or "istio-system"
    for wave in waves:
        yield from (name for name in _items(wave, "namespaces") if isinstance(name, str))


INDEXES: Mapping[str, Mapping[str, Index]] = {
    "EndpointSlice": {"service": _endpoint_service},
    "Service": {"selector": _service_selector},
    "DestinationRule": {"host": _rule_host},
    "VirtualService": {"host": _virtual_service_hosts},
    "HTTPRoute": {"host": _gateway_route_hosts},
    "GRPCRoute": {"host": _gateway_route_hosts},
    "TrafficSplit": {"host": _split_hosts},
    "RolloutCommand": {"target": _command_target},
    "SloPolicy": {"source": owner_index},
    "ApprovalPolicy": {"source": owner_index},
    "FreezeWindow": {"source": owner_index},
    "Notifier": {"source": owner_index},
    "Receiver": {"path": path_index},
    "MeshMigration": {"source": owner_index, "namespace": _moved_namespaces, "approval": _wave_approval},
    "Rollout": {
        "source": owner_index,
        "route": _rollout_route,
        "backend": _rollout_backend,
        "workload": _rollout_workload,
        "subset": _rollout_subset,
        "policy": _rollout_policy,
        "approval": _rollout_approval,
    },
}
