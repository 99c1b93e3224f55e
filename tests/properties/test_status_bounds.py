"""Does every list of a status that grows end at its bound, and does a status at all its bounds still fit into one object?"""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.kube import notifiers
from adapters.memory.cluster import MemoryCluster
from adapters.memory.schemas import shaped
from policies.approval import Approvers, Identity, Realm
from rollout.crds import definitions
from rollout.manifest.approvalpolicy import MOST_NEEDED
from rollout.manifest.fields import MOST_STEPS
from rollout.manifest.objective import MAX_OBJECTIVES
from rollout.manifest.status import status_to_dict
from rollout.model.commands import Handled, Result, Verb
from rollout.model.deeds import Approval
from rollout.model.hooks import MOST_HOOKS, OWED_KEPT, HookCount, HookOwed
from rollout.model.notifier import TOLD_KEPT, NotifierStatus, ToldOf
from rollout.model.status import (
    DEEDS_KEPT,
    FIGHTS_COUNTED,
    FIGHTS_KEPT,
    HANDLED_KEPT,
    HISTORY_KEPT,
    Condition,
    Reason,
    RolloutStatus,
)
from tests.support.builders import (
    NOON,
    a_checkpoint,
    a_deed,
    a_fight,
    a_full_status,
    a_rollout_manifest,
    a_step,
    a_verdict,
    an_approval_policy,
)
from tests.support.pure_world import FLUX, OUTER, PureWorld, running

pytestmark = pytest.mark.slow  # as long as runs can be

MOST_BYTES = 1_000_000  # etcd takes 1.5 MB, and the spec and who wrote which field are in the same object
MINUTE = timedelta(minutes=1)
WORDS = "w" * 1024  # of a command, at most
NAME = "n" * 253
NOTIFIER = {
    "apiVersion": "rollout.dev/v1alpha1",
    "kind": "Notifier",
    "metadata": {"name": "all", "namespace": "shop"},
    "spec": {"type": "slack", "secretRef": {"name": "slack"}, "channel": "C0123"},
}
CLUSTER = MemoryCluster()
CLUSTER.seed(*definitions().values())


def kept(manifest: dict[str, Any], status: dict[str, Any]) -> dict[str, Any]:
    """The status as the API server would keep it; it raises where the schema does not admit it."""
    found: dict[str, Any] = shaped(CLUSTER.kinds.target(CLUSTER.kinds.path(manifest)), {**manifest, "status": status})
    return dict(found["status"])


def size(status: dict[str, Any]) -> int:
    """Bytes of it in etcd."""
    return len(json.dumps(status, separators=(",", ":")).encode())


def an_identity(number: int) -> Identity:
    """A person of an identity provider who is in 20 groups."""
    groups = tuple(f"oidc:team-{group:02}-{'x' * 40}" for group in range(20))
    return Identity(realm=Realm.CLUSTER, user=f"oidc:{number}@shop.example", groups=groups)


def at_all_its_bounds() -> RolloutStatus:
    """Every list is as long as it may become, and what people wrote as long as a command's schema admits."""
    full = a_full_status()
    assert full.run is not None
    deeds = (a_deed(reason=WORDS),) * DEEDS_KEPT
    run = replace(
        full.run,
        plan=tuple(a_step(1, approval=f"{number}-{NAME}"[:253]) for number in range(MOST_STEPS)),
        approvals=tuple(
            Approval(step=step, by=f"{number}@shop.example", at=NOON, identity=an_identity(number))
            for step in range(4)
            for number in range(MOST_NEEDED)
        ),
        deeds=deeds,
        judged=tuple(a_checkpoint(f"objective-{number}") for number in range(MAX_OBJECTIVES)),
        hooks=tuple(
            HookCount(name=f"hook-{number}", step=1, failures=9, at=NOON, message="5" * 200)
            for number in range(MOST_HOOKS)
        ),
    )
    return replace(
        full,
        run=run,
        handled=tuple(
            Handled(uid=f"{number:036}", result=Result.REFUSED, message="m" * 300) for number in range(HANDLED_KEPT)
        ),
        history=tuple(
            replace(full.history[0], run=number, message=WORDS, deeds=deeds) for number in range(HISTORY_KEPT)
        ),
        fights=(a_fight(at=(NOON,) * FIGHTS_COUNTED),) * FIGHTS_KEPT,
        verdicts=tuple(a_verdict(name=f"objective-{number}", query="q" * 2000) for number in range(MAX_OBJECTIVES)),
        reasons=(Reason(code="Soaking", message="m" * 500),) * 20,
        owed=(HookOwed(name=NAME, run=1, revision=NAME, template="t", succeeded=True, since=NOON),) * OWED_KEPT,
        last_spec=json.dumps({"spec": "s" * 100_000}),
    )


