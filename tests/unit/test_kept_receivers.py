"""What is a Receiver's owner told, and by whom?"""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from adapters.kube.watch import WorkWatch
from adapters.memory.cluster import Call
from rollout.controller.kept_receivers import KeptReceivers
from rollout.model.names import Key
from rollout.ports.errors import Unreachable
from tests.support.builders import NOON
from tests.support.followed import SOON
from tests.support.hooked import Desk, a_callback, a_desk, a_git_receiver
from tests.support.kstatus import CURRENT, FAILED, computed
from tests.support.receivers import HOME, receiver_manifest

CI = Key(namespace="shop", name="ci")
RECEIVER = "/apis/rollout.dev/v1alpha1/namespaces/shop/receivers/ci"


def kept(desk: Desk) -> KeptReceivers:
    return KeptReceivers(receivers=desk.receivers, clock=desk.clock, home=HOME)


async def told(desk: Desk) -> dict[str, Any]:
    """shop/ci after one look."""
    await kept(desk).tick(CI)
    return desk.cluster.read(Call(path=RECEIVER))


@pytest.mark.parametrize(("objects", "route"), [(a_callback(), "callbacks"), (a_git_receiver(), "git")])
async def test_one_that_hears_says_where(objects: tuple[dict[str, Any], ...], route: str) -> None:
    async with a_desk(*objects) as desk:
        found = await told(desk)

        assert found["status"]["path"] == desk.path(route)
        assert computed(found) == CURRENT
        (ready,) = found["status"]["conditions"]
        assert (ready["type"], ready["status"], ready["reason"]) == ("Ready", "True", "Listening")


@pytest.mark.parametrize(
    ("objects", "reason", "says"),
    [
        ((a_callback()[0],), "SecretMissing", "Secret shop/ci is not there (spec.secretRef of Receiver shop/ci)"),
        (a_callback(grants=[{"verbs": ["approve"], "who": {}}]), "Unreadable", "names nobody"),
        (a_callback(namespaces=["stock", "shop"]), "ReachTooWide", "it does not reach stock: only a Receiver in"),
    ],
)
async def test_what_a_person_has_to_mend_is_said(objects: tuple[dict[str, Any], ...], reason: str, says: str) -> None:
    async with a_desk(*objects) as desk:
        found = await told(desk)

        assert computed(found) == FAILED
        assert {one["reason"] for one in found["status"]["conditions"]} == {reason}
        assert says in found["status"]["conditions"][0]["message"]


@pytest.mark.parametrize("namespaces", [["shop"], None])
async def test_its_own_namespace_is_no_reach(namespaces: list[str] | None) -> None:
    async with a_desk(*(a_callback(namespaces=namespaces) if namespaces else a_callback())) as desk:
        assert computed(await told(desk)) == CURRENT


async def test_a_receiver_of_tokens_needs_no_secret() -> None:
    oidc = {"issuer": "https://issuer.example", "audience": "rollout", "claims": {"a": "b"}}

    async with a_desk(a_callback(proof="oidc", oidc=oidc)[0]) as desk:
        assert computed(await told(desk)) == CURRENT


async def test_a_suspended_one_says_that_nobody_is_heard() -> None:
    async with a_desk(*a_callback(suspend=True)) as desk:
        found = await told(desk)

        assert (found["status"]["conditions"][0]["reason"], computed(found)) == ("NotHeard", CURRENT)


async def test_what_is_said_already_is_not_written_again() -> None:
    async with a_desk(*a_callback()) as desk:
        await told(desk)
        desk.clock.advance(timedelta(minutes=1))

        worked = await kept(desk).tick(CI)

        assert [verb for verb, _, _ in desk.api.requests].count("patch") == 1
        assert worked.wake_at == NOON + timedelta(minutes=2)


async def test_a_secret_that_comes_is_seen_within_a_minute_and_since_when_is_kept() -> None:
    manifest, secret = a_callback()
    async with a_desk(manifest) as desk:
        before = await told(desk)
        desk.cluster.seed(secret)
        desk.clock.advance(timedelta(minutes=1))

        after = await told(desk)

        assert (computed(before), computed(after)) == (FAILED, CURRENT)
        assert after["status"]["conditions"][0]["lastTransitionTime"] == "2026-11-21T12:01:00Z"


async def test_a_cluster_that_does_not_answer_changes_nothing_that_is_said() -> None:
    async with a_desk(*a_callback()) as desk:
        desk.api.failing = {"/api/v1/namespaces/shop/secrets/ci": Unreachable("down")}

        with pytest.raises(Unreachable):
            await kept(desk).tick(CI)


async def test_one_that_is_gone_is_looked_at_no_more() -> None:
    async with a_desk() as desk:
        assert (await kept(desk).tick(CI)).gone
        assert kept(desk).objects() == ()


async def test_a_receiver_that_comes_or_goes_is_looked_at_and_its_status_wakes_nobody() -> None:
    async with a_desk(*a_callback()) as desk:
        changes = WorkWatch(desk.cache, HOME).changes()
        await told(desk)
        await desk.cache.refresh()
        desk.cluster.seed(receiver_manifest("other"))
        came = await asyncio.wait_for(anext(changes), SOON.total_seconds())
        desk.cluster.delete(Call(path=RECEIVER), {})

        gone = await asyncio.wait_for(anext(changes), SOON.total_seconds())

        assert came == ("Receiver", Key(namespace="shop", name="other"))
        assert gone == ("Receiver", CI)
