"""Where do Receivers live, who finds them, and what do their Secrets hold?"""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from adapters.kube.cache import Cache
from adapters.kube.kinds import KINDS
from adapters.kube.receivers import KEPT_FOR, KubeReceivers, secrets_in
from adapters.memory.clock import ManualClock
from adapters.memory.cluster import Call, DirectApi, MemoryCluster
from rollout.crds import definitions
from rollout.model.names import Key
from rollout.model.receiver import Receiver, Sender
from rollout.model.status import Condition
from rollout.ports.errors import NotFound, Rejected, Unreachable
from rollout.ports.receivers import ReceiverStatus
from tests.support.builders import NOON
from tests.support.followed import SOON
from tests.support.receivers import receiver_manifest, receiver_secret
from tests.support.sync_world import WatchedApi

CI = Key(namespace="shop", name="ci")
SECRET = "/api/v1/namespaces/shop/secrets/ci"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A cluster with one Receiver, and what reads it."""

    cluster: MemoryCluster
    api: WatchedApi
    receivers: KubeReceivers
    clock: ManualClock
    cache: Cache

    @property
    def receiver(self) -> Receiver:
        """shop/ci."""
        stored = self.receivers.get(CI)
        assert stored is not None
        assert stored.receiver is not None
        return stored.receiver

    def asked(self) -> int:
        """How often the Secret was read."""
        return self.api.requests.count(("get", SECRET, None))


@asynccontextmanager
async def a_case(*objects: dict[str, Any]) -> AsyncIterator[Case]:
    cluster = MemoryCluster()
    cluster.seed(*definitions().values())
    cluster.seed(*objects)
    api = WatchedApi(DirectApi(cluster))
    cache, clock = Cache(api, [KINDS["Receiver"]]), ManualClock(NOON)
    following = asyncio.create_task(cache.run())
    await cache.wait_synced(SOON)
    yield Case(cluster=cluster, api=api, cache=cache, clock=clock, receivers=KubeReceivers(api, cache, clock))
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def test_a_receiver_is_found_by_its_path_alone() -> None:
    async with a_case(receiver_manifest()) as case:
        stored = case.receivers.get(CI)
        assert stored is not None

        assert case.receivers.keys() == (CI,)
        assert stored.receiver is not None
        assert stored.receiver.sender is Sender.CALLBACK
        assert case.receivers.at(stored.path) == stored
        assert [case.receivers.at(path) for path in ("", "ci", stored.path[:-1], stored.path.upper(), "\ud800")] == [
            None
        ] * 5


async def test_a_receiver_that_was_deleted_and_made_again_has_another_path() -> None:
    paths = []
    for _ in range(2):
        async with a_case(receiver_manifest()) as case:
            stored = case.receivers.get(CI)
            assert stored is not None
            paths.append(stored.path)

    assert len(set(paths)) == 2
    assert all(len(path) == 64 for path in paths)


async def test_one_that_cannot_be_read_says_why() -> None:
    async with a_case(receiver_manifest(spec={"type": "carrier-pigeon"})) as case:
        stored = case.receivers.get(CI)

        assert stored is not None
        assert stored.receiver is None
        assert "type" in stored.error


async def test_both_secrets_count_the_newest_first() -> None:
    async with a_case(receiver_manifest(), receiver_secret(secret=b"new\n", previous=b"old", token=b"xoxb-1")) as case:
        found = await case.receivers.secrets(case.receiver)

        assert (found.signing, found.token) == ((b"new", b"old"), "xoxb-1")
        assert "new" not in repr(found)


async def test_a_flood_reads_the_secret_once_and_a_rotated_one_counts_soon() -> None:
    async with a_case(receiver_manifest(), receiver_secret(secret=b"old")) as case:
        before = await asyncio.gather(*(case.receivers.secrets(case.receiver) for _ in range(50)))
        rotated = receiver_secret(secret=b"new", previous=b"old")
        case.cluster.patch(Call(path=SECRET), "application/merge-patch+json", {"data": rotated["data"]})
        at_once = await case.receivers.secrets(case.receiver)
        case.clock.advance(KEPT_FOR)

        after = await case.receivers.secrets(case.receiver)

        assert {found.signing for found in (*before, at_once)} == {(b"old",)}
        assert after.signing == (b"new", b"old")
        assert case.asked() == 2


async def test_a_secret_that_is_not_there_is_asked_for_once_in_a_while() -> None:
    async with a_case(receiver_manifest()) as case:
        for _ in range(3):
            with pytest.raises(NotFound, match=r"Secret shop/ci is not there \(spec.secretRef of Receiver shop/ci\)"):
                await case.receivers.secrets(case.receiver)

        assert case.asked() == 1


async def test_an_api_server_that_does_not_answer_is_an_error_to_be_tried_again() -> None:
    async with a_case(receiver_manifest(), receiver_secret(secret=b"s")) as case:
        case.api.failing = {SECRET: Unreachable("down", retry_after=timedelta(seconds=3))}

        with pytest.raises(Unreachable, match="down") as caught:
            await case.receivers.secrets(case.receiver)

        assert caught.value.retry_after == timedelta(seconds=3)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({}, "has no key secret"),
        ({"secret": base64.b64encode(b" \n").decode()}, "has no key secret"),
        ({"previous": base64.b64encode(b"old").decode()}, "has no key secret"),
        ({"secret": "%%"}, "secret is not base64"),
        ({"secret": base64.b64encode(b"s").decode(), "token": base64.b64encode(b"\xff").decode()}, "token is not text"),
    ],
)
def test_a_secret_that_holds_no_secret_is_refused_without_being_shown(data: dict[str, str], says: str) -> None:
    with pytest.raises(Rejected, match=f"Secret shop/ci:? {says}"):
        secrets_in("Secret shop/ci", data)


async def test_its_status_is_written_and_read_back() -> None:
    async with a_case(receiver_manifest()) as case:
        stored = case.receivers.get(CI)
        assert stored is not None
        assert stored.told is None
        ready = Condition(type="Ready", status="True", reason="Listening", message="it listens", since=NOON)
        status = ReceiverStatus(observed_generation=1, path=f"/hooks/callbacks/{stored.path}", conditions=(ready,))

        await case.receivers.report(stored, status)

        again = case.receivers.get(CI)
        assert again is not None
        assert again.told == status


async def test_one_that_is_gone_meanwhile_is_left_alone() -> None:
    async with a_case(receiver_manifest()) as case:
        stored = case.receivers.get(CI)
        assert stored is not None
        case.cluster.delete(Call(path="/apis/rollout.dev/v1alpha1/namespaces/shop/receivers/ci"), {})

        await case.receivers.report(stored, ReceiverStatus(observed_generation=1, path="/"))

        assert case.api.requests[-1][0] == "patch"
