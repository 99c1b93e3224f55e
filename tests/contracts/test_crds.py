"""Does a real API server take our CRDs, and refuse what the manifest classes refuse?"""

import json
from typing import Any

import pytest
import yaml

from rollout.crds import definitions
from rollout.manifest.migration_status import migration_status_from_dict, migration_status_to_dict
from rollout.manifest.parse import parse_object
from rollout.manifest.rolloutcommand import command_to_dict
from rollout.manifest.status import status_from_dict, status_to_dict
from rollout.model.commands import Verb
from rollout.model.names import Key
from tests.servers.client import Kube, KubeError
from tests.servers.process import eventually
from tests.support.builders import a_command, a_full_status, a_rollout_manifest
from tests.support.fleet_status import a_soaking_fleet
from tests.support.sync_world import a_migration

pytestmark = pytest.mark.server
GROUP = "/apis/rollout.dev/v1alpha1/namespaces"


ANALYSIS = {
    "interval": "15s",
    "minRequests": 50,
    "falseRollback": "1%",
    "harmBudget": 30,
    "onInconclusive": "hold",
    "stepDeadline": "2h",
    "bake": "0s",
}
DEFAULTS = {
    "analysis": ANALYSIS,
    "availableWithin": "10m",
    "capacity": "100%",
    "settle": "30s",
    "suspend": False,
}


def test_the_server_shows_the_defaults_of_a_rollout(kube: Kube, namespace: str) -> None:
    manifest = a_rollout_manifest(namespace=namespace, steps=[{"weight": 5}])

    stored = kube.create(manifest)

    soaked, deciding = [{"weight": 5, "soak": "0s"}], [{**manifest["spec"]["objectives"][0], "mode": "decide"}]
    assert stored["spec"] == {**manifest["spec"], **DEFAULTS, "steps": soaked, "objectives": deciding}


def test_the_server_fills_in_auto_only_where_it_is_written(kube: Kube, namespace: str) -> None:
    objectives = [{"name": "errors", "kind": "error-ratio", "max": "1%"}]

    stored = kube.create(
        a_rollout_manifest(namespace=namespace, without=("steps",), auto={"max": 30}, objectives=objectives)
    )

    assert stored["spec"]["auto"] == {"max": 30, "minDuration": "5m"}
    assert stored["spec"]["objectives"] == [{**objectives[0], "mode": "decide"}]


def test_a_half_written_analysis_gets_the_other_half(kube: Kube, namespace: str) -> None:
    stored = kube.create(a_rollout_manifest(namespace=namespace, analysis={"interval": "1m"}))

    assert stored["spec"]["analysis"] == {**ANALYSIS, "interval": "1m"}


EARLIER = "earlier.example.org"


def of_an_earlier_version(definition: dict[str, Any]) -> dict[str, Any]:
    """The definition under another group, as it was when there were neither defaults nor rules."""
    bare: dict[str, Any] = without(served_as(definition), ("default", "x-kubernetes-validations"))
    return bare


def served_as(definition: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(definition).replace("rollout.dev", EARLIER).replace('"rlt"', '"earlier"')
    moved: dict[str, Any] = json.loads(text)
    return moved


def answered(kube: Kube, path: str) -> dict[str, Any]:
    """What is at `path`; {} while the server makes or remakes the storage of a kind."""
    try:
        return kube.get(path)
    except KubeError as error:
        if error.status not in (404, 429):
            raise
        return {}


def without(value: Any, names: tuple[str, ...]) -> Any:
    if isinstance(value, list):
        return [without(item, names) for item in value]
    if isinstance(value, dict):
        return {name: without(item, names) for name, item in value.items() if name not in names}
    return value


def test_what_was_stored_before_there_were_defaults_means_the_same_and_takes_a_status(
    kube: Kube, namespace: str
) -> None:
    definition = definitions()["Rollout"]
    kube.apply(of_an_earlier_version(definition))
    path = f"/apis/{EARLIER}/v1alpha1/namespaces/{namespace}/rollouts"
    good = {**a_rollout_manifest(namespace=namespace), "apiVersion": f"{EARLIER}/v1alpha1"}
    ramp = [{"ramp": {"from": 1, "to": 100, "by": 1}}, {"weight": 5}]
    long = {**a_rollout_manifest("long", namespace, steps=ramp), "apiVersion": f"{EARLIER}/v1alpha1"}
    assert eventually(lambda: answered(kube, path) != {}, 30.0)
    assert [kube.create(good)["spec"], kube.create(long)["spec"]] == [good["spec"], long["spec"]]

    kube.apply(served_as(definition))

    assert eventually(lambda: "capacity" in answered(kube, f"{path}/checkout").get("spec", {}), 30.0)
    assert parse_object(kube.get(f"{path}/checkout")) == parse_object(good)
    for name in ("checkout", "long"):
        answer = kube.patch(f"{path}/{name}/status", {"status": {"phase": "Idle"}})
        assert answer["status"]["phase"] == "Idle"


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


def test_a_fleet_has_at_most_a_thousand_namespaces_in_all_its_waves(kube: Kube, namespace: str) -> None:
    fleet = yaml.safe_load(a_migration(namespace))
    names = [f"n{number}" for number in range(1001)]
    waves = [{"name": "a", "namespaces": names[:501]}, {"name": "b", "namespaces": names[501:]}]

    with pytest.raises(KubeError) as caught:
        kube.create({**fleet, "spec": {**fleet["spec"], "waves": waves}})

    assert "at most 1000 namespaces are moved by one MeshMigration" in str(caught.value)


@pytest.mark.parametrize("namespaces", [1, 1000])
def test_nothing_of_a_fleets_status_is_lost(kube: Kube, namespace: str, namespaces: int) -> None:
    kube.create(yaml.safe_load(a_migration(namespace)))
    path, status = f"/apis/rollout.dev/v1alpha1/meshmigrations/{namespace}", a_soaking_fleet(namespaces)

    written = {"status": migration_status_to_dict(status)}
    kube.request("PATCH", f"{path}/status", written, "application/merge-patch+json")

    stored = kube.get(path)["status"]
    kube.delete(path)
    assert stored == written["status"]
    assert migration_status_from_dict(stored) == status


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
