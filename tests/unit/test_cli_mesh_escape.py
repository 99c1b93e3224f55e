"""Is a namespace opened by hand: by the printed commands and by --now, without controller, git and metrics?"""

import json
import shlex
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.memory.access import Asked
from rollout.cli.mesh_escape import done
from rollout.migration.escape import Scene, applications, opening, runbook
from rollout.model.mesh import Mtls
from rollout.ports.objects import Obj, ObjectWrites
from rollout.services import escaping
from rollout.services.paper import Paper
from tests.support.fleet_world import HOME, FleetWorld, a_fleet
from tests.support.mesh import namespace, peer, pod, root_peer, workload
from tests.support.mesh_reads import a_scene
from tests.support.mesh_terminal import a_mesh_terminal, cluster_of

HOUR = timedelta(hours=1)


async def mode(world: FleetWorld) -> str:
    policy = await world.read("PeerAuthentication", "shop", "default")
    return str(policy["spec"]["mtls"]["mode"])


async def a_strict_shop(world: FleetWorld) -> None:
    await world.pass_time(HOUR, until="shop StrictSoak")


@asynccontextmanager
async def a_strict_shop_alone() -> AsyncIterator[FleetWorld]:
    """The same, where nobody calls it and nothing else moves."""
    async with a_fleet(waves=[{"name": "core", "namespaces": ["shop"]}]) as world:
        world.fleet.callers.clear()
        await a_strict_shop(world)
        yield world


def commands(scene: Scene, title: str) -> tuple[str, ...]:
    """Of the step whose title begins so; () when the runbook has none."""
    return next((step.commands for step in runbook(scene) if step.title.startswith(title)), ())


async def pasted(writes: ObjectWrites, lines: Iterable[str]) -> None:
    """What kubectl would send for these printed commands."""
    for line in lines:
        words = shlex.split(line, comments=True)
        if words[0] == "echo":
            await writes.create(json.loads(words[1]))
        else:
            assert words[3:5] == ["patch", "peerauthentications.security.istio.io"]
            await writes.patch("PeerAuthentication", words[2], words[5], json.loads(words[words.index("-p") + 1]))


async def test_the_printed_commands_open_the_namespace() -> None:
    async with a_strict_shop_alone() as world:
        cluster = cluster_of(world)
        found = await escaping.scene(cluster.objects, "shop", "istio-system")
        await pasted(cluster.writes, commands(found, "Open the namespace"))
        after = await escaping.scene(cluster.objects, "shop", "istio-system")

        assert (await mode(world), opening(after)) == ("PERMISSIVE", ())


async def test_the_printed_commands_for_one_port_open_that_port_alone() -> None:
    async with a_strict_shop_alone() as world:
        cluster = cluster_of(world)
        found = await escaping.scene(cluster.objects, "shop", "istio-system")
        await pasted(cluster.writes, commands(found, "Only one port"))
        after = await escaping.scene(cluster.objects, "shop", "istio-system")

        assert [(one.mode, dict(one.ports)) for one in after.namespace.peers] == [
            (Mtls.STRICT, {}),
            (Mtls.UNSET, {8080: Mtls.PERMISSIVE}),
        ]


@pytest.mark.slow
async def test_now_opens_the_namespace_while_no_controller_runs(tmp_path: Path) -> None:
    async with a_fleet() as world, a_mesh_terminal(tmp_path, world) as terminal:
        await a_strict_shop(world)
        book = await terminal.mesh("escape", "shop", "-o", "json")
        shown = await terminal.mesh("escape", "shop", "--now", "-o", "json")
        opened = await mode(world)

    (printed,) = next(
        step["commands"] for step in json.loads(book.out)["steps"] if step["title"] == "Open the namespace"
    )
    told = json.loads(shown.out)
    assert (shown.code, opened, told["open"]) == (0, "PERMISSIVE", True)
    assert [one["command"] for one in told["done"]] == ["rollout mesh fallback shop", printed]


@pytest.mark.slow
async def test_a_controller_that_comes_back_does_not_close_again_what_a_person_opened(tmp_path: Path) -> None:
    async with a_fleet() as world, a_mesh_terminal(tmp_path, world) as terminal:
        await world.pass_time(HOUR, until="shop Strict")
        await world.pass_time(timedelta(seconds=10))
        await terminal.mesh("escape", "shop", "--now")
        await world.restart()
        await world.pass_time(timedelta(minutes=5))

        assert (await mode(world), (await world.of("shop")).stage) == ("PERMISSIVE", "FallenBack")


@pytest.mark.slow
async def test_without_the_right_to_tell_the_controller_the_namespace_is_opened_all_the_same(tmp_path: Path) -> None:
    def may(asked: Asked) -> bool:
        return asked.user.name != "ana" or asked.resource in ("peerauthentications", "namespaces")

    async with a_fleet() as world, a_mesh_terminal(tmp_path, world) as terminal:
        await a_strict_shop(world)
        world.cluster.allows = may
        shown = await terminal.mesh("escape", "shop", "--now")

        assert (shown.code, await mode(world)) == (0, "PERMISSIVE")
        assert "not read: MeshMigrations: a controller that makes shop STRICT is not told" in shown.out


