"""Does `rollout why` tell that git does not reach the Rollout, and why?"""

import pytest

from adapters.kube.api import Patch
from rollout.cli.options import Access
from rollout.cli.why import account as told_account
from rollout.services import account, account_data
from rollout.services.account import Account
from rollout.services.paper import Paper
from tests.support.cli import cluster_of
from tests.support.world import World, a_release

AWAY = "https://git.example.org/shop.git: no answer within 60 s; commit 0123456789ab stays in force"


async def owned_by_git(world: World, ready: str) -> None:
    """The Rollout is a GitSource's, which says of itself that it is (not) ready."""
    labels = {"rollout.dev/source": "apps", "rollout.dev/source-namespace": "shop"}
    await world.person.patch(world.path("Rollout", "checkout"), Patch.MERGE, {"metadata": {"labels": labels}})
    meta = {"name": "apps", "namespace": "shop"}
    spec = {"url": "https://git.example.org/shop.git"}
    await world.put({"apiVersion": "rollout.dev/v1alpha1", "kind": "GitSource", "metadata": meta, "spec": spec})
    at = "2026-11-21T08:00:00Z"
    said = {"type": "Ready", "status": ready, "reason": "FetchFailed", "message": AWAY, "lastTransitionTime": at}
    status = {"status": {"conditions": [said]}}
    await world.person.patch(world.path("GitSource", "apps", "status"), Patch.MERGE, status)


async def told(world: World) -> Account:
    return await told_account(cluster_of(world), Access(), "checkout", world.clock.now())


async def test_a_source_that_is_not_ready_is_told_with_its_own_words() -> None:
    async with a_release() as world:
        await owned_by_git(world, "False")

        found = await told(world)

        assert account_data.as_data(found)["git"] == f"GitSource shop/apps: {AWAY}"
        assert f"no news from git: GitSource shop/apps: {AWAY[:30]}" in " ".join(account.screen(found, Paper()))


@pytest.mark.parametrize("ready", ["True", "Unknown"])
async def test_nothing_is_told_of_a_source_that_is_in_order_or_has_not_said(ready: str) -> None:
    async with a_release() as world:
        await owned_by_git(world, ready)

        found = await told(world)

        assert account_data.as_data(found)["git"] is None


async def test_a_rollout_whose_source_is_gone_or_that_never_had_one_is_told_as_before() -> None:
    async with a_release() as world:
        alone = await told(world)
        await owned_by_git(world, "False")
        await world.person.delete(world.path("GitSource", "apps"))

        orphan = await told(world)

        assert (alone.git, orphan.git) == ("", "")
