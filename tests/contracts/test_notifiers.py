"""Where is written how far a Notifier told, and what does its Secret hold? The same in memory and on a real API server."""

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from adapters.kube.api import KubeApi
from adapters.kube.cache import Cache
from adapters.kube.client import HttpApi
from adapters.kube.kinds import KINDS
from adapters.kube.notice_secrets import FRESH, KubeNoticeSecrets
from adapters.kube.notifiers import KubeNotifiers
from adapters.memory.clock import ManualClock
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout import crds
from rollout.model.names import Key
from rollout.model.notifier import TOLD_KEPT, Channel, NotifierStatus, ToldOf
from rollout.model.status import Condition
from rollout.ports.errors import Conflict, NotFound, Rejected
from rollout.ports.specs import ObjectRef
from tests.support.builders import NOON, a_rollout_manifest
from tests.support.notice_world import a_notifier

REAL = pytest.param("real", marks=pytest.mark.server)
STATUS = NotifierStatus(
    observed_generation=1,
    since=NOON,
    told=(
        ToldOf(subject="shop/checkout", mark="ab12cd34 e1 r2 s1@5 - Paused@7,NoData 3", receipt="2 C1/1.000001"),
        ToldOf(subject="to-strict", mark="ab12cd34 m2 !a1b2c3d4"),
    ),
    conditions=(Condition(type="Ready", status="False", reason="NotDelivered", message="dead", since=NOON),),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An API server with one Notifier, and what is known of it."""

    api: KubeApi
    cache: Cache
    notifiers: KubeNotifiers
    secrets: KubeNoticeSecrets
    clock: ManualClock
    key: Key

    async def create(self, kind: str, body: Mapping[str, object]) -> None:
        await self.api.create(KINDS[kind].path(KINDS[kind].versions[0], self.key.namespace), body)
        if kind in self.cache.kinds:
            await self.cache.refresh()

    async def secret(self, **texts: str) -> None:
        data = {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()}
        await self.create("Secret", {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hook"}, "data": data})


@pytest.fixture(params=["memory", REAL])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    async with AsyncExitStack() as stack:
        namespace, real = "shop", None
        if request.param == "real":
            namespace = request.getfixturevalue("namespace")
            real = await HttpApi.connect(str(request.getfixturevalue("kubeconfig")))
            stack.push_async_callback(real.close)
        cluster = MemoryCluster()
        cluster.seed(*crds.definitions().values())
        cluster.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        api: KubeApi = real or DirectApi(cluster)
        cache = Cache(api, [KINDS["Notifier"], KINDS["Rollout"]], namespace)
        clock = ManualClock(NOON)
        found = Case(
            api=api,
            cache=cache,
            notifiers=KubeNotifiers(api, cache),
            secrets=KubeNoticeSecrets(api, cache, clock),
            clock=clock,
            key=Key(namespace=namespace, name="news"),
        )
        await cache.refresh()
        spec = {"type": "webhook", "secretRef": {"name": "hook"}, "mostPerMinute": 7}
        body = {"apiVersion": "rollout.dev/v1alpha1", "kind": "Notifier", "metadata": {"name": "news"}, "spec": spec}
        await found.create("Notifier", body)
        yield found


async def test_a_notifier_is_read_with_its_defaults(case: Case) -> None:
    stored = case.notifiers.get(case.key)

    assert case.notifiers.keys() == (case.key,)
    assert stored is not None
    assert stored.notifier == a_notifier(case.key, channel=Channel.WEBHOOK, most_per_minute=7)
    assert (stored.status, stored.error, stored.generation) == (NotifierStatus(), "", 1)


async def test_a_status_is_read_as_it_was_written(case: Case) -> None:
    stored = case.notifiers.get(case.key)
    assert stored is not None

    await case.notifiers.save(stored, STATUS)

    again = case.notifiers.get(case.key)
    assert again is not None
    assert again.status == STATUS
    await case.cache.refresh()
    assert case.notifiers.get(case.key) == again


async def test_a_status_replaces_the_whole_former_one(case: Case) -> None:
    for status in (STATUS, NotifierStatus(observed_generation=1)):
        stored = case.notifiers.get(case.key)
        assert stored is not None
        await case.notifiers.save(stored, status)

    again = case.notifiers.get(case.key)
    assert again is not None
    assert again.status == NotifierStatus(observed_generation=1)


async def test_of_two_writers_the_second_is_told_that_there_was_another(case: Case) -> None:
    stored = case.notifiers.get(case.key)
    assert stored is not None
    await case.notifiers.save(stored, STATUS)

    with pytest.raises(Conflict):
        await case.notifiers.save(stored, NotifierStatus())


async def test_as_much_as_may_be_remembered_can_be_stored(case: Case) -> None:
    stored = case.notifiers.get(case.key)
    assert stored is not None
    mark = "ab12cd34 e123 r124 s3@1795262400 - AwaitingApproval,NoData 12"
    told = tuple(
        ToldOf(subject=f"shop/app-{number:04}", mark=mark, receipt="124 C024BE91L/1763726400.000001")
        for number in range(TOLD_KEPT)
    )

    await case.notifiers.save(stored, replace(STATUS, told=told))

    again = case.notifiers.get(case.key)
    assert again is not None
    assert len(again.status.told) == TOLD_KEPT


async def test_labels_are_those_of_the_object(case: Case) -> None:
    manifest = a_rollout_manifest(namespace=case.key.namespace)
    manifest["metadata"]["labels"] = {"team": "till"}
    await case.create("Rollout", manifest)

    there = ObjectRef(kind="Rollout", key=Key(namespace=case.key.namespace, name="checkout"))

    assert case.notifiers.labels(there) == {"team": "till"}
    assert case.notifiers.labels(replace(there, key=case.key)) == {}
    assert case.notifiers.labels(replace(there, kind="MeshMigration")) == {}


async def test_a_secret_is_read_once_in_half_a_minute_and_a_new_one_counts_then(case: Case) -> None:
    notifier = a_notifier(case.key)
    await case.secret(url="https://a", secret="x\n")
    first = await case.secrets.read(notifier)
    await case.api.delete(KINDS["Secret"].path("v1", case.key.namespace, "hook"))
    await case.secret(url="https://b")

    soon = await case.secrets.read(notifier)
    case.clock.advance(FRESH + timedelta(seconds=1))

    assert first == soon == {"url": "https://a", "secret": "x"}
    assert await case.secrets.read(notifier) == {"url": "https://b"}


async def test_an_absent_secret_is_named_with_the_field_that_names_it(case: Case) -> None:
    with pytest.raises(NotFound, match=f"Secret {case.key.namespace}/hook is not there .spec.secretRef"):
        await case.secrets.read(a_notifier(case.key))


async def test_a_secret_that_is_no_text_is_refused_without_being_shown(case: Case) -> None:
    data = {"url": base64.b64encode(b"\xff\xfe-hidden").decode()}
    await case.create("Secret", {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hook"}, "data": data})

    with pytest.raises(Rejected, match="url is not text") as error:
        await case.secrets.read(a_notifier(case.key))

    assert "hidden" not in str(error.value)
