"""Which routes change something, on all apps as they are wired, and how does everybody come to them?

Two namespaces with a Rollout each, a MeshMigration, Receivers of every type, and a cluster in which ana may do two things
in one of them. Nothing reconciles: a command that is recorded stays unanswered, so that one request never changes the next.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.types import ASGIApp

from adapters.kube.cache import Cache
from adapters.kube.kinds import KINDS
from adapters.kube.objects import KubeObjects
from adapters.kube.receivers import KubeReceivers
from adapters.kube.store import KubeRollouts
from adapters.memory.access import Asked, User
from adapters.memory.clock import ManualClock
from adapters.memory.cluster import Call, DirectApi, MemoryCluster
from adapters.memory.people import MemorySlack
from rollout.crds import definitions
from rollout.demo.slack import TEAM
from rollout.manifest.status import status_to_dict
from rollout.model.commands import Verb
from rollout.model.names import Key
from rollout.settings import Settings
from rollout.web.guard import SAFE, Guard
from rollout.web.probes import probes
from rollout.wiring.receiving import Reception, door
from rollout.wiring.telling import seen
from rollout.wiring.web import api_app
from tests.support.asgi import Answer, asked
from tests.support.builders import NOON, a_rollout_manifest
from tests.support.controllers import USER
from tests.support.followed import SOON
from tests.support.issuer import AUDIENCE, Issuer, an_issuer
from tests.support.receivers import HOME, receiver_manifest, receiver_secret
from tests.support.slack import MANAGERS, SECRET, TOKEN, KnownPolicies
from tests.support.slack_knocks import desk_of, quiet_people, waiting
from webhooks.slack import SlackHooks

WHSEC = b"whsec_" + base64.b64encode(b"the pipeline's own secret")
WAITING = "c0ffee" * 6
MOVED = Key(namespace=HOME, name="to-strict")
RIGHTS = {
    ("ana", "approve", "rollouts", "shop"),
    ("ana", "abort", "rollouts", "shop"),
    ("ana", "fallback", "meshmigrations", ""),
    ("ana", "confirm", "gitsources", "shop"),
}
FOLLOWED = ("Receiver", "Rollout", "SloPolicy", "GitSource", "MeshMigration")
_ALL = Call(path="/apis/rollout.dev/v1alpha1/rolloutcommands", user=User(name=USER))
_GRANTED = [{"verbs": ["approve", "abort"]}]


def allows(one: Asked) -> bool:
    """The controller may do everything, ana what is listed, and nobody else anything."""
    return one.user.name == USER or (one.user.name, one.verb, one.resource, one.namespace) in RIGHTS


@dataclass(slots=True, kw_only=True)
class EveryDoor:
    """The apps, and the cluster behind them. sent: how many requests there were, so that each is new."""

    cluster: MemoryCluster
    receivers: KubeReceivers
    api: ASGIApp
    hooks: FastAPI
    slack: SlackHooks
    people: MemorySlack
    issuer: Issuer
    clock: ManualClock
    sent: int = field(default=0)

    def fresh(self) -> str:
        """What no request said yet."""
        self.sent += 1
        return f"{self.sent}"

    @property
    def now(self) -> datetime:
        """What time it is."""
        return self.clock.now()

    def path(self, route: str, name: str, namespace: str = "shop") -> str:
        """Where a Receiver hears."""
        stored = self.receivers.get(Key(namespace=namespace, name=name))
        assert stored is not None
        return f"/hooks/{route}/{stored.path}"

    async def ask(self, path: str, body: bytes, headers: dict[str, str], method: str = "POST") -> Answer:
        """One request, and all that follows of it."""
        app: ASGIApp = self.hooks if path.startswith("/hooks/") else self.api
        length = {"content-length": str(len(body)), "host": "localhost"}
        answer = await asked(app, path, body, {**length, **headers}, method=method)
        await self.slack.idle()
        return answer

    def commands(self) -> list[dict[str, Any]]:
        """All RolloutCommands that were written."""
        return list(self.cluster.read(_ALL)["items"])

    def routes(self) -> set[str]:
        """METHOD PATH of all routes of all apps that may change something; ANY for a route that does not say its methods."""
        assert isinstance(self.api, Guard)
        apps = (self.hooks, self.api._app, probes(lambda: True, lambda: b""))
        assert all(isinstance(app, Starlette) for app in apps)
        routes = [route for app in apps if isinstance(app, Starlette) for route in app.routes]
        told = [(getattr(route, "path", "?"), getattr(route, "methods", None) or {"ANY"}) for route in routes]
        return {f"{method} {path}" for path, methods in told for method in methods - SAFE}


def receivers_of(issuer: Issuer) -> list[dict[str, Any]]:
    """One Receiver of each type in shop and one of the controller's namespace, with their Secrets."""
    believed = {"issuer": issuer.url, "audience": AUDIENCE, "claims": {"repository": "shop/checkout"}}
    slack: dict[str, Any] = {"type": "slack", "workspace": TEAM, "secretRef": {"name": "slack"}}
    managers = [{"verbs": ["approve", "abort", "pause"], "who": {"slackGroups": [MANAGERS]}}]
    pipeline: dict[str, Any] = {
        "type": "callback",
        "proof": "standard-webhooks",
        "secretRef": {"name": "ci"},
        "grants": _GRANTED,
    }
    tokens = {**pipeline, "proof": "oidc", "oidc": believed}
    git: dict[str, Any] = {"type": "github", "secretRef": {"name": "git"}, "sources": ["specs"]}
    for spec in (pipeline, tokens, slack, git):
        spec["mostPerMinute"] = 100_000
    return [
        receiver_manifest("ci", spec=pipeline),
        receiver_manifest("ci", HOME, {**pipeline, "namespaces": ["stock", HOME]}),
        receiver_manifest("tokens", spec=tokens),
        receiver_manifest("slack", spec={**slack, "grants": managers}),
        receiver_manifest("git", spec=git),
        receiver_secret("ci", secret=WHSEC),
        receiver_secret("ci", HOME, secret=WHSEC[:-8] + b"b3duZXI="),
        receiver_secret("slack", secret=SECRET.encode(), token=TOKEN.encode()),
        receiver_secret("git", secret=b"open sesame"),
    ]


