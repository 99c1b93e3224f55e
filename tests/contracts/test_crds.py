"""Does a real API server take our CRDs, and refuse what the manifest classes refuse?"""

import json
from typing import Any

import pytest

from rollout.manifest.rolloutcommand import command_to_dict
from rollout.manifest.status import status_from_dict, status_to_dict
from rollout.model.commands import Verb
from rollout.model.names import Key
from tests.servers.client import Kube, KubeError
from tests.support.builders import a_command, a_full_status, a_rollout_manifest

pytestmark = pytest.mark.server
GROUP = "/apis/rollout.dev/v1alpha1/namespaces"


def test_a_good_rollout_is_taken(kube: Kube, namespace: str) -> None:
    manifest = a_rollout_manifest(namespace=namespace)

    stored = kube.create(manifest)

    assert stored["spec"] == manifest["spec"]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"backend": {}}, "exactly one of service and subset"),
        ({"backend": {"service": "checkout"}}, "spec.backend.service"),
        ({"steps": [{"weight": 5, "ramp": {"from": 1, "to": 3, "by": 1}}]}, "exactly one of weight and ramp"),
        ({"steps": [{"weight": 101}]}, "spec.steps[0].weight"),
        ({"steps": [{"weight": 5, "soak": "5 minutes"}]}, "spec.steps[0].soak"),
        ({"steps": []}, "spec.steps"),
        ({"steps": [{"ramp": {"from": 50, "to": 10, "by": 5}}]}, "a ramp goes up"),
        ({"routes": [{"kind": "VirtualService", "name": "a"}] * 2}, "a route object is named once"),
        (
            {"objectives": [{"name": "a", "kind": "error-ratio", "max": "1%"}] * 2},
            "each objective has a name of its own",
        ),
        (
            {"objectives": [{"name": "a", "kind": "error-ratio", "max": "1%", "mode": "observe"}]},
            "at least one objective decides",
        ),
        ({"objectives": [{"name": "a", "kind": "slow-ratio", "max": "1%"}]}, "slow-ratio has threshold and max"),
        ({"objectives": [{"name": "a", "kind": "query", "query": "x"}]}, "above or below"),
        ({"routes": [{"kind": "TrafficSplit", "name": "a", "only": ["b"]}]}, "no named routes"),
        ({"routes": [{"kind": "Ingress", "name": "a"}]}, "spec.routes[0].kind"),
        ({"revision": "V 1"}, "spec.revision"),
    ],
)
def test_what_cannot_work_is_refused_at_once(kube: Kube, namespace: str, spec: dict[str, Any], said: str) -> None:
    with pytest.raises(KubeError) as caught:
        kube.create(a_rollout_manifest(namespace=namespace, **spec))

    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("without", "spec", "said"),
    [
        (("objectives",), {}, "objectives or policies"),
        (("workload",), {"steps": [{"weight": 5, "approval": "qa"}]}, "an approval is for one pod template"),
    ],
)
def test_what_is_left_out_is_refused_at_once(
    kube: Kube, namespace: str, without: tuple[str, ...], spec: dict[str, Any], said: str
) -> None:
    with pytest.raises(KubeError) as caught:
        kube.create(a_rollout_manifest(namespace=namespace, without=without, **spec))

    assert said in str(caught.value)


def test_subsets_are_taken_with_their_labels(kube: Kube, namespace: str) -> None:
    subset = {"host": "checkout", "name": "{revision}", "labels": {"app.kubernetes.io/version": "{revision}"}}

    stored = kube.create(a_rollout_manifest(namespace=namespace, backend={"subset": subset}))

    assert stored["spec"]["backend"]["subset"] == subset


def test_nothing_of_a_status_is_lost(kube: Kube, namespace: str) -> None:
    kube.create(a_rollout_manifest(namespace=namespace))
    status = a_full_status()
    path = f"{GROUP}/{namespace}/rollouts/checkout"

    kube.request("PATCH", f"{path}/status", {"status": status_to_dict(status)}, "application/merge-patch+json")

    assert status_from_dict(kube.get(path)["status"]) == status


def test_a_command_cannot_be_changed(kube: Kube, namespace: str) -> None:
    key = Key(namespace=namespace, name="checkout")
    kube.create(command_to_dict(key, a_command(Verb.PAUSE, name="one")))
    path = f"{GROUP}/{namespace}/rolloutcommands/one"

    with pytest.raises(KubeError) as caught:
        kube.request("PATCH", path, {"spec": {"verb": "abort"}}, "application/merge-patch+json")

    assert "a command cannot be changed" in str(caught.value)


def test_name_stable_needs_a_backend(kube: Kube, namespace: str) -> None:
    key = Key(namespace=namespace, name="checkout")

    with pytest.raises(KubeError) as caught:
        kube.create(command_to_dict(key, a_command(Verb.NAME_STABLE)))

    assert "name-stable needs backend" in str(caught.value)


def test_the_short_name_and_the_category_are_ours(kube: Kube) -> None:
    (resource,) = (one for one in kube.get("/apis/rollout.dev/v1alpha1")["resources"] if one["name"] == "rollouts")

    assert (resource["shortNames"], resource["categories"]) == (["rlt"], ["rollout"])


def test_no_status_is_too_large_to_store() -> None:
    assert len(json.dumps(status_to_dict(a_full_status()))) < 100_000
