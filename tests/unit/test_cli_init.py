"""What does `rollout init` print for the services that people have, and what does it ask when it cannot tell?"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from rollout.cli.main import main
from tests.support.adoption import Obj, a_deployment, a_route, a_rule, a_service, printed, start_pods
from tests.support.builders import a_rollout_manifest
from tests.support.cli import Shown, Terminal, a_terminal, same_screen
from tests.support.scenes import http_route, traffic_split
from tests.support.world import a_world

pytestmark = pytest.mark.slow  # whole commands against a cluster's HTTP face


@asynccontextmanager
async def a_shop(directory: Path, *objects: Mapping[str, Any]) -> AsyncIterator[Terminal]:
    """A terminal at a cluster with these objects."""
    async with a_world() as world:
        for obj in objects:
            await world.put(obj)
        await start_pods(world)
        async with a_terminal(directory, world) as terminal:
            yield terminal


async def told(directory: Path, *objects: Mapping[str, Any], words: tuple[str, ...] = ()) -> Shown:
    """What `rollout init checkout WORDS` shows."""
    async with a_shop(directory, *objects) as terminal:
        return await terminal.type("init", "checkout", *words)


def ordinary() -> tuple[Obj, Obj, Obj]:
    return a_deployment(), a_service(), a_route()


def kinds(shown: Shown) -> list[str]:
    assert shown.code == 0, shown.err
    return [f"{obj['kind']}/{obj['metadata']['name']}" for obj in printed(shown.out)]


def of_kind(shown: Shown, kind: str) -> Obj:
    return next(obj for obj in printed(shown.out) if obj["kind"] == kind)


async def test_the_way_of_an_ordinary_service(tmp_path: Path) -> None:
    shown = await told(tmp_path, *ordinary(), words=("--git-url", "https://git.example.test/shop/specs.git"))

    same_screen("init", [*shown.out.splitlines(), "", "stderr:", *shown.err.splitlines()])


async def test_the_way_with_subsets(tmp_path: Path) -> None:
    shown = await told(tmp_path, *ordinary(), words=("--subsets",))

    same_screen("init_subsets", shown.out.splitlines())


@pytest.mark.parametrize("way", [(), ("--subsets",), ("--git-url", "https://git.example.test/x.git")])
async def test_what_it_prints_passes_lint(tmp_path: Path, way: tuple[str, ...]) -> None:
    shown = await told(tmp_path, *ordinary(), words=way)

    linted = CliRunner().invoke(main, ["lint", "-"], input=shown.out)

    assert (linted.exit_code, linted.stdout) == (0, "")


async def test_nothing_is_written(tmp_path: Path) -> None:
    async with a_shop(tmp_path, *ordinary()) as terminal:
        before = terminal.world.cluster.store.revision
        await terminal.type("init", "checkout")

        assert terminal.world.cluster.store.revision == before


async def test_the_label_version_of_the_pods_names_the_revision(tmp_path: Path) -> None:
    shown = await told(tmp_path, a_deployment(version="blue"), a_service(), a_route())

    assert kinds(shown) == [
        *("Deployment/checkout-blue", "Service/checkout-blue", "VirtualService/checkout", "Rollout/checkout")
    ]
    assert of_kind(shown, "Rollout")["spec"]["revision"] == "blue"


async def test_a_service_per_revision_needs_the_rollout_alone(tmp_path: Path) -> None:
    objects = (
        a_deployment("checkout-v1", version="v1"),
        a_service("checkout-v1", app="checkout", version="v1"),
        a_route("checkout-v1"),
    )
    shown = await told(tmp_path, *objects, words=("--service", "checkout-v1"))

    assert kinds(shown) == ["Rollout/checkout"]
    assert of_kind(shown, "Rollout")["spec"]["backend"] == {"service": "checkout-{revision}"}


async def test_a_gateway_route_is_changed_and_waited_for_by_its_status(tmp_path: Path) -> None:
    shown = await told(tmp_path, a_deployment(), a_service(), http_route("checkout"))

    assert of_kind(shown, "HTTPRoute")["spec"]["rules"] == [
        {"backendRefs": [{"name": "checkout-v1", "port": 80, "weight": 1}]}
    ]
    assert "# Wait until its status says Accepted and ResolvedRefs" in shown.out


async def test_all_routes_that_name_the_service_move_together(tmp_path: Path) -> None:
    shown = await told(tmp_path, *ordinary(), traffic_split("checkout"))

    assert [route["kind"] for route in of_kind(shown, "Rollout")["spec"]["routes"]] == [
        "VirtualService",
        "TrafficSplit",
    ]


async def test_one_of_the_routes_can_be_chosen(tmp_path: Path) -> None:
    shown = await told(tmp_path, *ordinary(), traffic_split("checkout"), words=("--route", "TrafficSplit/checkout"))

    assert [route["kind"] for route in of_kind(shown, "Rollout")["spec"]["routes"]] == ["TrafficSplit"]


async def test_a_traffic_policy_of_the_host_is_kept_for_the_revisions_service(tmp_path: Path) -> None:
    shown = await told(tmp_path, *ordinary(), a_rule())

    assert kinds(shown)[2] == "DestinationRule/checkout-v1"
    assert of_kind(shown, "DestinationRule")["spec"] == {
        "host": "checkout-v1",
        "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}},
    }


async def test_a_users_rule_gets_the_subset_and_keeps_the_rest(tmp_path: Path) -> None:
    shown = await told(tmp_path, *ordinary(), a_rule("old"), words=("--subsets",))

    spec = of_kind(shown, "DestinationRule")["spec"]
    assert [subset["name"] for subset in spec["subsets"]] == ["old", "v1"]
    assert spec["trafficPolicy"] == {"tls": {"mode": "ISTIO_MUTUAL"}}


async def test_a_load_balancers_service_makes_no_second_one(tmp_path: Path) -> None:
    service = a_service()
    service["spec"] |= {"type": "LoadBalancer", "ports": [{"port": 80, "nodePort": 30080}]}

    shown = await told(tmp_path, a_deployment(), service, a_route())

    assert of_kind(shown, "Service")["spec"] == {
        "selector": {"app": "checkout", "version": "v1"},
        "ports": [{"port": 80}],
    }


async def test_the_gitops_owner_of_a_route_gets_its_snippet(tmp_path: Path) -> None:
    route = a_route()
    route["metadata"]["annotations"] = {"argocd.argoproj.io/tracking-id": "shop:networking.istio.io/VirtualService"}

    shown = await told(tmp_path, a_deployment(), a_service(), route)

    assert "# Argo CD (shop) applies VirtualService/checkout: commit this where it reads." in shown.out
    assert "RespectIgnoreDifferences=true" in shown.out
    assert "annotations" not in of_kind(shown, "VirtualService")["metadata"]


async def test_backends_that_would_share_pods_are_named_with_the_mend(tmp_path: Path) -> None:
    shown = await told(tmp_path, *ordinary())

    assert "BackendsOverlap: Service checkout selects app=checkout, the next revision's pods too" in shown.err
    assert "checkout-v1 with its own selector mends this" in shown.err


UNCLEAR: dict[str, tuple[tuple[Mapping[str, Any], ...], tuple[str, ...], str, str]] = {
    "no such service": ((a_service("cart"),), (), "there is Service/cart", "--service NAME"),
    "no pods": ((a_service(), a_route()), (), "has such pods", "--service NAME"),
    "two workloads": (
        (a_deployment("a"), a_deployment("b"), a_service(), a_route()),
        (),
        "Deployment/a, Deployment/b",
        "--workload KIND/NAME",
    ),
    "another workload": (ordinary(), ("--workload", "Deployment/cart"), "there is Deployment/checkout", "--workload"),
    "no route": ((a_deployment(), a_service()), (), "no weight can be moved", "write a route"),
    "another route": (ordinary(), ("--route", "HTTPRoute/x"), "VirtualService/checkout does", "--route KIND/NAME"),
    "subsets without Istio": (
        (a_deployment(), a_service(), http_route("checkout")),
        ("--subsets",),
        "only a VirtualService",
        "leave --subsets out",
    ),
    "an undefined subset": (
        (a_deployment(version="v1"), a_service(), a_route(subset="v1")),
        (),
        "no DestinationRule defines subset v1",
        "define it",
    ),
    "a name that no label can have": (ordinary(), ("--revision", "a b"), "revision a b is not", "--revision"),
    "the name of the new Service is taken": (
        (*ordinary(), a_service("checkout-v1", app="cart")),
        (),
        "Service/checkout-v1 is there already",
        "--revision NAME",
    ),
    "it is there": ((*ordinary(), a_rollout_manifest()), (), "is there already", "rollout why"),
}


@pytest.mark.parametrize("case", UNCLEAR)
async def test_what_is_not_clear_lists_the_candidates_and_the_flag(tmp_path: Path, case: str) -> None:
    objects, words, message, flag = UNCLEAR[case]

    shown = await told(tmp_path, *objects, words=words)

    error, hint = shown.err.splitlines()
    assert (shown.code, shown.out) == (2, "")
    assert message in error
    assert flag in hint


async def test_it_can_be_asked_again_halfway(tmp_path: Path) -> None:
    async with a_shop(tmp_path, *ordinary()) as terminal:
        first = await terminal.type("init", "checkout")
        for obj in printed(first.out)[:2]:
            await terminal.world.put(obj)

        again = await terminal.type("init", "checkout", "--workload", "deployment/checkout-v1")

    assert kinds(again)[-2:] == ["VirtualService/checkout", "Rollout/checkout"]
    assert "Deployment/checkout-v1" not in kinds(again)


async def test_no_right_to_read_is_exit_code_4(tmp_path: Path) -> None:
    async with a_shop(tmp_path, *ordinary()) as terminal:
        terminal.world.cluster.allows = lambda _: False

        shown = await terminal.type("init", "checkout")

    assert shown.code == 4
