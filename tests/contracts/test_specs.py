"""Do Specs and Sources keep their contract on a cluster in memory and on a real API server?"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.kube.client import HttpApi
from adapters.kube.marks import manager
from adapters.kube.sources import KubeSources
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.crds import definitions
from rollout.model.names import Key
from rollout.model.status import Condition
from rollout.ports.errors import Conflict, NotFound, Rejected
from rollout.ports.specs import Applied, Edited, ObjectRef, SourceStatus, Spec
from tests.support.builders import NOON
from tests.support.sync_world import API_VERSION, SyncWorld, a_sync_world
from tests.support.traffic_world import RecordingApi

REAL = pytest.param("real", marks=pytest.mark.server)
FULL = SourceStatus(
    observed_generation=1,
    commit="c" * 40,
    attempted="d" * 40,
    attempted_at=NOON,
    applied=3,
    foreign=1,
    handled_request="now",
    signer="SHA256:abc ana",
    confirmed="e" * 40,
    waiting="f" * 40,
    origin="https://git.example.org/shop.git main",
    conditions=(Condition(type="Ready", status="False", reason="InvalidSpecs", message="a.yaml:3", since=NOON),),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A world and a namespace of it that is ours."""

    world: SyncWorld
    namespace: str

    @property
    def source(self) -> Key:
        return Key(namespace=self.namespace, name="apps")

    def ref(self, name: str = "a") -> ObjectRef:
        return ObjectRef(kind="SloPolicy", key=Key(namespace=self.namespace, name=name))

    def spec(self, name: str = "a", *, commit: str = "1" * 40, ratio: str = "1%", **more: Any) -> Spec:
        objective = {"name": "errors", "kind": "error-ratio", "max": ratio, "mode": None}
        manifest = {"metadata": {"name": name}, "spec": {"objectives": [objective], **more}}
        return Spec(ref=self.ref(name), manifest=manifest, place=f"{name}.yaml:1", commit=commit)

    async def stored(self, name: str = "a") -> dict[str, Any]:
        return await self.world.api.get(self.world.cache.path("SloPolicy", self.namespace, name))

    async def edited(self, change: dict[str, Any], name: str = "a") -> None:
        await self.world.edit("SloPolicy", self.ref(name).key, change)


@pytest.fixture(params=["memory", REAL])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    async with AsyncExitStack() as stack:
        if request.param == "real":
            namespace = request.getfixturevalue("namespace")
            api = await HttpApi.connect(str(request.getfixturevalue("kubeconfig")))
            stack.push_async_callback(api.close)
            yield Case(world=await stack.enter_async_context(a_sync_world(api)), namespace=namespace)
            return
        cluster = MemoryCluster()
        cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}, *definitions().values())
        yield Case(world=await stack.enter_async_context(a_sync_world(DirectApi(cluster))), namespace="shop")


async def test_an_applied_object_is_owned_at_once(case: Case) -> None:
    changed = await case.world.specs.apply(case.spec(), case.source)

    assert changed == Applied(changed=True, put_back=(Edited(path=""),))
    assert case.world.specs.owned(case.source) == (case.ref(),)
    assert case.world.specs.owner(case.ref()) == case.source


async def test_an_object_is_applied_by_the_manager_of_its_source(case: Case) -> None:
    await case.world.specs.apply(case.spec(), case.source)

    managers = {entry["manager"]: entry["operation"] for entry in (await case.stored())["metadata"]["managedFields"]}
    assert managers == {f"rollout-git/{case.namespace}.apps": "Apply"}


async def test_what_is_right_already_costs_no_request_even_for_a_new_commit(case: Case) -> None:
    await case.world.specs.apply(case.spec(), case.source)
    await case.world.cache.refresh()
    case.world.api.requests.clear()

    changed = await case.world.specs.apply(case.spec(commit="2" * 40), case.source)

    assert (changed, case.world.api.requests) == (Applied(changed=False), [])


async def test_a_changed_spec_is_written_with_its_commit(case: Case) -> None:
    await case.world.specs.apply(case.spec(), case.source)

    changed = await case.world.specs.apply(case.spec(commit="2" * 40, ratio="5%"), case.source)

    stored = await case.stored()
    assert changed.changed
    assert (stored["spec"]["objectives"][0]["max"], stored["metadata"]["annotations"]["rollout.dev/commit"]) == (
        "5%",
        "2" * 40,
    )


async def test_an_edit_by_hand_is_put_back(case: Case) -> None:
    await case.world.specs.apply(case.spec(), case.source)
    await case.edited(
        {"spec": {"objectives": [{"name": "errors", "kind": "error-ratio", "max": "99%", "method": "threshold"}]}}
    )

    changed = await case.world.specs.apply(case.spec(), case.source)

    assert (await case.stored())["spec"]["objectives"][0]["max"] == "1%"
    assert [edit.path for edit in changed.put_back] == ["spec.objectives"]


async def test_an_object_that_a_person_made_is_taken_over(case: Case) -> None:
    body = {"apiVersion": API_VERSION, "kind": "SloPolicy", "metadata": {"name": "a"}}
    objectives = [{"name": "errors", "kind": "error-ratio", "max": "9%", "method": "threshold"}]
    path = case.world.cache.path("SloPolicy", case.namespace)
    await case.world.api.create(path, {**body, "spec": {"objectives": objectives}})
    await case.world.cache.refresh()

    await case.world.specs.apply(case.spec(), case.source)

    assert ((await case.stored())["spec"]["objectives"][0]["max"], case.world.specs.owner(case.ref())) == (
        "1%",
        case.source,
    )


