"""What does a watch tell, and when?"""

import asyncio

import pytest

from adapters.kube.api import KubeApi, Patch
from rollout.ports.errors import Expired
from tests.contracts.kube_api.widgets import WIDGETS, labelled, seen, widget


async def test_a_watch_tells_what_happened_since_a_list(api: KubeApi) -> None:
    await api.create(WIDGETS, widget("a", size=1))
    revision = (await api.get(WIDGETS))["metadata"]["resourceVersion"]
    await api.create(WIDGETS, widget("b"))
    await api.patch(f"{WIDGETS}/a", Patch.MERGE, {"spec": {"size": 2}})
    await api.delete(f"{WIDGETS}/b")

    events = await seen(api, {"resourceVersion": revision}, 3)

    told = [(event["type"], event["object"]["metadata"]["name"]) for event in events]
    assert told == [("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "b")]


async def test_a_watch_wakes_when_something_is_written_later(api: KubeApi) -> None:
    revision = (await api.get(WIDGETS))["metadata"]["resourceVersion"]
    watcher = asyncio.create_task(seen(api, {"resourceVersion": revision}, 1))
    await asyncio.sleep(0)

    await api.create(WIDGETS, widget("late"))

    assert [event["object"]["metadata"]["name"] for event in await watcher] == ["late"]


async def test_leaving_the_selection_of_a_watch_is_a_deletion(api: KubeApi) -> None:
    revision = (await api.get(WIDGETS))["metadata"]["resourceVersion"]
    await api.create(WIDGETS, labelled("a", tier="web"))
    await api.patch(f"{WIDGETS}/a", Patch.MERGE, {"metadata": {"labels": {"tier": "db"}}})

    events = await seen(api, {"resourceVersion": revision, "labelSelector": "tier=web"}, 2)

    assert [event["type"] for event in events] == ["ADDED", "DELETED"]


async def test_a_watch_ends_by_itself_after_its_time(api: KubeApi) -> None:
    revision = (await api.get(WIDGETS))["metadata"]["resourceVersion"]

    events = await seen(api, {"resourceVersion": revision, "timeoutSeconds": "1"}, 1)

    assert events == []


async def test_a_deletion_that_a_finalizer_holds_is_a_change_and_a_generation(api: KubeApi) -> None:
    created = await api.create(WIDGETS, {**widget("a"), "metadata": {"name": "a", "finalizers": ["example.org/wait"]}})
    await api.delete(f"{WIDGETS}/a")
    await api.patch(f"{WIDGETS}/a", Patch.JSON, [{"op": "remove", "path": "/metadata/finalizers"}])

    events = await seen(api, {"resourceVersion": created["metadata"]["resourceVersion"]}, 2)

    assert [(event["type"], event["object"]["metadata"]["generation"]) for event in events] == [
        ("MODIFIED", 2),
        ("DELETED", 2),
    ]


async def test_a_deletion_is_told_under_its_own_resource_version(api: KubeApi) -> None:
    created = await api.create(WIDGETS, widget("a", size=1))
    await api.delete(f"{WIDGETS}/a")

    (event,) = await seen(api, {"resourceVersion": created["metadata"]["resourceVersion"]}, 1)

    assert event["object"]["spec"] == {"size": 1}
    assert int(event["object"]["metadata"]["resourceVersion"]) > int(created["metadata"]["resourceVersion"])


async def test_a_watch_of_one_name_tells_of_it_alone(api: KubeApi) -> None:
    revision = (await api.get(WIDGETS))["metadata"]["resourceVersion"]
    for name in "ab":
        await api.create(WIDGETS, widget(name))

    events = await seen(api, {"resourceVersion": revision, "fieldSelector": "metadata.name=b"}, 1)

    assert [event["object"]["metadata"]["name"] for event in events] == ["b"]


async def test_the_initial_events_of_a_watch_end_with_a_bookmark(api: KubeApi) -> None:
    await api.create(WIDGETS, widget("a"))

    query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}
    added, bookmark = await seen(api, query, 2)

    assert (added["type"], bookmark["type"]) == ("ADDED", "BOOKMARK")
    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_a_compacted_revision_is_expired(api: KubeApi) -> None:
    with pytest.raises(Expired):
        await seen(api, {"resourceVersion": "1"}, 1)
