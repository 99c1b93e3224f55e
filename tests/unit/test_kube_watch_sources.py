"""Does a change wake those GitSources and Receivers that it concerns, and no others?"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.woken import Woken, a_woken_shop, obj, rollout

FROM_GIT = {"rollout.dev/source": "apps", "rollout.dev/source-namespace": "shop"}
SOURCE = "GitSource shop/apps"


@pytest.fixture
async def woken() -> AsyncIterator[Woken]:
    async with a_woken_shop() as woken:
        yield woken


def applied(name: str) -> dict[str, Any]:
    return obj("SloPolicy", name, {"a": 1}, meta={"labels": FROM_GIT, "generation": 1})


async def test_a_new_source_and_one_that_is_asked_to_look_wake_themselves(woken: Woken) -> None:
    source = obj("GitSource", "apps", {"url": "a"})

    assert await woken.by_seeing(source) == [SOURCE]
    assert await woken.by_changing(source, {"spec": {"url": "b"}}) == [SOURCE]
    assert await woken.by_changing(source, {"metadata": {"annotations": {"rollout.dev/requestedAt": "x"}}}) == [SOURCE]
    assert await woken.by_deleting(source) == [SOURCE]


@pytest.mark.parametrize(
    ("change", "subresource"),
    [({"status": {"commit": "c"}}, "status"), ({"metadata": {"finalizers": ["rollout.dev/specs"]}}, "")],
)
async def test_what_the_controller_writes_to_a_source_wakes_nobody(
    woken: Woken, change: dict[str, Any], subresource: str
) -> None:
    source = obj("GitSource", "apps", {"url": "a"})
    await woken.by_seeing(source)

    assert await woken.by_changing(source, change, subresource) == []


@pytest.mark.parametrize(
    "change",
    [
        {"spec": {"a": 2}},
        {"metadata": {"annotations": {"a": "b"}}},
        {"metadata": {"labels": {"rollout.dev/source": None}}},
    ],
)
async def test_an_edit_of_what_a_source_applied_wakes_the_source(woken: Woken, change: dict[str, Any]) -> None:
    await woken.by_seeing(applied("a"))

    assert SOURCE in await woken.by_changing(applied("a"), change)


async def test_a_deleted_object_wakes_the_source_that_applied_it(woken: Woken) -> None:
    await woken.by_seeing(applied("a"))

    assert await woken.by_deleting(applied("a")) == [SOURCE]


async def test_an_object_that_moves_to_another_source_wakes_both(woken: Woken) -> None:
    await woken.by_seeing(applied("a"))

    found = await woken.by_changing(applied("a"), {"metadata": {"labels": {"rollout.dev/source": "other"}}})

    assert found == [SOURCE, "GitSource shop/other"]


async def test_a_status_of_what_a_source_applied_does_not_wake_the_source(woken: Woken) -> None:
    from_git = {**rollout("cart"), "metadata": {"name": "cart", "namespace": "shop", "labels": FROM_GIT}}
    await woken.by_changing(rollout("cart"), {"metadata": {"labels": FROM_GIT}})

    assert await woken.by_changing(from_git, {"status": {"phase": "Idle"}}, "status") == []


async def test_a_command_for_a_source_wakes_it_until_it_is_answered(woken: Woken) -> None:
    command = obj("RolloutCommand", "go", {"target": {"kind": "GitSource", "name": "checkout"}, "verb": "confirm"})

    assert await woken.by_seeing(command) == ["GitSource shop/checkout"]
    assert await woken.by_changing(command, {"status": {"result": "Accepted"}}, "status") == []


async def test_a_label_of_a_receiver_wakes_it_as_it_may_hand_it_to_another_shard(woken: Woken) -> None:
    obj = {"apiVersion": "rollout.dev/v1alpha1", "kind": "Receiver", "metadata": {"name": "git", "namespace": "shop"}}
    await woken.by_seeing(obj)

    changed = await woken.by_changing(obj, {"metadata": {"labels": {"rollout.dev/shard": "2"}}})

    assert changed == ["Receiver shop/git"]
