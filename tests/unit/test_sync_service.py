"""Does a commit reach the cluster whole or not at all, and does the source's status say how it went?"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from adapters.git.allowed import Urls
from adapters.git.source import GitSpecSource
from adapters.kube.store import KubeRollouts
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.crds import definitions
from rollout.services.sync_report import SyncState
from tests.support.builders import CHECKOUT, NOON, a_rollout_manifest
from tests.support.repos import Repository
from tests.support.sync_world import HOME, URL, SyncWorld, a_policy, a_sync_world, namespaces, policies

BROKEN = {"bad.yaml": a_policy("bad").replace("objectives", "objektives")}


@pytest.fixture
async def world() -> AsyncIterator[SyncWorld]:
    cluster = MemoryCluster()
    cluster.seed(*namespaces("shop", "pay", HOME), *definitions().values())
    async with a_sync_world(DirectApi(cluster)) as world:
        yield world


def writes(world: SyncWorld) -> list[str]:
    """Paths of the requests that changed something in the last look."""
    return [path for verb, path, _ in world.api.requests if verb != "get"]


async def test_a_first_commit_is_applied_and_reported(world: SyncWorld) -> None:
    key = await world.a_source()
    commit = world.git.commit(URL, policies("a", "b"))

    report = await world.look(key)

    assert set(await world.policies()) == {"a", "b"}
    assert (report.state, report.commit, len(report.applied)) == (SyncState.READY, commit, 2)
    assert world.condition(key) == ("True", "Synced", f"commit {commit[:12]}: 2 specs")


async def test_objects_carry_their_source_commit_and_place(world: SyncWorld) -> None:
    key = await world.a_source()
    commit = world.git.commit(URL, policies("a"))

    await world.look(key)

    meta = (await world.policies())["a"]["metadata"]
    marks = {name: value for name, value in meta["annotations"].items() if not name.endswith("spec-hash")}
    assert marks == {"rollout.dev/commit": commit, "rollout.dev/source": "a.yaml:1"}
    assert meta["labels"] == {"rollout.dev/source": "apps", "rollout.dev/source-namespace": "shop"}


async def test_the_same_commit_again_neither_reads_nor_writes(world: SyncWorld) -> None:
    key = await world.a_source()
    world.git.commit(URL, policies("a"))
    await world.look(key)
    reads = world.git.reads

    report = await world.look(key, hours=1)

    assert (world.git.reads - reads, world.api.requests, report.state) == (0, [], SyncState.READY)


async def test_a_commit_writes_only_the_object_that_it_changes(world: SyncWorld) -> None:
    key = await world.a_source()
    first = world.git.commit(URL, policies("a", "b"))
    await world.look(key)
    second = world.git.commit(URL, {**policies("a"), "b.yaml": a_policy("b", "5%")})

    report = await world.look(key, hours=1)

    held = await world.policies()
    assert ([ref.key.name for ref in report.applied], report.unchanged) == (["b"], 1)
    assert [held[name]["metadata"]["annotations"]["rollout.dev/commit"] for name in "ab"] == [first, second]


async def test_an_invalid_file_keeps_the_last_good_commit_and_says_where(world: SyncWorld) -> None:
    key = await world.a_source()
    good = world.git.commit(URL, policies("a"))
    await world.look(key)
    bad = world.git.commit(URL, {"a.yaml": a_policy("a", "9%"), **BROKEN})

    report = await world.look(key, hours=1)

    status, reason, message = world.condition(key)
    assert (status, reason, report.commit, report.attempted) == ("False", "InvalidSpecs", good, bad)
    assert "bad.yaml:" in message
    assert f"commit {good[:12]} stays in force" in message
    assert (await world.policies())["a"]["spec"]["objectives"][0]["max"] == "1%"


async def test_an_invalid_commit_is_stalled_by_kstatus_and_a_good_one_clears_it(world: SyncWorld) -> None:
    key = await world.a_source()
    world.git.commit(URL, BROKEN)
    await world.look(key)
    stalled = world.condition(key, "Stalled")[0]
    world.git.commit(URL, policies("a"))

    await world.look(key, hours=1)

    assert (stalled, world.condition(key, "Stalled")[0], world.condition(key)[0]) == ("True", "", "True")


async def test_an_invalid_commit_seen_again_writes_nothing(world: SyncWorld) -> None:
    key = await world.a_source()
    world.git.commit(URL, BROKEN)
    await world.look(key)

    await world.look(key, hours=1)

    assert writes(world) == []


async def test_with_skip_file_the_rest_is_applied_and_nothing_deleted(world: SyncWorld) -> None:
    key = await world.a_source(onInvalid="skip-file")
    world.git.commit(URL, policies("a", "b"))
    await world.look(key)
    world.git.commit(URL, {"a.yaml": a_policy("a", "9%"), **BROKEN})

    report = await world.look(key, hours=1)

    assert set(await world.policies()) == {"a", "b"}
    assert ([ref.key.name for ref in report.applied], report.reason) == (["a"], "FilesSkipped")


async def test_what_left_git_is_deleted(world: SyncWorld) -> None:
    key = await world.a_source()
    world.git.commit(URL, policies("a", "b"))
    await world.look(key)
    world.git.commit(URL, policies("a"))

    report = await world.look(key, hours=1)

    assert (set(await world.policies()), [ref.key.name for ref in report.pruned]) == ({"a"}, ["b"])


async def test_objects_of_nobody_and_of_others_are_not_deleted(world: SyncWorld) -> None:
    key, other = await world.a_source(), await world.a_source("other", url="https://git.example.org/other.git")
    world.git.commit("https://git.example.org/other.git", policies("theirs"))
    await world.look(other)
    world.git.commit(URL, policies("a", "b"))
    await world.look(key)
    world.git.commit(URL, policies("a"))

    await world.look(key, hours=1)

    assert set(await world.policies()) == {"a", "theirs"}


async def test_a_source_of_the_controllers_namespace_writes_everywhere(world: SyncWorld) -> None:
    key = await world.a_source("all", HOME)
    world.git.commit(URL, {"a.yaml": a_policy("a", namespace="pay")})

    await world.look(key)

    assert set(await world.policies("pay")) == {"a"}


async def test_a_rollout_in_a_real_repository_becomes_a_rollout_of_that_commit(
    world: SyncWorld, tmp_path: Path
) -> None:
    repository = Repository(tmp_path / "shop.git")
    git = GitSpecSource(tmp_path / "cache", urls=Urls(file=True))
    world.restart(git)
    key = await world.a_source(url=repository.url, path="apps")
    commit = repository.commit({"apps/checkout.yaml": yaml.safe_dump(a_rollout_manifest(revision="v7"))})

    await world.service.sync(key, NOON)
    await git.close()

    stored = KubeRollouts(world.api, world.cache).get(CHECKOUT)
    assert stored is not None
    assert stored.spec is not None, stored.error
    assert (stored.spec.revision, stored.commit, stored.spec.source) == ("v7", commit, "apps/checkout.yaml:1")
