"""Who manages which field, and what does a server-side apply do?"""

import pytest

from adapters.kube.api import KubeApi, Patch
from rollout.ports.errors import Conflict, Rejected
from tests.contracts.kube_api.widgets import DEPLOYMENTS, WIDGETS, apply, widget


async def test_each_writer_manages_what_it_wrote_last(api: KubeApi) -> None:
    await api.create(WIDGETS, widget("a", size=1, colour="red"), {"fieldManager": "ana"})
    await api.patch(f"{WIDGETS}/a", Patch.MERGE, {"spec": {"size": 2}}, {"fieldManager": "bob"})
    await api.patch(f"{WIDGETS}/a/status", Patch.MERGE, {"status": {"phase": "Done"}}, {"fieldManager": "bob"})

    found = await api.get(f"{WIDGETS}/a")

    managed = {(e["manager"], e.get("subresource", "")): e["fieldsV1"] for e in found["metadata"]["managedFields"]}
    assert managed[("ana", "")]["f:spec"].keys() - {"."} == {"f:colour"}
    assert managed[("bob", "")]["f:spec"].keys() - {"."} == {"f:size"}
    assert managed[("bob", "status")]["f:status"].keys() - {"."} == {"f:phase"}


async def test_a_forced_apply_leaves_the_other_manager_the_rest(api: KubeApi) -> None:
    await apply(api, "ana", widget("a", size=1, colour="red"))
    await apply(api, "bob", widget("a", size=2), force="true")

    found = await apply(api, "ana", widget("a", colour="blue"))

    assert found["spec"] == {"size": 2, "colour": "blue"}


async def test_the_message_of_a_conflict_names_the_field(api: KubeApi) -> None:
    await apply(api, "ana", widget("a", size=1))

    with pytest.raises(Conflict, match=r"\.spec\.size"):
        await apply(api, "bob", widget("a", size=2))


async def test_appliers_of_a_deployment_share_its_containers_by_name(api: KubeApi) -> None:
    labels = {"app": "a"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "app:1"}]}}
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a"},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": pod},
    }
    await api.patch(f"{DEPLOYMENTS}/a", Patch.APPLY, body, {"fieldManager": "ana"})
    sidecar = {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "side:1"}]}}}}
    extra = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, **sidecar}

    both = await api.patch(f"{DEPLOYMENTS}/a", Patch.APPLY, extra, {"fieldManager": "bob"})

    assert [c["name"] for c in both["spec"]["template"]["spec"]["containers"]] == ["app", "side"]


async def test_an_apply_makes_a_missing_object(api: KubeApi) -> None:
    made = await apply(api, "ana", widget("a", size=1))

    assert made["spec"] == {"size": 1}
    assert made["metadata"]["managedFields"][0]["manager"] == "ana"
    assert made["metadata"]["managedFields"][0]["fieldsV1"] == {"f:spec": {"f:size": {}}}


async def test_applying_the_same_twice_changes_nothing(api: KubeApi) -> None:
    first = await apply(api, "ana", widget("a", size=1))

    second = await apply(api, "ana", widget("a", size=1))

    assert second == first


async def test_an_apply_leaves_the_fields_of_others(api: KubeApi) -> None:
    await apply(api, "ana", widget("a", size=1))

    both = await apply(api, "bob", widget("a", colour="red"))

    assert both["spec"] == {"size": 1, "colour": "red"}


async def test_a_field_that_an_applier_no_longer_lists_goes(api: KubeApi) -> None:
    await apply(api, "ana", widget("a", size=1, colour="red"))

    fewer = await apply(api, "ana", widget("a", size=1))

    assert fewer["spec"] == {"size": 1}


async def test_a_field_that_another_applier_lists_too_stays(api: KubeApi) -> None:
    await apply(api, "ana", widget("a", size=1, colour="red"))
    await apply(api, "bob", widget("a", colour="red"))

    fewer = await apply(api, "ana", widget("a", size=1))

    assert fewer["spec"] == {"size": 1, "colour": "red"}


async def test_applying_another_value_for_the_field_of_another_conflicts_by_name(api: KubeApi) -> None:
    await apply(api, "ana", widget("a", size=1))

    with pytest.raises(Conflict, match="ana"):
        await apply(api, "bob", widget("a", size=2))


