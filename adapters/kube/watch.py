"""Which Rollouts does a change in the cluster concern, and which work is that together with the GitSources'?

Each kind has one answer, found through the cache's indexes: what an event costs depends on the names in it, not on how
many Rollouts there are.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

from adapters.kube.api import Obj
from adapters.kube.cache import Cache
from adapters.kube.hosts import host_key, name_keys
from adapters.kube.indexes import INDEXES
from adapters.kube.kinds import ROUTE_KINDS, WORKLOAD_KINDS
from adapters.kube.mesh_watch import migrations_of
from adapters.kube.notifier_watch import notifiers_of
from adapters.kube.policies import EVERYWHERE, is_selected
from adapters.kube.shelf import NAMESPACE, at_of
from adapters.kube.source_watch import sources_of
from rollout.model.names import Key
from rollout.ports.watch import Work

_ALONE = ("Receiver",)
_OWN_FIELDS = ("generation", "deletionTimestamp", "finalizers", "annotations", "labels")


class WorkWatch:
    """The `Watch` port on a Cache. home: the controller's namespace, whose policies count everywhere."""

    def __init__(self, cache: Cache, home: str = "") -> None:
        self._cache = cache
        self._home = home
        self._waiting: dict[Work, None] = {}  # in the order of arrival, each once
        self._any = asyncio.Event()
        self._concerned: Mapping[str, Callable[[Obj], Iterator[Obj]]] = {
            "Rollout": self._by_rollout,
            "RolloutCommand": self._by_command,
            "SloPolicy": self._by_policy,
            "ApprovalPolicy": self._by_approval,
            "FreezeWindow": self._by_window,
            "Service": self._by_service,
            "EndpointSlice": self._by_endpoints,
            "DestinationRule": self._by_rule,
            "Pod": self._by_pod,
            **dict.fromkeys(ROUTE_KINDS, self._by_route),
            **dict.fromkeys(WORKLOAD_KINDS, self._by_workload),
        }
        cache.subscribe(self._changed)

    async def changes(self) -> AsyncIterator[Work]:
        """Rollouts, GitSources and MeshMigrations concerned by a change, without end; one that waits to be taken waits only once."""
        while True:
            await self._any.wait()
            while self._waiting:
                work = next(iter(self._waiting))
                del self._waiting[work]
                yield work
            self._any.clear()

    async def refresh(self) -> None:
        """Return once every kind was listed consistently after this call began."""
        await self._cache.refresh()

    def is_synced(self) -> bool:
        """Whether every served kind was listed at least once."""
        return self._cache.is_synced()

    def _changed(self, kind: str, old: Obj | None, new: Obj | None) -> None:
        for key in self._rollouts_of(kind, old, new):
            self._waiting["Rollout", key] = None
        for key in sources_of(kind, old, new):
            self._waiting["GitSource", key] = None
        for key in migrations_of(self._cache, kind, old, new, self._home):
            self._waiting["MeshMigration", key] = None
        for key in _itself(kind, old, new):
            self._waiting[kind, key] = None
        for key in notifiers_of(self._cache, kind, old, new):
            self._waiting["Notifier", key] = None
        if self._waiting:
            self._any.set()

    def _rollouts_of(self, kind: str, old: Obj | None, new: Obj | None) -> Iterator[Key]:
        concerned = self._concerned.get(kind)
        if concerned is None or is_echo(kind, old, new):
            return
        for obj in (old, new):
            for rollout in concerned(obj) if obj is not None else ():
                namespace, name = at_of(rollout)
                yield Key(namespace=namespace, name=name)

    def _rollouts(self, index: str, value: str) -> list[Obj]:
        return self._cache.indexed("Rollout", index, value)

    def _by_rollout(self, rollout: Obj) -> Iterator[Obj]:
        """Itself, and those that list one of its routes: they may be rivals for a pool."""
        yield rollout
        for route in INDEXES["Rollout"]["route"](rollout):
            yield from self._rollouts("route", route)

    def _by_command(self, command: Obj) -> Iterator[Obj]:
        target = (command.get("spec") or {}).get("target") or {}
        namespace, _ = at_of(command)
        rollout = self._cache.get("Rollout", namespace, str(target.get("name", "")))
        if rollout is not None and target.get("kind") == "Rollout":
            yield rollout

    def _by_policy(self, policy: Obj) -> Iterator[Obj]:
        namespace, name = at_of(policy)
        yield from self._rollouts("policy", f"*/{name}" if namespace == self._home else f"{namespace}/{name}")

    def _by_approval(self, policy: Obj) -> Iterator[Obj]:
        namespace, name = at_of(policy)
        yield from self._rollouts("approval", f"*/{name}" if namespace == self._home else f"{namespace}/{name}")

    def _by_window(self, window: Obj) -> Iterator[Obj]:
        """Those of its namespace, or of those that it reaches, with the labels that it asks for."""
        namespace, _ = at_of(window)
        reach = (window.get("spec") or {}).get("namespaces") or [namespace]
        places = sorted(set(reach)) if namespace == self._home else [namespace]
        found = (self._rollouts(NAMESPACE, place) for place in places)
        everywhere = [self._cache.list("Rollout")] if EVERYWHERE in places else found
        yield from (rollout for rollouts in everywhere for rollout in rollouts if is_selected(window, rollout))

    def _by_route(self, route: Obj) -> Iterator[Obj]:
        namespace, name = at_of(route)
        yield from self._rollouts("route", f"{namespace}/{route['kind']}/{name}")

    def _by_workload(self, workload: Obj) -> Iterator[Obj]:
        for key in name_keys(*at_of(workload)):
            yield from self._rollouts("workload", f"{workload['kind']}/{key}")

    def _by_service(self, service: Obj) -> Iterator[Obj]:
        yield from self._naming(*at_of(service))

    def _by_endpoints(self, endpoints: Obj) -> Iterator[Obj]:
        namespace, _ = at_of(endpoints)
        service = (endpoints["metadata"].get("labels") or {}).get("kubernetes.io/service-name")
        if service:
            yield from self._naming(namespace, service)

    def _by_rule(self, rule: Obj) -> Iterator[Obj]:
        namespace, _ = at_of(rule)
        host = (rule.get("spec") or {}).get("host")
        if host:
            yield from self._naming(*host_key(host, namespace).split("/", 1))

    def _by_pod(self, pod: Obj) -> Iterator[Obj]:
        """Those whose subsets divide the pods of a Service that selects this one."""
        namespace, _ = at_of(pod)
        labels = pod["metadata"].get("labels") or {}
        for label, value in labels.items() if "Service" in self._cache.kinds else ():
            for service in self._cache.indexed("Service", "selector", f"{namespace}/{label}={value}"):
                if (service["spec"].get("selector") or {}).items() <= labels.items():
                    yield from self._rollouts("subset", "/".join(at_of(service)))

    def _naming(self, namespace: str, service: str) -> Iterator[Obj]:
        """Those whose templates can make this Service's name, or one of whose routes names it."""
        for key in name_keys(namespace, service):
            yield from self._rollouts("backend", key)
        for kind in ROUTE_KINDS:
            for route in (
                self._cache.indexed(kind, "host", f"{namespace}/{service}") if kind in self._cache.kinds else ()
            ):
                yield from self._by_route(route)


