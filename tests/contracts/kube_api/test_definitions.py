"""What does a CustomResourceDefinition bring?"""

from typing import Any

import pytest

from adapters.kube.api import KubeApi, Patch
from rollout.ports.errors import PortError, Rejected
from tests.contracts.kube_api.widgets import CRDS, GROUP, WIDGETS, apply, crd, until_absent, until_served, widget


@pytest.mark.parametrize(
    ("plan", "stored"),
    [
        ({"mode": "Auto"}, {"mode": "Auto", "percent": 5}),
        ({"mode": "Auto", "percent": 0, "unknown": 1}, {"mode": "Auto", "percent": 0}),
        ({"mode": "Auto", "percent": None}, {"mode": "Auto", "percent": 5}),
        ({"mode": "Auto", "note": None, "extra": {"x": True}}, {"mode": "Auto", "percent": 5, "extra": {"x": True}}),
    ],
)
async def test_a_schema_fills_in_defaults_and_cuts_off_what_it_does_not_know(
    api: KubeApi, plan: dict[str, Any], stored: dict[str, Any]
) -> None:
    created = await api.create(WIDGETS, widget("a", plan=plan))

    assert created["spec"]["plan"] == stored


@pytest.mark.parametrize(
    "plan",
    [
        {},
        "Auto",
        {"mode": "Sometimes"},
        {"mode": "Auto", "percent": "5"},
        {"mode": "Auto", "percent": True},
        {"mode": "Auto", "percent": 101},
        {"mode": "Auto", "percent": -1},
        {"mode": "Auto", "note": "longer"},
        {"mode": "Auto", "tags": ["a", "b", "c"]},
        {"mode": "Auto", "tags": ["A"]},
        {"mode": "Auto", "extra": {"x": 1}},
    ],
)
async def test_what_the_schema_forbids_is_rejected(api: KubeApi, plan: Any) -> None:
    with pytest.raises(Rejected, match=r"spec\.plan"):
        await api.create(WIDGETS, widget("a", plan=plan))


async def test_a_strict_create_refuses_every_field_that_the_schema_does_not_know(api: KubeApi) -> None:
    body = widget("a", plan={"mode": "Auto", "unknown": 1})
    body["metadata"]["label"] = {}

    with pytest.raises(Rejected, match=r'unknown field "metadata\.label", unknown field "spec\.plan\.unknown"'):
        await api.create(WIDGETS, body, {"fieldValidation": "Strict"})


async def test_an_apply_of_a_field_that_the_schema_does_not_know_is_refused(api: KubeApi) -> None:
    with pytest.raises(PortError, match=r"\.unknown: field not declared in schema"):
        await apply(api, "ana", {**widget("a", size=1), "unknown": 1})


async def test_a_patch_with_unknown_fields_alone_changes_nothing(api: KubeApi) -> None:
    created = await api.create(WIDGETS, widget("a", plan={"mode": "Auto"}))

    same = await api.patch(f"{WIDGETS}/a", Patch.MERGE, {"spec": {"plan": {"unknown": 1}}})

    assert same == created


async def test_a_definition_without_a_group_is_rejected(api: KubeApi) -> None:
    body = crd("things", "Thing")
    del body["spec"]["group"]

    with pytest.raises(Rejected):
        await api.create(CRDS, body)


async def test_a_kind_is_served_no_more_once_its_definition_is_deleted(api: KubeApi) -> None:
    gadgets = f"/apis/{GROUP}/v1/gadgets"
    await api.create(CRDS, crd("gadgets", "Gadget"))
    await until_served(api, gadgets)

    await api.delete(f"{CRDS}/gadgets.{GROUP}")

    await until_absent(api, gadgets)
