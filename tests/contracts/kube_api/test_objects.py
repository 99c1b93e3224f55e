"""What happens when objects are made, read and deleted?"""

import pytest

from adapters.kube.api import KubeApi, Patch
from rollout.ports.errors import Conflict, KindAbsent, NotFound, Rejected
from tests.contracts.kube_api.widgets import CONFIGMAPS, GROUP, NAMESPACE, WIDGETS, widget


async def test_a_created_object_has_uid_generation_and_resource_version(api: KubeApi) -> None:
    created = await api.create(WIDGETS, widget("a", size=1))

    meta = created["metadata"]
    assert meta["namespace"] == NAMESPACE
    assert meta["generation"] == 1
    assert meta["uid"]
    assert int(meta["resourceVersion"]) > 0
    assert meta["creationTimestamp"].endswith("Z")


async def test_a_created_object_can_be_read_back(api: KubeApi) -> None:
    created = await api.create(WIDGETS, widget("a", size=1))

    found = await api.get(f"{WIDGETS}/a")

    assert found == created


async def test_a_name_is_taken_only_once(api: KubeApi) -> None:
    await api.create(WIDGETS, widget("a"))

    with pytest.raises(Conflict):
        await api.create(WIDGETS, widget("a"))


async def test_generate_name_makes_different_names(api: KubeApi) -> None:
    body = {**widget(""), "metadata": {"generateName": "cmd-"}}

    names = {(await api.create(WIDGETS, body))["metadata"]["name"] for _ in range(3)}

    assert len(names) == 3
    assert all(name.startswith("cmd-") for name in names)


async def test_a_missing_object_is_not_found(api: KubeApi) -> None:
    with pytest.raises(NotFound) as caught:
        await api.get(f"{WIDGETS}/nobody")

    assert not isinstance(caught.value, KindAbsent)


async def test_a_kind_that_is_not_served_is_absent(api: KubeApi) -> None:
    with pytest.raises(KindAbsent):
        await api.get("/apis/nowhere.example.org/v1/namespaces/default/things")


async def test_nothing_is_created_in_a_namespace_that_does_not_exist(api: KubeApi) -> None:
    with pytest.raises(NotFound):
        await api.create(f"/apis/{GROUP}/v1/namespaces/nowhere/widgets", widget("a"))


async def test_a_body_of_another_kind_is_rejected(api: KubeApi) -> None:
    with pytest.raises(Rejected):
        await api.create(WIDGETS, {**widget("a"), "kind": "Gadget"})


async def test_a_name_that_is_no_dns_name_is_rejected(api: KubeApi) -> None:
    with pytest.raises(Rejected):
        await api.create(WIDGETS, widget("Not_A_Name"))


async def test_every_served_version_shows_the_same_object(api: KubeApi) -> None:
    created = await api.create(WIDGETS, widget("a", size=1))

    older = await api.get(f"{WIDGETS}/a".replace("/v1/", "/v1beta1/"))

    assert older["apiVersion"] == f"{GROUP}/v1beta1"
    assert older["metadata"]["uid"] == created["metadata"]["uid"]
    assert older["spec"] == {"size": 1}


async def test_a_deleted_object_is_gone(api: KubeApi) -> None:
    await api.create(WIDGETS, widget("a"))

    await api.delete(f"{WIDGETS}/a")

    with pytest.raises(NotFound):
        await api.get(f"{WIDGETS}/a")


async def test_a_deletion_meant_for_another_uid_conflicts(api: KubeApi) -> None:
    await api.create(WIDGETS, widget("a"))

    with pytest.raises(Conflict):
        await api.delete(f"{WIDGETS}/a", {"preconditions": {"uid": "another"}})

    assert (await api.get(f"{WIDGETS}/a"))["metadata"]["name"] == "a"


async def test_a_finalizer_holds_an_object_until_it_is_taken_off(api: KubeApi) -> None:
    await api.create(WIDGETS, {**widget("a"), "metadata": {"name": "a", "finalizers": ["example.org/wait"]}})
    await api.delete(f"{WIDGETS}/a")
    held = await api.get(f"{WIDGETS}/a")

    await api.patch(f"{WIDGETS}/a", Patch.MERGE, {"metadata": {"finalizers": None}})

    assert held["metadata"]["deletionTimestamp"]
    with pytest.raises(NotFound):
        await api.get(f"{WIDGETS}/a")


async def test_only_some_kinds_have_a_generation(api: KubeApi) -> None:
    config = await api.create(CONFIGMAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})
    created = await api.create(WIDGETS, widget("a"))

    assert "generation" not in config["metadata"]
    assert created["metadata"]["generation"] == 1


async def test_a_review_of_ones_own_access_answers(api: KubeApi) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    wanted = {"group": GROUP, "resource": "widgets", "verb": "get", "namespace": NAMESPACE}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "metadata": {},
        "spec": {"resourceAttributes": wanted},
    }

    answer = await api.create(path, body)

    assert answer["status"]["allowed"] is True
