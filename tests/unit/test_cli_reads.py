"""What do the reading commands print, in which format, and how do they end?"""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.builders import a_rollout_manifest
from tests.support.cli import GATED, a_release_at, a_terminal
from tests.support.metrics_server import matrix, metrics_server
from tests.support.world import World, a_release, a_world

pytestmark = pytest.mark.slow  # whole commands against a cluster's HTTP face


def an_event(number: int, reason: str, note: str, *, count: int = 1, uid: str = "") -> dict[str, Any]:
    regarding = {"kind": "Rollout", "namespace": "shop", "name": "checkout"} | ({"uid": uid} if uid else {})
    event: dict[str, Any] = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"checkout.{number}", "namespace": "shop"},
        "eventTime": f"2026-11-21T09:0{number}:00.000000Z",
        "reason": reason,
        "note": note,
        "type": "Normal",
        "regarding": regarding,
    }
    if count > 1:
        event["series"] = {"count": count, "lastObservedTime": f"2026-11-21T09:0{number}:30.000000Z"}
    return event


async def test_the_list_is_of_the_contexts_namespace(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        shown = await terminal.type("list")

    header, line = shown.out.splitlines()
    assert header.split()[:3] == ["NAME", "PHASE", "STABLE"]
    assert line.split()[:6] == ["checkout", "Progressing", "v1", "v2", "1/2", "5%"]


async def test_all_namespaces_have_a_column(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        shown = await terminal.type("list", "-A")

    assert shown.out.splitlines()[1].split()[:2] == ["shop", "checkout"]


async def test_labels_select(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        shown = await terminal.type("list", "-l", "team=nobody")

    assert (shown.code, shown.out, shown.err) == (0, "", "No Rollout in this namespace; -A looks in all.\n")


async def test_one_rollout_is_printed_as_the_api_has_it(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        shown = await terminal.type("get", "rollout/checkout", "-o", "yaml")

    obj = yaml.safe_load(shown.out)
    assert (obj["apiVersion"], obj["kind"], obj["status"]["phase"]) == (
        "rollout.dev/v1alpha1",
        "Rollout",
        "Progressing",
    )
    assert "managedFields" not in obj["metadata"]


async def test_several_rollouts_are_a_list(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        shown = await terminal.type("get", "-o", "json")

    found = json.loads(shown.out)
    assert (found["kind"], [item["kind"] for item in found["items"]]) == ("List", ["Rollout"])


async def test_names_are_printed_for_xargs(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        shown = await terminal.type("get", "rlt", "checkout", "-o", "name")

    assert shown.out == "rollout.rollout.dev/checkout\n"


async def test_another_kind_is_a_usage_error(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        shown = await terminal.type("get", "deployment/checkout")

    assert (shown.code, "no kind of ours" in shown.err) == (2, True)


@pytest.mark.parametrize("command", ["get", "why", "tree", "history", "events", "plan", "wait"])
async def test_a_rollout_that_is_not_there_is_exit_code_6(tmp_path: Path, command: str) -> None:
    async with a_release_at(tmp_path) as terminal:
        shown = await terminal.type(command, "nobody")

    assert (shown.code, "nobody" in shown.err) == (6, True)


@pytest.mark.parametrize("command", ["get", "why", "tree", "history", "events", "plan", "wait"])
async def test_no_right_to_read_is_exit_code_4(tmp_path: Path, command: str) -> None:
    async with a_release_at(tmp_path) as terminal:
        terminal.world.cluster.allows = lambda _: False

        shown = await terminal.type(command, "checkout")

    assert (shown.code, "cannot get" in shown.err) == (4, True)


async def test_a_cluster_that_does_not_answer_is_exit_code_20(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        config = terminal.kubeconfig.read_text()
    terminal.kubeconfig.write_text(config)  # the face is closed by now

    shown = await terminal.type("list", "-o", "json")

    assert (shown.code, json.loads(shown.err)["code"]) == (20, "Unreachable")


async def test_a_cluster_without_our_definitions_says_what_to_install(tmp_path: Path) -> None:
    async with a_world() as world, a_terminal(tmp_path, world) as terminal:
        await _without_rollouts(world)

        shown = await terminal.type("list")

    assert (shown.code, "rollout install" in shown.err) == (6, True)


async def test_why_tree_history_and_plan_speak_json(tmp_path: Path) -> None:
    kinds = {}
    async with a_release_at(tmp_path, steps=GATED) as terminal:
        for command in ("why", "tree", "history", "plan"):
            shown = await terminal.type(command, "checkout", "-o", "json")
            kinds[command] = json.loads(shown.out)["kind"]

    assert kinds == {"why": "Why", "tree": "Tree", "history": "History", "plan": "Plan"}


async def test_events_of_a_series_are_one_line_with_a_count(tmp_path: Path) -> None:
    async with a_release_at(tmp_path) as terminal:
        terminal.world.cluster.seed(
            an_event(1, "NewRevision", "new revision v2"),
            an_event(2, "Soaking", "soaking", count=4),
            an_event(3, "Soaking", "soaking"),
            an_event(4, "StableFound", "of a former Rollout", uid="another"),
        )

        shown = await terminal.type("events", "checkout", "-o", "json")

    found = json.loads(shown.out)["events"]
    assert [(event["code"], event["count"]) for event in found] == [("NewRevision", 1), ("Soaking", 5)]


async def test_plan_reads_a_manifest_that_is_not_in_the_cluster_yet(tmp_path: Path) -> None:
    file = tmp_path / "rollout.yaml"
    file.write_text(yaml.safe_dump(a_rollout_manifest(revision="v2", steps=[{"weight": 20, "soak": "1m"}])))
    async with a_release() as world, a_terminal(tmp_path, world) as terminal:
        shown = await terminal.type("plan", "-f", str(file))

    assert (shown.code, "STEP 1 (20 %)" in shown.out) == (0, True)


async def test_plan_of_an_invalid_manifest_is_a_usage_error_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "rollout.yaml"
    file.write_text(yaml.safe_dump(a_rollout_manifest(steps=[{"weight": 500}])))
    async with a_release() as world, a_terminal(tmp_path, world) as terminal:
        shown = await terminal.type("plan", "-f", str(file))

    assert (shown.code, f"{file}:" in shown.err) == (2, True)


async def test_plan_asks_the_prometheus_that_it_is_told_for_stables_history(tmp_path: Path) -> None:
    errors = {"name": "errors", "kind": "error-ratio", "max": "1%"}
    async with metrics_server() as server, a_release(objectives=[errors], suspend=True) as world:
        server.answer = matrix()
        await world.commit(revision="v2")
        async with a_terminal(tmp_path, world) as terminal:
            shown = await terminal.type("plan", "checkout", "--prometheus-url", server.url)

    assert (shown.code, shown.err) == (0, "")
    assert any("[3" in heard.query and "checkout-v1" in heard.query for heard in server.heard)


async def test_plan_takes_no_prometheus_that_is_no_url(tmp_path: Path) -> None:
    async with a_release() as world, a_terminal(tmp_path, world) as terminal:
        shown = await terminal.type("plan", "checkout", "--prometheus-url", "prometheus:9090")

    assert (shown.code, "write http://HOST:PORT" in shown.err) == (2, True)


async def test_diff_of_what_is_there_already_is_exit_code_0(tmp_path: Path) -> None:
    file = tmp_path / "rollout.yaml"
    file.write_text(yaml.safe_dump(a_rollout_manifest(revision="v1")))
    async with a_release() as world, a_terminal(tmp_path, world) as terminal:
        shown = await terminal.type("diff", str(file))

    assert (shown.code, shown.out) == (0, "")


async def test_diff_shows_changed_and_dropped_fields_and_writes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "rollout.yaml"
    file.write_text(yaml.safe_dump(a_rollout_manifest(revision="v2")))
    async with a_release(availableWithin="7m") as world, a_terminal(tmp_path, world) as terminal:
        shown = await terminal.type("diff", "-f", str(file))
        stored = await world.read("Rollout", "checkout")

    assert shown.code == 1
    assert {"-  revision: v1", "+  revision: v2", "-  availableWithin: 7m"} <= set(shown.out.splitlines())
    assert stored["spec"]["revision"] == "v1"


async def test_diff_of_a_file_that_is_not_there_is_neither_0_nor_1(tmp_path: Path) -> None:
    async with a_release() as world, a_terminal(tmp_path, world) as terminal:
        shown = await terminal.type("diff", str(tmp_path / "nothing.yaml"))

    assert shown.code == 2


async def test_the_age_in_a_list_is_that_of_the_object(tmp_path: Path) -> None:
    async with a_release() as world, a_terminal(tmp_path, world) as terminal:
        world.clock.advance(timedelta(hours=1))

        shown = await terminal.type("get", "checkout")

    assert shown.out.splitlines()[0].split()[-1] == "AGE"


async def _without_rollouts(world: World) -> None:
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    await world.person.delete(f"{definitions}/rollouts.rollout.dev")