@pytest.mark.parametrize("case", [REAL], indirect=True)
async def test_content_that_the_server_does_not_know_is_rejected(case: Case) -> None:
    with pytest.raises(Rejected, match="objektives"):
        await case.world.specs.apply(case.spec(objektives=[]), case.source)


async def test_an_object_that_is_being_deleted_is_waited_for(case: Case) -> None:
    await case.world.specs.apply(case.spec(), case.source)
    await case.edited({"metadata": {"finalizers": ["example.org/wait"]}})
    await case.world.remove("SloPolicy", case.ref().key)

    with pytest.raises(Conflict, match="still being deleted"):
        await case.world.specs.apply(case.spec(ratio="5%"), case.source)

    assert case.world.specs.owned(case.source) == ()
    await case.edited({"metadata": {"finalizers": None}})


async def test_a_deleted_object_is_gone(case: Case) -> None:
    await case.world.specs.apply(case.spec(), case.source)

    await case.world.specs.delete(case.ref(), case.source)

    with pytest.raises(NotFound):
        await case.stored()


async def test_an_object_that_another_source_took_over_is_not_deleted(case: Case) -> None:
    await case.world.specs.apply(case.spec(), replace(case.source, name="other"))

    await case.world.specs.delete(case.ref(), case.source)

    assert (await case.stored())["metadata"]["name"] == "a"


async def test_deleting_what_is_gone_is_no_error(case: Case) -> None:
    await case.world.specs.apply(case.spec(), case.source)
    await case.world.api.delete(case.world.cache.path("SloPolicy", case.namespace, "a"))

    await case.world.specs.delete(case.ref(), case.source)

    assert case.world.specs.owner(replace(case.ref(), kind="RolloutCommand")) is None


async def test_a_reported_status_is_kept_in_every_field(case: Case) -> None:
    key = await case.world.a_source(namespace=case.namespace)

    await case.world.sources.report(key, FULL)
    await case.world.cache.refresh()

    assert case.world.source(key).status == FULL


async def test_a_new_status_leaves_nothing_of_the_old_one(case: Case) -> None:
    key = await case.world.a_source(namespace=case.namespace)
    await case.world.sources.report(key, FULL)

    await case.world.sources.report(key, SourceStatus())

    assert case.world.source(key).status == SourceStatus()


async def test_a_status_on_an_object_that_changed_meanwhile_is_a_conflict(case: Case) -> None:
    key = await case.world.a_source(namespace=case.namespace)
    overtaken = RecordingApi(case.world.api)
    path = case.world.cache.path("GitSource", key.namespace, key.name)
    overtaken.before_patch = [(path, {"metadata": {"labels": {"a": "b"}}})]

    with pytest.raises(Conflict):
        await KubeSources(overtaken, case.world.cache).report(key, FULL)


async def test_reporting_on_a_source_that_is_gone_is_no_error(case: Case) -> None:
    key = await case.world.a_source(namespace=case.namespace)
    await case.world.api.delete(case.world.cache.path("GitSource", key.namespace, key.name))

    await case.world.sources.report(key, FULL)

    await case.world.cache.refresh()
    assert case.world.sources.get(key) is None


async def test_a_source_is_read_with_its_annotations(case: Case) -> None:
    key = await case.world.a_source(namespace=case.namespace, path="apps", interval="90s")
    await case.world.annotate(key, "requestedAt", "x")

    stored = case.world.source(key)

    assert stored.source is not None
    assert (stored.source.path, stored.source.interval, stored.request) == ("apps", timedelta(seconds=90), "x")
    assert stored.created.year > 2000


async def test_a_finalizer_is_put_on_and_taken_off(case: Case) -> None:
    key = await case.world.a_source(namespace=case.namespace)
    await case.world.edit("GitSource", key, {"metadata": {"finalizers": ["example.org/theirs"]}})

    await case.world.sources.set_finalizer(case.world.source(key), present=True)
    held = case.world.source(key).finalizer
    await case.world.sources.set_finalizer(case.world.source(key), present=False)

    path = case.world.cache.path("GitSource", key.namespace, key.name)
    found = (await case.world.api.get(path))["metadata"]["finalizers"]
    assert (held, case.world.source(key).finalizer, found) == (True, False, ["example.org/theirs"])
    await case.world.edit("GitSource", key, {"metadata": {"finalizers": None}})


async def test_a_finalizer_on_an_object_that_changed_meanwhile_is_a_conflict(case: Case) -> None:
    key = await case.world.a_source(namespace=case.namespace)
    before = case.world.source(key)
    await case.world.edit("GitSource", key, {"metadata": {"labels": {"a": "b"}}})

    with pytest.raises(Conflict):
        await case.world.sources.set_finalizer(before, present=True)


async def test_what_is_being_deleted_is_leaving_and_owned_no_more(case: Case) -> None:
    await case.world.specs.apply(case.spec(), case.source)
    await case.edited({"metadata": {"finalizers": ["example.org/wait"]}})

    await case.world.specs.delete(case.ref(), case.source)
    await case.world.cache.refresh()

    assert (case.world.specs.owned(case.source), case.world.specs.leaving(case.source)) == ((), (case.ref(),))
    await case.edited({"metadata": {"finalizers": None}})


def test_a_field_manager_fits_into_the_128_characters_of_the_api() -> None:
    names = {manager(Key(namespace="n" * 63, name="s" * 60 + end)) for end in ("a", "b")}

    assert (len(names), all(len(name) <= 128 for name in names)) == (2, True)
