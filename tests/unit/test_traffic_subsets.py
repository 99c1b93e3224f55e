"""Is our DestinationRule one that Istio merges with the user's, and no more than is needed?"""

from typing import Any

from rollout.model.actions import Subset
from rollout.traffic.subsets import is_defined, is_own, own_rule

V2 = Subset(name="v2", labels=(("version", "v2"),))


def a_rule(name: str = "checkout", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {
        "kind": "DestinationRule",
        "metadata": metadata,
        "spec": {"host": "checkout.shop.svc.cluster.local", **spec},
    }


def a_subset(name: str = "v2", version: str = "v2") -> dict[str, Any]:
    return {"name": name, "labels": {"version": version}}


def test_our_rule_names_host_and_subsets_and_nothing_else() -> None:
    answer = own_rule("checkout", [V2], [], [], "shop")

    assert answer.rule == {
        "kind": "DestinationRule",
        "metadata": {
            "name": "rollout-checkout",
            "namespace": "shop",
            "labels": {"app.kubernetes.io/managed-by": "rollout-controller"},
        },
        "spec": {"host": "checkout", "subsets": [{"name": "v2", "labels": {"version": "v2"}}]},
    }


def test_a_subset_that_a_user_defined_is_left_to_the_user() -> None:
    assert own_rule("checkout", [V2], [a_rule(subsets=[a_subset()])], [], "shop").rule is None


def test_a_subset_that_a_user_defined_with_other_labels_is_a_clash() -> None:
    answer = own_rule("checkout", [V2], [a_rule(subsets=[a_subset(version="two")])], [], "shop")

    assert answer.clash == (
        "DestinationRule checkout defines subset v2 of checkout with version=two, "
        "the Rollout says version=v2; make them agree"
    )


def test_visibility_is_the_users_rules_so_that_istio_merges_them() -> None:
    routes = [{"spec": {"exportTo": ["istio-ingress"]}}]

    answer = own_rule("checkout", [V2], [a_rule(exportTo=["."])], routes, "shop")

    assert answer.rule is not None
    assert answer.rule["spec"]["exportTo"] == ["."]


def test_without_a_users_rule_visibility_is_the_routes() -> None:
    answer = own_rule("checkout", [V2], [], [{"spec": {"exportTo": ["."]}}], "shop")

    assert answer.rule is not None
    assert answer.rule["spec"]["exportTo"] == ["."]


def test_routes_of_different_visibility_make_the_rule_visible_everywhere() -> None:
    answer = own_rule("checkout", [V2], [], [{"spec": {"exportTo": ["."]}}, {"spec": {}}], "shop")

    assert answer.rule is not None
    assert "exportTo" not in answer.rule["spec"]


def test_a_rule_for_some_callers_only_defines_nothing() -> None:
    rule = a_rule(subsets=[a_subset()], workloadSelector={"matchLabels": {"app": "web"}})

    assert not is_defined([rule], "checkout", "v2", {"version": "v2"})


def test_of_two_rules_the_older_ones_subset_counts() -> None:
    older, newer = a_rule("a", subsets=[a_subset(version="old")]), a_rule("b", subsets=[a_subset()])
    newer["metadata"]["creationTimestamp"] = "2026-02-01T00:00:00Z"

    assert not is_defined([newer, older], "checkout", "v2", {"version": "v2"})


def test_a_users_rule_under_our_name_is_not_ours() -> None:
    assert not is_own(a_rule("rollout-checkout"))


def test_a_rule_that_would_hide_a_wildcards_traffic_policy_is_refused() -> None:
    policy = a_rule("mtls", trafficPolicy={"tls": {"mode": "ISTIO_MUTUAL"}})
    policy["spec"]["host"] = "*.shop.svc.cluster.local"

    answer = own_rule("checkout", [V2], [policy], [], "shop")

    assert answer.clash.startswith("DestinationRule mtls for *.shop.svc.cluster.local has a traffic policy")
