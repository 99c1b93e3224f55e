"""What does a list show?"""

import pytest

from adapters.kube.api import KubeApi
from rollout.ports.errors import Rejected
from tests.contracts.kube_api.widgets import GROUP, NAMESPACE, WIDGETS, labelled, widget


async def test_a_list_selects_by_label(api: KubeApi) -> None:
    await api.create(WIDGETS, labelled("a", tier="web", team="pay"))
    await api.create(WIDGETS, labelled("b", tier="db"))
    await api.create(WIDGETS, widget("c"))

    async def names(selector: str) -> list[str]:
        found = await api.get(WIDGETS, {"labelSelector": selector})
        return [item["metadata"]["name"] for item in found["items"]]

    assert await names("tier=web") == ["a"]
    assert await names("tier!=web") == ["b", "c"]
    assert await names("tier in (web,db),team") == ["a"]
    assert await names("tier notin (web)") == ["b", "c"]
    assert await names("!tier") == ["c"]


async def test_a_list_selects_by_name(api: KubeApi) -> None:
    await api.create(WIDGETS, widget("a"))
    await api.create(WIDGETS, widget("b"))

    found = await api.get(WIDGETS, {"fieldSelector": "metadata.name=b"})

    assert [item["metadata"]["name"] for item in found["items"]] == ["b"]


async def test_a_list_over_all_namespaces_shows_this_one(api: KubeApi) -> None:
    await api.create(WIDGETS, widget("a"))

    found = await api.get(f"/apis/{GROUP}/v1/widgets", {"fieldSelector": f"metadata.namespace={NAMESPACE}"})

    assert found["kind"] == "WidgetList"
    assert [item["metadata"]["name"] for item in found["items"]] == ["a"]


async def test_the_pages_of_a_list_are_one_snapshot(api: KubeApi) -> None:
    for name in "abc":
        await api.create(WIDGETS, widget(name))
    first = await api.get(WIDGETS, {"limit": "2"})
    await api.delete(f"{WIDGETS}/c")

    second = await api.get(WIDGETS, {"limit": "2", "continue": first["metadata"]["continue"]})

    names = [item["metadata"]["name"] for page in (first, second) for item in page["items"]]
    assert names == ["a", "b", "c"]
    assert not second["metadata"].get("continue")


async def test_a_field_that_cannot_be_selected_by_is_rejected(api: KubeApi) -> None:
    with pytest.raises(Rejected):
        await api.get(WIDGETS, {"fieldSelector": "spec.size=1"})


async def test_a_selector_that_makes_no_sense_is_rejected(api: KubeApi) -> None:
    with pytest.raises(Rejected):
        await api.get(WIDGETS, {"labelSelector": "a in b"})