async def test_a_patch_takes_over_the_fields_that_it_changes(api: KubeApi) -> None:
    await apply(api, "ana", widget("a", size=1))
    await api.patch(f"{WIDGETS}/a", Patch.MERGE, {"spec": {"size": 2}}, {"fieldManager": "hand"})

    with pytest.raises(Conflict, match="hand"):
        await apply(api, "ana", widget("a", size=1))


async def test_a_forced_apply_takes_the_field_over(api: KubeApi) -> None:
    await apply(api, "ana", widget("a", size=1))

    forced = await apply(api, "bob", widget("a", size=2), force="true")

    assert forced["spec"] == {"size": 2}
    assert [entry["manager"] for entry in forced["metadata"]["managedFields"]] == ["bob"]


async def test_two_appliers_share_a_list_of_conditions(api: KubeApi) -> None:
    await api.create(WIDGETS, widget("a"))

    for manager, condition in (("ana", "Ready"), ("bob", "Frozen")):
        status = {"conditions": [{"type": condition, "status": "True"}]}
        body = {**widget("a"), "status": status}
        del body["spec"]
        await api.patch(f"{WIDGETS}/a/status", Patch.APPLY, body, {"fieldManager": manager})

    found = await api.get(f"{WIDGETS}/a")
    assert {condition["type"] for condition in found["status"]["conditions"]} == {"Ready", "Frozen"}


async def test_a_list_without_keys_belongs_to_one_applier(api: KubeApi) -> None:
    await apply(api, "ana", widget("a", routes=[{"weight": 100}]))

    with pytest.raises(Conflict, match="ana"):
        await apply(api, "bob", widget("a", routes=[{"weight": 90}]))


async def test_an_apply_from_an_old_resource_version_conflicts(api: KubeApi) -> None:
    old = await apply(api, "ana", widget("a", size=1))
    await api.patch(f"{WIDGETS}/a", Patch.MERGE, {"metadata": {"labels": {"team": "pay"}}})

    body = widget("a", size=2)
    body["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
    with pytest.raises(Conflict):
        await apply(api, "ana", body)


async def test_an_apply_without_a_manager_is_rejected(api: KubeApi) -> None:
    with pytest.raises(Rejected):
        await api.patch(f"{WIDGETS}/a", Patch.APPLY, widget("a", size=1))


async def managers(api: KubeApi, name: str = "a") -> list[str]:
    found = await api.get(f"{WIDGETS}/{name}")
    return sorted(entry["manager"] for entry in found["metadata"].get("managedFields") or ())


async def test_a_manager_that_a_patch_takes_out_stays_out_and_the_others_keep_theirs(api: KubeApi) -> None:
    await apply(api, "ana", widget("a", size=1, colour="red"))
    await api.patch(f"{WIDGETS}/a", Patch.MERGE, {"spec": {"size": 2}}, {"fieldManager": "bob"})
    found = await api.get(f"{WIDGETS}/a")
    place = [entry["manager"] for entry in found["metadata"]["managedFields"]].index("bob")
    ana = next(entry for entry in found["metadata"]["managedFields"] if entry["manager"] == "ana")

    remove = [{"op": "remove", "path": f"/metadata/managedFields/{place}"}]
    freed = await api.patch(f"{WIDGETS}/a", Patch.JSON, remove, {"fieldManager": "bob"})

    assert freed["metadata"]["managedFields"] == [ana]
    assert freed["metadata"].get("generation") == found["metadata"].get("generation")
    assert await managers(api) == ["ana"]
    assert (await apply(api, "cleo", widget("a", size=3)))["spec"]["size"] == 3  # nobody is in the way


async def test_the_last_manager_goes_by_one_empty_entry_and_not_by_none(api: KubeApi) -> None:
    await api.create(WIDGETS, widget("a", size=1), {"fieldManager": "bob"})

    await api.patch(f"{WIDGETS}/a", Patch.JSON, [{"op": "replace", "path": "/metadata/managedFields", "value": []}])
    kept = await managers(api)
    await api.patch(f"{WIDGETS}/a", Patch.JSON, [{"op": "replace", "path": "/metadata/managedFields", "value": [{}]}])

    assert (kept, await managers(api)) == (["bob"], [])
