"""Where do Rollouts live? In the API server; reads come from the watch cache."""

import json
from dataclasses import dataclass, replace
from typing import Any

from adapters.kube.api import KubeApi, Obj, Patch
from adapters.kube.cache import Cache
from rollout.manifest.errors import SpecError, SpecErrors
from rollout.manifest.group import COMMIT, FINALIZER
from rollout.manifest.parse import key_of, parse_object, parse_slo_policy, source_of
from rollout.manifest.slopolicy import SloPolicy, with_policies
from rollout.manifest.status import status_from_dict, status_to_dict
from rollout.model.names import Key
from rollout.model.rollout import RolloutSpec, RouteRef
from rollout.model.status import RolloutStatus
from rollout.ports.errors import Conflict, NotFound, Rejected
from rollout.ports.rollouts import Stored

_KIND = "Rollout"
_POLICY = "SloPolicy"
_ALIKE = ("steps", "objectives", "analysis")  # what the Rollouts of a team mostly have in common ...
_PARTS = 3000  # ... and how many of them are remembered
_STATUS_WRITER = {"fieldManager": "rollout-status"}
_WRITER = {"fieldManager": "rollout-controller"}

Stamp = tuple[object, ...]  # what a result was made of; another stamp means that it has to be made again


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A spec with its policies, or why there is none."""

    stamp: Stamp
    spec: RolloutSpec | None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    stamp: Stamp
    stored: Stored


class KubeRollouts:
    """`ports.rollouts.Rollouts` on an API server. Parsed once per version: a tick that finds nothing new parses nothing."""

    def __init__(self, api: KubeApi, cache: Cache) -> None:
        self._api = api
        self._cache = cache
        self._seen: dict[Key, _Seen] = {}
        self._specs: dict[Key, _Read] = {}
        self._parts: dict[object, Any] = {}

    def get(self, key: Key) -> Stored | None:
        """The newest known Rollout; None when there is none."""
        obj = self._cache.get(_KIND, key.namespace, key.name)
        if obj is None:
            self._seen.pop(key, None)
            self._specs.pop(key, None)
            return None
        return self._stored(key, obj)

    def keys(self) -> tuple[Key, ...]:
        """All Rollouts, sorted."""
        return tuple(sorted(key_of(obj) for obj in self._cache.list(_KIND)))

    def on_route(self, namespace: str, route: RouteRef) -> tuple[Key, ...]:
        """Rollouts of the namespace that list this route object, whatever their `only`, sorted."""
        listed = self._cache.indexed(_KIND, "route", f"{namespace}/{route.kind}/{route.name}")
        return tuple(sorted(key_of(obj) for obj in listed))

    async def save(self, stored: Stored, status: RolloutStatus) -> Stored:
        """The Rollout with `status` saved; Conflict when somebody wrote since `stored.version`.

        Rejected while the object holds a status that this version cannot read (writing would lose the run), and when
        the server did not keep all of it: a weight is never raised on a memory with holes.
        """
        known = self._cache.get(_KIND, stored.key.namespace, stored.key.name)
        if known is not None and not (seen := self._stored(stored.key, known)).is_status_readable:
            raise Rejected(f"{stored.key}: {seen.error}")
        written = status_to_dict(status)
        patch = [_same(stored.version), {"op": "add", "path": "/status", "value": written}]
        path = self._cache.path(_KIND, stored.key.namespace, stored.key.name, "status")
        answer = await self._api.patch(path, Patch.JSON, patch, _STATUS_WRITER)
        self._cache.wrote(_KIND, answer)
        if answer.get("status") != written:
            raise Rejected(f"{stored.key}: the API server dropped a part of the status; apply the CRDs of this version")
        return self._made(stored.key, answer, self._stamp(stored.key, answer), status)

    async def set_finalizer(self, stored: Stored, *, present: bool) -> Stored:
        """The Rollout with or without our finalizer; Conflict when somebody wrote since `stored.version`."""
        key = stored.key
        obj = self._cache.get(_KIND, key.namespace, key.name)
        if obj is None:
            raise NotFound(f"{key}: there is no such Rollout any more")
        if obj["metadata"].get("resourceVersion") != stored.version:
            raise Conflict(f"{key}: it changed since it was read; tick again")
        finalizers = list(obj["metadata"].get("finalizers") or ())
        if (FINALIZER in finalizers) is present:
            return stored
        patch = [_same(stored.version), *_finalizer_change(finalizers, present=present)]
        path = self._cache.path(_KIND, key.namespace, key.name)
        written = await self._api.patch(path, Patch.JSON, patch, _WRITER)
        self._cache.wrote(_KIND, written)
        return self._stored(key, written)

    def _stored(self, key: Key, obj: Obj) -> Stored:
        stamp, seen = self._stamp(key, obj), self._seen.get(key)
        if seen is not None and seen.stamp == stamp:
            return seen.stored
        status, unreadable = _status(obj)
        return self._made(key, obj, stamp, status, unreadable)

    def _stamp(self, key: Key, obj: Obj) -> Stamp:
        metadata = obj["metadata"]
        return (metadata.get("uid"), metadata.get("resourceVersion"), self._policy_stamp(key, obj))

    def _made(self, key: Key, obj: Obj, stamp: Stamp, status: RolloutStatus, unreadable: str = "") -> Stored:
        """What the object says, and is known from now on to say."""
        metadata = obj["metadata"]
        read = self._read(key, obj)
        spec = read.spec if read.spec is not None or status.run is None else _last(obj, status)
        stored = Stored(
            key=key,
            uid=str(metadata.get("uid", "")),
            version=str(metadata.get("resourceVersion", "")),
            generation=int(metadata.get("generation", 0)),
            spec=None if unreadable else spec,
            status=status,
            error=unreadable or read.error,
            raw=json.dumps(obj.get("spec"), sort_keys=True),
            commit=str((metadata.get("annotations") or {}).get(COMMIT, "")),
            deleting="deletionTimestamp" in metadata,
            finalizer=FINALIZER in (metadata.get("finalizers") or ()),
            is_status_readable=not unreadable,
        )
        self._seen[key] = _Seen(stamp=stamp, stored=stored)
        return stored

    def _read(self, key: Key, obj: Obj) -> _Read:
        """The spec; read again only when it, its place in git or one of its policies changed."""
        metadata = obj["metadata"]
        generation = metadata.get("generation") or metadata.get("resourceVersion")
        stamp = (metadata.get("uid"), generation, source_of(obj), self._policy_stamp(key, obj))
        known = self._specs.get(key)
        if known is None or known.stamp != stamp:
            known = self._specs[key] = self._parsed(key, obj, stamp)
        return known

    def _parsed(self, key: Key, obj: Obj, stamp: Stamp) -> _Read:
        try:
            spec = parse_object(obj)
            named = {name: self._policy(key.namespace, name) for name in spec.policies}
            policies = {name: policy for name, policy in named.items() if policy is not None}
        except SpecErrors as error:
            return _Read(stamp=stamp, spec=None, error="; ".join(str(one) for one in error.errors))
        merged = with_policies(spec, policies)
        if isinstance(merged, SpecError):
            return _Read(stamp=stamp, spec=None, error=str(merged))
        return _Read(stamp=stamp, spec=self._sharing(merged))

    def _sharing(self, spec: RolloutSpec) -> RolloutSpec:
        """The spec, whose plan and rules are in memory once however many Rollouts say the same."""
        if len(self._parts) > _PARTS:
            self._parts.clear()
        parts = {name: getattr(spec, name) for name in _ALIKE}
        return replace(spec, **{name: self._parts.setdefault((name, part), part) for name, part in parts.items()})

    def _policy(self, namespace: str, name: str) -> SloPolicy | None:
        obj = self._cache.get(_POLICY, namespace, name)
        return None if obj is None else parse_slo_policy(obj)

    def _policy_stamp(self, key: Key, obj: Obj) -> Stamp:
        names = (obj.get("spec") or {}).get("policies")
        if not isinstance(names, list):
            return ()
        found = (self._cache.get(_POLICY, key.namespace, str(name)) for name in names)
        return tuple(policy and (policy["metadata"]["uid"], policy["metadata"]["resourceVersion"]) for policy in found)


def _last(obj: Obj, status: RolloutStatus) -> RolloutSpec | None:
    """The last spec that could be read, suspended and judged by its own objectives alone; None when none is kept."""
    if not status.last_spec:
        return None
    try:
        spec = parse_object({**obj, "spec": json.loads(status.last_spec)})
    except (SpecErrors, ValueError):
        return None
    return replace(spec, suspend=True)


def _status(obj: Obj) -> tuple[RolloutStatus, str]:
    """The status, or an empty one and why it cannot be read."""
    try:
        return status_from_dict(obj.get("status") or {}), ""
    except SpecError as error:
        return RolloutStatus(), str(error)


def _same(version: str) -> dict[str, Any]:
    return {"op": "test", "path": "/metadata/resourceVersion", "value": version}


def _finalizer_change(finalizers: list[str], *, present: bool) -> list[dict[str, Any]]:
    if not present:
        return [{"op": "remove", "path": f"/metadata/finalizers/{finalizers.index(FINALIZER)}"}]
    return [{"op": "add", "path": "/metadata/finalizers", "value": [*finalizers, FINALIZER]}]