def test_a_rollouts_status_at_all_its_bounds_is_kept_whole_and_fits_into_one_object() -> None:
    written = json.loads(json.dumps(status_to_dict(at_all_its_bounds())))

    assert kept(a_rollout_manifest(), written) == written
    assert size(written) < MOST_BYTES, f"{size(written)} bytes"


def test_a_notifiers_status_at_its_bound_is_kept_whole_and_fits_into_one_object() -> None:
    told = tuple(
        ToldOf(subject=f"shop/{number:04}-checkout-of-the-shop", mark="12 p 100", receipt="C0123.1790000000.000100")
        for number in range(TOLD_KEPT)
    )
    condition = Condition(type="Ready", status="True", reason="Telling", message="m" * 2000, since=NOON)
    status = NotifierStatus(observed_generation=1, since=NOON, told=told, conditions=(condition,) * 20)
    written = json.loads(json.dumps(notifiers.status_to_dict(status)))

    assert kept(NOTIFIER, written) == written
    assert size(written) < MOST_BYTES, f"{size(written)} bytes"


@pytest.mark.parametrize("kind", ["GitSource", "Receiver"])
def test_a_status_whose_only_list_is_its_conditions_cannot_grow(kind: str) -> None:
    (definition,) = (one for one in definitions().values() if one["spec"]["names"]["kind"] == kind)
    fields = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]

    lists = {name: field.get("maxItems") for name, field in fields.items() if field["type"] in ("array", "object")}

    assert lists == {"conditions": 20}


def lived(world: PureWorld, verb: Verb, times: int, **made_for: Any) -> PureWorld:
    """A world in which somebody said the same so many times, each time a second later."""
    for number in range(times):
        bound = {name: value(number) if callable(value) else value for name, value in made_for.items()}
        world.command(verb, **bound)
        world.pass_time(timedelta(seconds=1))
    return world


def test_however_often_people_steer_a_run_the_last_of_it_is_kept() -> None:
    world = running(1)
    for _ in range(HANDLED_KEPT):
        lived(world, Verb.PAUSE, 1)
        lived(world, Verb.RESUME, 1)

    run = world.status.run
    assert run is not None
    assert len(run.deeds) == DEEDS_KEPT
    assert len(world.status.handled) == HANDLED_KEPT
    assert len(world.answers) == 2 * HANDLED_KEPT


def test_more_commands_at_once_than_are_remembered_are_all_answered() -> None:
    world = running(1)
    for _ in range(3 * HANDLED_KEPT):
        world.command(Verb.RETRY)

    world.pass_time(MINUTE)

    assert len(world.answers) == 3 * HANDLED_KEPT
    assert len(world.status.handled) <= HANDLED_KEPT


def test_no_more_approvals_are_kept_than_a_step_needs() -> None:
    world = PureWorld()
    world.policies["team"] = an_approval_policy("team", minimum=3, approvers=Approvers(groups=("all",)))
    world.settle()
    world.spec = replace(world.spec, revision="v2", steps=(a_step(5, approval="team"), a_step(50)))
    world.pass_time(MINUTE)

    lived(world, Verb.APPROVE, 40, actor=lambda number: f"person-{number}", groups=("all",))

    run = world.status.run
    assert run is not None
    assert len(run.approvals) == 3


def test_one_person_whose_groups_change_is_kept_once_for_each_step() -> None:
    world = PureWorld()
    world.policies["team"] = an_approval_policy("team", minimum=2, approvers=Approvers(groups=("all",)))
    world.settle()
    world.spec = replace(world.spec, revision="v2", steps=(a_step(5, approval="team"), a_step(50)))
    world.pass_time(MINUTE)

    lived(world, Verb.APPROVE, 40, groups=lambda number: ("all", f"group-{number}"))

    run = world.status.run
    assert run is not None
    assert len(run.approvals) == 1


def test_only_the_last_runs_are_kept() -> None:
    world = PureWorld()
    world.settle()
    for number in range(2 * HISTORY_KEPT):
        world.spec = replace(world.spec, revision=("v2", "v1")[number % 2])
        world.pass_time(MINUTE)

    assert len(world.status.history) == HISTORY_KEPT
    assert len(world.status.retiring) <= 2


def test_a_tool_that_never_stops_is_kept_once_for_each_route() -> None:
    world = running(1)
    for _ in range(3 * FIGHTS_KEPT):
        for route in world.spec.routes:
            world.give_by(FLUX, route, v1=100)
        world.pass_time(timedelta(seconds=61))

    assert OUTER in world.spec.routes
    assert len(world.status.fights) <= len(world.spec.routes)
    assert all(len(fight.at) <= FIGHTS_COUNTED for fight in world.status.fights)
