"""Do Rollouts and commands behave the same on the memory cluster and on a real API server?"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from adapters.kube.api import KubeApi, Patch
from adapters.kube.cache import Cache
from adapters.kube.client import HttpApi
from adapters.kube.commands import KubeCommands
from adapters.kube.kinds import KINDS
from adapters.kube.store import KubeRollouts
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout import crds
from rollout.manifest.group import COMMIT, SOURCE
from rollout.manifest.rolloutcommand import command_to_dict
from rollout.model.actions import Answer
from rollout.model.commands import Result, Verb
from rollout.model.names import Key
from rollout.model.rollout import ErrorRatio, RouteRef
from rollout.ports.errors import Conflict, Rejected
from tests.support.builders import NOON, a_command, a_rollout_manifest, a_run, a_status

WITHIN = timedelta(seconds=20)
STORED = ("Rollout", "RolloutCommand", "SloPolicy")


@dataclass(frozen=True)
class NoonClock:
    """It is always noon."""

    def now(self) -> datetime:
        return NOON


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A namespace of a server, watched."""

    api: KubeApi
    cache: Cache
    namespace: str
    rollouts: KubeRollouts
    commands: KubeCommands

    @property
    def key(self) -> Key:
        return Key(namespace=self.namespace, name="checkout")

    async def created(self, obj: dict[str, Any]) -> dict[str, Any]:
        """The object, once the cache shows it."""
        path = self.cache.path(obj["kind"], self.namespace)
        stored = await self.api.create(path, {**obj, "metadata": {**obj["metadata"], "namespace": self.namespace}})
        name = stored["metadata"]["name"]
        await self.until(lambda: self.cache.get(obj["kind"], self.namespace, name) is not None)
        return stored

    async def a_rollout(self, **spec: Any) -> None:
        await self.created(a_rollout_manifest(namespace=self.namespace, **spec))

    async def a_command(self, verb: Verb, **changes: Any) -> str:
        """The uid of a new command for the Rollout checkout."""
        wanted = a_command(verb, name="", **changes)
        return str((await self.created(command_to_dict(self.key, wanted)))["metadata"]["uid"])

    async def until(self, holds: Callable[[], bool]) -> None:
        changed = asyncio.Event()
        self.cache.subscribe(lambda *_: changed.set())
        async with asyncio.timeout(WITHIN.total_seconds()):
            while not holds():
                await changed.wait()
                changed.clear()


@pytest.fixture(params=["memory", pytest.param("real", marks=pytest.mark.server)])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """A namespace of its own on each server."""
    async with AsyncExitStack() as stack:
        if request.param == "real":
            client = await HttpApi.connect(str(request.getfixturevalue("apiserver").kubeconfig("admin")))
            stack.push_async_callback(client.close)
            server: KubeApi = client
            namespace = request.getfixturevalue("namespace")
        else:
            cluster = MemoryCluster()
            cluster.seed(*crds.definitions().values())
            server, namespace = DirectApi(cluster), "default"
        cache = Cache(server, [KINDS[kind] for kind in STORED], namespace)
        following = asyncio.create_task(cache.run())
        stack.callback(following.cancel)
        await cache.wait_synced(WITHIN)
        rollouts, commands = KubeRollouts(server, cache), KubeCommands(server, cache, NoonClock())
        yield Bench(api=server, cache=cache, namespace=namespace, rollouts=rollouts, commands=commands)


async def test_a_rollout_is_read_with_its_spec_and_an_empty_status(bench: Bench) -> None:
    await bench.a_rollout(revision="v7")

    stored = bench.rollouts.get(bench.key)

    assert stored is not None
    assert stored.spec is not None
    assert stored.spec.revision == "v7"
    assert stored.status == replace(stored.status, stable=None, run=None)
    assert bench.rollouts.keys() == (bench.key,)


async def test_a_rollout_that_is_not_there_is_none(bench: Bench) -> None:
    assert bench.rollouts.get(bench.key) is None


