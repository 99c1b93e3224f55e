"""Who may ask for what, by which way, and where?"""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest

from adapters.memory.clock import ManualClock
from policies.approval import Approvers, Identity
from rollout.model.commands import Verb
from rollout.model.names import Key
from rollout.model.receiver import Grant, Receiver
from rollout.ports.errors import Forbidden
from rollout.services.authorising import Authority
from rollout.services.ordering import Binding, Demand
from rollout.services.vouching import MOST_GROUPS, Voucher
from tests.repo.tree import PRODUCT, modules, where
from tests.support.receivers import (
    HOME,
    KnownReviews,
    Written,
    a_git_host,
    a_receiver,
    a_slack,
    an_oidc,
    by_token,
    machine,
    of_cluster,
    on_slack,
)

CHECKOUT, STOCK, PLATFORM = (Key(namespace=space, name="checkout") for space in ("shop", "stock", HOME))
TO_STRICT = Key(namespace=HOME, name="to-strict")
AT_HOME = Key(namespace=HOME, name="ci")
TARGETS = (("Rollout", CHECKOUT), ("Rollout", STOCK), ("Rollout", PLATFORM), ("MeshMigration", TO_STRICT))
REVIEWS = KnownReviews({("ana", "approve", "Rollout", STOCK), ("ana", "pause", "MeshMigration", TO_STRICT)})
# The way somebody comes by: who, and the Receiver that has proven it.
WAYS: dict[str, tuple[Identity, Receiver | None]] = {
    "cluster": (of_cluster(), None),
    "another of the cluster": (of_cluster(user="bob"), None),
    "slack": (on_slack(), a_slack()),
    "slack without groups": (on_slack(groups=(), email=""), a_slack()),
    "callback": (machine(), a_receiver()),
    "callback at home": (machine(vouched=HOME), a_receiver(key=AT_HOME, namespaces=("stock", HOME))),
    "callback elsewhere that wants too much": (machine(), a_receiver(namespaces=("stock", HOME))),
    "token": (by_token(), an_oidc()),
    "token without groups": (by_token(groups=()), an_oidc()),
    "git": (machine(), a_git_host()),
    "suspended": (machine(), a_receiver(suspend=True)),
    "without grants": (machine(), a_receiver(grants=())),
    "proven by nobody": (on_slack(), None),
    "proven by another": (machine(vouched="stock"), a_receiver()),
    "of another realm": (on_slack(), a_receiver()),
}
# All that is allowed; every other way, verb and target is refused.
ALLOWED = {
    ("cluster", Verb.APPROVE, STOCK),
    ("cluster", Verb.PAUSE, TO_STRICT),
    ("slack", Verb.APPROVE, CHECKOUT),
    ("slack", Verb.ABORT, CHECKOUT),
    ("callback", Verb.APPROVE, CHECKOUT),
    ("callback", Verb.ABORT, CHECKOUT),
    *(("callback at home", verb, key) for verb in (Verb.APPROVE, Verb.ABORT) for key in (STOCK, PLATFORM, TO_STRICT)),
    ("callback elsewhere that wants too much", Verb.APPROVE, CHECKOUT),
    ("callback elsewhere that wants too much", Verb.ABORT, CHECKOUT),
    ("token", Verb.APPROVE, CHECKOUT),
    ("token", Verb.ABORT, CHECKOUT),
}


async def refusal(way: str, verb: Verb, kind: str, key: Key) -> str:
    identity, receiver = WAYS[way]
    return await Authority(reviews=REVIEWS, home=HOME).refusal(identity, verb, kind, key, receiver)


@pytest.mark.parametrize("way", WAYS)
async def test_every_way_may_ask_for_what_is_listed_and_for_nothing_else(way: str) -> None:
    asked = tuple(product(Verb, TARGETS))

    answers = {(verb, key): await refusal(way, verb, kind, key) for verb, (kind, key) in asked}

    assert {place for place, text in answers.items() if not text} == {
        (verb, key) for who, verb, key in ALLOWED if who == way
    }


@pytest.mark.parametrize(
    ("way", "verb", "kind", "key", "says"),
    [
        (
            "another of the cluster",
            Verb.APPROVE,
            "Rollout",
            STOCK,
            "by the verb approve on rollouts.rollout.dev in stock",
        ),
        ("cluster", Verb.ABORT, "MeshMigration", TO_STRICT, "to abort MeshMigration to-strict; an administrator"),
        ("slack", Verb.PAUSE, "Rollout", CHECKOUT, "grants pause to nobody; add it to spec.grants"),
        ("slack without groups", Verb.ABORT, "Rollout", CHECKOUT, "does not grant abort to slack:T1/U1; add them"),
        (
            "callback",
            Verb.APPROVE,
            "Rollout",
            STOCK,
            "does not reach Rollout stock/checkout; it is for its own namespace",
        ),
        ("callback", Verb.APPROVE, "MeshMigration", TO_STRICT, "no MeshMigration; use one in rollout-system"),
        ("callback at home", Verb.APPROVE, "Rollout", CHECKOUT, "name the namespace in spec.namespaces"),
        ("suspended", Verb.APPROVE, "Rollout", CHECKOUT, "is suspended"),
        ("proven by nobody", Verb.APPROVE, "Rollout", CHECKOUT, "no Receiver speaks for people of the realm slack"),
        ("proven by another", Verb.APPROVE, "Rollout", CHECKOUT, "has not proven callback:ci"),
        ("git", Verb.APPROVE, "Rollout", CHECKOUT, "has not proven callback:ci"),
        ("cluster", Verb.APPROVE, "Secret", CHECKOUT, "nobody steers a Secret"),
    ],
)
async def test_a_refusal_says_what_is_missing_and_what_next(
    way: str, verb: Verb, kind: str, key: Key, says: str
) -> None:
    assert says in await refusal(way, verb, kind, key)


