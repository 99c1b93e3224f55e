"""How does a test knock? At a desk: the hooks' app on a cluster in memory, asked without a network."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from fastapi import FastAPI

from adapters.kube.api import KubeApi
from adapters.kube.cache import Cache
from adapters.kube.kinds import KINDS
from adapters.kube.objects import KubeObjects
from adapters.kube.receivers import KubeReceivers
from adapters.kube.sources import KubeSources
from adapters.kube.store import KubeRollouts
from adapters.memory.clock import ManualClock
from adapters.memory.cluster import Call, DirectApi, MemoryCluster
from adapters.memory.tokens import MemoryTokens
from adapters.mesh.store import KubeMigrations
from rollout.crds import definitions
from rollout.manifest.status import status_to_dict
from rollout.model.names import Key
from rollout.model.status import RolloutStatus
from rollout.ports.tokens import Tokens
from rollout.services.authorising import Authority
from rollout.services.vouching import Voucher
from tests.support.asgi import Answer, asked
from tests.support.builders import NOON, a_rollout_manifest, a_run, a_status
from tests.support.followed import SOON
from tests.support.receivers import HOME, KnownReviews, receiver_manifest, receiver_secret
from tests.support.sync_world import WatchedApi
from webhooks.callbacks import CallbackHooks
from webhooks.demands import schema
from webhooks.git import GitHooks
from webhooks.limits import Deliveries
from webhooks.routes import Doors, hooks

SECRET, PREVIOUS = b"whsec_bmV3IHNlY3JldCBvZiB0aGUgcGlwZWxpbmU=", b"whsec_b2xkIHNlY3JldCBvZiB0aGUgcGlwZWxpbmU="
APPROVE: Mapping[str, Any] = {
    "target": {"namespace": "shop", "name": "checkout"},
    "verb": "approve",
    "run": 1,
    "step": 1,
    "revision": "v2",
}
_FOLLOWED = ("Receiver", "Rollout", "SloPolicy", "GitSource", "MeshMigration")


@dataclass(slots=True, kw_only=True)
class Desk:
    """The app, the cluster behind it, and its clock. looked: GitSources that were asked for in vain or not."""

    app: FastAPI
    cluster: MemoryCluster
    api: WatchedApi
    cache: Cache
    clock: ManualClock
    receivers: KubeReceivers
    doors: Doors
    callbacks: CallbackHooks
    looked: list[Key] = field(default_factory=list)

    def path(self, route: str = "callbacks", name: str = "ci", namespace: str = "shop") -> str:
        """Where a Receiver hears."""
        stored = self.receivers.get(Key(namespace=namespace, name=name))
        assert stored is not None
        return f"/hooks/{route}/{stored.path}"

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str] | tuple[tuple[str, str], ...],
        *,
        drips: bool = False,
        leaves: bool = False,
    ) -> Answer:
        """The answer to one request. drips: its body never ends; leaves: the sender is gone before its end."""
        return await asked(self.app, path, body, headers, drips=drips, leaves=leaves)

    def forget(self) -> None:
        """As a replica that has heard nothing yet."""
        self.callbacks = replace(self.callbacks, _deliveries=Deliveries())
        self.doors.handlers = {**self.doors.handlers, "callbacks": self.callbacks}

    def commands(self) -> list[dict[str, Any]]:
        """All RolloutCommands that were written."""
        return list(self.cluster.read(Call(path="/apis/rollout.dev/v1alpha1/rolloutcommands"))["items"])


@asynccontextmanager
async def a_desk(
    *objects: dict[str, Any], tokens: Tokens | None = None, at: datetime = NOON, status: RolloutStatus | None = None
) -> AsyncIterator[Desk]:
    """A desk at noon, or at another time, on a cluster in which run 1 of shop/checkout brings v2 and waits in step 1.

    status: how shop/checkout stands instead.
    """
    clock = ManualClock(at)
    cluster = MemoryCluster(now=clock.now)
    cluster.seed(*definitions().values())
    cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME}})
    cluster.seed({**a_rollout_manifest(), "status": status_to_dict(status or a_status(run=a_run()))})
    cluster.seed(*objects)
    api = WatchedApi(DirectApi(cluster))
    cache = Cache(api, [KINDS[name] for name in _FOLLOWED])
    following = asyncio.create_task(cache.run())
    await cache.wait_synced(SOON)
    receivers, sources = KubeReceivers(api, cache, clock), KubeSources(api, cache)
    looked: list[Key] = []

    async def look_now(key: Key) -> None:
        looked.append(key)
        await sources.request(key, clock.now().isoformat())

    callbacks = _callbacks(api, cache, clock, tokens or MemoryTokens())
    doors = Doors(
        receivers=receivers,
        clock=clock,
        handlers={"git": GitHooks(look_now=look_now), "callbacks": callbacks},
        schemas={"callbacks": schema()},
    )
    yield Desk(
        app=hooks(doors),
        cluster=cluster,
        api=api,
        cache=cache,
        clock=clock,
        receivers=receivers,
        doors=doors,
        callbacks=callbacks,
        looked=looked,
    )
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


def _callbacks(api: KubeApi, cache: Cache, clock: ManualClock, tokens: Tokens) -> CallbackHooks:
    return CallbackHooks(
        voucher=Voucher(
            authority=Authority(reviews=KnownReviews(), home=HOME), create=KubeObjects(api).create, clock=clock
        ),
        rollouts=KubeRollouts(api, cache),
        migrations=KubeMigrations(api, cache),
        tokens=tokens,
    )


def a_callback(**spec: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Receiver shop/ci of callbacks with its Secret; keyword arguments are more of its spec."""
    manifest = receiver_manifest()
    return {**manifest, "spec": {**manifest["spec"], **spec}}, receiver_secret(secret=SECRET, previous=PREVIOUS)


def a_git_receiver(kind: str = "github", secret: bytes = b"open sesame", **spec: Any) -> tuple[dict[str, Any], ...]:
    """Receiver shop/ci of a git host with its Secret, and the GitSource specs."""
    wanted = {"type": kind, "secretRef": {"name": "ci"}, "sources": ["specs"], **spec}
    source = {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "GitSource",
        "metadata": {"name": "specs", "namespace": "shop"},
        "spec": {"url": "https://git.example.org/specs.git", "ref": "main", "interval": "1m"},
    }
    return receiver_manifest(spec=wanted), receiver_secret(secret=secret, previous=b"before"), source


def body_of(**changes: Any) -> bytes:
    """APPROVE as JSON, with changes."""
    return json.dumps({**APPROVE, **changes}).encode()


def signed(body: bytes, at: datetime = NOON, delivery: str = "msg_1", secret: bytes = SECRET) -> dict[str, str]:
    """Headers of Standard Webhooks, written anew from its text."""
    seconds = str(int(at.timestamp()))
    key = base64.b64decode(secret.removeprefix(b"whsec_"))
    mac = hmac.new(key, f"{delivery}.{seconds}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": delivery,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def stamped(body: bytes, at: datetime = NOON, secret: bytes = SECRET, algorithm: str = "sha256") -> dict[str, str]:
    """Headers of the plain HMAC over time and body."""
    seconds = str(int(at.timestamp()))
    mac = hmac.new(secret, f"{seconds}.".encode() + body, algorithm).hexdigest()
    return {"x-timestamp": seconds, "x-signature": f"{algorithm}={mac}"}
