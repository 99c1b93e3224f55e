"""How does a run go that people let go on by the real doors: dashboard, Slack, a pipeline's secret and a token?"""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

from adapters.memory.access import User
from rollout.demo.slack import TEAM
from rollout.model.commands import Verb
from rollout.model.status import Run
from tests.support.builders import an_approval_manifest
from tests.support.every_door import WHSEC, EveryDoor, opened, order_of, receivers_of
from tests.support.freezing import freeze
from tests.support.golden import same_story
from tests.support.hooked import signed
from tests.support.issuer import an_issuer
from tests.support.slack import ANA
from tests.support.slack_knocks import VALUE, form, headers_of, payload
from tests.support.world import World, a_release, told_story

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
GATED = [{"weight": 5, "soak": "5m", "approval": "release-managers"}, {"weight": 50, "soak": "5m"}]
POLICY: dict[str, Any] = {
    "minimum": 2,
    "approvers": {"slackUsers": [f"{TEAM}/{ANA}"], "emails": ["ben@shop.example"]},
    "people": [{"name": "ana", "users": ["ana"], "slackUsers": [f"{TEAM}/{ANA}"]}],
}


@asynccontextmanager
async def at_the_gate() -> AsyncIterator[tuple[World, EveryDoor]]:
    """v2 has soaked at 5 % and waits for two people; all doors are open."""
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(a_release(steps=GATED))
        issuer = await stack.enter_async_context(an_issuer())
        world.cluster.tokens["ana"] = User(name="ana")
        world.cluster.seed(*receivers_of(issuer))
        await world.put(an_approval_manifest(**POLICY))
        world.metrics.tell_requests("errors", bad=0, total=1000)
        await world.commit(revision="v2")
        await world.pass_time(6 * MINUTE)
        yield world, opened(world.cluster, world.cache, world.clock, issuer, stack)


def of(world: World) -> Run:
    """The run that waits."""
    run = world.status.run
    assert run is not None
    return run


async def by_dashboard(world: World, door: EveryDoor) -> int:
    headers = {"content-type": "application/json", "x-rollout-request": "1", "authorization": "Bearer ana"}
    body = json.loads(order_of(Verb.APPROVE)) | {"template": of(world).canary.template}
    return (await door.ask("/api/v1/rollouts/shop/checkout/commands", json.dumps(body).encode(), headers)).code


async def overrides(door: EveryDoor, token: str) -> int:
    headers = {"content-type": "application/json", "x-rollout-request": "1", "authorization": f"Bearer {token}"}
    body = json.dumps({"verb": "override", "run": 1, "reason": "payments are down"}).encode()
    return (await door.ask("/api/v1/rollouts/shop/checkout/commands", body, headers)).code


async def by_slack(world: World, door: EveryDoor) -> int:
    value = {**VALUE, "tpl": of(world).canary.template}
    body = form(payload(value, user={"id": ANA, "team_id": TEAM}, trigger_id=f"{door.fresh()}.1.a"))
    return (await door.ask(door.path("slack", "slack"), body, headers_of(body, door.now))).code


def callback() -> bytes:
    """What a pipeline asks for."""
    target = {"namespace": "shop", "name": "checkout"}
    return json.dumps({"target": target, "verb": "approve", "run": 1, "step": 1, "revision": "v2"}).encode()


async def by_secret(_: World, door: EveryDoor) -> int:
    proof = signed(callback(), door.now, door.fresh(), WHSEC)
    return (await door.ask(door.path("callbacks", "ci"), callback(), proof)).code


async def by_token(_: World, door: EveryDoor) -> int:
    claims: dict[str, Any] = {"sub": "ben", "email": "ben@shop.example", "email_verified": True}
    token = door.issuer.token(door.now, jti=door.fresh(), **claims)
    return (await door.ask(door.path("callbacks", "tokens"), callback(), {"authorization": f"Bearer {token}"})).code


async def test_two_people_come_by_four_doors_and_each_counts_once() -> None:
    async with at_the_gate() as (world, door):
        codes = []
        for come in (by_dashboard, by_slack, by_secret, by_token):
            codes.append(await come(world, door))
            await world.pass_time(SECOND)

        await world.pass_time(15 * MINUTE)

        same_story("approval_by_four_doors", told_story(world))
        assert codes == [202, 200, 202, 202]
        (past, *_) = world.status.history
        assert [(deed.verb, deed.by, deed.channel, deed.proof) for deed in past.deeds] == [
            ("approve", "ana", "dashboard", "cluster by token"),
            ("approve", "oidc:ben@shop.example", "callback", "oidc of shop"),
        ]


async def test_who_may_overrides_a_freeze_from_the_dashboard() -> None:
    async with at_the_gate() as (world, door):
        world.cluster.tokens["bea"] = User(name="bea", groups=("sre",))
        window = {"from": "2026-11-21T09:00:00Z", "to": "2026-11-21T10:00:00Z"}
        await freeze(world, "closing", windows=[window], overrun="hold", override={"groups": ["sre"]}, reason="closing")
        for come in (by_dashboard, by_token):
            await come(world, door)
            await world.pass_time(SECOND)

        codes = []
        for token in ("ana", "bea"):
            codes.append(await overrides(door, token))
            await world.pass_time(SECOND)

        await world.pass_time(15 * MINUTE)
        same_story("freeze_overridden_by_dashboard", told_story(world))
        assert codes == [202, 202]  # the cluster lets both ask; the window says who may
        (past, *_) = world.status.history
        assert [(deed.verb, deed.by, deed.reason) for deed in past.deeds][-1] == (
            "override",
            "bea",
            "payments are down",
        )
