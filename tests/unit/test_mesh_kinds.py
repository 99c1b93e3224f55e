"""Who asks for the kinds that a move into a mesh is about, and who has the rights for it?"""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from adapters.kube.kinds import KINDS, MESH_KINDS, TRAFFIC, WATCHED, left_out
from adapters.memory.cluster import MemoryCluster
from adapters.memory.face import start_face
from rollout.cli.install import install
from rollout.crds import definitions
from rollout.settings import Settings, Traffic
from rollout.wiring.serving import running
from rollout.wiring.shipped import CONTROLLER, NAMESPACE, Choices, controller_objects, rights_in, rules
from rollout.wiring.tools import observing
from tests.support.cli import cluster_of
from tests.support.world import MESH, a_world
from tests.support.yamls import documents

MESH_PLURALS = {KINDS[kind].plural for kind in MESH_KINDS}
ROLE = f"{CONTROLLER}-mesh"
WITHOUT = [("gateway-api",), ("linkerd",), ("namespaced",), ("istio", "namespaced"), ("gateway-api", "namespaced")]


@pytest.mark.parametrize(
    ("traffic", "namespace", "is_left_out"),
    [
        ("all", "", False),
        ("istio", "", False),
        ("gateway-api", "", True),
        ("linkerd", "", True),
        ("all", "shop", True),
        ("istio", "shop", True),
        ("linkerd", "shop", True),
    ],
)
def test_only_a_controller_of_all_namespaces_with_istio_follows_moves(
    traffic: str, namespace: str, is_left_out: bool
) -> None:
    without = left_out(traffic, namespace)

    assert without.intersection(MESH_KINDS) == (set(MESH_KINDS) if is_left_out else set())
    assert without.difference(MESH_KINDS) == set(TRAFFIC["all"]).difference(TRAFFIC[traffic])


def test_what_may_be_left_out_is_watched_otherwise() -> None:
    assert set(MESH_KINDS) <= {kind.name for kind in WATCHED}


async def listed_by_a_controller(directory: Path, **settings: Any) -> set[str]:
    """Which resources a controller listed until it was ready."""
    cluster = MemoryCluster.with_kinds(*MESH)
    cluster.seed(*definitions().values())
    face = await start_face(cluster)
    try:
        kubeconfig = face.kubeconfig(directory / "kubeconfig")
        async with running(Settings(kubeconfig=kubeconfig, webhooks_listen="", **settings)) as wired:
            await wired.cache.refresh()
    finally:
        await face.close()
    return {resource for verb, resource in cluster.faults.calls if verb == "list"}


@pytest.mark.parametrize(
    ("settings", "are_listed"),
    [
        ({"traffic": Traffic("all")}, True),
        ({"traffic": Traffic("istio")}, True),
        ({"traffic": Traffic("linkerd")}, False),
        ({"namespace": "shop"}, False),
    ],
    ids=["all", "istio", "linkerd", "namespaced"],
)
async def test_the_controller_lists_them_as_its_settings_say(
    tmp_path: Path, settings: dict[str, Any], are_listed: bool
) -> None:
    listed = await listed_by_a_controller(tmp_path, **settings)

    assert listed & MESH_PLURALS == (MESH_PLURALS if are_listed else set())
    assert "rollouts" in listed


async def test_a_persons_look_at_a_namespace_lists_nothing_of_the_whole_cluster() -> None:
    async with a_world() as world:
        world.cluster.faults.calls.clear()

        async with observing(cluster_of(world), "shop"):
            listed = {resource for verb, resource in world.cluster.faults.calls if verb == "list"}

    assert listed & MESH_PLURALS == set()
    assert "rollouts" in listed


def mesh_objects(*overlays: str) -> list[dict[str, Any]]:
    objects = controller_objects(Choices(overlays=overlays, watch="shop" if "namespaced" in overlays else ""))
    return [obj for obj in objects if obj["metadata"]["name"] == ROLE]


@pytest.mark.parametrize("overlays", [(), ("istio",)], ids=str)
def test_the_rights_for_moves_come_with_their_bindings(overlays: tuple[str, ...]) -> None:
    objects = mesh_objects(*overlays)

    bindings = [obj["roleRef"]["name"] for obj in objects if obj["kind"].endswith("Binding")]
    kinds = ["ClusterRole", "ClusterRoleBinding", "NetworkPolicy", "Role", "RoleBinding"]
    assert sorted(obj["kind"] for obj in objects) == kinds
    assert bindings == [ROLE, ROLE]


@pytest.mark.parametrize("overlays", WITHOUT, ids=str)
def test_whoever_moves_no_fleet_has_no_rights_for_it(overlays: tuple[str, ...]) -> None:
    objects = controller_objects(Choices(overlays=overlays, watch="shop" if "namespaced" in overlays else ""))

    assert mesh_objects(*overlays) == []
    assert {resource for _, _, resource in rules(objects)}.isdisjoint({"meshmigrations", "namespaces"})
    assert {verb for verb, group, _ in rules(objects) if group == "apps"} == {"list", "watch"}


def test_nothing_that_only_preflight_reads_is_followed_or_written() -> None:
    (role,) = [obj for obj in mesh_objects() if obj["kind"] == "ClusterRole"]
    watched = {(kind.group, kind.plural) for kind in WATCHED}
    written = {("telemetry.istio.io", "telemetries"), ("", "pods/eviction"), ("rollout.dev", "meshmigrations/status")}

    read = {right for right in rights_in(role) if right[1:] not in watched | written}

    assert {verb for verb, _, resource in read if not resource.startswith(("configmaps:", "pods/log"))} == {"list"}
    named = ("pods/log", "configmaps:istio", "configmaps:istio-sidecar-injector", "configmaps:cilium-config")
    assert {right for right in read if right[2].startswith(("configmaps", "pods/log"))} == {
        ("get", "", resource) for resource in named
    }


def test_records_are_kept_in_the_controllers_namespace_alone() -> None:
    (role,) = [obj for obj in mesh_objects() if obj["kind"] == "Role"]

    assert role["metadata"]["namespace"] == NAMESPACE
    assert set(rights_in(role)) == {(verb, "", "configmaps") for verb in ("get", "create", "patch")}


@pytest.mark.parametrize(("options", "times"), [([], 5), (["--overlay", "istio"], 5), (["--overlay", "linkerd"], 0)])
def test_a_dry_run_of_install_shows_them(options: list[str], times: int) -> None:
    answer = CliRunner().invoke(install, ["--dry-run", *options])

    names = [obj["metadata"]["name"] for obj in documents(answer.output)]
    assert names.count(ROLE) == times
