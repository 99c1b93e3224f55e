"""Which GitSources does the cluster hold, with what credentials, and where is their status written?"""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from adapters.kube.api import KubeApi, Obj, Patch
from adapters.kube.cache import Cache
from rollout.manifest.errors import SpecErrors
from rollout.manifest.parse import parse_git_source
from rollout.model.names import Key
from rollout.model.source import GitSource
from rollout.model.status import Condition
from rollout.ports.errors import NotFound, Rejected
from rollout.ports.sources import Credentials
from rollout.ports.specs import SourceStatus, StoredSource

REQUESTED_AT = "rollout.dev/requestedAt"
ALLOW_PRUNE = "rollout.dev/allow-prune"
_KIND = "GitSource"


class KubeSources:
    """Sources over a Kubernetes API server, real or in memory; the cache must watch GitSource."""

    def __init__(self, api: KubeApi, cache: Cache) -> None:
        self._api = api
        self._cache = cache

    def keys(self) -> tuple[Key, ...]:
        """All GitSources, sorted."""
        found = (obj["metadata"] for obj in self._cache.list(_KIND))
        return tuple(sorted(Key(namespace=meta["namespace"], name=meta["name"]) for meta in found))

    def get(self, key: Key) -> StoredSource | None:
        """The newest known GitSource; None when there is none."""
        obj = self._cache.get(_KIND, key.namespace, key.name)
        if obj is None:
            return None
        source, error = _parsed(obj)
        annotations = obj["metadata"].get("annotations") or {}
        return StoredSource(
            key=key,
            uid=str(obj["metadata"].get("uid", "")),
            version=str(obj["metadata"].get("resourceVersion", "")),
            generation=int(obj["metadata"].get("generation") or 0),
            source=source,
            status=status_from_dict(obj.get("status") or {}),
            error=error,
            request=annotations.get(REQUESTED_AT, ""),
            allow_prune=annotations.get(ALLOW_PRUNE, ""),
            deleting="deletionTimestamp" in obj["metadata"],
        )

    async def credentials(self, source: GitSource) -> Credentials:
        """What the source's Secret says; nobody's when it names none."""
        if not source.secret:
            return Credentials()
        place = f"Secret {source.key.namespace}/{source.secret}"
        try:
            secret = await self._api.get(self._cache.path("Secret", source.key.namespace, source.secret))
        except NotFound as error:
            raise NotFound(f"{place} is not there (spec.secretRef of GitSource {source.key}); create it") from error
        return credentials_in(place, secret.get("data") or {})

    async def report(self, key: Key, status: SourceStatus) -> None:
        """Write the status; a GitSource that is gone meanwhile is left alone."""
        obj = self._cache.get(_KIND, key.namespace, key.name)
        if obj is None:
            return
        body = {
            "metadata": {"resourceVersion": obj["metadata"]["resourceVersion"]},
            "status": status_to_dict(status),
        }
        path = self._cache.path(_KIND, key.namespace, key.name, "status")
        try:
            written = await self._api.patch(path, Patch.MERGE, body)
        except NotFound:
            return
        self._cache.wrote(_KIND, written)

    async def request(self, key: Key, value: str) -> None:
        """Ask whoever looks after the source to look now; `value` is echoed into its status."""
        body = {"metadata": {"annotations": {REQUESTED_AT: value}}}
        await self._api.patch(self._cache.path(_KIND, key.namespace, key.name), Patch.MERGE, body)


def credentials_in(place: str, data: Mapping[str, str]) -> Credentials:
    """The Credentials in a Secret's `data`; Rejected, naming `place` and never a value, when they make none."""
    known = {
        name: _decoded(place, name, data[name])
        for name in ("username", "password", "bearerToken", "ca.crt")
        if name in data
    }
    username, password, bearer = known.get("username", ""), known.get("password", ""), known.get("bearerToken", "")
    if not known:
        raise Rejected(f"{place} has none of the keys username and password, bearerToken, ca.crt")
    if bearer and (username or password):
        raise Rejected(f"{place} has both bearerToken and username or password; keep one way")
    if username and not password:
        raise Rejected(f"{place} has a username without a password")
    if ":" in username:
        raise Rejected(f"{place}: HTTP basic authentication has no ':' in a username")
    return Credentials(username=username, password=password, bearer=bearer.strip(), ca_bundle=known.get("ca.crt", ""))


def status_to_dict(status: SourceStatus) -> dict[str, Any]:
    """The object's `status`, every field named so that a merge patch leaves nothing old behind."""
    return {
        "observedGeneration": status.observed_generation,
        "commit": status.commit,
        "attempted": status.attempted,
        "attemptedAt": _text(status.attempted_at),
        "applied": status.applied,
        "foreign": status.foreign,
        "handledRequest": status.handled_request,
        "conditions": [
            {
                "type": condition.type,
                "status": condition.status,
                "reason": condition.reason,
                "message": condition.message,
                "lastTransitionTime": _text(condition.since),
            }
            for condition in status.conditions
        ],
    }


def status_from_dict(data: Obj) -> SourceStatus:
    """The SourceStatus that `status_to_dict` wrote. It only saves work, so what cannot be read is left out."""
    return SourceStatus(
        observed_generation=int(data.get("observedGeneration") or 0),
        commit=str(data.get("commit") or ""),
        attempted=str(data.get("attempted") or ""),
        attempted_at=_moment(data.get("attemptedAt")),
        applied=int(data.get("applied") or 0),
        foreign=int(data.get("foreign") or 0),
        handled_request=str(data.get("handledRequest") or ""),
        conditions=tuple(
            Condition(
                type=condition["type"],
                status=condition["status"],
                reason=condition.get("reason", ""),
                message=condition.get("message", ""),
                since=_moment(condition.get("lastTransitionTime")) or datetime.fromtimestamp(0, UTC),
            )
            for condition in data.get("conditions") or ()
        ),
    )


def _parsed(obj: Obj) -> tuple[GitSource | None, str]:
    try:
        return parse_git_source(obj), ""
    except SpecErrors as errors:
        return None, "; ".join(str(error) for error in errors.errors)


def _decoded(place: str, name: str, value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Rejected(f"{place}: {name} is not text") from error


def _text(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
