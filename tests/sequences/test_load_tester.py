"""Do testers that were written for Flagger go on working: gates, the rollback gate, and tasks?"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp

from adapters.hooks.http import HttpHooks
from rollout.model.status import Outcome
from rollout.ports.clock import Clock
from tests.support.golden import same_story
from tests.support.loadtester import LoadTester, a_load_tester
from tests.support.spec_hooks import a_hooked_release
from tests.support.world import World, told_story

MINUTE = timedelta(minutes=1)


async def no_secrets(namespace: str, name: str) -> tuple[str, ...]:
    """Nothing is signed here."""
    return ()


def real(clock: Clock) -> HttpHooks:
    """Webhooks over HTTP, in the world's time."""
    return HttpHooks(clock, no_secrets, jitter=lambda: 0.0, pause=timedelta(0))


@asynccontextmanager
async def a_tested_release(tester: LoadTester) -> AsyncIterator[World]:
    """A release with the hooks of Flagger's tutorial: two gates, the rollback gate and a load generator."""
    webhooks: list[dict[str, Any]] = [
        {"name": "start", "type": "confirm-rollout", "url": f"{tester.url}/gate/check"},
        {"name": "load", "url": f"{tester.url}/", "metadata": {"cmd": "hey http://checkout-{revision}.{namespace}/"}},
        {"name": "back", "type": "rollback", "url": f"{tester.url}/rollback/check"},
    ]
    async with a_hooked_release(real, webhooks=webhooks) as world:
        assert world.services.hooks is not None
        world.services.hooks.moment = MINUTE  # a busy machine is no slow tester
        world.metrics.tell_requests("errors", bad=0, total=1000)
        await world.commit(revision="v2")
        yield world
        hooks = world.outside.hooks
        assert isinstance(hooks, HttpHooks)
        await hooks.close()


async def turned(tester: LoadTester, path: str) -> None:
    """A person opens or closes a gate, as Flagger's documentation shows it."""
    payload = {"name": "checkout", "namespace": "shop", "phase": "", "checksum": "", "metadata": {}}
    async with aiohttp.ClientSession() as session, session.post(f"{tester.url}{path}", json=payload) as answer:
        assert answer.status == 202


async def test_a_gate_of_flaggers_load_tester_holds_a_run_and_lets_it_go_on() -> None:
    async with a_load_tester() as tester, a_tested_release(tester) as world:
        await world.pass_time(5 * MINUTE)
        world.tell("curl -d ... /gate/open")
        await turned(tester, "/gate/open")

        await world.pass_time(15 * MINUTE)

        same_story("load_tester_gate", told_story(world))
        assert world.status.history[0].outcome is Outcome.PROMOTED
        assert tester.tasks[0] == {"cmd": "hey http://checkout-v2.shop/"}
        assert {payload["phase"] for payload in tester.seen[:3]} == {"Progressing"}
        assert len({payload["checksum"] for payload in tester.seen if payload["checksum"]}) == 1


async def test_the_rollback_gate_of_flaggers_load_tester_ends_a_run() -> None:
    async with a_load_tester() as tester, a_tested_release(tester) as world:
        await turned(tester, "/gate/open")
        await world.pass_time(3 * MINUTE)
        world.tell("curl -d ... /rollback/open")
        await turned(tester, "/rollback/open")

        await world.pass_time(MINUTE)

        same_story("load_tester_rollback", told_story(world))
        assert await world.split() == {"checkout-v1": 100}
