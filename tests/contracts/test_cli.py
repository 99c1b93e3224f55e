"""Do the commands work on a real kube-apiserver as on the memory cluster?"""

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import yaml

from adapters.kube.client import HttpApi
from adapters.kube.objects import KubeObjects
from adapters.memory.cluster import MemoryCluster
from adapters.memory.face import start_face
from rollout.crds import definitions
from tests.support.builders import a_rollout_manifest
from tests.support.cli import Shown, type_words
from tests.support.world import MESH, virtual_service

NAMESPACE = f"cli-{secrets.token_hex(3)}"


@pytest.fixture(params=["memory", pytest.param("real", marks=pytest.mark.server)])
async def kubeconfig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Path]:
    """A cluster with checkout, its VirtualService and v1's Service, but no controller."""
    async with AsyncExitStack() as stack:
        if request.param == "real":
            path = request.getfixturevalue("apiserver").kubeconfig("admin")
        else:
            cluster = MemoryCluster.with_kinds(*MESH)
            cluster.seed(*definitions().values())
            face = await start_face(cluster)
            stack.push_async_callback(face.close)
            path = face.kubeconfig(tmp_path / "kubeconfig")
        client = await HttpApi.connect(str(path))
        stack.push_async_callback(client.close)
        objects = KubeObjects(client)
        await objects.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        await objects.apply(_a_service("checkout-v1"))
        await objects.apply(_in_namespace(virtual_service("checkout-v1")))
        await objects.apply(_in_namespace(a_rollout_manifest(namespace=NAMESPACE)))
        yield Path(path)


async def typed(kubeconfig: Path, *words: str) -> Shown:
    return await type_words(kubeconfig, (*words, "-n", NAMESPACE))


async def test_a_rollout_is_listed_before_any_controller_has_seen_it(kubeconfig: Path) -> None:
    shown = await typed(kubeconfig, "list")

    assert (shown.code, shown.out.splitlines()[1].split()[:2]) == (0, ["checkout", "Idle"])


async def test_why_looks_at_the_routes_themselves(kubeconfig: Path) -> None:
    shown = await typed(kubeconfig, "why", "checkout", "-o", "json")

    data = json.loads(shown.out)
    assert (shown.code, data["unseen"], data["weights"][0]["route"]) == (0, None, "VirtualService/checkout")


async def test_plan_names_what_stable_lacks(kubeconfig: Path) -> None:
    shown = await typed(kubeconfig, "plan", "checkout", "-o", "json")

    assert [hold["code"] for hold in json.loads(shown.out)["holds"]] == ["StableUnknown"]


async def test_a_manifest_that_was_applied_differs_in_nothing(kubeconfig: Path, tmp_path: Path) -> None:
    file = tmp_path / "rollout.yaml"
    file.write_text(yaml.safe_dump(a_rollout_manifest(namespace=NAMESPACE)))

    shown = await typed(kubeconfig, "diff", str(file))

    assert (shown.code, shown.out) == (0, "")


async def test_a_field_that_a_manifest_drops_is_a_difference(kubeconfig: Path, tmp_path: Path) -> None:
    file = tmp_path / "rollout.yaml"
    file.write_text(yaml.safe_dump(a_rollout_manifest(namespace=NAMESPACE, without=("workload",))))

    shown = await typed(kubeconfig, "diff", str(file))

    assert (shown.code, "-  workload:" in shown.out) == (1, True)


async def test_a_command_is_stored_in_the_name_of_its_user(kubeconfig: Path) -> None:
    shown = await typed(kubeconfig, "retry", "checkout", "--timeout", "1s", "-o", "json")

    command = json.loads(shown.out)
    assert (shown.code, command["spec"]["verb"], command["metadata"]["namespace"]) == (3, "retry", NAMESPACE)
    assert command["spec"]["actor"]["user"]


async def test_a_wait_ends_when_its_time_is_over(kubeconfig: Path) -> None:
    shown = await typed(kubeconfig, "wait", "checkout", "--timeout", "1s")

    assert shown.code == 3


def _in_namespace(obj: dict[str, object]) -> dict[str, object]:
    metadata = dict(obj["metadata"]) if isinstance(obj["metadata"], dict) else {}
    return {**obj, "metadata": {**metadata, "namespace": NAMESPACE}}


def _a_service(name: str) -> dict[str, object]:
    spec = {"selector": {"app": "checkout"}, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}
