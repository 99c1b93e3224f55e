"""Do specs of the whole cluster come from git as those of a namespace do, in memory and on a real API server?"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from adapters.kube.client import HttpApi
from adapters.kube.commands import KubeCommands
from adapters.memory.clock import ManualClock
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.crds import definitions
from rollout.manifest.rolloutcommand import command_to_dict
from rollout.model.actions import Answer
from rollout.model.commands import Result, Verb
from rollout.model.names import Key
from rollout.ports.errors import NotFound
from rollout.ports.specs import Applied, Edited, ObjectRef, Spec
from tests.support.builders import NOON, a_command
from tests.support.sync_world import SyncWorld, a_migration, a_sync_world

REAL = pytest.param("real", marks=pytest.mark.server)
KIND = "MeshMigration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A world, a namespace of it that is ours, and a MeshMigration of the same name."""

    world: SyncWorld
    namespace: str

    @property
    def source(self) -> Key:
        return Key(namespace=self.namespace, name="all")

    @property
    def ref(self) -> ObjectRef:
        return ObjectRef(kind=KIND, key=Key(namespace="", name=self.namespace))

    def spec(self, *, commit: str = "1" * 40, soak: str = "24h") -> Spec:
        manifest = yaml.safe_load(a_migration(self.namespace, soak=soak))
        return Spec(ref=self.ref, manifest=manifest, place="fleet.yaml:1", commit=commit)

    async def stored(self) -> dict[str, Any]:
        return await self.world.api.get(self.world.cache.path(KIND, "", self.namespace))


@pytest.fixture(params=["memory", REAL])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    async with AsyncExitStack() as stack:
        if request.param == "real":
            namespace = request.getfixturevalue("namespace")
            api = await HttpApi.connect(str(request.getfixturevalue("kubeconfig")))
            stack.push_async_callback(api.close)
            case = Case(world=await stack.enter_async_context(a_sync_world(api)), namespace=namespace)
            stack.push_async_callback(case.world.remove, KIND, case.ref.key)
            yield case
            return
        cluster = MemoryCluster()
        cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ops"}}, *definitions().values())
        yield Case(world=await stack.enter_async_context(a_sync_world(DirectApi(cluster))), namespace="ops")


async def test_it_is_applied_without_a_namespace_and_owned_at_once(case: Case) -> None:
    changed = await case.world.specs.apply(case.spec(), case.source)

    stored = await case.stored()
    assert changed == Applied(changed=True, put_back=(Edited(path=""),))
    assert "namespace" not in stored["metadata"]
    assert [entry["manager"] for entry in stored["metadata"]["managedFields"]] == [f"rollout-git/{case.namespace}.all"]
    assert case.world.specs.owned(case.source) == (case.ref,)
    assert case.world.specs.owner(case.ref) == case.source


async def test_what_is_right_already_costs_no_request(case: Case) -> None:
    await case.world.specs.apply(case.spec(), case.source)
    await case.world.cache.refresh()
    case.world.api.requests.clear()

    changed = await case.world.specs.apply(case.spec(commit="2" * 40), case.source)

    assert (changed, case.world.api.requests) == (Applied(changed=False), [])


async def test_an_edit_by_hand_is_put_back_and_told(case: Case) -> None:
    await case.world.specs.apply(case.spec(), case.source)
    await case.world.edit(KIND, case.ref.key, {"spec": {"soak": "1m"}})

    changed = await case.world.specs.apply(case.spec(), case.source)

    assert (await case.stored())["spec"]["soak"] == "24h"
    assert changed.put_back == (Edited(path="spec.soak", manager="kubectl-edit"),)


async def test_a_field_that_somebody_added_is_taken_out(case: Case) -> None:
    await case.world.specs.apply(case.spec(), case.source)
    await case.world.edit(KIND, case.ref.key, {"spec": {"strictSoak": "1m"}})

    changed = await case.world.specs.apply(case.spec(), case.source)

    assert "strictSoak" not in (await case.stored())["spec"]
    assert [edited.path for edited in changed.taken_back] == ["spec.strictSoak"]


async def test_what_left_git_is_deleted_by_its_owner_alone(case: Case) -> None:
    await case.world.specs.apply(case.spec(), case.source)

    await case.world.specs.delete(case.ref, Key(namespace=case.namespace, name="other"))
    kept = (await case.stored())["metadata"]["name"]
    await case.world.specs.delete(case.ref, case.source)

    assert kept == case.namespace
    with pytest.raises(NotFound):
        await case.stored()


async def test_its_commands_are_those_of_the_controllers_namespace(case: Case) -> None:
    target = Key(namespace=case.namespace, name="fleet")
    commands = KubeCommands(case.world.api, case.world.cache, ManualClock(NOON), KIND)
    wanted = a_command(Verb.FALLBACK, name="", subject="shop")
    path = case.world.cache.path("RolloutCommand", case.namespace)
    await case.world.api.create(path, command_to_dict(target, a_command(Verb.ABORT, name="")))  # for a Rollout
    await case.world.api.create(path, command_to_dict(target, wanted, kind=KIND))
    await case.world.cache.refresh()

    (pending,) = commands.pending(target)
    await commands.answer(target, Answer(command=pending.uid, result=Result.ACCEPTED, message="falls back"))

    assert (pending.verb, pending.subject) == (Verb.FALLBACK, "shop")
    assert commands.pending(target) == ()
