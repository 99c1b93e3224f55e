"""What comes of the faults that one of the peers does not survive?

Flagger or Argo Rollouts fails each of these, measured on the same kind of machine: weights that somebody else writes,
routes and fields that are none of ours, a timing that is edited after a rollback, a metric that turns bad while a step ends.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise
from threading import Timer
from typing import Any

import pytest

from tests.servers.apiserver import ApiServer
from tests.servers.client import Obj
from tests.servers.faults import everything
from tests.servers.lives import Member, Stage, Status, Story, a_stage
from tests.servers.plays import RELEASE, SLOWLY, V1, fails, gives, has_weight, is_soaking, says, wants
from tests.servers.process import eventually
from tests.servers.scenery import STEPS

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("faults of peers")]

LATE = 12  # Rollouts whose metric turns bad around the end of their first step, each at its own moment
STEP_S = 1.0
MANY, WORKERS = 20, 8  # Rollouts in mid-run whose metrics server hangs, and how many of them may be worked on at once
OBEYED_S = 3.0  # less than the deadline of one query, 10 s; some tenths of a second on a quiet machine


def has_failed(status: Status) -> bool:
    """The run is over, and stable has all traffic."""
    return status.get("phase") == "Failed"


def retimed(stage: Stage, name: str) -> None:
    """Only the timing of the plan is edited."""
    steps = [{**step, "soak": "3s"} for step in STEPS]
    stage.kube.patch(stage.path("rollouts", name), {"spec": {"steps": steps, "analysis": {"interval": "2s"}}})


def shortened(stage: Stage, name: str) -> None:
    """Somebody edits the timeout of the route that a run moves."""
    operation = {"op": "replace", "path": "/spec/http/1/timeout", "value": "7s"}
    stage.kube.patch(stage.path("virtualservices", name), [operation], "json")


def fails_late(stage: Stage, name: str) -> None:
    """The canary begins to fail some time around the end of the step: later with a higher number."""
    after = STEP_S * (0.4 + 1.2 * int(name[-3:]) / LATE)
    Timer(after, lambda: fails(stage, name)).start()


FAILED = "Failed v1 Failed"
LONG = {"weight": 10, "soak": "4s"}
LONGEST = {"weight": 10, "soak": "2m"}
CALM: tuple[Any, ...] = ((V1, wants("v2", steps=[LONGEST])), (has_weight, fails))
STORIES = {
    "raised": Story(acts=((V1, wants("v2", steps=[LONG, STEPS[1]])), (is_soaking, gives(77))), ends="Idle v2 Promoted"),
    "edited": Story(acts=((V1, gives(33)),), ends="Idle v1"),
    "failed": Story(acts=(*CALM, (has_failed, gives(33))), ends=FAILED),
    "retimed": Story(acts=(*CALM, (has_failed, retimed)), ends=FAILED),
    "whole": Story(acts=((V1, RELEASE), (has_weight, shortened)), ends="Idle v2 Promoted"),
}
GOING = Story(acts=((V1, SLOWLY),), ends="Progressing v1")
LATELY = Story(acts=((V1, SLOWLY), (has_weight, fails_late)), ends=FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All of it, lived through once. began: the route with foreign entries, as its owner wrote it."""

    stage: Stage
    began: Obj
    weights: dict[str, list[int]]


