"""Is it said whose change a revision is, and why not where that cannot be proven?"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.memory.past import MemoryPast
from policies.approval import Authors
from rollout.model.names import Key
from rollout.model.source import GitSource
from rollout.ports.errors import Forbidden, PortError, Unreachable
from rollout.ports.sources import Credentials
from tests.support.authors_world import MEMORY_KEY, OURS, VERIFY, AuthorsWorld, SlowPast, an_authors_world
from tests.support.builders import CHECKOUT
from tests.support.scribes import BEN, By, a_rollout
from tests.support.sync_world import URL


@pytest.fixture
async def world() -> AsyncIterator[AuthorsWorld]:
    async with an_authors_world() as made:
        yield made


async def test_author_and_committer_of_the_change_are_named_in_lower_case(world: AuthorsWorld) -> None:
    await world.released("v1")
    commit = await world.released("v2", by=replace(OURS, author="A <Ana@Example.ORG>", committer=BEN))

    assert await world.of("v2") == Authors(commit=commit, emails=("ana@example.org", "ben@example.org"))


async def test_co_authors_are_authors_too(world: AuthorsWorld) -> None:
    message = "Release\n\nco-AUTHORED-by: Cara <Cara@example.org>\nCo-authored-by: nobody\n"
    await world.released("v2", by=replace(OURS, message=message))

    assert (await world.of()).emails == ("ana@example.org", "cara@example.org")


async def test_whose_key_signed_is_an_author_whatever_the_commit_claims(world: AuthorsWorld) -> None:
    eve = f"{MEMORY_KEY} eve@example.org"
    world.trust(eve__sshpub=eve)
    await world.released("v2", by=By(author=BEN, key=(eve,)))

    assert (await world.of()).emails == ("ben@example.org", "eve@example.org")


async def test_who_merged_the_change_is_an_author_too(world: AuthorsWorld) -> None:
    base = await world.released("v1")
    side = world.scribe.commit({"a.yaml": a_rollout("v2")}, OURS, parents=[base], branch="side")
    main = world.scribe.commit({"a.yaml": a_rollout("v1"), "b.yaml": ""}, OURS)
    files = {"a.yaml": a_rollout("v2"), "b.yaml": ""}
    world.scribe.commit(files, replace(OURS, author=BEN), parents=[main, side])
    await world.applied()

    assert await world.of() == Authors(commit=side, emails=("ana@example.org", "ben@example.org"))


async def test_a_change_that_was_not_signed_itself_proves_nothing_though_a_later_commit_is(world: AuthorsWorld) -> None:
    changed = world.scribe.commit({"a.yaml": a_rollout("v2")})
    world.scribe.commit({"a.yaml": a_rollout("v2"), "b.yaml": ""}, OURS)
    await world.applied()

    answer = await world.of()

    assert answer.emails == ()
    assert f"commit {changed[:12]} is not signed; sign what changes spec.revision" in answer.unproven
    assert "Secret keys" in answer.unproven


@pytest.mark.parametrize("author", ["Ana <ana>", "Ana <>", "<ana@example.org", "Ana <\u0430na@example.org>", ""])
async def test_a_commit_without_a_plain_address_proves_nothing(world: AuthorsWorld, author: str) -> None:
    await world.released("v2", by=replace(OURS, author=author, committer=BEN))

    answer = await world.of()

    assert (answer.emails, "names no e-mail address" in answer.unproven) == ((), True)


async def test_a_rollout_that_is_absent_or_asks_for_something_else_is_not_asked_about(world: AuthorsWorld) -> None:
    await world.released("v2")

    absent, other = await world.of(key=replace(CHECKOUT, name="gone")), await world.of("v3")

    assert absent.unproven == "Rollout shop/gone cannot be read; mend it first"
    assert other.unproven == "Rollout shop/checkout asks for v2 by now, not for v3"


async def test_a_rollout_that_git_does_not_apply_has_no_author(world: AuthorsWorld) -> None:
    await world.released("v2")
    marks = {"rollout.dev/source": None, "rollout.dev/source-namespace": None}
    await world.sync.edit("Rollout", CHECKOUT, {"metadata": {"labels": marks}})

    assert (await world.of()).unproven == (
        "Rollout shop/checkout is not from git; put it into a GitSource with spec.verify"
    )


async def test_marks_of_a_source_that_may_not_write_there_prove_nothing(world: AuthorsWorld) -> None:
    await world.released("v2")
    await world.sync.edit("Rollout", CHECKOUT, {"metadata": {"labels": {"rollout.dev/source-namespace": "pay"}}})

    assert "GitSource pay/apps may not write shop/checkout" in (await world.of()).unproven


async def test_a_source_that_is_gone_proves_nothing(world: AuthorsWorld) -> None:
    await world.released("v2")
    await world.sync.remove("GitSource", world.source)

    assert "GitSource shop/apps, which the Rollout names, does not exist" in (await world.of()).unproven


async def test_a_source_without_verify_proves_nothing() -> None:
    async with an_authors_world(verify=None) as world:
        await world.released("v2")

        assert "GitSource shop/apps has no spec.verify" in (await world.of()).unproven


async def test_a_source_that_was_pointed_elsewhere_proves_nothing_until_it_is_applied(world: AuthorsWorld) -> None:
    await world.released("v2")
    await world.sync.edit("GitSource", world.source, {"spec": {"ref": "next"}})

    assert f"has not applied a commit of {URL} next yet" in (await world.of()).unproven


async def test_a_revision_set_by_hand_is_not_that_of_git(world: AuthorsWorld) -> None:
    await world.released("v2")
    await world.sync.edit("Rollout", CHECKOUT, {"spec": {"revision": "v3"}})

    assert "says 'v2', not 'v3'" in (await world.of("v3")).unproven


async def test_a_label_that_claims_another_source_is_not_believed(world: AuthorsWorld) -> None:
    await world.released("v2")
    await world.sync.a_source("other", **VERIFY)
    await world.sync.edit("Rollout", CHECKOUT, {"metadata": {"labels": {"rollout.dev/source": "other"}}})

    assert "GitSource shop/other has not applied a commit" in (await world.of()).unproven


async def test_of_two_sources_that_want_it_no_label_chooses_whose_history_counts(world: AuthorsWorld) -> None:
    await world.released("v2")
    other = await world.sync.a_source("other", onInvalid="skip-file", **VERIFY)
    await world.sync.look(other, hours=2)
    await world.sync.edit("Rollout", CHECKOUT, {"metadata": {"labels": {"rollout.dev/source": "other"}}})

    assert (await world.of()).unproven == (
        "GitSource shop/other is not alone in wanting shop/checkout; remove it from one of the two"
    )


async def test_where_more_is_contested_than_the_status_can_say_nothing_of_the_source_is_proven(
    world: AuthorsWorld,
) -> None:
    names = [f"app{number}" for number in range(7)]
    world.scribe.commit({f"{name}.yaml": a_rollout("v2", name) for name in names}, OURS)
    await world.applied()
    other = await world.sync.a_source("other", onInvalid="skip-file", **VERIFY)
    await world.sync.look(other, hours=2)
    await world.applied()

    answer = await world.of(key=Key(namespace="shop", name="app6"))

    assert "GitSource shop/apps is not alone in wanting shop/app6" in answer.unproven


async def test_annotations_of_the_rollout_change_nothing(world: AuthorsWorld) -> None:
    commit = await world.released("v2")
    marks = {"rollout.dev/commit": "1" * 40, "rollout.dev/source": "elsewhere.yaml:1"}
    await world.sync.edit("Rollout", CHECKOUT, {"metadata": {"annotations": marks}})

    assert await world.of() == Authors(commit=commit, emails=("ana@example.org",))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            Unreachable("no answer within 60 s"),
            "git cannot be asked for GitSource shop/apps: no answer within 60 s; it is asked again",
        ),
        (Forbidden("the password\n is wrong"), "the password  is wrong"),
    ],
)
async def test_git_in_trouble_proves_nothing_and_is_asked_once_a_minute(
    world: AuthorsWorld, error: PortError, said: str
) -> None:
    await world.released("v2")
    world.sync.git.fail(error)
    first = await world.of()
    world.sync.git.fail(None)

    soon = await world.of()
    world.clock.advance(timedelta(seconds=60))

    assert (first.unproven, soon.unproven) == (said, said)
    assert (await world.of()).emails == ("ana@example.org",)


async def test_what_is_proven_is_not_asked_again_until_git_is_applied(world: AuthorsWorld) -> None:
    past = world.past = MemoryPast(world.sync.git)
    world.restart()
    first = await world.released("v1", "v2")
    await world.of()
    asked = len(past.calls)
    again = await world.of()
    without_asking = len(past.calls)
    world.scribe.commit({"a.yaml": a_rollout("v2", soak="20m")}, OURS)
    await world.applied()

    assert (again.commit, without_asking, (await world.of()).commit) == (first, asked, first)
    assert len(past.calls) > asked


async def test_a_slow_git_holds_nobody_up_and_its_answer_is_taken_later(world: AuthorsWorld) -> None:
    slow = world.past = SlowPast(world)
    world.restart(within=timedelta(0))
    commit = await world.released("v2")

    answers = [await world.of(), await world.of()]
    slow.goes.set()
    told = await world.answered.get()
    answer = await world.of()

    assert {one.unproven for one in answers} == {
        "git is being asked who set v2 of shop/checkout; the answer is taken when it is there"
    }
    assert (told, answer.commit, slow.asked) == (CHECKOUT, commit, 1)


@pytest.mark.slow
async def test_a_git_that_was_slow_once_is_not_waited_for_until_it_is_fast_again(world: AuthorsWorld) -> None:
    slow = world.past = SlowPast(world)
    world.restart(within=timedelta(seconds=1))
    await world.released("v2")
    await world.of()
    slow.goes.set()
    await world.answered.get()
    slow.goes.clear()
    await world.released("v3")

    async with asyncio.timeout(0.9):
        answer = await world.of("v3")

    assert "git is being asked who set v3" in answer.unproven
    slow.goes.set()
    await world.answered.get()
    commit = await world.released("v4")
    assert (await world.of("v4")).commit == commit


async def test_one_source_is_asked_one_question_at_a_time(world: AuthorsWorld) -> None:
    slow = world.past = SlowPast(world)
    world.restart(within=timedelta(0))
    names = [f"app{number}" for number in range(5)]
    world.scribe.commit({f"{name}.yaml": a_rollout("v2", name) for name in names}, OURS)
    await world.applied()
    keys = [Key(namespace="shop", name=name) for name in names]

    for key in keys:
        await world.of(key=key)
    slow.goes.set()
    told = [await world.answered.get() for _ in keys]

    assert (told, slow.most, slow.asked) == (keys, 1, 5)
    assert [(await world.of(key=key)).unproven for key in keys] == [""] * 5


async def test_a_question_is_asked_anew_when_git_was_applied_while_it_ran(world: AuthorsWorld) -> None:
    slow = world.past = SlowPast(world)
    world.restart(within=timedelta(0))
    await world.released("v2")
    await world.of()
    newest = await world.released("v3")
    slow.goes.set()
    await world.answered.get()
    stale = await world.of("v3")
    await world.answered.get()

    assert (stale.emails, (await world.of("v3")).commit) == ((), newest)


async def test_closing_ends_what_still_runs(world: AuthorsWorld) -> None:
    world.past = SlowPast(world)
    world.restart(within=timedelta(0))
    await world.released("v2")
    await world.of()

    await world.service.close()

    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("authors of")]


async def test_what_nobody_foresaw_is_raised_and_not_kept(world: AuthorsWorld) -> None:
    class Broken(MemoryPast):
        async def contents(
            self, source: GitSource, credentials: Credentials, blobs: Sequence[str]
        ) -> Mapping[str, bytes]:
            raise ZeroDivisionError(f"{source.url} {credentials} {blobs}")

    await world.released("v2")
    world.past = Broken(world.sync.git)
    world.restart()

    with pytest.raises(ZeroDivisionError):
        await world.of()
