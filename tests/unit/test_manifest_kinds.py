"""What do GitSource, SloPolicy and RolloutCommand mean, and what is said about wrong ones?"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from policies.approval import Realm
from rollout.manifest.errors import SpecError, SpecErrors
from rollout.manifest.parse import parse_command, parse_git_source, parse_slo_policy
from rollout.manifest.rolloutcommand import command_to_dict
from rollout.manifest.slopolicy import SloPolicy, with_policies
from rollout.model.commands import Verb
from rollout.model.names import Key
from rollout.model.rollout import Auto, ErrorRatio, Mode, Query, RolloutSpec
from rollout.model.source import DeletionPolicy, GitSource, OnInvalid
from tests.support.builders import CHECKOUT, ERRORS, SEQUENTIAL, a_command, a_spec

AUTO = Auto(max=50, min_duration=timedelta(minutes=5))
HOME = Key(namespace="shop", name="home")
URL = "https://git.example.org/shop.git"
STORED = {"uid": "uid-abort", "name": "checkout-abort", "creationTimestamp": "2026-11-21T12:00:00Z"}


def an_object(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": HOME.namespace, "name": HOME.name}, "spec": spec}


def a_policy(*objectives: ErrorRatio | Query) -> dict[str, SloPolicy]:
    return {"http": SloPolicy(key=Key(namespace="shop", name="http"), objectives=objectives)}


def test_a_git_source_has_defaults_for_all_but_its_url() -> None:
    assert parse_git_source(an_object(url=URL)) == GitSource(key=HOME, url=URL)


def test_a_git_source_is_read_in_full() -> None:
    source = parse_git_source(
        an_object(
            url="ssh://git@git.example.org/shop.git",
            ref="refs/heads/release/1.x",
            path="rollouts/prod/",
            interval="5m",
            secretRef={"name": "git-login"},
            onInvalid="skip-file",
            prune=False,
            deletionPolicy="Delete",
            suspend=True,
        )
    )

    assert source == GitSource(
        key=HOME,
        url="ssh://git@git.example.org/shop.git",
        ref="refs/heads/release/1.x",
        path="rollouts/prod",
        interval=timedelta(minutes=5),
        secret="git-login",
        on_invalid=OnInvalid.SKIP_FILE,
        prune=False,
        deletion_policy=DeletionPolicy.DELETE,
        suspend=True,
    )


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({}, "url is missing"),
        ({"url": "ext::sh -c id"}, "is not a URL that starts with https://"),
        ({"url": "git@example.org:shop.git"}, "is not a URL that starts with https://"),
        ({"url": "https:///x"}, "names no host"),
        ({"url": "https://token@example.org/x"}, "://***@example.org/x holds credentials"),
        ({"url": "ssh://git:word@example.org/x"}, "://***@example.org/x holds credentials"),
        ({"url": "https://token:word@example.org/ x"}, "url https://***@example.org/ x is not a URL"),
        ({"url": URL, "ref": "--upload-pack=x"}, "is not the name of a branch or tag"),
        ({"url": URL, "ref": "a..b"}, "ref a..b is no name that git takes"),
        ({"url": URL, "ref": "a.lock"}, "ref a.lock is no name that git takes"),
        ({"url": URL, "path": "/etc"}, "is not a folder in the repository"),
        ({"url": URL, "path": "a/../../b"}, "leaves the repository"),
        ({"url": URL, "interval": "1s"}, "interval 1s is not between 5s and 24h"),
        ({"url": URL, "verify": {}}, "secretRef is missing"),
        ({"url": URL, "onInvalid": "skip"}, "onInvalid skip is not known; did you mean skip-file?"),
    ],
)
def test_a_wrong_git_source_is_told_what_was_expected(spec: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecErrors) as caught:
        parse_git_source(an_object(**spec))

    (error,) = caught.value.errors
    assert said in str(error)


def test_policies_stand_behind_the_objectives_of_the_rollout() -> None:
    shared = Query(name="orders", query='orders{app="{name}", ns="{namespace}", v="{revision}"}', above=3.0)

    spec = with_policies(a_spec(policies=("http",)), a_policy(shared))

    filled = Query(name="orders", query='orders{app="checkout", ns="shop", v="{revision}"}', above=3.0)
    assert spec == a_spec(policies=("http",), objectives=(ERRORS, filled))


def test_a_rollout_without_policies_is_left_as_it_is() -> None:
    spec = a_spec(objectives=())

    assert with_policies(spec, {}) is spec


@pytest.mark.parametrize(
    ("policies", "said"),
    [
        ({}, "there is no SloPolicy http in shop; create it or take it out"),
        (a_policy(ERRORS), "objective errors of SloPolicy http is there already; rename one"),
    ],
)
def test_policies_that_do_not_fit_are_an_error(policies: dict[str, SloPolicy], said: str) -> None:
    error = with_policies(a_spec(policies=("http",), source="a.yaml:1"), policies)

    assert isinstance(error, SpecError)
    assert str(error) == f"shop/checkout: {said} (spec.policies, a.yaml:1)"


def test_policies_that_only_observe_decide_nothing() -> None:
    watching = ErrorRatio(name="shared", max_ratio=0.01, mode=Mode.OBSERVE)

    error = with_policies(a_spec(policies=("http",), objectives=()), a_policy(watching))

    assert "every objective only observes" in str(error)


def test_a_policy_may_bring_the_objective_that_auto_needs() -> None:
    spec = a_spec(policies=("http",), steps=(), auto=AUTO, objectives=())

    merged = with_policies(spec, a_policy(SEQUENTIAL))

    assert isinstance(merged, RolloutSpec)
    assert merged.objectives == (SEQUENTIAL,)


def test_policies_that_gather_no_evidence_cannot_choose_the_weights_of_auto() -> None:
    spec = a_spec(policies=("http",), steps=(), auto=AUTO, objectives=())

    error = with_policies(spec, a_policy(ERRORS))

    assert "auto needs an error-ratio or slow-ratio that decides by method sequential" in str(error)


def test_a_policy_has_at_least_one_objective() -> None:
    with pytest.raises(SpecErrors, match="objectives has 0 entries, expected at least 1"):
        parse_slo_policy(an_object(objectives=[]))


@pytest.mark.parametrize("verb", list(Verb))
def test_a_command_reads_back_as_it_was_given(verb: Verb) -> None:
    backend = "checkout/v1" if verb is Verb.NAME_STABLE else ""
    finding = "PA-01 Service shop/api" if verb is Verb.ACKNOWLEDGE else ""
    given = a_command(
        verb, step=2, revision="v2", reason="because", backend=backend, finding=finding, uid="u", name="n"
    )
    given = replace(given, groups=("devs",), template="1f2e")

    obj = command_to_dict(CHECKOUT, given)

    stored = {**obj["metadata"], "uid": "u", "creationTimestamp": "2026-11-21T12:00:00Z"}
    assert parse_command({**obj, "metadata": stored}) == given
    assert obj["spec"]["actor"] == {"user": "ana", "groups": ["devs"]}


def test_a_command_of_another_channel_says_who_proved_its_actor() -> None:
    given = replace(
        a_command(Verb.APPROVE, uid="u", name="n"),
        realm=Realm.SLACK,
        actor="T024BE7LD/U024BE7LH",
        email="ana@shop.example",
        vouched="rollout-system",
        channel="slack",
    )

    obj = command_to_dict(CHECKOUT, given)

    stored = {**obj["metadata"], "uid": "u", "creationTimestamp": "2026-11-21T12:00:00Z"}
    read = parse_command({**obj, "metadata": stored})
    assert read == given
    assert str(read.identity) == "slack:ana@shop.example"


def test_a_command_without_a_name_gets_one_from_the_server() -> None:
    obj = command_to_dict(CHECKOUT, a_command(Verb.ABORT, name=""))

    assert obj["metadata"] == {"namespace": "shop", "generateName": "checkout-abort-"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"verb": "abrt"}, "verb abrt is not known; did you mean abort?"),
        ({"verb": "name-stable"}, "name-stable needs backend, and no other verb has it"),
        ({"backend": "a"}, "name-stable needs backend, and no other verb has it"),
        ({"target": {"kind": "Deployment", "name": "a"}}, "kind Deployment is not known"),
        ({"actor": {"groups": []}}, "user is missing"),
    ],
)
def test_a_wrong_command_is_told_what_was_expected(change: dict[str, Any], said: str) -> None:
    obj = command_to_dict(CHECKOUT, a_command(Verb.ABORT))

    with pytest.raises(SpecErrors, match=said):
        parse_command({"metadata": {**STORED, "namespace": "shop"}, "spec": {**obj["spec"], **change}})
