"""What does an API server say of somebody's token and of his rights?"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from adapters.kube.api import KubeApi
from adapters.kube.client import HttpApi
from adapters.kube.reviews import KubeReviews
from adapters.memory.access import Asked, User
from adapters.memory.cluster import DirectApi, MemoryCluster
from policies.approval import Identity, Realm
from rollout.model.commands import Verb
from rollout.model.names import Key
from rollout.ports.errors import Forbidden

REAL = pytest.param("real", marks=pytest.mark.server)
ANA = User(name="ana", groups=("release-managers", "system:authenticated"))
ROOT = Identity(realm=Realm.CLUSTER, user="root", groups=("system:masters",))
NOBODY = Identity(realm=Realm.CLUSTER, user="nobody-we-know", groups=())


def masters(asked: Asked) -> bool:
    """As the real one: masters may do everything."""
    return "system:masters" in asked.user.groups


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An API server and a namespace of it."""

    api: KubeApi
    namespace: str


@pytest.fixture(params=["memory", REAL])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    async with AsyncExitStack() as stack:
        if request.param == "memory":
            yield Case(api=DirectApi(MemoryCluster(allows=masters)), namespace="shop")
            return
        api = await HttpApi.connect(str(request.getfixturevalue("kubeconfig")))
        stack.push_async_callback(api.close)
        yield Case(api=api, namespace=request.getfixturevalue("namespace"))


@pytest.mark.parametrize("kind", ["Rollout", "MeshMigration", "GitSource"])
async def test_rights_are_the_clusters_own(case: Case, kind: str) -> None:
    reviews, key = KubeReviews(case.api), Key(namespace=case.namespace, name="checkout")

    answers = [await reviews.may(one, Verb.APPROVE, kind, key) for one in (ROOT, NOBODY)]

    assert answers == [True, False]


@pytest.mark.parametrize("token", ["", "a guess"])
async def test_a_token_that_nobody_gave_out_is_nobodys(case: Case, token: str) -> None:
    assert await KubeReviews(case.api).who(token) is None


async def test_people_of_other_realms_have_no_rights_of_the_cluster(case: Case) -> None:
    stranger = Identity(realm=Realm.OIDC, user="root", groups=("system:masters",), vouched="shop")

    assert not await KubeReviews(case.api).may(stranger, "get", "Rollout", Key(namespace="shop", name="checkout"))


async def test_kinds_that_are_not_ours_are_nobodys_to_steer(case: Case) -> None:
    assert not await KubeReviews(case.api).may(ROOT, "get", "Secret", Key(namespace="shop", name="checkout"))


async def test_a_known_token_is_its_user_and_his_groups() -> None:
    cluster = MemoryCluster()
    cluster.tokens["t"] = ANA

    who = await KubeReviews(DirectApi(cluster)).who("t")

    assert who == Identity(realm=Realm.CLUSTER, user="ana", groups=ANA.groups)


async def test_a_migration_is_asked_for_in_the_whole_cluster() -> None:
    asked: list[Asked] = []

    def noting(one: Asked) -> bool:
        asked.append(one)
        return True

    reviews = KubeReviews(DirectApi(MemoryCluster(allows=noting)))

    await reviews.may(ROOT, Verb.PAUSE, "MeshMigration", Key(namespace="rollout-system", name="to-strict"))

    assert (asked[-1].verb, asked[-1].resource, asked[-1].namespace, asked[-1].name) == (
        "pause",
        "meshmigrations",
        "",
        "to-strict",
    )


async def test_whoever_may_not_review_others_is_told() -> None:
    api = DirectApi(MemoryCluster(allows=lambda _: False), user="ana", groups=())

    with pytest.raises(Forbidden, match="subjectaccessreviews"):
        await KubeReviews(api).may(ROOT, "get", "Rollout", Key(namespace="shop", name="checkout"))
