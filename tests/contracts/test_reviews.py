"""What does an API server say of somebody's token and of his rights?"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

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
from rollout.ports.reviews import ScopedIdentity

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


async def test_what_a_token_says_besides_goes_to_the_clusters_own_authorizer() -> None:
    scoped = replace(ANA, extra=(("scopes", ("user:info",)), ("zone", ("a", "b"))))
    asked: list[Asked] = []

    def unscoped(one: Asked) -> bool:
        asked.append(one)
        return not one.user.extra

    cluster = MemoryCluster(allows=unscoped)
    cluster.tokens["t"] = scoped
    reviews = KubeReviews(DirectApi(cluster))

    who = await reviews.who("t")

    assert who is not None
    assert not await reviews.may(who, Verb.APPROVE, "Rollout", Key(namespace="shop", name="checkout"))
    assert asked[-1].user == scoped


@pytest.mark.server
async def test_a_real_token_is_known_with_what_it_says_besides_and_may_be_asked_about(
    kubeconfig: Path, namespace: str
) -> None:
    api = await HttpApi.connect(str(kubeconfig))
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    await api.create(accounts, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "ana"}})
    wanted = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = (await api.create(f"{accounts}/ana/token", wanted))["status"]["token"]
    reviews = KubeReviews(api)

    who = await reviews.who(token)

    assert isinstance(who, ScopedIdentity)
    assert "authentication.kubernetes.io/credential-id" in dict(who.extra)
    assert not await reviews.may(who, Verb.APPROVE, "Rollout", Key(namespace=namespace, name="checkout"))
    await api.close()


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
