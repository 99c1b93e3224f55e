"""Does `rollout install` carry the right objects, from a source tree and from a wheel?"""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

import rollout
from adapters.kube.kinds import ROUTE_KINDS, TRAFFIC, WATCHED
from rollout.cli.install import install
from rollout.crds import definitions
from rollout.manifest.lint import lint
from rollout.model.shard import shard_from
from rollout.settings import Settings, Traffic
from rollout.wiring.serving import LEASE
from rollout.wiring.shipped import (
    CONTROLLER,
    NAMESPACE,
    OVERLAYS,
    Choices,
    controller_objects,
    folder,
    installed_objects,
    rules,
)
from tests.support.yamls import documents

DEPLOY = Path(__file__).parents[2] / "deploy"
EXAMPLES = sorted((DEPLOY / "examples").glob("*.yaml"))


def kinds(objects: tuple[dict[str, Any], ...]) -> list[str]:
    return [obj["kind"] for obj in objects]


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """The package's folder as a wheel lays it out."""
    shutil.copytree(DEPLOY, tmp_path / "rollout" / "installed")
    return tmp_path / "rollout"


def test_a_wheel_has_the_objects_inside_the_package(wheel: Path) -> None:
    assert controller_objects(Choices(), wheel) == controller_objects(Choices())


def test_a_source_tree_has_the_objects_beside_the_package() -> None:
    assert folder(Path(rollout.__path__[0])) == DEPLOY


def test_every_object_says_what_it_belongs_to() -> None:
    labels = [obj["metadata"]["labels"].get("app.kubernetes.io/part-of") for obj in controller_objects(Choices())]

    assert set(labels) == {"rollout"}


def test_what_others_refer_to_comes_first() -> None:
    order = kinds(controller_objects(Choices()))

    assert order[:2] == ["Namespace", "ServiceAccount"]
    assert order.index("ClusterRole") < order.index("ClusterRoleBinding")


def test_another_namespace_is_used_everywhere() -> None:
    text = yaml.safe_dump_all(controller_objects(Choices(namespace="ops")))

    assert NAMESPACE not in text
    assert "namespace: ops" in text


