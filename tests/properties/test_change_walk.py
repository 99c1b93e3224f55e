"""Does the walk through any history tell the commits that a plain reading of every commit would tell?"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from adapters.memory.past import MemoryPast
from adapters.memory.source import MemorySpecSource
from rollout.model.names import Key
from rollout.model.source import GitSource
from rollout.ports.sources import Credentials
from rollout.services.change_walk import Walk
from tests.support.examples import examples
from tests.support.scribes import By, MemoryScribe, a_rollout

URL = "https://git.example.org/shop.git"
CHECKOUT = Key(namespace="shop", name="checkout")
PATHS = ("a.yaml", "b/c.yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One commit of a history. said: the revision, "" where the Rollout is not there; before: numbers of its parents."""

    said: str
    path: str
    before: tuple[int, ...]


@st.composite
def histories(draw: st.DrawFn) -> list[Made]:
    """Commits that say v1, v2 or nothing, in any file, on one to three parents; the last one says v2."""
    made: list[Made] = []
    for number in range(draw(st.integers(1, 70))):
        near = st.integers(max(0, number - 6), number - 1) if number else st.nothing()
        before = (
            draw(st.lists(near, min_size=1, max_size=draw(st.sampled_from((1, 1, 1, 2, 3))), unique=True))
            if number
            else []
        )
        inherited = made[draw(st.sampled_from(before))] if before else None
        if inherited is not None and draw(st.integers(0, 3)):
            made.append(Made(said=inherited.said, path=inherited.path, before=tuple(before)))
            continue
        said, path = draw(st.sampled_from(("v1", "v2", "v2", ""))), draw(st.sampled_from(PATHS))
        made.append(Made(said=said, path=path, before=tuple(before)))
    made.append(Made(said="v2", path=draw(st.sampled_from(PATHS)), before=(len(made) - 1,)))
    return made


def ancestors(history: list[Made], of: int) -> set[int]:
    """All commits before one."""
    found: set[int] = set()
    waiting = list(history[of].before)
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += history[one].before
    return found


def told(history: list[Made]) -> set[int]:
    """By the rule itself: what the value came with, and the merges that brought it, but nothing that was undone later."""
    reached, waiting = {len(history) - 1}, [len(history) - 1]
    while waiting:
        fresh = {one for one in history[waiting.pop()].before if history[one].said == "v2"} - reached
        reached |= fresh
        waiting += fresh
    first = {one for one in reached if not any(history[before].said == "v2" for before in history[one].before)}
    brought = {one for one in reached if history[one].before and history[history[one].before[0]].said != "v2"}
    undone = {one for source in first for one in ancestors(history, source)}
    return (first | brought) - undone


async def walked(history: list[Made]) -> set[int]:
    """What the walk says."""
    git = MemorySpecSource()
    scribe, ids = MemoryScribe(git, URL), list[str]()
    for number, one in enumerate(history):
        files: Mapping[str, str] = {one.path: a_rollout(one.said)} if one.said else {}
        others = {"other.yaml": f"n: {number}\n"}
        parents = [ids[before] for before in one.before]
        ids.append(scribe.commit({**files, **others}, By(message=str(number)), parents=parents))
    walk = Walk(MemoryPast(git), GitSource(key=CHECKOUT, url=URL), CHECKOUT)
    counted = await walk.counted(Credentials(), ids[-1], "v2")
    return {ids.index(commit) for commit in counted}


@examples(150)
@given(histories())
def test_of_any_history_the_commits_are_told_that_set_the_revision(history: list[Made]) -> None:
    assert asyncio.run(walked(history)) == told(history)


@examples(30)
@given(histories())
def test_somebody_always_set_the_revision_and_the_newest_commit_follows_from_each(history: list[Made]) -> None:
    found = asyncio.run(walked(history))

    assert found
    assert found <= {len(history) - 1} | ancestors(history, len(history) - 1)
