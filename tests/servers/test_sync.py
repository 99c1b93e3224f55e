"""Does a real API server end up with exactly what git says, whoever edits it and however?"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.kube.client import HttpApi
from rollout.model.names import Key
from tests.support.builders import a_rollout_manifest
from tests.support.sync_world import URL, SyncWorld, a_policy, a_sync_world, policies

pytestmark = pytest.mark.server

CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/rollouts.rollout.dev"
PATIENCE_S = 60.0
SUBSET = {"host": "checkout", "name": "{revision}", "labels": {"version": "{revision}"}}


class Stand:
    """A world on a real server, with a Rollout checkout from git."""

    def __init__(self, world: SyncWorld, namespace: str) -> None:
        self.world, self.source = world, Key(namespace=namespace, name="apps")
        self.key = Key(namespace=namespace, name="checkout")

    async def holds(self, **spec: Any) -> dict[str, Any]:
        """Let git say so; the object as applied."""
        manifest = a_rollout_manifest(namespace=self.key.namespace, **spec)
        self.world.git.commit(URL, {"checkout.yaml": yaml.safe_dump(manifest)})
        if self.world.sources.get(self.source) is None:
            await self.world.a_source(namespace=self.source.namespace)
        await self.world.look(self.source)
        return await self.stored()

    async def stored(self) -> dict[str, Any]:
        return await self.world.api.get(self.path())

    def path(self) -> str:
        return self.world.cache.path("Rollout", self.key.namespace, self.key.name)

    async def edit(self, spec: dict[str, Any], manager: str = "kubectl-edit") -> None:
        await self.world.edit("Rollout", self.key, {"spec": spec}, manager)

    async def news(self) -> list[str]:
        """What the watch's wake-up led to, and that a second one finds nothing to do."""
        said = [f"{reason.code}: {reason.message}" for reason in (await self.world.wake(self.source)).news]
        again = await self.world.wake(self.source)
        assert (again.news, self.world.api.requests) == ((), [])
        return said


@pytest.fixture
async def stand(namespace: str, kubeconfig: Path) -> AsyncIterator[Stand]:
    api = await HttpApi.connect(str(kubeconfig))
    try:
        async with a_sync_world(api) as world:
            yield Stand(world, namespace)
    finally:
        await api.close()


def without(spec: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if name not in names}


@pytest.mark.parametrize(
    ("edit", "word"),
    [
        ({"suspend": True}, "FieldsRemoved: Rollout {key}: spec.suspend was added by kubectl-edit"),
        ({"analysis": {"bake": "5m"}}, "FieldsRemoved: Rollout {key}: spec.analysis.bake was added by kubectl-edit"),
        ({"availableWithin": "9m"}, "FieldsRemoved: Rollout {key}: spec.availableWithin was added by kubectl-edit"),
        ({"revision": "v9"}, "DriftPutBack: Rollout {key}: spec.revision was changed by kubectl-edit"),
        ({"steps": [{"weight": 99}]}, "DriftPutBack: Rollout {key}: spec.steps was changed by kubectl-edit"),
        ({"workload": None}, "DriftPutBack: Rollout {key}: spec.workload was removed or changed"),
        ({"analysis": None}, "DriftPutBack: Rollout {key}: spec.analysis.interval was changed by kubectl-edit"),
    ],
)
async def test_an_edit_of_any_kind_is_put_back_and_named(stand: Stand, edit: dict[str, Any], word: str) -> None:
    wanted = (await stand.holds(analysis={"interval": "20s"}))["spec"]
    await stand.edit(edit)

    (said,) = await stand.news()

    assert said.startswith(word.format(key=stand.key)), said
    assert (await stand.stored())["spec"] == wanted


async def test_a_field_inside_a_list_goes_with_the_list(stand: Stand) -> None:
    wanted = (await stand.holds())["spec"]
    await stand.edit({"steps": [{**step, "approval": "me"} for step in wanted["steps"]]})

    (said,) = await stand.news()

    assert "spec.steps was changed by kubectl-edit" in said
    assert (await stand.stored())["spec"] == wanted


async def test_one_of_two_fields_that_exclude_each_other_is_put_back(stand: Stand) -> None:
    wanted = (await stand.holds())["spec"]
    await stand.edit({"backend": {"service": None, "subset": SUBSET}})

    said = await stand.news()

    assert (await stand.stored())["spec"] == wanted
    assert any("spec.backend.subset was added by kubectl-edit" in words for words in said)


async def test_an_entry_of_a_map_is_removed_and_its_neighbours_stay(stand: Stand) -> None:
    wanted = (await stand.holds(backend={"subset": SUBSET}))["spec"]
    await stand.edit({"backend": {"subset": {"labels": {"canary.example.org/on": "yes"}}}})

    (said,) = await stand.news()

    assert "spec.backend.subset.labels.canary.example.org/on was added by kubectl-edit" in said
    assert (await stand.stored())["spec"] == wanted


async def test_what_another_tool_applies_is_removed_and_named(stand: Stand) -> None:
    wanted = (await stand.holds())["spec"]
    await stand.world.apply("Rollout", stand.key, {"spec": {"suspend": True, "analysis": {"bake": "5m"}}}, "argocd")

    (said,) = await stand.news()

    assert "spec.analysis was added by argocd, spec.suspend was added by argocd" in said
    assert (await stand.stored())["spec"] == wanted