def _objects(issuer: Issuer) -> list[dict[str, Any]]:
    spec = {"mesh": {"kind": "istio-sidecar"}, "target": "strict", "waves": [{"name": "core", "namespaces": ["shop"]}]}
    head = {"apiVersion": "rollout.dev/v1alpha1"}
    return [
        *({**a_rollout_manifest(namespace=space), "status": status_to_dict(waiting())} for space in ("shop", "stock")),
        {**head, "kind": "MeshMigration", "metadata": {"name": MOVED.name}, "spec": spec},
        {
            **head,
            "kind": "GitSource",
            "metadata": {"name": "specs", "namespace": "shop"},
            "spec": {"url": "https://git.example.org/specs.git", "ref": "main", "interval": "1m"},
            "status": {"waiting": WAITING},
        },
        *receivers_of(issuer),
    ]


@asynccontextmanager
async def every_door() -> AsyncIterator[EveryDoor]:
    """The apps as `rollout serve` wires them, on a cluster in memory."""
    clock = ManualClock(NOON)
    async with AsyncExitStack() as stack:
        issuer = await stack.enter_async_context(an_issuer())
        ids = (f"00000000-0000-4000-8000-{number:012x}" for number in count())  # so that thousands of names differ
        cluster = MemoryCluster(now=clock.now, allows=allows, ids=ids.__next__)
        cluster.tokens |= {name: User(name=name) for name in ("ana", "bob")}
        cluster.seed(*definitions().values())
        cluster.seed(*({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": one}} for one in (HOME, "stock")))
        cluster.seed(*_objects(issuer))
        cache = Cache(DirectApi(cluster, user=USER), [KINDS[name] for name in FOLLOWED])
        following = asyncio.create_task(cache.run())
        stack.callback(following.cancel)
        await cache.wait_synced(SOON)
        yield opened(cluster, cache, clock, issuer, stack)


def opened(
    cluster: MemoryCluster, cache: Cache, clock: ManualClock, issuer: Issuer, stack: AsyncExitStack
) -> EveryDoor:
    """The apps on a cluster whose cache is followed already; Slack is in memory."""
    api = DirectApi(cluster, user=USER)
    reception, people = Reception(api=api, cache=cache, clock=clock, home=HOME), quiet_people()
    desk = desk_of(people, KnownPolicies(), KubeObjects(api), clock, reception.voucher())
    slack = SlackHooks(desk=desk, secrets=reception.receivers().secrets)
    stack.push_async_callback(slack.close)
    return EveryDoor(
        cluster=cluster,
        receivers=reception.receivers(),
        api=api_app(
            Settings(api_tokens=True, own_namespace=HOME),
            stack,
            seen(api, cache, KubeRollouts(api, cache), stack, HOME, clock),
        ),
        hooks=door(reception, stack, slack),
        slack=slack,
        people=people,
        issuer=issuer,
        clock=clock,
    )


def order_of(verb: Verb, **more: Any) -> bytes:
    """What asks the API for this of a Rollout that waits in step 1 of run 1."""
    said: dict[str, Any] = {"verb": verb.value, "reason": "because", **more}
    match verb:
        case Verb.APPROVE | Verb.PROMOTE | Verb.PROMOTE_FULL:
            said |= {"run": 1, "step": 1, "revision": "v2", "template": "t-v2"}
        case Verb.ABORT | Verb.REJECT | Verb.PAUSE | Verb.RESUME | Verb.OVERRIDE:
            said |= {"run": 1}
        case Verb.NAME_STABLE:
            said |= {"backend": "checkout-v1"}
        case _:
            pass
    return json.dumps(said).encode()