@pytest.mark.slow
async def test_what_may_not_be_patched_is_exit_code_4_and_the_command_for_somebody_else(tmp_path: Path) -> None:
    async with a_fleet() as world, a_mesh_terminal(tmp_path, world) as terminal:
        await a_strict_shop(world)
        world.cluster.allows = lambda asked: asked.user.name != "ana" or asked.verb in ("get", "list", "create")
        shown = await terminal.mesh("escape", "shop", "--now")

    assert (shown.code, "shop is not open yet" in shown.err) == (4, True)
    assert "kubectl -n shop patch" in shown.out


@pytest.mark.slow
async def test_a_namespace_that_is_not_there_is_exit_code_6(tmp_path: Path) -> None:
    async with a_fleet() as world, a_mesh_terminal(tmp_path, world) as terminal:
        shown = await terminal.mesh("escape", "nowhere")

    assert shown.code == 6


async def test_where_the_meshs_own_modes_cannot_be_read_the_namespace_says_permissive_itself() -> None:
    async with a_fleet() as world:
        cluster = cluster_of(world)
        world.cluster.allows = lambda asked: asked.namespace != "istio-system"
        found = await escaping.scene(cluster.objects, "shop", "istio-system")
        escaped = await escaping.escape(cluster.objects, cluster.writes, found, HOME, world.clock.now())

        assert ([why.split(":")[0] for why in found.unread], escaped.closed, await mode(world)) == (
            ["PeerAuthentications of istio-system"],
            (),
            "PERMISSIVE",
        )


class Rival:
    """Writes for a person, while somebody else writes first, once."""

    def __init__(self, world: FleetWorld, writes: ObjectWrites) -> None:
        self._world = world
        self._writes = writes
        self.patches = 0

    async def patch(self, kind: str, namespace: str, name: str, operations: Any) -> Obj:
        if self.patches == 0:
            await self._world.edit(kind, namespace, name, {"metadata": {"labels": {"touched": "yes"}}})
        self.patches += 1
        return await self._writes.patch(kind, namespace, name, operations)

    async def create(self, obj: Obj) -> Obj:
        return await self._writes.create(obj)

    async def apply(self, obj: Obj, *, dry_run: bool = False) -> Obj:
        return await self._writes.apply(obj, dry_run=dry_run)

    async def delete(self, kind: str, namespace: str, name: str) -> None:
        await self._writes.delete(kind, namespace, name)


async def test_somebody_who_writes_at_the_same_time_does_not_keep_it_closed() -> None:
    async with a_strict_shop_alone() as world:
        cluster = cluster_of(world)
        found = await escaping.scene(cluster.objects, "shop", "istio-system")
        rival = Rival(world, cluster.writes)
        escaped = await escaping.escape(cluster.objects, rival, found, HOME, world.clock.now())

        assert (rival.patches, escaped.closed, await mode(world)) == (2, (), "PERMISSIVE")
        assert list(escaping.failures(escaped)) == []
        assert done("shop", escaped, Paper())[-1].startswith("✔ shop is open")


async def test_flux_is_told_to_leave_alone_what_is_opened() -> None:
    async with a_strict_shop_alone() as world:
        await world.edit(
            "PeerAuthentication",
            "shop",
            "default",
            {"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}},
        )
        cluster = cluster_of(world)
        found = await escaping.scene(cluster.objects, "shop", "istio-system")
        await escaping.escape(cluster.objects, cluster.writes, found, HOME, world.clock.now())
        policy = await world.read("PeerAuthentication", "shop", "default")

    assert policy["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/reconcile"] == "disabled"
    assert policy["spec"]["mtls"]["mode"] == "PERMISSIVE"


@pytest.mark.parametrize(
    ("tracking", "application"),
    [("shop:apps/Deployment:shop/web", ("argocd", "shop")), ("team_shop:a/B:shop/web", ("team", "shop"))],
)
def test_the_application_of_argo_cd_is_held(tracking: str, application: tuple[str, str]) -> None:
    strict = peer(mode=Mtls.STRICT)
    raw = {"metadata": {"name": "default", "annotations": {"argocd.argoproj.io/tracking-id": tracking}}, "spec": {}}
    scene = a_scene(namespace(strict), raw={"default": raw})

    assert applications(scene) == (application,)
    assert commands(scene, "Hold Argo CD")[0].startswith(f"kubectl -n {application[0]} annotate")


def test_where_nothing_is_strict_the_runbook_says_so_and_closes_nothing() -> None:
    scene = a_scene(namespace(peer(mode=Mtls.PERMISSIVE), pods=(pod(),), workloads=(workload(),)))

    (step,) = [step for step in runbook(scene) if step.title == "Open the namespace"]

    assert "Nothing here is STRICT" in step.words
    assert not any(" patch peer" in command for command in step.commands)


def test_a_strict_mesh_is_opened_by_an_object_of_the_namespace() -> None:
    scene = replace(a_scene(namespace(pods=(pod(),))), root=(root_peer(Mtls.STRICT),))

    (command,) = commands(scene, "Open the namespace")

    assert command.startswith("echo '{")
    assert command.endswith("| kubectl apply -f -")


def test_without_a_migration_no_controller_is_asked() -> None:
    assert commands(a_scene(), "Let the controller") == ()