async def test_what_another_tool_applies_as_git_has_it_is_left_alone(stand: Stand) -> None:
    await stand.holds()
    await stand.world.apply("Rollout", stand.key, {"spec": {"revision": "v2"}}, "argocd")

    assert await stand.news() == []


async def test_a_field_that_git_drops_goes_though_another_tool_applies_it_too(stand: Stand) -> None:
    await stand.holds(analysis={"interval": "20s"})
    await stand.world.apply("Rollout", stand.key, {"spec": {"analysis": {"interval": "20s"}}}, "argocd")
    manifest = a_rollout_manifest(namespace=stand.key.namespace)
    stand.world.git.commit(URL, {"checkout.yaml": yaml.safe_dump(manifest)})

    await stand.world.look(stand.source, hours=1)
    await stand.world.wake(stand.source)

    assert (await stand.stored())["spec"]["analysis"]["interval"] == "15s"  # the schema's default again


async def test_marks_and_what_git_states_of_labels_are_put_back_and_others_stay(stand: Stand) -> None:
    before = (await stand.holds())["metadata"]
    theirs = {"labels": {"rollout.dev/source": None, "team": "shop"}, "annotations": {"rollout.dev/spec-hash": "x"}}
    await stand.world.edit("Rollout", stand.key, {"metadata": {**theirs, "finalizers": ["example.org/wait"]}})

    await stand.news()

    after = (await stand.stored())["metadata"]
    assert (after["labels"], after["annotations"]) == ({**before["labels"], "team": "shop"}, before["annotations"])
    assert after["finalizers"] == ["example.org/wait"]
    await stand.world.edit("Rollout", stand.key, {"metadata": {"finalizers": None}})


async def test_a_status_is_nobodys_drift(stand: Stand) -> None:
    await stand.holds()
    await stand.world.patch_status("Rollout", stand.key, {"phase": "Idle"})

    assert await stand.news() == []


async def test_an_object_that_a_person_created_becomes_exactly_gits(stand: Stand) -> None:
    made = a_rollout_manifest(namespace=stand.key.namespace, suspend=True, revision="v9", analysis={"bake": "5m"})
    path = stand.world.cache.path("Rollout", stand.key.namespace)
    await stand.world.api.create(path, made, {"fieldManager": "kubectl-create"})
    await stand.world.cache.refresh()

    spec = (await stand.holds())["spec"]

    assert (spec["revision"], spec["suspend"], spec["analysis"]["bake"]) == ("v2", False, "0s")
    assert await stand.news() == []


# Some of what the CRD fills in where nobody says anything.
DEFAULTS: dict[str, Any] = {"settle": "30s", "suspend": False}


async def test_what_the_schema_fills_in_is_neither_drift_nor_removed(stand: Stand) -> None:
    applied = (await stand.holds())["spec"]
    quiet = await stand.news()
    await stand.edit({"settle": "5s", "analysis": {"bake": "5m"}})

    said = await stand.news()

    assert ({name: applied[name] for name in DEFAULTS}, quiet) == (DEFAULTS, [])
    assert ((await stand.stored())["spec"], "spec.settle" in said[0]) == (applied, True)


async def test_what_the_schema_filled_in_for_a_person_stays_and_is_tried_once(stand: Stand) -> None:
    path = stand.world.cache.path("Rollout", stand.key.namespace)
    made = a_rollout_manifest(namespace=stand.key.namespace)
    await stand.world.api.create(path, made, {"fieldManager": "kubectl-create"})
    await stand.world.cache.refresh()

    spec = (await stand.holds())["spec"]
    await stand.news()

    assert {name: spec[name] for name in DEFAULTS} == DEFAULTS


async def test_a_confirmed_commit_deletes_and_the_command_is_answered(stand: Stand) -> None:
    world = stand.world
    world.git.commit(URL, policies("a", "b"))
    key = await world.a_source(namespace=stand.source.namespace)
    await world.look(key)
    empty = world.git.commit(URL, {})
    await world.look(key, hours=1)
    name = await world.command(key, empty)

    await world.wake(key)

    assert ((await world.answer(key, name))[0], await world.policies(key.namespace)) == ("Accepted", {})
    assert world.source(key).status.confirmed == empty


async def test_an_object_changes_hands_in_one_write(stand: Stand) -> None:
    world, namespace = stand.world, stand.source.namespace
    other_url = "https://git.example.org/other.git"
    first, second = await world.a_source(namespace=namespace), await world.a_source("other", namespace, url=other_url)
    world.git.commit(URL, policies("a", "b"))
    world.git.commit(other_url, {"a.yaml": a_policy("a", "9%")})
    await world.look(first)
    await world.look(second)
    world.git.commit(URL, policies("b"))

    await world.look(first, hours=1)
    await world.look(second, hours=1)

    (objective,) = (await world.policies(namespace))["a"]["spec"]["objectives"]
    assert objective["max"] == "9%"
    assert (await world.policies(namespace))["a"]["metadata"]["labels"]["rollout.dev/source"] == "other"
