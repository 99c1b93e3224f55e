"""Which Receivers does the cluster hold, what do their Secrets hold, and where is their status written?"""

import asyncio
import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from adapters.kube.api import KubeApi, Obj, Patch
from adapters.kube.cache import Cache
from adapters.kube.conditions import conditions_from_list, conditions_to_list
from adapters.kube.receiver_paths import digest_of, path_of
from rollout.manifest.errors import SpecErrors
from rollout.manifest.parse import parse_receiver
from rollout.model.names import Key
from rollout.model.receiver import Receiver
from rollout.ports.clock import Clock
from rollout.ports.errors import NotFound, PortError, Rejected
from rollout.ports.receivers import ReceiverSecrets, ReceiverStatus, StoredReceiver

KEPT_FOR = timedelta(seconds=5)  # a rotated secret counts so soon; a flood asks once in that time
_KIND = "Receiver"
_SECRET, _PREVIOUS, _TOKEN = "secret", "previous", "token"
_MOST_KEPT = 10_000  # Receivers and Secrets; with more than that all are read anew


@dataclass(slots=True)
class _Read:
    """One Secret as it was read. until: how long that counts; found: what it holds, or why it could not be read."""

    until: datetime | None = None
    found: ReceiverSecrets | PortError | None = None
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)


class KubeReceivers:
    """`Receivers` over a Kubernetes API server; the cache must watch Receiver."""

    def __init__(self, api: KubeApi, cache: Cache, clock: Clock) -> None:
        self._api = api
        self._cache = cache
        self._clock = clock
        self._read: dict[Key, _Read] = {}
        self._known: dict[Key, StoredReceiver] = {}

    def keys(self) -> tuple[Key, ...]:
        """All Receivers, sorted."""
        return tuple(sorted(_key(obj) for obj in self._cache.list(_KIND)))

    def get(self, key: Key) -> StoredReceiver | None:
        """The newest known one; None when there is none."""
        obj = self._cache.get(_KIND, key.namespace, key.name)
        return None if obj is None else self._stored(obj)

    def at(self, path: str) -> StoredReceiver | None:
        """The one whose URL ends so; found by a digest, so that the time says nothing about the path."""
        found = self._cache.indexed(_KIND, "path", digest_of(path))
        return self._stored(found[0]) if found else None

    async def secrets(self, receiver: Receiver) -> ReceiverSecrets:
        """What its Secret holds, at most KEPT_FOR old; whoever asks meanwhile waits for the same answer.

        Raises NotFound without the Secret, and Rejected when it has no `secret`.
        """
        place = Key(namespace=receiver.key.namespace, name=receiver.secret)
        if len(self._read) > _MOST_KEPT:
            self._read.clear()
        read = self._read.setdefault(place, _Read())
        async with read.reading:
            if read.found is None or read.until is None or self._clock.now() >= read.until:
                read.found = await self._asked(place, receiver.key)
                read.until = self._clock.now() + KEPT_FOR
        if isinstance(read.found, PortError):
            raise type(read.found)(str(read.found), retry_after=read.found.retry_after)
        return read.found

    async def report(self, stored: StoredReceiver, status: ReceiverStatus) -> None:
        """Write the status; one that is gone meanwhile is left alone, Conflict when somebody wrote in between."""
        path = self._cache.path(_KIND, stored.key.namespace, stored.key.name, "status")
        body = {"metadata": {"resourceVersion": stored.version}, "status": _status_to_dict(status)}
        try:
            self._cache.wrote(_KIND, await self._api.patch(path, Patch.MERGE, body))
        except NotFound:
            return

    def _stored(self, obj: Obj) -> StoredReceiver:
        """As stored; read again only when it changed."""
        key, meta = _key(obj), obj["metadata"]
        known = self._known.get(key)
        if known is None or (known.uid, known.version) != (meta.get("uid"), meta.get("resourceVersion")):
            if len(self._known) > _MOST_KEPT:
                self._known.clear()
            known = self._known[key] = _stored(obj)
        return known

    async def _asked(self, place: Key, asking: Key) -> ReceiverSecrets | PortError:
        try:
            secret = await self._api.get(self._cache.path("Secret", place.namespace, place.name))
            return secrets_in(f"Secret {place}", secret.get("data") or {})
        except NotFound:
            return NotFound(f"Secret {place} is not there (spec.secretRef of Receiver {asking}); create it")
        except PortError as error:
            return error


def secrets_in(place: str, data: Mapping[str, str]) -> ReceiverSecrets:
    """What a Secret's `data` holds; Rejected, naming `place` and never a value, without a `secret`.

    White space at the ends does not count: a file made by an editor ends with a line feed.
    """
    signing = tuple(text for name in (_SECRET, _PREVIOUS) if (text := _decoded(place, name, data.get(name, ""))))
    if not _decoded(place, _SECRET, data.get(_SECRET, "")):
        raise Rejected(f"{place} has no key {_SECRET}; put there what the sender signs with")
    token = _decoded(place, _TOKEN, data.get(_TOKEN, ""))
    if not token.isascii():
        raise Rejected(f"{place}: {_TOKEN} is not text; put the bot's token there")
    return ReceiverSecrets(signing=signing, token=token.decode())


def _decoded(place: str, name: str, value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True).strip()
    except (binascii.Error, ValueError) as error:
        raise Rejected(f"{place}: {name} is not base64") from error


def _key(obj: Obj) -> Key:
    return Key(namespace=obj["metadata"]["namespace"], name=obj["metadata"]["name"])


def _stored(obj: Obj) -> StoredReceiver:
    meta = obj["metadata"]
    receiver, error = _parsed(obj)
    return StoredReceiver(
        key=_key(obj),
        uid=str(meta.get("uid", "")),
        version=str(meta.get("resourceVersion", "")),
        generation=int(meta.get("generation") or 0),
        path=path_of(obj),
        receiver=receiver,
        error=error,
        told=_status_from_dict(obj.get("status") or {}),
    )


def _parsed(obj: Obj) -> tuple[Receiver | None, str]:
    try:
        return parse_receiver(obj), ""
    except SpecErrors as errors:
        return None, "; ".join(str(error) for error in errors.errors)


def _status_to_dict(status: ReceiverStatus) -> dict[str, Any]:
    return {
        "observedGeneration": status.observed_generation,
        "path": status.path,
        "conditions": conditions_to_list(status.conditions),
    }


def _status_from_dict(data: Obj) -> ReceiverStatus | None:
    """What `_status_to_dict` wrote; None where nothing was written yet."""
    if not data:
        return None
    return ReceiverStatus(
        observed_generation=int(data.get("observedGeneration") or 0),
        path=str(data.get("path") or ""),
        conditions=conditions_from_list(data.get("conditions")),
    )
