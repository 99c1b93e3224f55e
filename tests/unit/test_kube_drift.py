"""Is every way in which an object differs from git's found, with who did it and how it is mended?"""

from typing import Any

import pytest

from adapters.kube.drift import Difference, Field, difference, mending

OWN = "rollout-git/shop.apps"
Tree = dict[str, Any]


def entry(manager: str, spec: Tree, operation: str = "Update", **more: Any) -> Tree:
    return {"manager": manager, "operation": operation, "fieldsV1": {"f:spec": spec}, **more}


def live(spec: Tree, *entries: Tree, labels: Tree | None = None) -> Tree:
    return {"metadata": {"resourceVersion": "7", "labels": labels or {}, "managedFields": list(entries)}, "spec": spec}


def said(spec: Tree, labels: Tree | None = None) -> Tree:
    return {"metadata": {"labels": labels} if labels else {}, "spec": spec}


def found(obj: Tree, body: Tree) -> Difference:
    return difference(obj, body, OWN)


def paths(fields: tuple[Field, ...]) -> list[tuple[str, str]]:
    return [(field.path, field.manager) for field in fields]


def test_what_agrees_and_is_ours_is_no_difference() -> None:
    obj = live({"a": 1, "default": 2}, entry(OWN, {"f:a": {}}, "Apply"))

    assert found(obj, said({"a": 1})) == Difference()


@pytest.mark.parametrize(
    ("spec", "theirs", "path"),
    [
        ({"a": 1, "b": 2}, {"f:b": {}}, "spec.b"),
        ({"a": 1, "b": {"c": 2}}, {"f:b": {".": {}, "f:c": {}}}, "spec.b"),
        ({"a": 1, "m": {"x": 1, "y": 2}}, {"f:m": {"f:y": {}}}, "spec.m.y"),
        ({"a": 1, "l": [{"n": "x"}, {"n": "y"}]}, {"f:l": {'k:{"n":"y"}': {".": {}, "f:n": {}}}}, "spec.l.1"),
        ({"a": 1, "l": [{"n": "x", "v": 1}]}, {"f:l": {'k:{"n":"x"}': {"f:v": {}}}}, "spec.l.0.v"),
        ({"a": 1, "s": ["x", "y"]}, {"f:s": {'v:"y"': {}}}, "spec.s.1"),
    ],
)
def test_what_another_manager_added_is_found(spec: Tree, theirs: Tree, path: str) -> None:
    git = {"a": 1, "m": {"x": 1}, "l": [{"n": "x"}], "s": ["x"]}
    wanted = {name: value for name, value in git.items() if name in spec}

    result = found(live(spec, entry("kubectl-edit", theirs)), said(wanted))

    assert paths(result.added) == [(path, "kubectl-edit")]


def test_what_nobody_manages_is_no_addition() -> None:
    obj = live({"a": 1, "b": {"c": 2}}, entry("kubectl-edit", {"f:a": {}}))

    assert found(obj, said({"a": 1})).added == ()


def test_what_a_subresource_writes_is_no_addition() -> None:
    obj = live({"replicas": 3}, entry("autoscaler", {"f:replicas": {}}, subresource="scale"))

    assert found(obj, said({})) == Difference()


def test_a_field_that_differs_is_found_with_who_has_it() -> None:
    obj = live({"m": {"x": 9}}, entry("kubectl-edit", {"f:m": {"f:x": {}}}))

    result = found(obj, said({"m": {"x": 1}}))

    assert paths(result.wrong) == [("spec.m.x", "kubectl-edit")]


def test_a_field_or_label_that_is_gone_has_nobody() -> None:
    result = found(live({}), said({"a": 1}, {"team": "shop"}))

    assert paths(result.wrong) == [("metadata.labels.team", ""), ("spec.a", "")]


def test_a_list_that_another_manager_took_is_lost_though_every_field_of_gits_is_in_it() -> None:
    obj = live({"steps": [{"weight": 5, "approval": "me"}]}, entry("kubectl-edit", {"f:steps": {}}))

    result = found(obj, said({"steps": [{"weight": 5}]}))

    assert (paths(result.lost), result.wrong) == ([("spec.steps", "kubectl-edit")], ())


def test_what_is_managed_by_both_is_not_lost() -> None:
    ours, theirs = entry(OWN, {"f:steps": {}}, "Apply"), entry("argocd", {"f:steps": {}}, "Apply")

    assert found(live({"steps": [{"weight": 5}]}, ours, theirs), said({"steps": [{"weight": 5}]})) == Difference()


def test_mending_removes_from_the_last_to_the_first_and_sets_right_in_one_patch() -> None:
    theirs: Tree = {"f:l": {'k:{"n":"y"}': {}, 'k:{"n":"z"}': {}}, "f:x/y~z": {}}
    obj = live({"a": 9, "l": [{"n": "x"}, {"n": "y"}, {"n": "z"}], "x/y~z": 1}, entry("kubectl-edit", theirs))
    body = said({"a": 1, "l": [{"n": "x"}]}, {"team": "shop"})

    patch = mending(obj, body, found(obj, body))

    assert patch == [
        {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "remove", "path": "/spec/x~1y~0z"},
        {"op": "remove", "path": "/spec/l/2"},
        {"op": "remove", "path": "/spec/l/1"},
        {"op": "add", "path": "/spec/a", "value": 1},
        {"op": "add", "path": "/spec/l", "value": [{"n": "x"}]},
    ]
