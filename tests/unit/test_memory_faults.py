"""Do faults and watches of the memory cluster happen as a test orders them?"""

import asyncio
from typing import Any

import pytest

from adapters.kube.api import Patch
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.ports.errors import Expired, Unreachable

CONFIGMAPS = "/api/v1/namespaces/shop/configmaps"
OUTAGE = Unreachable("the memory cluster is down")


def a_config(name: str, **data: str) -> dict[str, Any]:
    meta = {"name": name, "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def a_shop(**settings: Any) -> tuple[MemoryCluster, DirectApi]:
    """A cluster with one ConfigMap, and its API."""
    cluster = MemoryCluster(**settings)
    cluster.seed(a_config("a", x="1"))
    return cluster, DirectApi(cluster)


async def test_a_planned_fault_fails_one_write_and_stores_nothing() -> None:
    cluster, api = a_shop()
    cluster.faults.fail_next("*/configmaps/a", OUTAGE)

    with pytest.raises(Unreachable):
        await api.patch(f"{CONFIGMAPS}/a", Patch.MERGE, {"data": {"x": "2"}})

    assert (await api.patch(f"{CONFIGMAPS}/a", Patch.MERGE, {}))["data"] == {"x": "1"}


async def test_a_lost_answer_is_stored_all_the_same() -> None:
    cluster, api = a_shop()
    cluster.faults.fail_next("*", OUTAGE, stored=True)

    with pytest.raises(Unreachable):
        await api.patch(f"{CONFIGMAPS}/a", Patch.MERGE, {"data": {"x": "2"}})

    assert (await api.get(f"{CONFIGMAPS}/a"))["data"] == {"x": "2"}


async def test_the_nth_write_can_be_the_one_that_fails() -> None:
    cluster, api = a_shop()
    cluster.faults.fail_next("*", OUTAGE, after=1)
    await api.create(CONFIGMAPS, a_config("b"))

    with pytest.raises(Unreachable):
        await api.create(CONFIGMAPS, a_config("c"))

    assert cluster.faults.writes == [("create", CONFIGMAPS), ("create", CONFIGMAPS)]


async def test_an_outage_lasts_until_it_is_over() -> None:
    cluster, api = a_shop()
    cluster.faults.fail_all(OUTAGE)

    for _ in range(2):
        with pytest.raises(Unreachable):
            await api.get(f"{CONFIGMAPS}/a")
    cluster.faults.recover()

    assert (await api.get(f"{CONFIGMAPS}/a"))["data"] == {"x": "1"}


async def test_calls_are_counted_by_verb_and_resource() -> None:
    cluster, api = a_shop()

    await api.get(CONFIGMAPS)
    await api.get(f"{CONFIGMAPS}/a")
    await api.get(f"{CONFIGMAPS}/a")

    assert cluster.faults.calls == {("list", "configmaps"): 1, ("get", "configmaps"): 2}


async def watched(api: DirectApi, **query: str) -> list[str]:
    """Types and names of what a short watch on ConfigMaps tells."""
    async with asyncio.timeout(10):
        events = [event async for event in api.watch(CONFIGMAPS, {"timeoutSeconds": "0.05", **query})]
    return [f"{event['type']} {event['object']['metadata'].get('name', '')}".strip() for event in events]


async def test_a_watch_from_nowhere_tells_what_is_there_first() -> None:
    _, api = a_shop()

    assert await watched(api) == ["ADDED a"]


async def test_a_watch_that_ends_leaves_a_bookmark_when_asked() -> None:
    _, api = a_shop()

    assert await watched(api, allowWatchBookmarks="true") == ["ADDED a", "BOOKMARK"]


async def test_a_bookmark_marks_the_end_of_the_initial_events_when_asked() -> None:
    _, api = a_shop()
    query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}

    assert (await watched(api, **query))[:2] == ["ADDED a", "BOOKMARK"]


async def test_a_watch_keeps_up_with_a_history_of_other_kinds_that_is_cut() -> None:
    cluster, api = a_shop(history=3)
    revision = (await api.get(CONFIGMAPS))["metadata"]["resourceVersion"]
    events = api.watch(CONFIGMAPS, {"resourceVersion": revision})
    first = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0.01)  # it watches
    cluster.seed(*({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"n{i}"}} for i in range(20)))
    cluster.compact()

    await api.create(CONFIGMAPS, a_config("b"))

    assert (await first)["object"]["metadata"]["name"] == "b"


async def test_held_events_are_told_once_they_are_released() -> None:
    cluster, api = a_shop()
    revision = (await api.get(CONFIGMAPS))["metadata"]["resourceVersion"]
    cluster.faults.hold()
    await api.create(CONFIGMAPS, a_config("b"))

    while_held = await watched(api, resourceVersion=revision)
    cluster.faults.release()

    assert while_held == []
    assert await watched(api, resourceVersion=revision) == ["ADDED b"]


async def test_an_outage_ends_an_open_watch() -> None:
    cluster, api = a_shop()
    watcher = asyncio.create_task(watched(api, timeoutSeconds="30"))
    await asyncio.sleep(0.01)

    cluster.faults.fail_all(OUTAGE)

    with pytest.raises(Unreachable):
        await watcher


async def test_a_watch_from_before_the_compaction_is_expired() -> None:
    cluster, api = a_shop()
    revision = (await api.get(CONFIGMAPS))["metadata"]["resourceVersion"]
    await api.create(CONFIGMAPS, a_config("b"))
    cluster.compact()

    with pytest.raises(Expired):
        await watched(api, resourceVersion=revision)


async def test_a_watch_that_missed_nothing_outlives_a_compaction() -> None:
    cluster, api = a_shop()
    events = api.watch("/api/v1/services", {"resourceVersion": str(cluster.store.revision)})
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0.01)
    await api.create(CONFIGMAPS, a_config("b"))
    await asyncio.sleep(0.01)

    cluster.compact()
    await asyncio.sleep(0.01)

    assert not waiting.done()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_the_history_forgets_by_itself_what_is_long_ago() -> None:
    _, api = a_shop(history=3)
    revision = (await api.get(CONFIGMAPS))["metadata"]["resourceVersion"]
    for name in "bcdefghi":
        await api.create(CONFIGMAPS, a_config(name))

    with pytest.raises(Expired):
        await watched(api, resourceVersion=revision)


async def test_a_page_from_before_the_compaction_is_expired() -> None:
    cluster, api = a_shop()
    await api.create(CONFIGMAPS, a_config("b"))
    page = await api.get(CONFIGMAPS, {"limit": "1"})
    await api.delete(f"{CONFIGMAPS}/b")
    cluster.compact()

    with pytest.raises(Expired):
        await api.get(CONFIGMAPS, {"limit": "1", "continue": page["metadata"]["continue"]})


async def test_a_revision_from_the_future_is_no_answer() -> None:
    _, api = a_shop()

    with pytest.raises(Unreachable, match="Too large resource version"):
        await watched(api, resourceVersion="999999")


class KilledError(BaseException):
    """What a crash test raises in place of a write."""


async def test_a_fault_may_be_no_port_error_at_all() -> None:
    cluster, api = a_shop()
    cluster.faults.fail_next("*", KilledError())

    with pytest.raises(KilledError):
        await api.create(CONFIGMAPS, a_config("b"))
