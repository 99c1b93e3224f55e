"""Does trouble with a forge stay where it is, and is it told once?"""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from rollout.model.names import Key
from rollout.ports.errors import Forbidden, NotFound, Unreachable
from tests.support.builders import a_revision, a_run, a_status
from tests.support.commit_rounds import Kept
from tests.support.commit_world import APPS, FIRST, SECOND, URL, a_git_source, a_source_status, a_stored

OTHERS = Key(namespace="pay", name="others")
SERVING = a_status(stable=a_revision("v2"))


@pytest.fixture
async def kept() -> AsyncIterator[Kept]:
    kept = Kept()
    yield kept
    await kept.kept.close()


async def test_a_forge_in_trouble_is_asked_more_and_more_rarely(kept: Kept) -> None:
    kept.world.forges.fail(Unreachable("no answer"))

    await kept.second(45)

    assert len(kept.world.forges.asked) == 4  # after 0, 5, 15 and 35 seconds


async def test_waits_differ_by_up_to_half_so_that_sources_do_not_come_together(kept: Kept) -> None:
    kept.jitter = 1.0
    kept.world.forges.fail(Unreachable("no answer"))

    await kept.second(45)

    assert len(kept.world.forges.asked) == 3  # after 0, 7.5 and 22.5 seconds


async def test_a_forge_that_has_recovered_is_trusted_again(kept: Kept) -> None:
    kept.world.forges.fail(Unreachable("no answer"))
    await kept.second(30)
    kept.world.forges.fail(None)
    await kept.second(30)
    kept.world.forges.fail(Unreachable("no answer"))
    kept.world.sources.put(a_git_source(), a_source_status(SECOND))
    kept.world.forges.asked.clear()

    await kept.second(10)

    assert len(kept.world.forges.asked) == 2  # after 0 and 5 seconds


async def test_a_forge_that_says_when_to_come_again_is_not_asked_before(kept: Kept) -> None:
    kept.world.forges.fail(Unreachable("slow down", retry_after=timedelta(seconds=90)))

    await kept.second(90)
    before = len(kept.world.forges.asked)
    kept.world.forges.fail(None)
    await kept.second(2)

    assert before == 1
    assert kept.contexts() == ["rollout/validate"]


async def test_what_changes_meanwhile_does_not_break_the_wait(kept: Kept) -> None:
    kept.world.forges.fail(Unreachable("slow down", retry_after=timedelta(seconds=90)))
    for number in range(60):
        kept.world.rollouts.put(a_stored(status=a_status(run=a_run(weight=number))))
        await kept.second()

    assert len(kept.world.forges.asked) == 1


async def test_a_source_that_was_mended_is_looked_at_without_waiting(kept: Kept) -> None:
    kept.world.forges.fail(Forbidden("no right"))
    await kept.second()
    kept.world.forges.fail(None)
    kept.world.sources.put(a_git_source(), a_source_status(), generation=2)

    await kept.second()

    assert kept.contexts() == ["rollout/validate"]


async def test_the_same_trouble_is_told_once_by_an_event_and_a_line(kept: Kept) -> None:
    kept.world.forges.fail(Forbidden("the token may not write"))

    with capture_logs() as lines:
        await kept.second(120)

    assert len(kept.world.forges.asked) > 3
    ((about, reason),) = kept.notices.told
    assert (about, reason.code, reason.warning) == (APPS, "CommitStatusFailed", True)
    assert "the token may not write" in reason.message
    assert [line["event"] for line in lines] == ["commit_status_failed"]


async def test_other_trouble_and_trouble_after_success_is_told_anew(kept: Kept) -> None:
    for error in (Forbidden("no right"), Unreachable("no answer"), None, Unreachable("no answer")):
        kept.world.forges.fail(error)
        kept.world.sources.put(a_git_source(), a_source_status(SECOND if error else FIRST), generation=id(error))
        await kept.second()

    assert [reason.message.rpartition(": ")[2] for _, reason in kept.notices.told] == [
        "no right",
        "no answer",
        "no answer",
    ]


async def test_a_commit_that_a_forge_refuses_is_told(kept: Kept) -> None:
    kept.world.rollouts.put(a_stored(status=SERVING, commit="4" * 40))

    await kept.second(3)

    assert kept.notices.codes(APPS) == ("CommitStatusFailed",)
    assert kept.contexts() == ["rollout/validate"]


async def test_a_crash_for_one_source_leaves_the_others_alone(kept: Kept) -> None:
    kept.world.sources.put(a_git_source(OTHERS, url=f"{URL}x"), a_source_status(), OTHERS)
    kept.world.rollouts.broken = OTHERS

    with capture_logs() as lines:
        await kept.second()

    assert kept.contexts() == ["rollout/validate"]
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["commit_status_crashed"]


async def test_a_secret_that_is_missing_is_told(kept: Kept) -> None:
    kept.world.sources.trouble = NotFound("Secret shop/forge is not there; create it")

    await kept.second()

    ((_, reason),) = kept.notices.told
    assert "Secret shop/forge is not there" in reason.message
