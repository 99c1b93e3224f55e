"""Which commits count as those that set a revision, in histories of every shape?"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.git.allowed import Urls
from adapters.git.past import GitPast
from adapters.git.source import GitSpecSource
from rollout.model.names import Key
from rollout.ports.errors import Rejected
from rollout.ports.sources import Credentials
from rollout.services.change_walk import Walk
from tests.support.git_fixtures import git_source
from tests.support.repos import Repository, Symlink
from tests.support.scribes import GitScribe, a_rollout

pytestmark = pytest.mark.slow

CHECKOUT = Key(namespace="shop", name="checkout")
NOBODY = Credentials()
V1, V2 = {"a.yaml": a_rollout("v1")}, {"a.yaml": a_rollout("v2")}


class World:
    """A repository, and the walk over it."""

    def __init__(self, folder: Path) -> None:
        self.repository = Repository(folder / "shop.git")
        self.scribe = GitScribe(self.repository)
        self.commit = self.scribe.commit
        self.git = GitSpecSource(folder / "cache", urls=Urls(file=True))
        self.walk = self.at("")

    def at(self, path: str) -> Walk:
        source = git_source(self.repository.url, path=path)
        return Walk(GitPast(self.git), source, CHECKOUT)

    async def counted(self, commit: str, revision: str = "v2") -> list[str]:
        """The commits that count; the newest of the branch is where git is."""
        return list(await self.walk.counted(NOBODY, commit, revision))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    yield made
    await made.git.close()


async def test_the_commit_that_changed_the_revision_counts_and_no_other(world: World) -> None:
    world.commit(V1)
    changed = world.commit(V2)
    world.commit({**V2, "README.md": "more"})
    newest = world.commit({"a.yaml": a_rollout("v2", soak="20m")})

    assert await world.counted(newest) == [changed]


async def test_a_revision_that_was_there_from_the_first_commit_is_its_makers(world: World) -> None:
    first = world.commit(V2)
    newest = world.commit({**V2, "b.yaml": a_rollout("v7", "cart")})

    assert await world.counted(newest) == [first]


async def test_of_a_change_and_its_revert_and_its_return_the_last_counts(world: World) -> None:
    world.commit(V1)
    world.commit(V2)
    world.commit(V1)
    again = world.commit(V2)

    assert await world.counted(world.commit({**V2, "b.yaml": "b: 1\n"})) == [again]


async def test_a_revert_is_the_change_of_who_reverts(world: World) -> None:
    world.commit(V1)
    world.commit(V2)
    reverted = world.commit(V1)

    assert await world.counted(reverted, "v1") == [reverted]


async def test_a_file_that_is_renamed_or_split_keeps_its_author(world: World) -> None:
    world.commit(V1)
    changed = world.commit(V2)
    world.commit({"apps/b.yml": a_rollout("v2")})
    newest = world.commit({"apps/c.yaml": a_rollout("v7", "cart") + "---\n" + a_rollout("v2", namespace="shop")})

    assert await world.counted(newest) == [changed]


async def test_a_rename_that_changes_the_revision_counts(world: World) -> None:
    world.commit(V1)
    moved = world.commit({"other.yaml": a_rollout("v2")})

    assert await world.counted(moved) == [moved]


async def test_what_is_deleted_and_made_anew_is_the_makers(world: World) -> None:
    world.commit(V2)
    world.commit({"README.md": "gone"})
    anew = world.commit(V2)

    assert await world.counted(anew) == [anew]


async def test_the_same_name_in_another_namespace_is_another_rollout(world: World) -> None:
    changed = world.commit({"a.yaml": a_rollout("v2", namespace="shop")})
    other = {"a.yaml": a_rollout("v2", namespace="shop"), "b.yaml": a_rollout("v2", namespace="pay")}
    newest = world.commit(other)

    assert await world.counted(newest) == [changed]


async def test_only_files_under_the_path_of_the_source_count(world: World) -> None:
    world.commit({"staging/a.yaml": a_rollout("v2"), "prod/a.yaml": a_rollout("v1")})
    prod = world.commit({"staging/a.yaml": a_rollout("v3"), "prod/a.yaml": a_rollout("v2")})
    newest = world.commit({"staging/a.yaml": a_rollout("v2"), "prod/a.yaml": a_rollout("v2")})

    world.walk = world.at("prod")

    assert await world.counted(newest) == [prod]


async def test_a_merge_that_brings_the_change_counts_besides_the_change(world: World) -> None:
    base = world.commit(V1)
    world.commit(V2, parents=[base], branch="side")
    side = world.commit({**V2, "s.yaml": "s: 1\n"}, branch="side")
    main = world.commit({**V1, "m.yaml": "m: 1\n"})
    merged = world.commit({**V2, "s.yaml": "s: 1\n", "m.yaml": "m: 1\n"}, parents=[main, side])
    newest = world.commit({**V2, "z.yaml": "z: 1\n"})

    assert await world.counted(newest) == [merged, world.repository.git("rev-parse", "side~1").strip()]


async def test_a_merge_of_an_older_branch_changes_nothing(world: World) -> None:
    base = world.commit(V1)
    side = world.commit({**V1, "s.yaml": "s: 1\n"}, parents=[base], branch="side")
    changed = world.commit(V2)
    merged = world.commit({**V2, "s.yaml": "s: 1\n"}, parents=[changed, side])

    assert await world.counted(merged) == [changed]


async def test_a_merge_that_sets_the_revision_itself_counts_alone(world: World) -> None:
    base = world.commit(V1)
    side = world.commit({"a.yaml": a_rollout("v3")}, parents=[base], branch="side")
    main = world.commit({**V1, "m.yaml": "m: 1\n"})
    evil = world.commit(V2, parents=[main, side])

    assert await world.counted(evil) == [evil]


async def test_the_same_change_on_both_sides_of_a_merge_is_that_of_both(world: World) -> None:
    base = world.commit(V1)
    side = world.commit(V2, parents=[base], branch="side")
    main = world.commit({**V2, "m.yaml": "m: 1\n"})
    merged = world.commit({**V2, "m.yaml": "m: 1\n"}, parents=[main, side])

    assert sorted(await world.counted(merged)) == sorted([main, side])


async def test_a_branch_from_before_the_revert_does_not_bring_its_author_back(world: World) -> None:
    world.commit(V1)
    old = world.commit(V2)
    side = world.commit({**V2, "s.yaml": "s: 1\n"}, parents=[old], branch="side")
    world.commit(V1)
    again = world.commit(V2)
    merged = world.commit({**V2, "s.yaml": "s: 1\n"}, parents=[again, side])

    assert await world.counted(merged) == [again]


async def test_who_takes_away_what_stood_beside_it_counts_too(world: World) -> None:
    world.commit(V1)
    beside = world.commit({**V1, "b.yaml": a_rollout("v2")})
    mended = world.commit({"b.yaml": a_rollout("v2")})

    assert await world.counted(mended) == [mended, beside]


async def test_a_change_hidden_in_a_file_that_nobody_could_read_counts_besides_who_mended_it(world: World) -> None:
    world.commit(V1)
    hidden = world.commit({"a.yaml": a_rollout("v2") + "\t: {\n"})
    mended = world.commit(V2)

    assert await world.counted(mended) == [mended, hidden]


async def test_a_hidden_change_is_found_behind_commits_that_left_it_alone(world: World) -> None:
    world.commit(V1)
    broken = {"a.yaml": a_rollout("v2") + "\t: {\n"}
    hidden = world.commit(broken)
    world.commit({**broken, "b.yaml": "b: 1\n"})
    mended = world.commit({**V2, "b.yaml": "b: 1\n"})

    assert await world.counted(mended) == [mended, hidden]


async def test_a_change_hidden_by_the_name_of_its_file_counts_besides_the_rename(world: World) -> None:
    world.commit(V1)
    hidden = world.commit({"a.json": a_rollout("v2")})
    renamed = world.commit(V2)

    assert await world.counted(renamed) == [renamed, hidden]


async def test_a_file_that_nobody_can_read_and_nobody_touches_hides_nothing(world: World) -> None:
    broken = {"broken.yaml": "checkout: {\n"}
    world.commit({**V1, **broken})
    changed = world.commit({**V2, **broken})
    mended = world.commit(V2)

    assert await world.counted(mended) == [mended, changed]


async def test_a_name_and_a_key_that_are_spelt_with_escapes_are_found(world: World) -> None:
    world.commit({"a.json": '{"other": 1}'})
    hidden = (
        '{"apiVersion": "rollout.dev/v1alpha1", "kind": "Rollout", "metadata": {"name": "check\\u006fut"}, '
        '"spec": {"revisi\\u006fn": "v2"}}'
    )
    changed = world.commit({"a.json": hidden})
    newest = world.commit({"a.yaml": a_rollout("v2")})

    assert await world.counted(newest) == [changed]


async def test_a_symlink_to_it_is_no_file(world: World) -> None:
    world.repository.commit({"b/real.txt": a_rollout("v2"), "a.yaml": Symlink(target="b/real.txt")})
    newest = world.commit(V2)

    assert await world.counted(newest) == [newest]


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (V1, r"says 'v1', not 'v2'"),
        ({"a.yaml": a_rollout("v2"), "b.yaml": a_rollout("v1")}, r"says 'v1' and 'v2', not 'v2'"),
        ({"b.yaml": a_rollout("v2", "cart")}, "does not hold it any more"),
        ({"a.yaml": "checkout: {\n"}, r"a\.yaml cannot be read"),
        ({"a.yaml": "# checkout" + "#" * 300_000}, r"a\.yaml cannot be read"),
    ],
)
async def test_a_commit_that_does_not_say_the_revision_proves_nothing(
    world: World, files: dict[str, str], why: str
) -> None:
    newest = world.commit(files)

    with pytest.raises(Rejected, match=why):
        await world.counted(newest)


async def test_a_forced_push_is_judged_by_what_the_branch_is_now(world: World) -> None:
    world.commit(V1)
    before = world.commit(V2)
    first_answer = await world.counted(before)
    world.commit({**V1, "x.yaml": "x: 1\n"}, parents=[])
    forced = world.commit({**V2, "x.yaml": "x: 1\n"})

    assert (first_answer, await world.counted(forced)) == ([before], [forced])