def test_image_and_prometheus_reach_the_container() -> None:
    objects = controller_objects(Choices(image="registry.test/rollout:2", prometheus_url="http://prometheus:9090"))

    container = deployment(objects)["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "registry.test/rollout:2"
    assert {"name": "ROLLOUT_PROMETHEUS_URL", "value": "http://prometheus:9090"} in container["env"]


def test_the_environment_of_the_container_names_settings_that_exist() -> None:
    container = deployment(controller_objects(Choices(prometheus_url="x")))["spec"]["template"]["spec"]["containers"][0]

    names = {entry["name"].removeprefix("ROLLOUT_").lower() for entry in container["env"]}
    assert names <= Settings.model_fields.keys()


def deployment(objects: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    return next(obj for obj in objects if obj["kind"] == "Deployment")


def test_the_controller_has_no_right_to_everything() -> None:
    assert [right for right in rules(controller_objects(Choices())) if "*" in right] == []


def test_the_controller_reads_every_kind_that_it_watches() -> None:
    granted = set(rules(controller_objects(Choices())))

    names = {kind: f"{kind.plural}:{kind.only}" if kind.only else kind.plural for kind in WATCHED}
    wanted = {(verb, kind.group, names[kind]) for kind in WATCHED for verb in ("list", "watch")}
    assert wanted - granted == set()


def test_a_dry_run_prints_every_object_and_needs_no_cluster() -> None:
    answer = CliRunner().invoke(install, ["--dry-run", "--kubeconfig", "/nowhere"])

    printed = [obj["metadata"]["name"] for obj in documents(answer.output)]
    wanted = [*definitions().values(), *controller_objects(Choices())]
    assert answer.exit_code == 0
    assert printed == [obj["metadata"]["name"] for obj in wanted]


def test_kubectl_gets_the_same_list_of_files() -> None:
    listed = yaml.safe_load((DEPLOY / "base" / "kustomization.yaml").read_text())["resources"]

    there = [path.name for path in (DEPLOY / "base").glob("*.yaml") if path.name != "kustomization.yaml"]
    assert sorted(listed) == sorted(there)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_valid(path: Path) -> None:
    assert lint([(path.name, path.read_bytes())]) == []


def test_there_is_an_example_for_every_kind_of_route() -> None:
    objects = [obj for path in EXAMPLES for obj in documents(path.read_text())]

    routes = {route["kind"] for obj in objects for route in obj["spec"].get("routes", ())}
    assert routes == {"VirtualService", "HTTPRoute", "GRPCRoute", "TrafficSplit"}


def test_the_names_of_lease_and_deployment_are_one() -> None:
    assert LEASE == CONTROLLER


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_wheel_has_the_overlays_too(wheel: Path, overlay: str) -> None:
    choices = Choices(overlays=(overlay,), watch="web")

    assert controller_objects(choices, wheel) == controller_objects(choices)


def test_a_mesh_and_a_single_namespace_go_together() -> None:
    objects = controller_objects(Choices(overlays=("istio", "namespaced"), watch="web"))

    env = deployment(objects)["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "ROLLOUT_TRAFFIC", "value": "istio"} in env
    assert {"name": "ROLLOUT_NAMESPACE", "value": "web"} in env
    assert [obj["metadata"]["namespace"] for obj in objects if obj["kind"] == "RoleBinding"] == [
        "rollout-system",
        "web",
    ]
    assert "shop" not in yaml.safe_dump_all(objects)


def test_shards_are_pods_with_numbers_of_which_each_has_its_lease_by_name() -> None:
    objects = controller_objects(Choices(overlays=("shards", "istio"), image="ours:1"))
    (pods,) = [obj for obj in objects if obj["kind"] == "StatefulSet"]
    (role,) = [obj for obj in objects if obj["kind"] == "Role" and obj["metadata"]["name"].endswith("-shards")]
    container = pods["spec"]["template"]["spec"]["containers"][0]

    count = shard_from(next(one["value"] for one in container["env"] if one["name"] == "ROLLOUT_SHARD"), "a-0").count
    assert pods["spec"]["replicas"] == 2 * count
    assert container["image"] == "ours:1"
    assert "ROLLOUT_IDENTITY" not in [one["name"] for one in container["env"]]
    assert role["rules"][0]["resourceNames"] == [f"{LEASE}-{number}" for number in range(1, count + 2)]
    assert [obj for obj in objects if obj["kind"] == "Deployment"] == []


def test_what_is_removed_is_what_may_be_there() -> None:
    kinds = [obj["kind"] for obj in installed_objects("elsewhere")]

    assert (kinds.count("Deployment"), kinds.count("StatefulSet"), kinds.count("ClusterRole")) == (
        1,
        1,
        kinds_of("ClusterRole"),
    )


def kinds_of(kind: str) -> int:
    """How many of a kind the base has."""
    return len([obj for obj in controller_objects(Choices()) if obj["kind"] == kind])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--overlay", "istio", "--overlay", "linkerd"], "takes one mesh"),
        (["--overlay", "namespaced"], "go together"),
        (["--watch", "web"], "go together"),
        (["--overlay", "consul"], "Invalid value"),
    ],
)
def test_overlays_that_make_no_sense_are_refused(options: list[str], words: str) -> None:
    answer = CliRunner().invoke(install, ["--dry-run", *options])

    assert (answer.exit_code, words in answer.output) == (2, True)


def test_each_mesh_has_an_overlay_a_setting_and_the_kinds_that_it_leaves() -> None:
    meshes = set(OVERLAYS) - {"namespaced", "shards"}

    assert meshes | {"all"} == set(TRAFFIC) == {item.value for item in Traffic}
    assert set(TRAFFIC["all"]) == {*ROUTE_KINDS, "DestinationRule"}


@pytest.mark.parametrize("mesh", sorted(set(OVERLAYS) - {"namespaced", "shards"}))
def test_an_overlay_keeps_the_rights_on_the_kinds_that_its_setting_leaves(mesh: str) -> None:
    rights = rules(controller_objects(Choices(overlays=(mesh,))))
    granted = {(group, resource) for verb, group, resource in rights if verb == "watch"}

    kinds = {kind.name for kind in WATCHED if kind.name in TRAFFIC["all"] and (kind.group, kind.plural) in granted}
    assert kinds == set(TRAFFIC[mesh])


@pytest.mark.parametrize("program", ["git", "openssh-client", "gnupg", "ca-certificates"])
def test_the_image_has_the_programs_that_we_call(program: str) -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()

    assert any("apt-get install" in line and program in line.split() for line in lines)


def test_the_image_runs_as_the_user_of_the_pod() -> None:
    security = deployment(controller_objects(Choices()))["spec"]["template"]["spec"]["securityContext"]

    assert f"USER {security['runAsUser']}:{security['runAsGroup']}" in (DEPLOY / "Dockerfile").read_text().splitlines()


def test_every_pod_is_counted_by_budget_network_policy_and_monitor() -> None:
    objects = controller_objects(Choices())
    labels = deployment(objects)["spec"]["template"]["metadata"]["labels"]
    (budget,) = [obj["spec"]["selector"]["matchLabels"] for obj in objects if obj["kind"] == "PodDisruptionBudget"]
    networks = [obj["spec"]["podSelector"]["matchLabels"] for obj in objects if obj["kind"] == "NetworkPolicy"]
    services = {obj["metadata"]["name"]: obj for obj in objects if obj["kind"] == "Service"}
    service = services["rollout-controller-metrics"]
    monitor = yaml.safe_load((DEPLOY / "monitoring" / "servicemonitor.yaml").read_text())["spec"]

    for selector in (budget, *networks, *(one["spec"]["selector"] for one in services.values())):
        assert selector.items() <= labels.items()
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert {end["port"] for end in monitor["endpoints"]} <= {port["name"] for port in service["spec"]["ports"]}


def test_the_api_is_reached_by_the_port_that_the_pod_has_for_it_and_settings_come_from_outside() -> None:
    objects = controller_objects(Choices())
    (container,) = deployment(objects)["spec"]["template"]["spec"]["containers"]
    (service,) = [obj for obj in objects if obj["metadata"]["name"] == "rollout-controller-api"]
    (network,) = [o for o in objects if o["kind"] == "NetworkPolicy" and o["metadata"]["name"] == "rollout-controller"]

    names = {port["name"] for port in container["ports"]}

    assert {port["targetPort"] for port in service["spec"]["ports"]} <= names
    assert "api" in {rule["port"] for ingress in network["spec"]["ingress"] for rule in ingress["ports"]} & names
    assert container["envFrom"] == [{"configMapRef": {"name": "rollout-settings", "optional": True}}]
