"""Is over HTTP told of a Rollout what the CLI tells, to whoever may hear it?"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from starlette.types import ASGIApp

from adapters.kube.api import Patch
from adapters.kube.store import KubeRollouts
from rollout.cli.options import Access
from rollout.cli.plan import planned
from rollout.cli.why import account as told_by_cli
from rollout.progression.view import View
from rollout.services import looking, plan_account, queries, tree_account
from rollout.services.account import screen
from rollout.services.account_data import as_data
from rollout.services.observe import Observer
from rollout.services.paper import Paper
from rollout.services.trace_watch import TraceWatch
from rollout.wiring.telling import accounts, trace_watch
from rollout.wiring.tools import observing
from tests.support.builders import CHECKOUT
from tests.support.cli import GATED, cluster_of
from tests.support.receivers import HOME
from tests.support.web import a_front, may
from tests.support.world import World, a_release
from tests.unit.conftest import Front

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

ONE = "/api/v1/rollouts/shop/checkout"
SEES = may("ana", "list") | may("ana", "list", kind="RolloutCommand") | may("bo", "list")
MINUTE = timedelta(minutes=1)


@dataclass(slots=True, kw_only=True)
class Telling:
    """v2 of checkout on trial with 0.1 % errors, and the API that tells of it."""

    world: World
    app: ASGIApp
    watch: TraceWatch

    async def pass_time(self, duration: timedelta) -> None:
        """Time passes, and what the traces put aside is looked at, as it is all the time where it runs."""
        await self.world.pass_time(duration)
        self.watch.look(CHECKOUT)


@asynccontextmanager
async def a_telling(**spec: Any) -> AsyncIterator[Telling]:
    """The API over a release that has just begun."""
    async with a_release(**{"steps": GATED, **spec}) as world:
        rollouts = KubeRollouts(world.person, world.cache)
        told = accounts(world.person, world.cache, rollouts, world.clock, HOME)
        watch = trace_watch(world.person, world.cache, rollouts, world.clock, told.traces)
        app = a_front(CHECKOUT, rights=SEES, told=told).app()
        world.metrics.tell_requests("errors", total=2000, bad=2)
        await world.commit(revision="v2")
        telling = Telling(world=world, app=app, watch=watch)
        await telling.pass_time(timedelta(0))
        yield telling


async def asked(front: Front, telling: Telling, what: str, user: str = "ana") -> tuple[int, Any]:
    """Code and JSON of a GET below the Rollout."""
    code, text = await front.ask(telling.app, f"{ONE}/{what}", headers={"Authorization": f"Bearer {user}"})
    return code, json.loads(text)


@asynccontextmanager
async def a_view(telling: Telling) -> AsyncIterator[tuple[Observer, View]]:
    """What the CLI sees of the Rollout, and with whose eyes."""
    cluster, now = cluster_of(telling.world), telling.world.clock.now()
    standing = await queries.rollout(cluster.objects, CHECKOUT)
    async with observing(cluster, "shop") as observer:
        yield observer, await looking.look_at(observer, standing, now)


async def test_why_tells_what_the_cli_tells(front: Front) -> None:
    async with a_telling() as telling:
        await telling.pass_time(6 * MINUTE)
        code, told = await asked(front, telling, "why")
        cli = await told_by_cli(cluster_of(telling.world), Access(), "checkout", telling.world.clock.now())

    assert (code, told["lines"]) == (200, screen(cli, Paper()))
    assert _plain(told["account"]) == _plain(as_data(cli))


async def test_an_offer_says_what_a_command_is_bound_to_and_what_comes_of_it(front: Front) -> None:
    async with a_telling() as telling:
        await telling.pass_time(6 * MINUTE)
        _, told = await asked(front, telling, "why")

    offers = {offer["verb"]: offer for offer in told["offers"]}
    approve = offers["approve"]
    assert (approve["run"], approve["step"], approve["revision"], bool(approve["template"])) == (1, 2, "v2", True)
    assert "weight of checkout v2 goes from 50 % to 100 %" in approve["effect"]
    assert list(offers) == told["account"]["possible"]
    assert told["needsPerson"] == ["AwaitingApproval"]


async def test_the_history_is_that_of_the_cli(front: Front) -> None:
    async with a_telling(steps=[{"weight": 50, "soak": "1m"}]) as telling:
        await telling.pass_time(5 * MINUTE)
        code, told = await asked(front, telling, "history")

    assert (code, told["kind"]) == (200, "History")
    assert [(past["run"], past["revision"], past["outcome"]) for past in told["runs"]] == [(1, "v2", "Promoted")]


async def test_the_audit_tells_of_commands_to_whoever_may_list_them(front: Front) -> None:
    async with a_telling() as telling:
        await telling.world.command("pause", reason="lunch")
        await telling.world.command("approve", run=7)
        await telling.pass_time(MINUTE)
        _, all_of_it = await asked(front, telling, "audit")
        _, deeds_alone = await asked(front, telling, "audit", user="bo")

    assert sorted((one["verb"], one["result"]) for one in all_of_it["entries"]) == [
        ("approve", "Refused"),
        ("pause", "Accepted"),
    ]
    assert [(one["verb"], one["by"], one["reason"]) for one in deeds_alone["entries"]] == [("pause", "ana", "lunch")]
    assert (all_of_it["unread"], deeds_alone["unread"]) == (None, "bo may not list RolloutCommands in shop")


async def test_a_trace_has_wanted_and_measured_weights_and_each_look_at_an_objective(front: Front) -> None:
    async with a_telling() as telling:
        for _ in range(6):
            await telling.pass_time(MINUTE)
        await telling.world.weights(checkout_v1=70, checkout_v2=30)
        await telling.world.cache.refresh()
        telling.watch.look(CHECKOUT)
        code, told = await asked(front, telling, "trace")

    (run,) = told["runs"]
    assert (code, run["run"], run["revision"], run["ended"]) == (200, 1, "v2", None)
    assert [one["wanted"] for one in run["weights"]][-2:] == [50, 50]
    assert run["weights"][-1]["highest"] == 30
    assert (run["lines"][0]["name"], run["lines"][0]["below"]) == ("errors", 1.0)
    assert {one["number"] for one in run["lines"][0]["points"]} == {0.1}


async def test_the_plan_is_that_of_the_cli_without_a_prometheus(front: Front) -> None:
    async with a_telling() as telling:
        code, told = await asked(front, telling, "plan")
        async with a_view(telling) as (observer, view):
            cli = await planned(observer, view, None)

    assert (code, told["lines"]) == (200, plan_account.screen(cli, Paper()))
    assert _plain(told["account"]) == _plain(plan_account.as_data(cli))


async def test_the_tree_is_that_of_the_cli(front: Front) -> None:
    async with a_telling() as telling:
        code, told = await asked(front, telling, "tree")
        async with a_view(telling) as (_, view):
            cli = view

    assert (code, told["lines"]) == (200, tree_account.screen(cli, Paper()))
    assert _plain(told["account"]) == _plain(tree_account.as_data(cli))
    assert told["account"]["routes"][0]["pools"][0]["backends"][0]["role"] == "stable"


async def test_a_plan_says_which_tool_may_set_a_route_back(front: Front) -> None:
    owned = {"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": "shop:x/VirtualService:shop/checkout"}}}
    async with a_telling() as telling:
        await telling.world.person.patch(telling.world.path("VirtualService", "checkout"), Patch.MERGE, owned)
        await telling.pass_time(MINUTE)
        _, told = await asked(front, telling, "plan")

    (owner,) = told["account"]["owners"]
    assert (owner["route"], owner["tool"], owner["name"]) == ("VirtualService/checkout", "Argo CD", "shop")
    assert "RespectIgnoreDifferences=true" in owner["snippet"]


@pytest.mark.parametrize("what", ["plan", "tree"])
async def test_what_cannot_be_read_has_no_plan_and_no_tree_and_the_reason_is_said(front: Front, what: str) -> None:
    async with a_telling(steps=[{"weight": 50, "soak": "1m"}]) as telling:
        await telling.pass_time(5 * MINUTE)  # while a run is in hand, what it began with is told
        await telling.world.commit(routes=[{"kind": "TrafficSplit", "name": "checkout", "only": ["api"]}])
        await telling.pass_time(MINUTE)
        code, told = await asked(front, telling, what)

    assert (code, "no named routes" in told.get("detail", "")) == (404, True)


@pytest.mark.parametrize("what", ["why", "history", "audit", "trace", "plan", "tree"])
async def test_nothing_is_told_to_whoever_may_not_list_rollouts_nor_of_what_is_not_there(
    front: Front, what: str
) -> None:
    async with a_telling() as telling:
        code, refused = await asked(front, telling, what, user="cleo")
        nothing, _ = await front.ask(
            telling.app, f"/api/v1/rollouts/shop/nothing/{what}", headers={"Authorization": "Bearer ana"}
        )

    assert (code, nothing) == (401, 404)
    assert "detail" in refused


async def test_a_spec_that_cannot_be_read_is_told_too(front: Front) -> None:
    async with a_telling() as telling:
        await telling.world.person.patch(
            telling.world.path("Rollout", "checkout"), Patch.MERGE, {"spec": {"policies": ["gone"]}}
        )
        await telling.pass_time(MINUTE)
        code, told = await asked(front, telling, "why")

    assert (code, "gone" in json.dumps(told)) == (200, True)


def _plain(value: Any) -> Any:
    """With moments as numbers, which two writers of ISO 8601 spell differently, and without what is there by default."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items() if one not in (None, "", False, [], 0)}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.replace("+00:00", "Z") if isinstance(value, str) else value
