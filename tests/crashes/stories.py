"""What happens in the runs that are hit at every write, and how many writes has each?"""

from tests.crashes.lives import GATED, Story
from tests.support.scenes import delete, failing
from tests.support.world import World


async def release(world: World) -> None:
    """Git names v2."""
    await world.commit(revision="v2")


async def gated(world: World) -> None:
    """Git names v2 and puts a gate on the first step."""
    await world.commit(revision="v2", steps=GATED)


async def fails(world: World) -> None:
    """The canary begins to fail."""
    failing(world)


async def both(world: World) -> str:
    """Two commands at once: promote-full, and abort, which wins."""
    await world.command("promote-full")
    return await world.command("abort")


async def judged(world: World) -> None:
    """Git names v2, and asks for a proof of it beside stable."""
    await world.commit(revision="v2", objectives=[{"name": "errors", "kind": "error-ratio", "max": "1%"}])


async def chosen(world: World) -> None:
    """Git names v2, and leaves the weights to the judge."""
    errors = {"name": "errors", "kind": "error-ratio", "max": "1%"}
    await world.commit(revision="v2", objectives=[errors], steps=None, auto={"max": 50, "minDuration": "3m"})


async def newer(world: World) -> None:
    """Git names v3."""
    await world.commit(revision="v3")


async def gone(world: World) -> None:
    """The Rollout is deleted."""
    await delete(world, "Rollout", "checkout")


async def older(world: World) -> None:
    """Git names v1 again."""
    await world.commit(revision="v1")


async def approved(world: World) -> str:
    """ana opens the gate."""
    return await world.command("approve")


async def resumed(world: World) -> str:
    """ana lets go."""
    return await world.command("resume")


async def raised(world: World) -> None:
    """Somebody gives the canary more than it is to have."""
    await world.weights(checkout_v1=10, checkout_v2=90)


async def lowered(world: World) -> None:
    """Somebody gives the canary less than it is to have."""
    await world.weights(checkout_v1=98, checkout_v2=2)


async def first(world: World) -> None:
    """v1, which git names, is deployed."""
    await world.deploy("v1")


async def rebuilt(world: World) -> None:
    """v2 gets another image."""
    await world.deploy("v2", image="v2-fixed")


TWO = ("checkout", "outer")

OFTEN = {
    "promotion": Story(acts=((1, release),), minutes=4),
    "rollback": Story(acts=((1, release), (1, fails)), minutes=3),
    "abort": Story(acts=((1, release), (1, both)), minutes=3),
    "approval": Story(acts=((1, gated), (2, approved)), minutes=3),
    "pause and resume": Story(
        acts=((1, release), (1, lambda world: world.command("pause")), (1, resumed)),
        minutes=4,
    ),
    "judged": Story(acts=((1, judged),), minutes=6),
    "judged and rolled back": Story(acts=((1, judged), (1, fails)), minutes=3),
    "chosen by the judge": Story(acts=((1, chosen),), minutes=8),
    "superseded": Story(acts=((1, release), (1, newer)), minutes=4),
    "subsets": Story(acts=((1, release),), minutes=6, subsets=True),
    "subsets rolled back": Story(acts=((1, release), (1, fails)), minutes=3, subsets=True),
    "deletion": Story(acts=((1, release), (1, gone)), minutes=3),
    "deletion of subsets": Story(acts=((1, release), (2, gone)), minutes=3, subsets=True),
}

SELDOM = {
    "weight raised by hand": Story(acts=((1, release), (1, raised)), minutes=4),
    "weight lowered by hand": Story(acts=((1, release), (1, lowered), (1, resumed)), minutes=4),
    "first deployment": Story(acts=((1, first),), minutes=2, is_new=True),
    "revert after promotion": Story(acts=((1, release), (4, older)), minutes=3),
    "template changed in place": Story(acts=((1, release), (1, rebuilt)), minutes=4),
    "git goes back": Story(acts=((1, release), (1, older)), minutes=3),
    "two routes": Story(acts=((1, release),), minutes=4, routes=TWO),
    "two routes rolled back": Story(acts=((1, release), (1, fails)), minutes=3, routes=TWO),
    "two routes, abort": Story(acts=((1, release), (1, both)), minutes=3, routes=TWO),
    "two routes, approval": Story(acts=((1, gated), (2, approved)), minutes=3, routes=TWO),
    "two routes, superseded": Story(acts=((1, release), (1, newer)), minutes=4, routes=TWO),
    "two routes, deletion": Story(acts=((1, release), (1, gone)), minutes=3, routes=TWO),
    "subsets, approval": Story(acts=((1, gated), (3, approved)), minutes=4, subsets=True),
    "subsets, superseded": Story(acts=((1, release), (2, newer)), minutes=6, subsets=True),
    "subsets, revert": Story(acts=((1, release), (6, older)), minutes=4, subsets=True),
}

# How each ends when nobody disturbs it (phase, stable, what became of the runs, the newest first), so that none is a
# story of something else; and how many writes are hit in it: one with fewer has lost something, or the product writes less.
POINTS = {
    "promotion": (16, "Idle v2 Promoted"),
    "rollback": (15, "Failed v1 Failed"),
    "abort": (17, "Failed v1 Aborted"),
    "approval": (18, "Idle v2 Promoted"),
    "pause and resume": (20, "Idle v2 Promoted"),
    "judged": (12, "Progressing v1"),
    "judged and rolled back": (15, "Failed v1 Failed"),
    "chosen by the judge": (22, "Idle v2 Promoted"),
    "superseded": (27, "Idle v3 Promoted Superseded"),
    "subsets": (21, "Idle v2 Promoted"),
    "subsets rolled back": (21, "Failed v1 Failed"),
    "deletion": (14, "Idle"),
    "deletion of subsets": (19, "Idle"),
    "weight raised by hand": (19, "Idle v2 Promoted"),
    "weight lowered by hand": (21, "Idle v2 Promoted"),
    "first deployment": (7, "Idle v1 Promoted"),
    "revert after promotion": (24, "Idle v1 Promoted Promoted"),
    "template changed in place": (24, "Idle v2 Promoted Superseded"),
    "git goes back": (15, "Idle v1 Returned"),
    "two routes": (21, "Idle v2 Promoted"),
    "two routes rolled back": (20, "Failed v1 Failed"),
    "two routes, abort": (22, "Failed v1 Aborted"),
    "two routes, approval": (23, "Idle v2 Promoted"),
    "two routes, superseded": (36, "Idle v3 Promoted Superseded"),
    "two routes, deletion": (18, "Idle"),
    "subsets, approval": (23, "Idle v2 Promoted"),
    "subsets, superseded": (35, "Idle v3 Promoted Superseded"),
    "subsets, revert": (33, "Idle v1 Promoted Promoted"),
}