async def test_commit_and_place_in_git_are_read_from_annotations(bench: Bench) -> None:
    manifest = a_rollout_manifest()
    manifest["metadata"]["annotations"] = {COMMIT: "abc123", SOURCE: "rollouts/checkout.yaml:3"}
    await bench.created(manifest)

    stored = bench.rollouts.get(bench.key)

    assert stored is not None
    assert stored.spec is not None
    assert (stored.commit, stored.spec.source) == ("abc123", "rollouts/checkout.yaml:3")


async def test_a_rollout_that_makes_no_sense_is_read_with_its_error(bench: Bench) -> None:
    await bench.a_rollout(backend={"service": "{name}-{revision}"}, revision="v1.2")  # CEL cannot see {name}

    stored = bench.rollouts.get(bench.key)

    assert stored is not None
    assert stored.spec is None
    assert "service would be checkout-v1.2" in stored.error


async def test_a_plan_that_two_rollouts_have_is_in_memory_once(bench: Bench) -> None:
    one, other = a_rollout_manifest(), a_rollout_manifest()
    other["metadata"]["name"] = "cart"
    for manifest in (one, other):
        await bench.created(manifest)

    found = [bench.rollouts.get(Key(namespace=bench.namespace, name=name)) for name in ("checkout", "cart")]

    steps, objectives = ([getattr(one.spec, part) for one in found if one] for part in ("steps", "objectives"))
    assert steps[0] is steps[1]
    assert objectives[0] is objectives[1]


async def test_rollouts_are_found_by_route(bench: Bench) -> None:
    await bench.a_rollout(routes=[{"kind": "VirtualService", "name": "{name}-routes", "only": ["a"]}])

    found = bench.rollouts.on_route(bench.namespace, RouteRef(kind="VirtualService", name="checkout-routes"))

    assert found == (bench.key,)


async def test_a_saved_status_is_read_at_once_and_after_the_watch_came_round(bench: Bench) -> None:
    await bench.a_rollout()
    stored = bench.rollouts.get(bench.key)
    status = a_status(run=a_run(weight=25), next="step 2 at 12:05")
    assert stored is not None

    saved = await bench.rollouts.save(stored, status)

    assert saved.status == status
    assert bench.rollouts.get(bench.key) == saved
    await bench.until(lambda: (bench.cache.watched("Rollout", *_at(bench)) or {}).get("status") is not None)
    assert bench.rollouts.get(bench.key) == saved


async def test_a_save_on_an_old_version_is_a_conflict(bench: Bench) -> None:
    await bench.a_rollout()
    stored = bench.rollouts.get(bench.key)
    assert stored is not None
    await bench.rollouts.save(stored, a_status())

    with pytest.raises(Conflict):
        await bench.rollouts.save(stored, a_status(next="other"))


async def test_a_status_of_a_newer_version_is_an_error_and_is_not_written_over(bench: Bench) -> None:
    await bench.a_rollout()
    path = bench.cache.path("Rollout", *_at(bench), "status")
    await bench.api.patch(path, Patch.MERGE, {"status": {"phase": "Idle", "canaryRevision": "v2"}})
    await bench.until(lambda: bool((bench.cache.get("Rollout", *_at(bench)) or {}).get("status")))
    stored = bench.rollouts.get(bench.key)
    assert stored is not None
    assert stored.spec is None
    assert "cannot read the status" in stored.error

    with pytest.raises(Rejected):
        await bench.rollouts.save(stored, a_status())


async def test_the_finalizer_is_set_once_and_taken_away(bench: Bench) -> None:
    await bench.a_rollout()
    stored = bench.rollouts.get(bench.key)
    assert stored is not None

    held = await bench.rollouts.set_finalizer(stored, present=True)
    again = await bench.rollouts.set_finalizer(held, present=True)
    freed = await bench.rollouts.set_finalizer(again, present=False)

    assert (held.finalizer, again.version, freed.finalizer) == (True, held.version, False)


