"""Which changes are looked at for Notifiers?"""

from typing import Any

import pytest

from adapters.kube.cache import Cache
from adapters.kube.kinds import KINDS, WATCHED, left_out
from adapters.kube.notifier_watch import notifiers_of
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.crds import definitions
from rollout.ports.notifiers import EVERY_NOTIFIER
from tests.support.builders import a_rollout_manifest

NOTIFIER: dict[str, Any] = {
    "apiVersion": "rollout.dev/v1alpha1",
    "kind": "Notifier",
    "metadata": {"name": "news", "namespace": "shop", "uid": "1", "generation": 1},
    "spec": {"type": "webhook", "secretRef": {"name": "hook"}},
}
ROLLOUT = a_rollout_manifest()


async def a_cache(*objects: dict[str, Any], without: frozenset[str] = frozenset()) -> Cache:
    cluster = MemoryCluster()
    cluster.seed(*definitions().values(), *objects)
    cache = Cache(DirectApi(cluster), WATCHED, without=without)
    await cache.refresh([kind for kind in ("Notifier",) if kind in cache.kinds])
    return cache


def changed(obj: dict[str, Any], **meta: Any) -> dict[str, Any]:
    return {**obj, "metadata": {**obj["metadata"], **meta}}


@pytest.mark.parametrize("kind", ["Rollout", "MeshMigration"])
async def test_any_change_of_what_is_told_of_is_looked_at_where_there_is_a_notifier(kind: str) -> None:
    with_one, without = await a_cache(NOTIFIER), await a_cache()

    assert list(notifiers_of(with_one, kind, ROLLOUT, ROLLOUT)) == [EVERY_NOTIFIER]
    assert list(notifiers_of(without, kind, ROLLOUT, ROLLOUT)) == []


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"Rollout", "MeshMigration", "Notifier"}))
async def test_nothing_is_looked_at_for_any_other_kind(kind: str) -> None:
    assert list(notifiers_of(await a_cache(NOTIFIER), kind, None, {"metadata": {}})) == []


@pytest.mark.parametrize(
    ("old", "new", "is_looked_at"),
    [
        (None, NOTIFIER, True),
        (NOTIFIER, None, True),
        (NOTIFIER, changed(NOTIFIER, generation=2), True),
        (NOTIFIER, changed(NOTIFIER, uid="2"), True),
        (NOTIFIER, changed(NOTIFIER, deletionTimestamp="2026-11-21T12:00:00Z"), True),
        (NOTIFIER, changed(NOTIFIER, resourceVersion="9"), False),
    ],
)
async def test_a_notifier_wakes_itself_but_not_by_how_far_it_told(
    old: dict[str, Any] | None, new: dict[str, Any] | None, is_looked_at: bool
) -> None:
    found = list(notifiers_of(await a_cache(), "Notifier", old, new))

    assert bool(found) is is_looked_at


async def test_a_controller_of_one_namespace_has_no_migrations_to_tell_of_and_does_not_mind() -> None:
    cache = await a_cache(NOTIFIER, without=left_out("all", "shop"))

    assert list(notifiers_of(cache, "Rollout", ROLLOUT, ROLLOUT)) == [EVERY_NOTIFIER]
