"""What is a person told of what a command would do, before it is given?"""

from datetime import timedelta
from typing import Any

import pytest

from rollout.cli.options import Access
from rollout.cli.why import account as told_account
from rollout.manifest.status import status_to_dict
from rollout.model.commands import Verb
from rollout.model.status import Phase, Reason
from rollout.progression.orders import ORDERS
from rollout.services.account import Account
from rollout.services.offers import Offer, offers
from rollout.services.ordering import Binding
from rollout.services.queries import standing
from tests.support.builders import NOON, a_rollout_manifest, a_run, a_status, an_approval_manifest
from tests.support.cli import GATED, cluster_of
from tests.support.world import World, a_release, a_world, virtual_service

MINUTE = timedelta(minutes=1)


async def offered(world: World) -> dict[str, Offer]:
    """What may be asked of checkout now, by verb."""
    found = await told_account(cluster_of(world), Access(), "checkout", world.clock.now())
    return {offer.verb.value: offer for offer in offers(found)}


async def begun(world: World, minutes: int = 1, bad: int = 2) -> None:
    """v2 of checkout is on trial."""
    world.metrics.tell_requests("errors", total=2000, bad=bad)
    await world.commit(revision="v2")
    await world.pass_time(minutes * MINUTE)


async def test_of_a_running_step_each_effect_names_revision_and_weights() -> None:
    async with a_release() as world:
        await begun(world)

        found = await offered(world)

    assert found["promote"].effect == (
        "Soak and verdict of step 1 are skipped: weight of checkout v2 goes from 5 % to 50 %."
    )
    assert found["promote-full"].effect.endswith("weight of checkout v2 goes from 5 % to 100 %.")
    assert "weight of checkout v2 goes from 5 % to 0 %, and v1 gets all traffic" in found["abort"].effect
    assert found["pause"].effect.startswith("Weight of checkout v2 stays at 5 % until somebody resumes")


async def test_an_offer_is_bound_to_what_its_verb_binds_to() -> None:
    async with a_release() as world:
        await begun(world)

        found = await offered(world)

    assert found["abort"].binding == Binding(run=1)
    assert (found["promote"].binding.run, found["promote"].binding.step, found["promote"].binding.revision) == (
        1,
        1,
        "v2",
    )
    assert found["promote"].binding.template


@pytest.mark.parametrize(
    ("minimum", "words"),
    [
        (1, "is counted: weight of checkout v2 goes from 50 % to 100 % as soon as nothing else holds it."),
        (2, "is counted; 1 more is needed before weight of checkout v2 goes from 50 % to 100 %."),
        (3, "is counted; 2 more are needed before weight of checkout v2 goes from 50 % to 100 %."),
    ],
)
async def test_an_approval_says_whether_others_are_needed_besides(minimum: int, words: str) -> None:
    async with a_release(steps=GATED) as world:
        await world.put(an_approval_manifest(minimum=minimum))
        await begun(world, minutes=11)

        found = await offered(world)

    assert found["approve"].effect == f"Your approval of step 2 of checkout v2 {words}"
    assert found["reject"].effect.startswith("Run 1 is rejected: weight of checkout v2 goes from 50 % to 0 %")


async def test_a_paused_run_goes_on_where_it_was() -> None:
    async with a_release() as world:
        await begun(world)
        await world.command("pause")
        await world.pass_time(MINUTE)

        found = await offered(world)

    assert found["resume"].effect == "Run 1 of checkout v2 goes on at step 1 with 5 %."


async def test_a_failed_run_starts_anew_with_its_first_weight() -> None:
    async with a_release() as world:
        await begun(world, minutes=3, bad=400)

        found = await offered(world)

    assert list(found) == ["retry"]
    assert found["retry"].effect == "Run 2 of checkout v2 starts: weight of checkout v2 goes from 0 % to 5 % first."


async def test_stable_is_named_among_what_serves() -> None:
    async with a_world() as world:
        for revision in ("v1", "v2"):
            await world.deploy(revision)
        await world.put(virtual_service("checkout-v1", "checkout-v2"))
        await world.weights(checkout_v1=50, checkout_v2=50)
        await world.rollout(revision="v2")
        await world.settle()

        found = await offered(world)

    assert found["name-stable"].backends == ("checkout-v1", "checkout-v2")


@pytest.mark.parametrize("verb", list(ORDERS))
def test_every_verb_has_an_effect_even_where_the_world_cannot_be_looked_at(verb: Verb) -> None:
    frozen = tuple(Reason(code=code, message="so it is") for code in ("AwaitingApproval", "StableChanged", "Frozen"))
    phases: list[dict[str, Any]] = [
        {"run": a_run(), "reasons": frozen},
        {"run": a_run(), "phase": Phase.PAUSED},
        {"phase": Phase.FAILED},
        {"reasons": (Reason(code="StableUnknown", message="two carry traffic"),)},
    ]
    accounts = [
        Account(
            standing=standing({**a_rollout_manifest(), "status": status_to_dict(a_status(**changes))}),
            view=None,
            news=(),
            unseen="nobody looked",
            now=NOON,
        )
        for changes in phases
    ]

    found = [offer for account in accounts for offer in offers(account) if offer.verb is verb]

    assert found
    assert all(offer.effect.endswith(".") and "checkout" in offer.effect for offer in found)
