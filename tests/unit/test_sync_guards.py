"""Which commits are not taken before a signature is good, history follows, or a person has confirmed them?"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.memory.cluster import DirectApi, MemoryCluster
from adapters.memory.source import MemorySpecSource
from rollout.crds import definitions
from rollout.model.status import Reason
from rollout.ports.errors import Unreachable
from rollout.services.sync_report import SyncState
from tests.support.sync_world import HOME, URL, SyncWorld, a_sync_world, namespaces, policies

ANA = "ssh-ed25519 AAAA ana"
BEN = "ssh-ed25519 BBBB ben"
VERIFY: dict[str, Any] = {"verify": {"secretRef": {"name": "keys"}}}


@pytest.fixture
async def world() -> AsyncIterator[SyncWorld]:
    cluster = MemoryCluster()
    keys = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys", "namespace": "shop"}}
    cluster.seed(*namespaces("shop", HOME), *definitions().values())
    cluster.seed({**keys, "data": {"ana.sshpub": "c3NoLWVkMjU1MTkgQUFBQSBhbmE="}})
    async with a_sync_world(DirectApi(cluster)) as world:
        yield world


def signed(world: SyncWorld, *names: str, by: str = ANA) -> str:
    commit = world.git.commit(URL, policies(*names))
    world.git.sign(commit, by)
    return commit


def codes(news: tuple[Reason, ...]) -> list[str]:
    return [reason.code for reason in news]


async def test_a_signed_commit_is_taken_and_its_signer_named(world: SyncWorld) -> None:
    key = await world.a_source(**VERIFY)
    commit = signed(world, "a")

    await world.look(key)

    assert (set(await world.policies()), world.source(key).status.signer) == ({"a"}, ANA)
    assert world.condition(key, "SourceVerified") == ("True", "Signed", f"commit {commit[:12]} is signed by {ANA}")


@pytest.mark.parametrize(("signer", "problem"), [("", "is not signed"), (BEN, "a key that is not trusted")])
async def test_a_commit_without_a_trusted_signature_is_not_even_read(
    world: SyncWorld, signer: str, problem: str
) -> None:
    key = await world.a_source(**VERIFY)
    good = signed(world, "a")
    await world.look(key)
    reads = world.git.reads
    signed(world, "a", "b", by=signer)

    report = await world.look(key, hours=1)

    assert (set(await world.policies()), world.git.reads, report.reason) == ({"a"}, reads, "NotVerified")
    assert (report.commit, world.condition(key, "Stalled")[0]) == (good, "True")
    status, reason, message = world.condition(key, "SourceVerified")
    assert (status, reason, problem in message) == ("False", "NotVerified", True)


async def test_a_commit_that_was_signed_afterwards_is_taken_by_the_next_look(world: SyncWorld) -> None:
    key = await world.a_source(**VERIFY)
    commit = world.git.commit(URL, policies("a"))
    await world.look(key)
    world.git.sign(commit, ANA)

    report = await world.look(key, hours=1)

    assert (report.state, world.condition(key, "SourceVerified")[0]) == (SyncState.READY, "True")


async def test_without_the_secret_of_trusted_keys_nothing_is_taken(world: SyncWorld) -> None:
    key = await world.a_source(verify={"secretRef": {"name": "gone"}})
    signed(world, "a")

    await world.look(key)

    assert await world.policies() == {}
    assert "Secret shop/gone is not there" in world.condition(key, "SourceVerified")[2]


async def test_a_source_that_does_not_ask_for_signatures_says_nothing_of_them(world: SyncWorld) -> None:
    key = await world.a_source(**VERIFY)
    world.git.commit(URL, policies("a"))
    await world.look(key)
    await world.edit("GitSource", key, {"spec": {"verify": None}})

    report = await world.look(key, hours=1)

    assert (report.state, world.condition(key, "SourceVerified")) == (SyncState.READY, ("", "", ""))


async def test_asking_for_signatures_later_judges_the_commit_that_is_there(world: SyncWorld) -> None:
    key = await world.a_source()
    world.git.commit(URL, policies("a"))
    await world.look(key)
    await world.edit("GitSource", key, {"spec": VERIFY})

    report = await world.wake(key)

    assert (report.reason, set(await world.policies())) == ("NotVerified", {"a"})


async def test_rewritten_history_is_taken_and_said_where_that_is_allowed(world: SyncWorld) -> None:
    key = await world.a_source()
    first = world.git.commit(URL, policies("a"))
    await world.look(key)
    second = world.git.rewrite(URL, policies("a", "b"))

    report = await world.look(key, hours=1)
    again = await world.look(key, hours=2)

    assert (set(await world.policies()), codes(report.news), again.news) == ({"a", "b"}, ["HistoryRewritten"], ())
    assert f"commit {second[:12]} does not follow from {first[:12]}" in world.condition(key, "HistoryRewritten")[2]


async def test_the_next_commit_that_follows_ends_the_talk_of_rewriting(world: SyncWorld) -> None:
    key = await world.a_source()
    world.git.commit(URL, policies("a"))
    await world.look(key)
    world.git.rewrite(URL, policies("a", "b"))
    await world.look(key, hours=1)
    world.restart()
    await world.look(key, hours=2)
    kept = world.condition(key, "HistoryRewritten")[0]
    world.git.commit(URL, policies("a"))

    await world.look(key, hours=3)

    assert (kept, world.condition(key, "HistoryRewritten")[0]) == ("True", "")


async def test_rewritten_history_is_held_until_a_person_confirms_exactly_that_commit(world: SyncWorld) -> None:
    key = await world.a_source(onRewrite="hold")
    first = world.git.commit(URL, policies("a"))
    await world.look(key)
    second = world.git.rewrite(URL, policies("a", "b"))
    held = await world.look(key, hours=1)
    before = set(await world.policies())
    await world.command(key, second)

    report = await world.wake(key)

    assert (held.reason, held.commit, before, codes(held.news)) == ("HistoryHeld", first, {"a"}, ["HistoryRewritten"])
    assert (report.state, set(await world.policies())) == (SyncState.READY, {"a", "b"})
    assert "a person confirmed it" in world.condition(key, "HistoryRewritten")[2]


async def test_a_forced_push_that_was_confirmed_does_not_open_the_way_for_the_next(world: SyncWorld) -> None:
    key = await world.a_source(onRewrite="hold")
    world.git.commit(URL, policies("a"))
    await world.look(key)
    second = world.git.rewrite(URL, policies("a", "b"))
    await world.look(key, hours=1)
    await world.command(key, second)
    world.git.rewrite(URL, policies("c"))

    report = await world.wake(key)

    assert (report.reason, set(await world.policies())) == ("HistoryHeld", {"a"})


@pytest.mark.parametrize("change", [{"ref": "next"}, {"url": "https://git.example.org/moved.git"}])
async def test_another_ref_or_repository_is_no_rewriting(world: SyncWorld, change: dict[str, str]) -> None:
    key = await world.a_source(onRewrite="hold")
    world.git.commit(URL, policies("a"))
    await world.look(key)
    await world.edit("GitSource", key, {"spec": change})
    missing = await world.look(key, hours=1)  # an answer in between must not make it look like one
    world.git.commit(change.get("url", URL), policies("a", "b"), ref=change.get("ref", "main"))

    report = await world.look(key, hours=2)

    assert (missing.reason, report.state, world.condition(key, "HistoryRewritten")[0]) == (
        "NotFound",
        SyncState.READY,
        "",
    )


async def test_another_interval_does_not_let_rewritten_history_pass(world: SyncWorld) -> None:
    key = await world.a_source(onRewrite="hold")
    world.git.commit(URL, policies("a"))
    await world.look(key)
    world.git.rewrite(URL, policies("a", "b"))
    await world.edit("GitSource", key, {"spec": {"interval": "30s"}})

    assert (await world.wake(key)).reason == "HistoryHeld"


class Forgetful(MemorySpecSource):
    """The same repositories, but it cannot be told whether a commit follows from another."""

    def __init__(self, git: MemorySpecSource) -> None:
        self.__dict__ = git.__dict__

    async def follows(self, *_: object, **__: object) -> bool:
        """No answer."""
        raise Unreachable("timed out")


async def test_a_git_that_cannot_tell_is_asked_again_and_takes_nothing(world: SyncWorld) -> None:
    key = await world.a_source()
    world.git.commit(URL, policies("a"))
    await world.look(key)
    world.git.commit(URL, policies("a", "b"))
    world.restart(Forgetful(world.git))

    report = await world.look(key, hours=1)

    assert (report.reason, set(await world.policies()), world.condition(key, "HistoryRewritten")[0]) == (
        "FetchFailed",
        {"a"},
        "",
    )
