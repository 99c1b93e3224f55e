"""Does a move leave to git what a GitOps tool applies, and does a fallback not wait for git?"""

from datetime import timedelta
from typing import Any

import pytest

from rollout.model.commands import Verb
from rollout.model.mesh import Mtls
from rollout.model.status import Reason
from tests.support.fleet_world import FleetWorld, a_fleet

MINUTE = timedelta(minutes=1)
FLUX = {"labels": {"kustomize.toolkit.fluxcd.io/name": "mesh", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}}
ARGO = {"annotations": {"argocd.argoproj.io/tracking-id": "mesh:security.istio.io/PeerAuthentication:shop/default"}}
WORD = "kustomize.toolkit.fluxcd.io/reconcile"


async def applied(world: FleetWorld, tool: dict[str, Any]) -> None:
    """A tool applies the mode of shop, and makes it PERMISSIVE."""
    body = {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": "default", "namespace": "shop", **tool},
        "spec": {"mtls": {"mode": "PERMISSIVE"}},
    }
    await world.put(body)


async def commit(world: FleetWorld, mode: Mtls) -> None:
    """The tool brings another mode from git."""
    await world.edit("PeerAuthentication", "shop", "default", {"spec": {"mtls": {"mode": mode.value}}})


async def reasons(world: FleetWorld) -> dict[str, Reason]:
    return {reason.code: reason for reason in (await world.of("shop")).reasons}


def writes_to_it(world: FleetWorld) -> list[str]:
    return [verb for verb, path, _ in world.fate.answers if path.endswith("/shop/peerauthentications/default")]


async def annotations(world: FleetWorld) -> dict[str, str]:
    obj = await world.read("PeerAuthentication", "shop", "default")
    return dict(obj["metadata"].get("annotations") or {})


async def mode(world: FleetWorld) -> str:
    return str((await world.read("PeerAuthentication", "shop", "default"))["spec"]["mtls"]["mode"])


async def strict_by_commits(world: FleetWorld, tool: dict[str, Any]) -> None:
    """shop is STRICT: the tool brought it."""
    await applied(world, tool)
    await world.pass_time(20 * MINUTE, until="shop Strict")
    await world.pass_time(timedelta(seconds=30))
    await commit(world, Mtls.STRICT)
    await world.pass_time(5 * MINUTE, until="shop StrictSoak")


async def test_strict_waits_for_the_commit_and_goes_on_by_itself() -> None:
    async with a_fleet() as world:
        await applied(world, FLUX)
        await world.pass_time(20 * MINUTE, until="shop Strict")
        await world.pass_time(2 * MINUTE)
        why = (await reasons(world))["WaitingForCommit"].message
        assert "Flux (flux-system/mesh) applies it" in why
        assert "set PeerAuthentication shop/default STRICT" in why

        await commit(world, Mtls.STRICT)

        await world.pass_time(10 * MINUTE, until="shop Done")
        assert writes_to_it(world) == []


async def test_a_namespace_that_a_tool_applies_gets_its_label_by_a_commit() -> None:
    async with a_fleet() as world:
        await world.edit("Namespace", "", "shop", {"metadata": FLUX})
        await world.pass_time(10 * MINUTE, until="shop Enrolling")
        await world.pass_time(MINUTE)
        assert "label Namespace shop istio-injection=enabled" in (await reasons(world))["WaitingForCommit"].message

        await world.edit("Namespace", "", "shop", {"metadata": {"labels": {"istio-injection": "enabled"}}})

        await world.pass_time(10 * MINUTE, until="shop Observing")


async def test_who_answers_for_it_lets_us_write_past_git() -> None:
    async with a_fleet() as world:
        await applied(world, FLUX)
        await world.tick()
        await world.say(Verb.ACKNOWLEDGE, "shop", finding="GITOPS-01", reason="the tool does not heal by itself")

        await world.pass_time(30 * MINUTE, until="shop Done")

    assert writes_to_it(world) == ["patch"]


async def test_a_fallback_opens_at_once_and_has_flux_leave_it_alone() -> None:
    async with a_fleet() as world:
        await strict_by_commits(world, FLUX)

        await world.say(Verb.FALLBACK, "shop", reason="orders fail")
        await world.pass_time(MINUTE, until="shop FallenBack")

        assert await mode(world) == "PERMISSIVE"
        assert (await annotations(world))[WORD] == "disabled"


async def test_that_git_and_the_cluster_differ_is_told_until_flux_is_let_go() -> None:
    async with a_fleet() as world:
        await strict_by_commits(world, FLUX)
        await world.say(Verb.FALLBACK, "shop", reason="orders fail")
        await world.pass_time(MINUTE, until="shop FallenBack")
        await world.tick()
        assert f"take {WORD} off it" in (await reasons(world))["GitDiffers"].message

        await world.edit("PeerAuthentication", "shop", "default", {"metadata": {"annotations": {WORD: None}}})
        await world.pass_time(MINUTE)

        assert set(await reasons(world)) == {"FallenBack"}
        assert any("GitDiffers" in line for line in world.story)


async def test_argo_cd_has_no_such_word_on_an_object_so_a_person_is_told() -> None:
    async with a_fleet() as world:
        await strict_by_commits(world, ARGO)

        await world.say(Verb.FALLBACK, "shop", reason="orders fail")
        await world.pass_time(MINUTE, until="shop FallenBack")
        await world.tick()

        assert await mode(world) == "PERMISSIVE"
        assert set(await annotations(world)) == set(ARGO["annotations"])
        assert "skip-reconcile on the Application" in (await reasons(world))["GitDiffers"].message


@pytest.mark.parametrize("tool", [FLUX, ARGO], ids=["Flux", "Argo CD"])
async def test_a_tool_that_closes_again_what_was_opened_is_told_of_and_not_fought(tool: dict[str, Any]) -> None:
    async with a_fleet() as world:
        await strict_by_commits(world, tool)
        await world.say(Verb.FALLBACK, "shop", reason="orders fail")
        await world.pass_time(MINUTE, until="shop FallenBack")
        written = len(writes_to_it(world))

        await commit(world, Mtls.STRICT)
        await world.pass_time(MINUTE)

        assert "set PeerAuthentication shop/default PERMISSIVE" in (await reasons(world))["ClosedAgain"].message
        assert len(writes_to_it(world)) == written