async def test_a_deleted_rollout_waits_for_its_finalizer(bench: Bench) -> None:
    await bench.a_rollout()
    stored = bench.rollouts.get(bench.key)
    assert stored is not None
    await bench.rollouts.set_finalizer(stored, present=True)
    await bench.api.delete(bench.cache.path("Rollout", *_at(bench)))
    await bench.until(lambda: (now := bench.rollouts.get(bench.key)) is not None and now.deleting)
    ending = bench.rollouts.get(bench.key)
    assert ending is not None

    await bench.rollouts.set_finalizer(ending, present=False)

    await bench.until(lambda: bench.rollouts.get(bench.key) is None)


async def test_policies_add_their_objectives_and_are_followed(bench: Bench) -> None:
    await bench.a_rollout(policies=["http"], objectives=[])
    missing = bench.rollouts.get(bench.key)
    assert missing is not None
    assert "there is no SloPolicy http" in missing.error

    await bench.created(_policy(max="2%"))

    stored = bench.rollouts.get(bench.key)
    assert stored is not None
    assert stored.spec is not None
    assert stored.spec.objectives == (ErrorRatio(name="shared", max_ratio=0.02),)


async def test_unanswered_commands_are_pending_until_they_are_answered(bench: Bench) -> None:
    uid = await bench.a_command(Verb.ABORT, reason="errors at the till")
    (pending,) = bench.commands.pending(bench.key)
    assert (pending.uid, pending.verb, pending.actor, pending.reason) == (uid, Verb.ABORT, "ana", "errors at the till")

    await bench.commands.answer(bench.key, Answer(command=uid, result=Result.ACCEPTED, message="aborted"))

    assert bench.commands.pending(bench.key) == ()
    (obj,) = bench.cache.list("RolloutCommand", bench.namespace)
    assert obj["status"] == {"result": "Accepted", "message": "aborted", "handledAt": "2026-11-21T12:00:00Z"}


async def test_an_answer_is_never_changed(bench: Bench) -> None:
    uid = await bench.a_command(Verb.PAUSE)
    await bench.commands.answer(bench.key, Answer(command=uid, result=Result.ACCEPTED, message="first"))

    await bench.commands.answer(bench.key, Answer(command=uid, result=Result.REFUSED, message="second"))

    (obj,) = bench.cache.list("RolloutCommand", bench.namespace)
    assert obj["status"]["message"] == "first"


async def test_a_command_that_changed_in_between_is_answered_all_the_same(bench: Bench) -> None:
    uid = await bench.a_command(Verb.PAUSE)
    (obj,) = bench.cache.list("RolloutCommand", bench.namespace)
    path = bench.cache.path("RolloutCommand", bench.namespace, obj["metadata"]["name"])
    await bench.api.patch(path, Patch.MERGE, {"metadata": {"labels": {"a": "b"}}})

    await bench.commands.answer(bench.key, Answer(command=uid, result=Result.ACCEPTED, message="paused"))

    assert bench.commands.pending(bench.key) == ()


async def test_an_answer_to_a_command_that_is_gone_does_nothing(bench: Bench) -> None:
    uid = await bench.a_command(Verb.PAUSE)
    (obj,) = bench.cache.list("RolloutCommand", bench.namespace)
    path = bench.cache.path("RolloutCommand", bench.namespace, obj["metadata"]["name"])
    await bench.api.delete(path)

    await bench.commands.answer(bench.key, Answer(command=uid, result=Result.ACCEPTED, message="paused"))

    await bench.until(lambda: bench.commands.pending(bench.key) == ())


def _at(bench: Bench) -> tuple[str, str]:
    return bench.namespace, "checkout"


def _policy(**changes: Any) -> dict[str, Any]:
    objective = {"name": "shared", "kind": "error-ratio", "max": "1%", **changes}
    spec = {"objectives": [objective]}
    return {"apiVersion": "rollout.dev/v1alpha1", "kind": "SloPolicy", "metadata": {"name": "http"}, "spec": spec}