async def test_nobody_without_a_name_may_do_anything() -> None:
    authority = Authority(reviews=REVIEWS, home=HOME)

    assert await authority.refusal(of_cluster(user=""), Verb.APPROVE, "Rollout", STOCK) != ""


async def test_a_receiver_does_not_speak_for_users_of_the_cluster() -> None:
    authority = Authority(reviews=REVIEWS, home=HOME)

    told = [
        await authority.refusal(of_cluster(), Verb.APPROVE, "Rollout", STOCK, a_receiver()),
        await authority.refusal(of_cluster(vouched="stock"), Verb.APPROVE, "Rollout", STOCK),
    ]

    assert all("no Receiver speaks for users of the cluster" in text for text in told)


@pytest.mark.parametrize(
    ("who", "identity"),
    [
        (Approvers(callbacks=("ci",)), machine()),
        (Approvers(slack_users=("T1/U1",)), on_slack()),
        (Approvers(emails=("ana@shop.example",)), by_token(groups=(), email="Ana@shop.example")),
    ],
)
async def test_one_list_that_names_somebody_is_enough(who: Approvers, identity: Identity) -> None:
    receivers = {"callback": a_receiver, "slack": a_slack, "oidc": an_oidc}
    receiver = receivers[identity.realm.value](grants=(Grant(verbs=(Verb.APPROVE,), who=who),))

    assert (
        await Authority(reviews=REVIEWS, home=HOME).refusal(identity, Verb.APPROVE, "Rollout", CHECKOUT, receiver) == ""
    )


async def test_names_of_one_realm_mean_nobody_of_another() -> None:
    who = Approvers(users=("T1/U1", "ci"), groups=("T1/S1", "release"), callbacks=("T1/U1",), slack_users=("ci",))
    grants = (Grant(verbs=(Verb.APPROVE,), who=who),)
    authority = Authority(reviews=REVIEWS, home=HOME)
    people = ((on_slack(), a_slack), (machine(), a_receiver), (by_token(), an_oidc))

    told = [
        await authority.refusal(one, Verb.APPROVE, "Rollout", CHECKOUT, receiver(grants=grants))
        for one, receiver in people
    ]

    assert all("does not grant approve" in text for text in told)


def voucher(written: Written) -> Voucher:
    return Voucher(
        authority=Authority(reviews=REVIEWS, home=HOME),
        create=written.create,
        clock=ManualClock(datetime(2026, 11, 30, 12, 0, tzinfo=UTC)),
    )


APPROVE = Demand(
    key=CHECKOUT,
    verb=Verb.APPROVE,
    binding=Binding(run=3, step=2, revision="v2", template="abc"),
    channel="slack",
    reason="looks good",
)


async def test_a_demand_becomes_a_command_that_says_who_and_how_it_was_proven() -> None:
    written = Written()

    stored = await voucher(written).record(on_slack(), APPROVE, a_slack())

    assert stored["spec"] == {
        "target": {"kind": "Rollout", "name": "checkout"},
        "verb": "approve",
        "run": 3,
        "step": 2,
        "revision": "v2",
        "template": "abc",
        "actor": {
            "user": "T1/U1",
            "groups": ["T1/S1"],
            "realm": "slack",
            "email": "ana@shop.example",
            "vouched": "shop",
        },
        "channel": "slack",
        "reason": "looks good",
    }


async def test_a_user_of_the_dashboard_is_recorded_as_the_cluster_knows_him() -> None:
    written = Written()
    demand = replace(APPROVE, key=STOCK, channel="dashboard")

    stored = await voucher(written).record(of_cluster(), demand, None)

    assert stored["spec"]["actor"] == {"user": "ana", "groups": ["release-managers"]}


@pytest.mark.parametrize(
    ("identity", "demand", "says"),
    [
        (on_slack(), replace(APPROVE, verb=Verb.PAUSE), "grants pause to nobody"),
        (on_slack(), replace(APPROVE, channel="cli"), "cannot come by the channel cli: slack is theirs"),
        (
            on_slack(groups=("T1/S1", *(f"T1/S1{number}" for number in range(MOST_GROUPS)))),
            APPROVE,
            "is in 101 groups, a command takes 100",
        ),
    ],
)
async def test_what_is_refused_is_not_written(identity: Identity, demand: Demand, says: str) -> None:
    written = Written()

    with pytest.raises(Forbidden, match=says):
        await voucher(written).record(identity, demand, a_slack())

    assert written.objects == []


def test_nothing_else_in_the_product_makes_a_command() -> None:
    writers = {where(path) for path in modules(*PRODUCT) if "command_to_dict(" in path.read_text(encoding="utf-8")}

    assert writers == {
        "rollout/manifest/rolloutcommand.py",  # makes the object
        "rollout/services/ordering.py",  # with a person's own credentials: the API server decides
        "rollout/services/vouching.py",
    }