@pytest.fixture(scope="module")
def scene(apiserver: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Every story at the same time."""
    members = [Member(name=f"{name}-000", story=story) for name, story in STORIES.items()]
    members += [Member(name=f"late-{number:03}", story=LATELY) for number in range(LATE)]
    members += [Member(name=f"many-{number:03}", story=GOING) for number in range(MANY)]
    with a_stage(apiserver, tmp_path_factory.mktemp("peers"), WORKERS) as stage:
        stage.enter(*members)
        began = stage.kube.patch(
            stage.path("virtualservices", "whole-000"), a_whole_route(stage.namespace, "whole-000")
        )
        stage.play_to_the_end(members)
        stored = stage.history.complete()
        yield Scene(stage=stage, began=began, weights={one.name: weights_of(stored, one) for one in members})


def a_whole_route(namespace: str, name: str) -> Obj:
    """A route object with much that no run is about: another route, a third destination, TCP, headers, retries."""
    mine = {"host": "checkout-v1", "port": {"number": 80}}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"team": "shop"},
            "annotations": {"shop/owner": "ana"},
        },
        "spec": {
            "hosts": [name, f"{name}.example"],
            "gateways": ["mesh", "public"],
            "http": [
                {
                    "name": "admin",
                    "match": [{"uri": {"prefix": "/admin"}}],
                    "route": [{"destination": {"host": "admin"}}],
                    "timeout": "1s",
                },
                {
                    "name": "shop",
                    "route": [
                        {"destination": mine, "weight": 90, "headers": {"response": {"set": {"x-shop": "1"}}}},
                        {"destination": {"host": "elsewhere"}, "weight": 10},
                    ],
                    "timeout": "5s",
                    "retries": {"attempts": 2, "perTryTimeout": "1s"},
                },
            ],
            "tcp": [{"match": [{"port": 5432}], "route": [{"destination": {"host": "database"}}]}],
        },
    }


def weights_of(stored: list[Any], member: Member) -> list[int]:
    """The weights of v2 in the route, each once in a row, in the order in which they were stored."""
    routes = [obj for _, path, obj in stored if "/virtualservices/" in path and member.owns(obj)]
    found = [weight_of(obj) for obj in routes]
    return [found[0], *(after for before, after in pairwise(found) if after != before)]


def weight_of(route: Obj) -> int:
    """What v2 gets in the last HTTP route."""
    entries = route["spec"]["http"][-1]["route"]
    return sum(entry.get("weight", 100) for entry in entries if entry["destination"]["host"] == "checkout-v2")


def given_by(patch: list[Obj]) -> list[int]:
    """The weights that a JSON patch gives v2; it tests first which destination is where."""
    tested = {one["path"].removesuffix("/destination"): one["value"] for one in patch if one["op"] == "test"}
    written = ((one["path"].removesuffix("/weight"), one["value"]) for one in patch if one["path"].endswith("/weight"))
    return [weight for entry, weight in written if tested[entry] == {"host": "checkout-v2"}]


def test_a_weight_that_somebody_raises_in_mid_run_is_set_back_and_no_step_is_skipped(scene: Scene) -> None:
    assert scene.weights["raised-000"] == [0, 10, 77, 10, 50, 100]


def test_a_weight_that_somebody_gives_the_failed_revision_is_taken_away(scene: Scene) -> None:
    assert scene.weights["failed-000"] == [0, 10, 0, 33, 0]


def test_a_weight_that_somebody_gives_an_unknown_revision_is_said_and_starts_nothing(scene: Scene) -> None:
    status = scene.stage.kube.get(scene.stage.path("rollouts", "edited-000"))["status"]

    assert [reason["code"] for reason in status["reasons"]] == ["UnknownBackend"]
    assert scene.weights["edited-000"] == [0, 33]


def test_a_timing_that_is_edited_after_a_rollback_brings_the_failed_revision_no_request(scene: Scene) -> None:
    assert scene.weights["retimed-000"] == [0, 10, 0]


def test_everything_but_the_weights_of_a_release_stays_as_its_owner_wrote_it(scene: Scene) -> None:
    route = scene.stage.kube.get(scene.stage.path("virtualservices", "whole-000"))

    wanted = deepcopy(scene.began["spec"])
    wanted["http"][1]["timeout"] = "7s"  # somebody's edit in mid-run
    mine, others = wanted["http"][1]["route"]
    mine["destination"]["host"] = "checkout-v2"
    wanted["http"][1]["route"] = [others, mine]
    assert route["spec"] == wanted
    assert route["metadata"]["labels"] == {"team": "shop"}
    assert route["metadata"]["annotations"] == {"shop/owner": "ana"}
    assert scene.weights["whole-000"] == [0, 10, 50, 90]


@pytest.mark.parametrize("number", range(LATE))
def test_nothing_is_raised_once_the_metrics_server_said_that_the_canary_fails(number: int, scene: Scene) -> None:
    name = f"late-{number:03}"
    asked = [one for one in scene.stage.told_bad.met if name in one.path]
    after = [one for one in scene.stage.api.seen if f"/virtualservices/{name}" in one.path and one.at > asked[0].at]

    assert len(after) > 0
    assert [weight for one in after for weight in given_by(json.loads(one.body)) if weight] == []


def test_a_person_is_obeyed_at_once_though_the_metrics_server_hangs_for_more_rollouts_than_are_worked_on(
    scene: Scene,
) -> None:
    stage = scene.stage
    name = f"many-{MANY - 1:03}"
    stage.metrics.heal()
    hanging = stage.metrics.hang(everything)
    assert eventually(lambda: len(hanging.met) > 0)

    says("abort")(stage, name)

    assert eventually(lambda: weight_of(stage.kube.get(stage.path("virtualservices", name))) == 0, OBEYED_S)