def _itself(kind: str, old: Obj | None, new: Obj | None) -> Iterator[Key]:
    """The object itself, of a kind that nothing else concerns; not when its status alone changed."""
    if kind in _ALONE and (old is None or new is None or _said(old) != _said(new)):
        for obj in (old, new):
            if obj is not None:
                namespace, name = at_of(obj)
                yield Key(namespace=namespace, name=name)


def _said(obj: Obj) -> list[Any]:
    return [obj["metadata"].get(name) for name in ("uid", "generation", "deletionTimestamp", "labels")]


def is_echo(kind: str, old: Obj | None, new: Obj | None) -> bool:
    """Whether a change tells a tick nothing new, so that nobody is woken.

    A Rollout whose status alone changed (its own tick knows), an answered or deleted command, endpoints and pods of
    which nothing changed that we look at.
    """
    if kind == "RolloutCommand":
        return new is None or bool((new.get("status") or {}).get("result"))
    look = _LOOKS.get(kind)
    return look is not None and old is not None and new is not None and look(old) == look(new)


def _wanted(rollout: Obj) -> list[Any]:
    return [rollout["metadata"].get(name) for name in _OWN_FIELDS]


def _spec(policy: Obj) -> list[Any]:
    return [policy.get("spec")]


def _endpoints(endpoints: Obj) -> list[Any]:
    return [endpoints.get("endpoints"), endpoints["metadata"].get("labels")]


def _pod(pod: Obj) -> list[Any]:
    status, meta = pod.get("status") or {}, pod["metadata"]
    ready = [one.get("status") for one in status.get("conditions") or () if one.get("type") == "Ready"]
    return [status.get("phase"), ready, meta.get("labels"), meta.get("deletionTimestamp")]


_LOOKS: Mapping[str, Callable[[Obj], list[Any]]] = {
    "Rollout": _wanted,
    "EndpointSlice": _endpoints,
    "Pod": _pod,
    "ApprovalPolicy": _spec,
    "FreezeWindow": _spec,
}
